"""Whole runs from the command line, tiny, and what is said when one cannot be."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import unittest.mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions.engine import (
    build,
    command,
    devices,
    execute,
    execution,
    measure,
    process,
    records,
    results,
)
from reproductions.engine.inputs import Inputs
from reproductions.engine.study import Study
from reproductions.svae import digits, mnist, toy

TINY = ("--units", "8", "--depth", "1", "--epochs", "2", "--turns", "1", "--n", "500")


def call(*arguments):
    command.main("svae", list(map(str, arguments)))


def inputs_of(one):
    """The inputs of a run that is not trained."""
    return Inputs(one.model, one.data, one.training)


def fails(capsys, *arguments) -> str:
    """The one line that an impossible command prints."""
    with pytest.raises(SystemExit) as stop:
        call(*arguments)
    assert stop.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole run: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    copy = folder.parent / "record.json"
    call("toy", *TINY, "--lam", "0.1", "--out", folder, "--record", copy)
    return folder, copy


def test_a_run_leaves_everything(finished):
    folder, copy = finished
    there = {path.name for path in folder.iterdir()}
    expected = {"config.json", "log.csv", "metrics.json", "backup", "pictures", "train"}
    assert there >= expected | {"savedmodel", "model.keras", "scatter.png"}
    assert list((folder / "train").glob("events.out.tfevents.*"))
    log = (folder / "log.csv").read_text().splitlines()
    assert len(log) == 3 and {"val_mse", "critic_loss"} <= set(log[0].split(","))
    assert all(len(line.split(",")) == len(log[0].split(",")) for line in log)
    assert json.loads(copy.read_text()) == json.loads(
        (folder / "metrics.json").read_text()
    )


def test_fewer_examples_can_be_measured(capsys):
    one = toy(n=70, measures="mse", units=8)
    assert measure.measure(one, inputs_of(one))["mse"].details["n"] == 70
    assert "Expected n >= 2; received: 1" in fails(capsys, "toy", "--n", "1")


def test_a_record_says_where_its_numbers_come_from(finished):
    record = json.loads((finished[0] / "metrics.json").read_text())
    assert record["settings"]["seed"] == 0
    assert record["steps"] == 2 * 16 and record["seconds"] > 0
    assert 0.1 < record["peak memory of training, GB"] < 100
    assert record["settings"]["lam"] == 0.1 and record["experiment"] == "svae/toy"
    assert record["data"]["train examples"] == 2048
    assert record["data"]["test examples"] == 1024
    machine = record["machine"]
    assert machine["cores"] >= 1 and machine["keras"] == keras.__version__
    head = subprocess.run(
        ["git", "-C", str(results.ROOT), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
    )
    assert record["commit"] == (head.stdout.strip() or None)
    metrics = record["metrics"]
    assert 1 <= metrics["mixture_score"] <= 5
    assert metrics["mixture_score_of_data"] > 4.9
    assert metrics["mse"] > 0 and np.isfinite(metrics["calibration.symmetric_kl"])
    part = "500 of 1024, drawn at random with seed 1"
    mse = {"value": metrics["mse"], "n": 500, "test_examples": part}
    assert record["measures"]["mse"] == mse
    assert "lpips" in record["left_out"]


def test_the_saved_models_are_the_measured_one(finished):
    folder, _ = finished
    model = keras.saving.load_model(folder / "model.keras")
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    settings = json.loads((folder / "config.json").read_text())["settings"]
    one = toy(**settings | {"measures": "mse"})
    one.model = model
    again = measure.measure(one, inputs_of(one))
    assert again["mse"] == pytest.approx(metrics["mse"], rel=1e-5)
    saved = tf.saved_model.load(str(folder / "savedmodel"))
    made = saved.signatures["generate"](n=tf.constant(5), seed=tf.constant(1))["x"]
    np.testing.assert_allclose(made, model.generate(5, seed=1), rtol=1e-4, atol=1e-5)


def test_finished_run_is_resumed_by_saying_so(finished, capsys):
    call("toy", "--out", finished[0], "--resume")
    shown = capsys.readouterr().out
    assert "is finished: nothing to do" in shown
    assert "published" in shown and "mixture_score" in shown


def test_used_folder(finished, capsys):
    line = fails(capsys, "toy", "--out", finished[0])
    assert "Expected a new or empty run folder (--out), or --resume to go on" in line


def test_resume_with_another_configuration(finished, capsys):
    line = fails(capsys, "toy", "--out", finished[0], "--resume", "--lam", "10")
    assert "lam=0.1 there, 10.0 here" in line
    line = fails(capsys, "digits", "--out", finished[0], "--resume")
    assert "Expected a run of svae/digits in" in line and "one of svae/toy" in line


def test_foreign_folder(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    line = fails(capsys, "toy", "--out", tmp_path, "--resume")
    assert "Expected a run to resume, a folder with config.json" in line
    line = fails(capsys, "toy", "--out", tmp_path)
    assert "Expected a new or empty run folder (--out); received" in line
    line = fails(capsys, "toy", "--out", tmp_path / "notes.txt")
    assert "Expected a folder; received: the file" in line


@pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="needs /proc")
def test_unwritable_folder(capsys):
    # Not even root can write there.
    line = fails(capsys, "toy", "--out", "/proc/nobody-writes-here/run")
    assert "Expected a run folder that can be written" in line


def test_unknown_data(tmp_path, capsys):
    line = fails(capsys, "toy", "--out", tmp_path / "run", "--data", "toy6")
    assert "toy5" in line


def test_diverged_run_is_one_line_and_is_recorded(tmp_path, capsys):
    out, copy = tmp_path / "run", tmp_path / "lam0.1"  # a dot is no ending
    given = ("--learning-rate", "1e30", "--out", out, "--record", copy)
    line = fails(capsys, "toy", *TINY, *given)
    assert "Expected finite losses" in line
    record = json.loads((out / "metrics.json").read_text())
    assert record["diverged"] in line and record["metrics"] == {}
    assert json.loads((tmp_path / "lam0.1.json").read_text()) == record


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--learning-rate", "-1"], "Expected learning_rate > 0; received: -1"),
        (
            ["--learning-rate", "nan"],
            "Expected --learning-rate to be a number; received: nan",
        ),
        (["--critic-learning-rate", "0"], "Expected critic_learning_rate > 0"),
        (["--clipnorm", "-1"], "Expected clipnorm > 0; received: -1"),
        (["--beta-1", "2"], "Expected beta_1 in [0, 1); received: 2"),
        (
            ["--backup-every", "0"],
            "Expected --backup-every to be an integer >= 1 or null; received: 0",
        ),
        (["--measures", ""], "Expected names of measures with commas between"),
        (["--measures", "mse, lpips"], "Expected lpips=, LPIPS's weights for lpips"),
        (["--patience", "1", "--monitor", "mse"], "Expected monitor to be one of"),
    ],
)
def test_what_means_nothing_is_refused_before_training(
    given, expected, tmp_path, capsys
):
    out = tmp_path / "run"
    assert expected in fails(capsys, "digits", *TINY, *given, "--out", out)
    assert not out.exists()


def test_measures_that_do_not_apply_are_told(tmp_path, capsys):
    one = (*TINY[:6], "--method", "gan", "--steps-per-epoch", "1", "--n", "50")
    out = tmp_path / "run"
    line = fails(capsys, "digits", *one, "--measures", "psnr", "--out", out)
    assert "Expected a model with an encoder for psnr" in line and not out.exists()
    run = digits.call(method="gan", units=8, epochs=1, n=50, measures="psnr,modes")
    execute(run, out, keep="record", verbose="line")
    assert "left out: psnr: it needs a model with an encoder" in capsys.readouterr().err


@pytest.fixture
def broken():
    """A measure that applies and ends with an error."""
    with unittest.mock.patch.dict(ks.evaluation.MEASURES):
        ks.evaluation.register("broken")(lambda material: 1 / 0)
        yield {"broken": "ZeroDivisionError: division by zero"}


@pytest.mark.parametrize("option", ["backbone", "lpips"])
def test_what_only_images_need_is_refused_beside_points(option, tmp_path, capsys):
    out = tmp_path / "toy"
    file = tmp_path / "weights.npz"
    np.savez(file, x=np.zeros(3))
    line = fails(capsys, "toy", *TINY, f"--{option}", file, "--out", out)
    assert f"Expected --{option} with data that are images" in line
    assert not out.exists()


SHORT = {"units": 8, "depth": 1, "epochs": 1, "steps_per_epoch": 2, "n": 50}


def test_a_named_measure_that_fails_loses_no_run(broken, tmp_path, capsys):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT.items()]
    out = tmp_path / "run"
    with pytest.raises(SystemExit) as stop:
        call("digits", *words, "--measures", "broken,mse", "--out", out)
    assert stop.value.code == 1
    record = json.loads((out / "metrics.json").read_text())
    assert record["failed"] == broken and record["metrics"].keys() == {"mse"}
    assert (out / "model.keras").exists()
    said = capsys.readouterr()
    assert "failed: broken: ZeroDivisionError" in said.err and "mse" in said.out


def test_a_study_goes_on_after_a_named_measure_that_fails(broken, tmp_path):
    calls = [digits.call(measures=one, **SHORT) for one in ("mse,broken", "mse")]
    with Study(tmp_path / "study") as study:
        first, other = study(calls)
    assert list(study.failed.values()) == [broken]
    assert first["failed"] == broken and other["failed"] == {}
    assert first["metrics"] == other["metrics"] != {}
    with pytest.raises(ValueError, match="broken.a of each run; .*none .ZeroDivision"):
        records.metric(first, "broken.a")
    assert records.metric(first, "mse") == first["metrics"]["mse"]


def test_a_study_tells_failures_before_its_summary_ends_with_an_error(
    tmp_path, capsys, monkeypatch
):
    def without(call, file, places, code):
        metrics = {"mse": 1.0}
        failed = {"mixture_score": "ValueError: no"}
        record = {"settings": call.settings, "metrics": metrics, "failed": failed}
        return record | {"whole seconds": 0.0, "commit": code["commit"]} | code

    monkeypatch.setattr(process, "in_workers", lambda todo, workers, *given: (
        (file, without(call, file, *given)) for file, call in todo.items()
    ))  # fmt: skip
    monkeypatch.setattr(command, "from_one_commit", lambda *_: None)
    words = ("--seeds", "1", "--lams", "1", "--epochs", "1", "--out", tmp_path / "a")
    with pytest.raises(SystemExit) as stop:
        call("toy-sweep", *words)
    assert stop.value.code == 2
    *failed, line = capsys.readouterr().err.splitlines()
    assert len(failed) == 16 and "mixture_score: ValueError: no" in failed[0]
    assert "Expected mixture_score of each run; received: none (ValueError: no)" in line


def test_an_error_of_the_last_weights_is_told(broken, tmp_path, monkeypatch):
    chosen = digits.call(measures="mse,broken", **SHORT)
    made = type(digits).apply

    def apply(self, settings, study=None):
        run = made(self, settings, study)
        return dataclasses.replace(run, last=True, select=lambda *_: lambda model: 1.0)

    monkeypatch.setattr(type(digits), "apply", apply)
    record = execute(chosen, tmp_path / "run", keep="record", verbose="none")
    assert record["last"]["failed"] == broken
    assert {*record["failed"]} == {"broken", "broken, last weights"}


def test_a_record_that_cannot_be_written_here(monkeypatch, tmp_path):
    # Rights do not tell: root has all of them, and no file can be made there.
    if pathlib.Path("/proc/self").exists():
        with pytest.raises(OSError, match="/proc cannot be written"):
            Study(tmp_path, record="/proc/record.json")


def test_a_study_s_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        line = fails(capsys, "toy-sweep", "--out", out)
        assert f"Expected a folder; received: the file {tmp_path / 'file'}" in line


def test_options_by_names_that_they_have_elsewhere(tmp_path, capsys):
    line = fails(capsys, "toy", "--lr", "1")
    assert "Did you mean '--learning-rate'?" in line
    assert "mean" not in fails(capsys, "toy", "--zebra", "1")
    line = fails(capsys, "table1", "--methods", "foo")
    assert line.rstrip().endswith("received: foo")
    run = tmp_path / "config.json"
    run.write_text('{"experiment": "svae/toy", "settings": {"lam": 1}}')
    line = fails(capsys, "toy", "--config", run)
    assert "below `settings`" in line


def test_what_fails_before_its_first_step_leaves_no_folder(tmp_path, capsys):
    out = tmp_path / "run"
    line = fails(capsys, "toy", *TINY, "--out", out, "--measures", "mse,none_such")
    assert "none_such" in line
    line = fails(capsys, "toy", *TINY, "--out", out, "--data", tmp_path / "none.npz")
    assert "none.npz" in line
    wide = np.zeros((200, 3), "float32")
    np.savez(tmp_path / "wide.npz", x_train=wide, x_test=wide)
    line = fails(capsys, "toy", *TINY, "--out", out, "--data", tmp_path / "wide.npz")
    assert "(3,)" in line
    assert not out.exists()


@pytest.mark.parametrize("file", [".", "file/record.json"])
def test_a_record_that_cannot_be_written_is_refused_before_training(
    file, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    out = tmp_path / "run"
    line = fails(capsys, "toy", *TINY, "--out", out, "--record", tmp_path / file)
    assert "Expected a file that can be written" in line
    assert not out.exists()
    with pytest.raises(OSError, match="Expected a file that can be written"):
        Study(tmp_path / "study", record=tmp_path / file)


def test_an_interrupted_run_says_how_it_goes_on(tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "execute", interrupted)
    with pytest.raises(SystemExit) as ended:
        call("toy", "--out", tmp_path / "run")
    assert ended.value.code == 130
    assert "with --resume" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    """As `| head` does: its pipe is closed when the list is printed."""
    words = [sys.executable, "-c", "import reproductions.engine.command as c, sys\n"
             "with c.guarded('x'):\n  print(9 * sys.stdin.read())"]  # fmt: skip
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        process.stdin.write(b"x" * 2**16)
        process.stdin.close()
        assert b"Broken pipe" not in process.stderr.read()
    assert process.returncode == 0


def test_a_cut_record_of_a_finished_run_is_named_alone(finished, tmp_path, capsys):
    out = shutil.copytree(finished[0], tmp_path / "run")
    for text in ('{"a": ', "{}", "[]", "null"):
        (out / "metrics.json").write_text(text)
        with pytest.raises(SystemExit) as stop:
            call("toy", *TINY, "--lam", "0.1", "--out", out, "--resume")
        said = capsys.readouterr()
        assert stop.value.code == 2 and said.err.count("\n") == 1
        assert "metrics.json" in said.err and "nothing to do" not in said.out


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gan", "vae"])
def test_methods_without_encoder_or_critic(method, tmp_path):
    call = toy.call(method=method, units=8, depth=1, epochs=1, n=500)
    record = execute(call, tmp_path / "run", verbose="none")
    assert ("mse" in record["metrics"]) == (method == "vae")
    assert ("calibration.symmetric_kl" in record["metrics"]) == (method == "gan")


@pytest.mark.parametrize("one", [digits, mnist], ids=["digits", "mnist"])
def test_image_experiments_build(one):
    model = one().model
    assert model.likelihood_law.range == (0.0, 1.0)
    assert model.players.keys() == {"critic", "autoencoder"}


def test_steps_per_execution_never_run_over_an_epoch():
    one = toy(units=8, depth=1, steps_per_execution=16)
    given = {16: 16, 19: 1, 24: 12, 7: 7}
    for steps, expected in given.items():
        build.compile_model(one.model, one.training, steps)
        assert one.model.steps_per_execution == expected


@pytest.mark.slow
def test_two_replicas_take_the_same_global_batch():
    with devices.strategy(2).scope():
        one = toy(units=8, depth=1, epochs=1, replicas=2)
        build.compile_model(one.model, one.training, 16)
    assert one.model.distribute_strategy.num_replicas_in_sync == 2
    one.model.fit(inputs_of(one).stream(0), steps_per_epoch=2, verbose=0)
    assert int(one.model.step) == 2


# Of the paper's MNIST networks, a narrow version on a few pictures.
NARROW = {"width": 0.02, "latent_dim": 2, "batch_size": 4, "budget": "quick"}
WAYS = [(digits, {"units": 8, "depth": 1}), (mnist, NARROW)]


@pytest.mark.fixed_seed  # each way trains by the settings' own seed
@pytest.mark.parametrize(("one", "given"), WAYS, ids=["digits", "mnist"])
def test_command_line_file_and_python_give_the_same_weights(
    one, given, tmp_path, monkeypatch
):
    made = []
    report = ks.evaluation.Report()
    monkeypatch.setattr(measure, "measure", lambda *_: report)
    monkeypatch.setattr(execution, "save", lambda model, folder: made.append(model))
    monkeypatch.setattr(measure, "write_pictures", lambda *_: None)
    nothing = keras.callbacks.Callback
    monkeypatch.setattr(ks.callbacks, "Pictures", lambda *_, **__: nothing())
    given = given | {"epochs": 1, "steps_per_epoch": 2, "lam": 0.3}
    given |= {"steps_per_execution": 1}
    if one is mnist:
        x = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
        np.savez(tmp_path / "pictures.npz", x_train=x[:30], x_test=x[30:])
        given |= {"data": str(tmp_path / "pictures.npz")}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    call(one.name, *words, "--out", tmp_path / "words")
    lines = [f"{name}: {value}\n" for name, value in given.items()]
    (tmp_path / "run.yaml").write_text("".join(lines))
    call(one.name, "--config", tmp_path / "run.yaml", "--out", tmp_path / "file")
    execute(one.call(**given), tmp_path / "python", verbose="none")
    first, *others = made
    assert len(others) == 2
    for other in others:
        for a, b in zip(first.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=a.path)
