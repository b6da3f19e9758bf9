"""AS-VAE's script: its methods, early stopping that resumes, and the table."""

import argparse
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions import build, command, config, runner, stopping, table
from reproductions.experiments.as_vae import EXPERIMENTS, MNIST
from reproductions.experiments.svae import DIGITS, TOY
from reproductions.inputs import Inputs

SMALL = {"budget": "quick", "units": 8, "depth": 1, "flow_length": 2}


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("method", table.METHODS)
def test_every_experiment_has_the_tables_methods(name, method):
    for budget in config.BUDGETS:
        made = EXPERIMENTS[name].config(method=method, budget=budget)
        assert config.Config(**json.loads(json.dumps(made.asdict()))) == made
    flow = "planar_flow" if name == "mnist" else "gaussian"
    expected = {"vae": "gaussian", "nf_vae": "planar_flow", "avb": "implicit"}
    assert made.posterior == expected.get(method, flow)


@pytest.mark.parametrize("method", table.METHODS)
def test_methods_are_built_as_they_are_called(method):
    model = build.model(MNIST.config(method=method, **SMALL))
    cls = {"vae": ks.VAE, "nf_vae": ks.VAE, "avb": ks.AdversarialVariationalBayes}
    assert type(model) is cls.get(method, ks.ASVAE)
    flow = ks.distributions.PlanarFlow
    assert isinstance(model.posterior_law, flow) == (method not in ("vae", "avb"))
    parts = {"as_vae": "both", "as_vae_r": "reconstruction", "as_vae_g": "generation"}
    assert getattr(model, "part", None) == parts.get(method)
    if method == "as_vae":
        kernels = [c.get_weights()[0] for c in (model.critic_x, model.critic_z)]
        assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    if method == "avb":
        assert model.adaptive_contrast and not model.posterior_law.explicit


def test_dequantised_batches_are_a_function_of_the_step(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 4, 4, 1)).astype("uint8")
    np.savez(tmp_path / "x.npz", x_train=images, x_test=images[:8])
    settings = EXPERIMENTS["cifar10"].config(
        data=str(tmp_path / "x.npz"), batch_size=8, validation=8
    )
    inputs = Inputs(settings)
    first = list(inputs.stream(0).take(6).as_numpy_iterator())
    later = list(inputs.stream(4).take(2).as_numpy_iterator())
    np.testing.assert_array_equal(first[4:], later)
    plain = next(iter(inputs.load("train", start=0))).numpy()
    noise = 256 * first[0] - 255 * plain
    assert -1e-3 < noise.min() < 0.05 and 0.95 < noise.max() < 1.001
    assert np.abs(256 * first[1] - np.round(255 * plain)).max() > 1
    assert inputs.watched().shape == (8, 4, 4, 1)
    assert inputs.count("train") == 32


# ---- Early stopping ----------------------------------------------------------------


