"""Early stopping of a run: it goes on after an interruption, on all workers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import workers
from reproductions import as_vae
from reproductions.engine import callbacks
from tests.anew import Stock


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


STOCK = Stock()


@pytest.fixture(autouse=True, scope="module")
def released():
    yield
    STOCK.clear()


def vae():
    keras.utils.set_random_seed(1)
    nets = ks.networks.toy(units=4, depth=1)
    model = ks.VAE(nets.encoder, nets.decoder, likelihood="gaussian")
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    return model


def fit(path, values, epochs, model=None):
    """Trains for so many epochs, of five steps each, or until it is stopped."""
    if model is None:
        STOCK.begin()
        model = STOCK.take(vae)
    stop = callbacks.Stopping(Folder(path), "val_mse", 2)
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


@pytest.mark.parametrize(
    "sessions",
    [
        pytest.param([8], marks=pytest.mark.slow),
        [1, 2, 3, 4, 5, 6, 7, 8],
        pytest.param([5, 8], marks=pytest.mark.slow),
        pytest.param([4, 6, 8], marks=pytest.mark.slow),
    ],
)
def test_stopping_is_keras_own_however_often_it_is_interrupted(sessions, tmp_path):
    values = [3.0, 2.0, 2.5, 1.0, 1.5, 1.2, 0.5, 0.4]
    model = None
    for epochs in sessions:
        model, stop = fit(tmp_path, values, epochs, model)
    assert stop.stopped and stop.stopped_epoch == 5 and model.step == 30
    assert stop.best == 1.0 and stop.best_epoch == 3
    stop.take_best()
    assert model.step == 20


def test_values_after_the_backup_are_forgotten(tmp_path):
    model, _ = fit(tmp_path, [3.0, 2.0, 1.0], 3)
    model._step.assign(10)  # as a backup from there would
    stop = callbacks.Stopping(Folder(tmp_path), "val_mse", 2)
    stop.recall(model)
    assert stop.best == 2.0 and len(stop.history) == 2


def test_workers_recall_what_the_first_one_has_written(tmp_path, monkeypatch):
    model, _ = fit(tmp_path, [3.0, 2.0], 2)
    (tmp_path / "validation.json").rename(tmp_path / "late")

    def meet(strategy):
        (tmp_path / "late").rename(tmp_path / "validation.json")

    monkeypatch.setattr(workers, "meet", meet)
    stop = callbacks.Stopping(Folder(tmp_path), "val_mse", 2)
    stop.recall(model)
    assert stop.best == 2.0


def test_a_monitor_that_is_not_logged(tmp_path):
    stop = callbacks.Stopping(Folder(tmp_path), "val_msr", 2)
    model, _ = fit(tmp_path, [1.0], 1)
    stop.recall(model)
    with pytest.raises(
        ValueError, match="monitor to be one of.*val_mse; received: 'val_msr'"
    ):
        stop.check(model)
    with pytest.raises(ValueError, match="patience >= 1; received: 0"):
        as_vae.mnist.resolve(patience=0)
