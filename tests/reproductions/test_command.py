"""Whole runs from the command line, tiny, and what is said when one cannot be."""

import json
import pathlib
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproductions import build, command, measure, results, runner
from reproductions.experiments.svae import EXPERIMENTS, TOY
from reproductions.inputs import Inputs

TINY = ("--units", "8", "--depth", "1", "--epochs", "2", "--turns", "1")


def call(*arguments):
    command.main("p", "About.", EXPERIMENTS, arguments=list(map(str, arguments)))


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


def test_fewer_examples_can_be_measured(finished, capsys):
    model = keras.saving.load_model(finished[0] / "model.keras")
    found = measure.measure(model, Inputs(TOY.config()), n=70, measures="mse")
    assert found["mse"].details["n"] == 70
    assert "--n to be at least 2; received: 1" in fails(capsys, "toy", "--n", "1")


def test_a_record_says_where_its_numbers_come_from(finished):
    record = json.loads((finished[0] / "metrics.json").read_text())
    assert record["seed"] == 0 and record["budget"] == "paper"
    assert record["steps"] == 2 * 16 and record["seconds"] > 0
    assert 0.1 < record["peak memory of training, GB"] < 100
    assert record["config"]["lam"] == 0.1 and record["method"] == "svae"
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
    assert record["measures"]["mse"] == {"value": metrics["mse"], "n": 500}
    assert "lpips" in record["left_out"]


def test_the_saved_models_are_the_measured_one(finished):
    folder, _ = finished
    model = keras.saving.load_model(folder / "model.keras")
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    config = TOY.config(**json.loads((folder / "config.json").read_text()))
    again = measure.measure(model, Inputs(config), measures="mse")
    assert again["mse"] == pytest.approx(metrics["mse"], rel=1e-5)
    saved = tf.saved_model.load(str(folder / "savedmodel"))
    made = saved.signatures["generate"](n=tf.constant(5), seed=tf.constant(1))["x"]
    np.testing.assert_allclose(made, model.generate(5, seed=1), rtol=1e-4, atol=1e-5)


def test_finished_run_is_resumed_by_saying_so(finished, capsys):
    call("toy", "--out", finished[0], "--resume")
    shown = capsys.readouterr().out
    assert "is finished: nothing to do" in shown
    assert "the paper's" in shown and "mixture_score" in shown


def test_used_folder(finished, capsys):
    line = fails(capsys, "toy", "--out", finished[0])
    assert "Expected a new or empty run folder (--out), or --resume to go on" in line


def test_resume_with_another_configuration(finished, capsys):
    line = fails(capsys, "toy", "--out", finished[0], "--resume", "--lam", "10")
    assert "lam=0.1 there, 10.0 here" in line
    line = fails(capsys, "digits", "--out", finished[0], "--resume")
    assert "experiment='toy' there, 'digits' here" in line


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


def test_diverged_run_is_one_line_and_keeps_its_folder(tmp_path, capsys):
    out = tmp_path / "run"
    line = fails(capsys, "toy", *TINY, "--learning-rate", "1e30", "--out", out)
    assert "Expected finite losses" in line
    assert not (out / "metrics.json").exists()


@pytest.mark.parametrize("method", ["gan", "vae"])
def test_methods_without_encoder_or_critic(method, tmp_path):
    config = TOY.config(method=method, units=8, depth=1, epochs=1)
    record = runner.run(config, tmp_path / "run", verbose="none")
    assert ("mse" in record["metrics"]) == (method == "vae")
    assert ("calibration.symmetric_kl" in record["metrics"]) == (method == "gan")


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_image_experiments_build(name):
    model = build.model(EXPERIMENTS[name].config())
    assert model.likelihood_law.range == (0.0, 1.0)
    assert model.players.keys() == {"critic", "autoencoder"}


def test_steps_per_execution_never_run_over_an_epoch():
    config = TOY.config(units=8, depth=1, steps_per_execution=16)
    given = {16: 16, 19: 1, 24: 12, 7: 7}
    for steps, expected in given.items():
        assert build.model(config, steps).steps_per_execution == expected


def test_two_replicas_take_the_same_global_batch(tmp_path):
    config = TOY.config(units=8, depth=1, epochs=1, replicas=2)
    with build.strategy(2).scope():
        model = build.model(config)
    assert model.distribute_strategy.num_replicas_in_sync == 2
    model.fit(Inputs(config).stream(0), steps_per_epoch=2, verbose=0)
    assert int(model.step) == 2
