"""Whole runs from the command line, tiny, and what they leave."""

import json
import shutil
import subprocess
import sys

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
    results,
)
from reproductions.engine.inputs import Inputs
from reproductions.svae import digits, mnist, toy
from tests.reproductions.commands import TINY, call, fails


def inputs_of(one):
    """The inputs of a run that is not trained."""
    return Inputs(one.model, one.data, one.training)


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


def test_diverged_run_is_one_line_and_is_recorded(tmp_path, capsys):
    out, copy = tmp_path / "run", tmp_path / "lam0.1"  # a dot is no ending
    given = ("--learning-rate", "1e30", "--out", out, "--record", copy)
    line = fails(capsys, "toy", *TINY, *given)
    assert "Expected finite losses" in line
    record = json.loads((out / "metrics.json").read_text())
    assert record["diverged"] in line and record["metrics"] == {}
    assert json.loads((tmp_path / "lam0.1.json").read_text()) == record


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