class Values(keras.callbacks.Callback):
    """Puts the validation of each epoch where the test wants it."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["val_mse"] = self.values[epoch]


class Folder:
    def __init__(self, path):
        self.path = path


def fit(path, values, epochs, model=None):
    """Trains for so many epochs, of five steps each, or until it is stopped."""
    nets = ks.networks.toy(units=4, depth=1)
    if model is None:
        keras.utils.set_random_seed(1)
        model = ks.VAE(nets.encoder, nets.decoder, likelihood="gaussian")
        model.compile(optimizer=keras.optimizers.Adam(0.1))
    stop = stopping.Stopping(Folder(path), "val_mse", 2)
    stop.recall(model)
    x = np.random.default_rng(0).normal(size=(50, 2)).astype("f")
    if not stop.stopped:
        model.fit(
            tf.data.Dataset.from_tensor_slices(x).batch(10),
            initial_epoch=model.step // 5,
            epochs=epochs,
            verbose=0,
            callbacks=[Values(values), stop],
        )
    return model, stop


def test_stopping_is_keras_own_however_often_it_is_interrupted(tmp_path):
    values = [3.0, 2.0, 2.5, 1.0, 1.5, 1.2, 0.5, 0.4]
    for sessions in ([8], [1, 2, 3, 4, 5, 6, 7, 8], [5, 8], [4, 6, 8]):
        path = tmp_path / str(sessions)
        path.mkdir()
        model = None
        for epochs in sessions:
            model, stop = fit(path, values, epochs, model)
        assert stop.stopped and stop.stopped_epoch == 5 and model.step == 30
        assert stop.best == 1.0 and stop.best_epoch == 3
        stop.take_best()
        assert model.step == 20


def test_values_after_the_backup_are_forgotten(tmp_path):
    model, _ = fit(tmp_path, [3.0, 2.0, 1.0], 3)
    model._step.assign(10)  # as a backup from there would
    stop = stopping.Stopping(Folder(tmp_path), "val_mse", 2)
    stop.recall(model)
    assert stop.best == 2.0 and len(stop.history) == 2


def test_an_epoch_that_was_killed_before_validation_is_looked_at(tmp_path):
    model, _ = fit(tmp_path, [3.0, 0.0], 1)
    x = np.zeros((20, 2), "f")
    model._step.assign(10)
    stop = stopping.Stopping(Folder(tmp_path), "val_mse", 2)
    stop.catch_up(model, x, steps_per_epoch=5)
    assert [one["epoch"] for one in stop.history] == [0, 1]
    mse = model.evaluate(x, verbose=0, return_dict=True)["mse"]
    assert stop.history[1]["value"] == pytest.approx(mse)


def test_a_monitor_that_is_not_logged(tmp_path):
    stop = stopping.Stopping(Folder(tmp_path), "val_msr", 2)
    model, _ = fit(tmp_path, [1.0], 1)
    stop.recall(model)
    with pytest.raises(ValueError, match="monitor to be one of.*'val_mse'.*'val_msr'"):
        stop.on_epoch_end(0, {"val_mse": 1.0})
    with pytest.raises(ValueError, match="patience >= 1; received: 0"):
        TOY.config(patience=0)


def test_a_stopped_run_ends_with_its_best_weights(tmp_path, monkeypatch):
    models = []
    monkeypatch.setattr(runner, "save", lambda model, folder: models.append(model))
    nothing = keras.callbacks.Callback
    monkeypatch.setattr(ks.callbacks, "Pictures", lambda *_, **__: nothing())
    small = DIGITS.config(
        method="as_vae",
        units=8,
        depth=1,
        epochs=12,
        learning_rate=0.05,  # too high: it soon gets worse
        patience=1,
        monitor="val_reconstruction",
        measures="mse",
    )
    record = runner.run(small, tmp_path / "run", verbose="none")
    history = json.loads((tmp_path / "run/validation.json").read_text())
    best = min(history, key=lambda one: one["value"])
    assert len(history) < 12 and history[-1] != best
    assert record["steps"] == int(models[0].step) == best["step"]


# ---- The table ---------------------------------------------------------------------


def test_plan_goes_round_all_methods_for_each_seed():
    given = argparse.Namespace(seeds=2, budget="quick", methods=["vae", "avb"])
    runs = table.plan(MNIST, given)
    found = [(run.seed, run.method) for run in runs]
    assert found == [(0, "vae"), (0, "avb"), (1, "vae"), (1, "avb")]
    assert len({run.title for run in runs}) == 4


def test_summary_has_means_and_spreads():
    def record(method, seed, bound, mse):
        metrics = {"mse": mse} | ({"variational_bound": bound} if bound else {})
        more = {"seconds": 1.0 + seed, "steps": 10}
        return {"method": method, "seed": seed, "metrics": metrics, **more}

    records = [
        record("vae", 1, -90.0, 0.3),
        record("avb", 0, None, 0.5),
        record("vae", 0, -100.0, 0.1),
    ]
    found = table.summary(records)
    bound = found["vae"]["NLL bound, nats"]
    assert bound["mean"] == 95 and bound["values"] == [100, 90] and bound["n"] == 2
    assert bound["deviation"] == pytest.approx(np.sqrt(50))
    assert "NLL bound, nats" not in found["avb"]
    assert found["avb"]["test MSE"]["deviation"] is None
    shown = table.text(found).splitlines()
    assert shown[0].split() == ["vae", "avb"]
    assert shown[1].split()[-4:] == ["95", "+-", "7.1", "-"]


def test_table_runs_what_is_missing(tmp_path, monkeypatch, capsys):
    done = []

    def run(settings, out, **given):
        done.append(settings.title)
        assert given["resume"] and out == tmp_path / settings.title
        return {
            "method": settings.method,
            "seed": settings.seed,
            "seconds": 1.0,
            "steps": 3,
            "metrics": {"mse": 0.1},
            "data": {},
            "config": settings.asdict(),
        }

    monkeypatch.setattr(runner, "run", run)
    copy = tmp_path / "copy.json"
    arguments = ["table", "--seeds", "2", "--out", str(tmp_path), "--record", str(copy)]
    command.main("p", "About.", EXPERIMENTS, {"table": table}, arguments)
    assert len(done) == 12
    record = json.loads(copy.read_text())
    assert record["runs"] == "12 of 12" and record["commit"]
    assert set(record["table"]) == set(table.METHODS)
    assert json.loads((tmp_path / "table.json").read_text()) == record
    assert "test MSE" in capsys.readouterr().out
