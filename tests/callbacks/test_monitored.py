"""Callbacks that decide by a column of the log: it is there, or is refused before."""

import csv
import os
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


def test_a_column_that_a_callback_of_the_user_adds_may_be_monitored(x):
    class Mine(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = float(epoch)

    stopping = keras.callbacks.EarlyStopping("f1", mode="min", patience=1)
    history = fit(game(), x, Mine(), stopping, epochs=5)
    assert history["f1"] == [0.0, 1.0]
    with pytest.raises(ValueError, match="Expected EarlyStopping to monitor"):
        fit(game(), x, stopping, epochs=5)


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
    with pytest.raises(ValueError, match="val_loss, val_mse; received: 'val_msee'"):
        fit(vae(), x, EarlyStopping("val_msee"), validation_data=(x,))
    # Without validation the columns of training serve.
    assert len(fit(game(), x, EarlyStopping("critic_loss", patience=9, mode="min"))) > 1
    last = keras.callbacks.ModelCheckpoint("last.weights.h5", save_weights_only=True)
    fit(game(), x, last, epochs=0)


def test_a_log_has_all_columns_where_validation_comes_late(x, tmp_path):
    path = tmp_path / "log.csv"
    logger = keras.callbacks.CSVLogger(path)
    history = fit(game(), x, logger, validation_data=(x,), validation_freq=2)
    rows = list(csv.DictReader(path.open()))
    assert set(rows[0]) == {"epoch", *history}
    assert [row["val_mse"] == "NA" for row in rows] == [True, False, True, False]
    found = [float(rows[i]["val_mse"]) for i in (1, 3)]
    np.testing.assert_allclose(found, history["val_mse"], rtol=1e-5)


def test_a_log_has_columns_that_callbacks_add(x, tmp_path):
    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch > 0:  # the file is there by then
                logs["mine"] = float(epoch)

    path = tmp_path / "log.csv"
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    stop = EarlyStopping("learning_rate", mode="min", patience=9)
    logger = keras.callbacks.CSVLogger(path)
    model = vae()
    model.optimizer.learning_rate = 0.5
    fit(model, x, logger, halve, Own(), stop, epochs=3)
    rows = list(csv.DictReader(path.open()))
    assert [row["mine"] for row in rows] == ["NA", "1.0", "2.0"]
    assert [float(row["learning_rate"]) for row in rows] == [0.25, 0.125, 0.0625]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]


