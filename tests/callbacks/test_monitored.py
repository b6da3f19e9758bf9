"""Callbacks that decide by a column of the log: it is there, or is refused before."""

import csv
import types

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests.callbacks import small

EarlyStopping = keras.callbacks.EarlyStopping


@small.shared
def vae():
    nets = ks.networks.digits(latent_dim=2, joint=False, **small.SMALL)
    model = ks.VAE(nets.encoder, nets.decoder)
    model.compile(keras.optimizers.SGD(0.0))
    return model


@small.shared
def game():
    nets = ks.networks.digits(latent_dim=2, **small.SMALL)
    model = ks.SVAE(*nets)
    model.compile(keras.optimizers.SGD(0.0), critic_optimizer=keras.optimizers.SGD(0.0))
    return model


@pytest.fixture(scope="module")
def x():
    return small.digits()[0][:16]


def fit(model, x, *callbacks, **more):
    given = {"batch_size": 8, "epochs": 4, "verbose": 0} | more
    return model.fit(x, callbacks=list(callbacks), **given).history


def test_one_player_s_loss_is_the_loss(x):
    history = fit(vae(), x, validation_data=(x,), epochs=1)
    assert history["loss"] == history["autoencoder_loss"]
    assert history["val_loss"] == history["val_autoencoder_loss"]
    assert "loss" not in fit(game(), x, validation_data=(x,), epochs=1)


def test_early_stopping_as_it_comes_stops(x):
    # Nothing is learned, and the second epoch is no better.
    model = vae()
    stop = EarlyStopping(patience=1, min_delta=1e3)
    assert len(fit(model, x, stop, validation_data=(x,))["loss"]) == 2


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(),
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.ModelCheckpoint("best.keras", save_best_only=True),
        ks.callbacks.ForPlayer(keras.callbacks.ReduceLROnPlateau()),
        types.SimpleNamespace(
            objective=types.SimpleNamespace(name="val_loss"), on_epoch_end=None
        ),
    ],
    ids=["stopping", "plateau", "best", "for a player", "tuner"],
)
def test_what_is_not_there_is_refused_before_training(callback, x):
    model = game()
    with pytest.raises(ValueError, match="among val_critic_loss, .*: 'val_loss'. Play"):
        fit(model, x, callback, validation_data=(x,))
    assert model.step == 0


def test_a_callback_of_ones_own_may_bring_its_value(x):
    class Own(EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {**(logs or {}), "val_loss": float(epoch)})

    assert len(fit(game(), x, Own(patience=1, mode="min"))["critic_loss"]) == 2


def test_what_is_refused_says_what_serves(x):
    with pytest.raises(ValueError, match="EarlyStopping .*'val_loss', and no validat"):
        fit(vae(), x, EarlyStopping())
    with pytest.raises(ValueError, match="val_mse, .*received: 'val_msee'"):
        fit(vae(), x, EarlyStopping("val_msee"), validation_data=(x,))
    # Without validation the columns of training serve.
    assert len(fit(game(), x, EarlyStopping("critic_loss", patience=9, mode="min"))) > 1
    fit(game(), x, keras.callbacks.ModelCheckpoint("last.weights.h5"), epochs=0)


def test_a_log_has_all_columns_where_validation_comes_late(x, tmp_path):
    path = tmp_path / "log.csv"
    logger = keras.callbacks.CSVLogger(path)
    history = fit(game(), x, logger, validation_data=(x,), validation_freq=2)
    rows = list(csv.DictReader(path.open()))
    assert set(rows[0]) == {"epoch", *history}
    assert [row["val_mse"] == "NA" for row in rows] == [True, False, True, False]
    found = [float(rows[i]["val_mse"]) for i in (1, 3)]
    np.testing.assert_allclose(found, history["val_mse"], rtol=1e-5)