def test_a_log_that_goes_on_gets_new_columns(x, tmp_path):
    path = tmp_path / "log.csv"
    model = vae()
    fit(model, x, keras.callbacks.CSVLogger(path), epochs=1)
    more = {"validation_data": (x,), "initial_epoch": 1, "epochs": 3}
    fit(model, x, keras.callbacks.CSVLogger(path, append=True), **more)
    more = {"initial_epoch": 3, "epochs": 4}
    fit(model, x, keras.callbacks.CSVLogger(path, append=True), **more)
    rows = list(csv.DictReader(path.open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["val_mse"] == "NA" for row in rows] == [True, False, False, True]
    assert all(None not in row and None not in row.values() for row in rows)


Checkpoint = keras.callbacks.ModelCheckpoint
Plateau = keras.callbacks.ReduceLROnPlateau


@pytest.mark.parametrize(
    ("callback", "told"),
    [
        (EarlyStopping("val_mse"), "EarlyStopping to say .*'val_mse'.*mode='auto'"),
        (Plateau("val_mse"), "ReduceLROnPlateau to say"),
        (Checkpoint("a.keras", "val_mse", save_best_only=True), "Checkpoint to say"),
        (Checkpoint("a-{epoch}-{loss:.2f}.keras"), "received: 'loss' in 'a-{epoch}"),
        (Checkpoint("a-{batch}.keras"), "received: 'batch'"),
        (
            Checkpoint("a-{batch}-{val_mse}.keras", save_freq=2),
            "received: 'val_mse'",
        ),
        (
            Checkpoint("a.keras", "val_mse", 0, True, mode="min", save_freq=2),
            "save_freq='epoch' for a column .* received: save_freq=2 for 'val_mse'",
        ),
        (Checkpoint("a.h5"), "ends in .keras, or save_weights_only.*received: 'a.h5'"),
    ],
)
def test_what_would_fail_at_an_epoch_s_end_is_refused_before(callback, told, x):
    model = game()
    with pytest.raises(ValueError, match=told):
        fit(model, x, callback, validation_data=(x,))
    assert model.step == 0


@pytest.mark.parametrize("each, fine", [(2, False), ([2], False), ([1, 2], True)])
def test_a_checkpoint_named_for_validation_needs_it_in_each_epoch(
    each, fine, x, tmp_path
):
    """Keras would end training after the first epoch, whose log has no such column."""
    model = game()
    given = {"validation_data": (x,), "validation_freq": each, "epochs": 2}
    path = tmp_path / "{epoch}-{val_mse:.2f}.keras"
    if not fine:
        with pytest.raises(ValueError, match="to name columns .*received: 'val_mse'"):
            fit(model, x, Checkpoint(path), **given)
        assert model.step == 0
        path = tmp_path / "{epoch}.keras"  # in its path alone they have to be there
    best = Checkpoint(path, "val_mse", mode="min", save_best_only=True)
    fit(model, x, best, **given)
    assert list(tmp_path.glob("*.keras"))


def test_a_checkpoint_that_has_no_place_is_refused_before_training(
    x, tmp_path, monkeypatch
):
    """Keras looks after an epoch."""
    model = game()
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "file").touch()
    shut = tmp_path / "shut"
    shut.mkdir()
    can = os.access  # root may write everywhere
    monkeypatch.setattr(
        os, "access", lambda path, mode: str(shut) != str(path) and can(path, mode)
    )
    for path, error, told in [
        ("folder.keras", ValueError, "received: the folder .*folder.keras"),
        ("file/new/{epoch}.keras", OSError, "file is no folder"),
        ("shut/{epoch}/a.keras", OSError, "shut is not writable"),
    ]:
        with pytest.raises(error, match=told):
            fit(model, x, Checkpoint(tmp_path / path))
    assert model.step == 0
    fit(model, x, Checkpoint(tmp_path / "new/{epoch}/a.keras"), epochs=1)
    assert (tmp_path / "new/1/a.keras").is_file()


def test_a_checkpoint_may_be_named_for_what_is_logged(x, tmp_path):
    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["mine"] = 1.0

    path = tmp_path / "{epoch}-{val_mse:.0f}.weights.h5"
    weights = {"save_weights_only": True}
    fit(vae(), x, Checkpoint(path, **weights), validation_data=(x,), epochs=1)
    # Nobody knows beforehand what a callback of the user adds.
    path = tmp_path / "{mine}.weights.h5"
    fit(vae(), x, Own(), Checkpoint(path, **weights), epochs=1)
    names = sorted(one.name for one in tmp_path.iterdir())
    assert len(names) == 2 and names[1] == "1.0.weights.h5"


@pytest.mark.parametrize("for_player", [False, True])
def test_a_schedule_is_not_set_by_callbacks(for_player, x):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    for rate in (schedule, lambda: 0.1):
        nets = ks.networks.digits(latent_dim=2, joint=False, **small.SMALL)
        model = ks.VAE(nets.encoder, nets.decoder)
        model.compile(keras.optimizers.SGD(rate), run_eagerly=True)
        callback = Plateau("loss", mode="min", patience=1)
        if for_player:
            callback = ks.callbacks.ForPlayer(callback, "optimizer")
        with pytest.raises(ValueError, match="rates that ReduceLROnPlateau can set"):
            fit(model, x, callback)
        assert model.step == 0


class Own(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule without a configuration: no file can hold it."""

    def __call__(self, step):
        return 0.01


def test_a_checkpoint_that_could_not_be_written_is_refused_before_training(x, tmp_path):
    model = vae()
    model.compile(keras.optimizers.SGD(Own()), run_eagerly=True)
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="saved as a whole.*Own.*save_weights_only=Tr"):
        fit(model, x, whole)
    assert model.step == 0
    of_weights = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.weights.h5", save_weights_only=True
    )
    fit(model, x, of_weights, epochs=1)
    assert (tmp_path / "m.weights.h5").exists()


@pytest.mark.parametrize("mode", ["auto", "max"])
def test_a_checkpoint_of_every_step_keeps_the_best(mode, x, tmp_path, monkeypatch):
    """From the first epoch on, where Keras does not know yet what is better."""
    model, seen, saved = vae(), [], []
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.weights.h5",
        monitor="loss",
        mode=mode,
        save_best_only=True,
        save_weights_only=True,
        save_freq=1,
    )
    monkeypatch.setattr(model, "save_weights", lambda *_, **__: saved.append(seen[-1]))
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(float(logs["loss"]))
    )
    fit(model, x, note, best, epochs=2)
    assert len(seen) == 4
    sign = 1 if mode == "max" else -1
    assert saved == [
        one
        for i, one in enumerate(seen)
        if all(sign * one > sign * before for before in seen[:i])
    ]


def test_metrics_names_label_what_train_on_batch_returns(x):
    model = vae()
    values = model.train_on_batch(x[:8])
    found = dict(zip(model.metrics_names, values, strict=False))
    assert found["loss"] == found["autoencoder_loss"]
    assert model.metrics_names[len(found) :] == ["mse"]
    values = model.test_on_batch(x[:8])
    found = dict(zip(model.metrics_names, values, strict=True))
    assert found["loss"] == found["autoencoder_loss"] != found["mse"]


class Scored(ks.VAE):
    def test_step(self, data):
        logs = super().test_step(data)
        return {**logs, "score": 2.0 * logs["autoencoder_loss"]}


def test_a_column_that_an_own_step_adds_may_be_monitored(x, tmp_path):
    nets = ks.networks.digits(latent_dim=2, joint=False, **small.SMALL)
    model = Scored(nets.encoder, nets.decoder)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    stop = EarlyStopping("val_score", mode="min", patience=1)
    path = tmp_path / "{val_score:.2f}.weights.h5"
    saves = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    found = fit(model, x, stop, saves, validation_data=(x,), epochs=1)
    assert stop.best == found["val_score"][0]
    assert len([*tmp_path.iterdir()]) == 1
    with pytest.raises(ValueError, match="no validation data"):
        fit(model, x, stop)


def test_an_early_stopping_may_have_a_value_of_its_own(x):
    class Both(EarlyStopping):
        def get_monitor_value(self, logs):
            return logs["critic_loss"] + logs["autoencoder_loss"]

    stop = Both("the sum", mode="min", patience=1)
    found = fit(game(), x, stop, epochs=1)
    wanted = found["critic_loss"][0] + found["autoencoder_loss"][0]
    assert stop.best == pytest.approx(wanted)


@pytest.mark.parametrize(
    "content",
    [b"epoch;critic_loss\n0;1.0\n", b"a,b\n1,2\n", b"\xff\xfe\x00", b"\n0,1.0\n"],
)
def test_a_file_that_is_no_log_is_not_appended_to(content, x, tmp_path):
    """Of another separator: its numbers would stand under other names."""
    (tmp_path / "log.csv").write_bytes(content)
    model = game()
    with pytest.raises(ValueError, match="first column 'epoch' and the separator ','"):
        fit(model, x, keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True))
    assert model.step == 0 and (tmp_path / "log.csv").read_bytes() == content


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: ks.callbacks.AveragedWeights(),
        lambda folder: ks.callbacks.Backup(folder),
        lambda folder: ks.callbacks.ForPlayer(keras.callbacks.History()),
        lambda folder: ks.callbacks.Measures(np.zeros((4, 2)), "mse"),
        lambda folder: ks.callbacks.Pictures(folder, np.zeros((4, 2))),
    ],
)
def test_a_callback_of_this_package_says_whose_models_it_is_for(make, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    data = np.zeros((4, 2), np.float32)
    with pytest.raises(ValueError, match="of a keras_svae model; received: Sequential"):
        model.fit(data, data, callbacks=[make(tmp_path / "folder")], verbose=0)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", [3, keras.callbacks.History])
def test_a_player_s_callback_is_a_callback(given):
    with pytest.raises(TypeError, match="an object of keras.callbacks.Callback; rece"):
        ks.callbacks.ForPlayer(given)
