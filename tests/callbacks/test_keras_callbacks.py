"""Keras's own callbacks beside a model of two players."""

import csv
import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.anew import Stock
from tests.callbacks import small
from tests.callbacks.small import equal, fit, weights
from tests.models import tiny

PLAYERS = ["critic_loss", "autoencoder_loss", "autoencoder_matching"]


@pytest.fixture(scope="module")
def run(stock, tmp_path_factory):
    """A folder with logs, the history they should tell, and the weights at the end."""
    folder = tmp_path_factory.mktemp("run")
    board = keras.callbacks.TensorBoard(folder)
    log = keras.callbacks.CSVLogger(folder / "log.csv")
    model = stock.take(small.svae.__wrapped__)
    return folder, fit(model, board, log).history, state(model)


def state(model):
    optimizer = [v.numpy() for v in model.critic_optimizer.variables]
    return [model.step, *weights(model), *optimizer]


def test_tensorboard_logs_every_player(run):
    folder, history, _ = run
    for name in [*PLAYERS, "symmetric_kl"]:
        for part, key in (("train", name), ("validation", f"val_{name}")):
            found = small.scalars(folder / part, f"epoch_{name}")
            assert list(found) == [0, 1, 2]
            np.testing.assert_allclose(list(found.values()), history[key], rtol=1e-6)
    assert len(small.scalars(folder / "validation", "epoch_mse")) == 3
    rates = small.scalars(folder / "train", "epoch_learning_rate")
    np.testing.assert_allclose(list(rates.values()), 0.01)


def test_csv_logger_writes_every_player(run):
    folder, history, _ = run
    with open(folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for name in [*PLAYERS, "val_mse", "val_critic_loss"]:
        np.testing.assert_allclose(
            [float(row[name]) for row in rows], history[name], rtol=1e-6
        )


def test_models_that_tests_share_are_as_new():
    def trained(model):
        before = [v.numpy() for v in model.variables]
        averages = ks.callbacks.AveragedWeights()
        model.fit(tiny.data(n=20), batch_size=5, callbacks=[averages], verbose=0)
        return before, [v.numpy() for v in model.variables]

    def make():
        model = tiny.build("svae", compiled=False)
        model.compile("adam", critic_optimizer="adam", ema=0.9)
        return model

    stock = Stock()
    first = stock.take(make)
    found = [trained(first)]
    assert stock.take(make) is not first
    stock.begin()
    again = stock.take(make)
    step = again.train_function
    assert again is first and again.step == again._run.trained == 0 and step is not None
    found.append(trained(again))
    for one, other in zip(*found, strict=True):
        assert equal(one, other)
    assert again.step == 4 and again.averages.lent and again.train_function is step
    again.compile("sgd", critic_optimizer="sgd")
    stock.begin()
    assert stock.take(make) is not first


def test_tensorboard_logs_batches_and_weights(tmp_path):
    board = keras.callbacks.TensorBoard(
        tmp_path, update_freq="batch", histogram_freq=1, write_steps_per_second=True
    )
    fit(small.svae(), board, epochs=2)
    assert len(small.scalars(tmp_path / "train", "batch_critic_loss")) == 8
    tags = small.events(tmp_path / "train").Tags()["tensors"]
    assert any("kernel/histogram" in tag for tag in tags)


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_model_checkpoint_keeps_the_best(ending, tmp_path):
    path = tmp_path / f"best.{ending}"
    model = small.svae()
    best = {}

    class Remember(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            best[logs["val_mse"]] = (weights(model), model.step)

    checkpoint = keras.callbacks.ModelCheckpoint(
        path,
        monitor="val_mse",
        mode="min",
        save_best_only=True,
        save_weights_only=ending == "weights.h5",
    )
    # Two good epochs, then ones that spoil the model: the best is not the last.
    spoil = keras.callbacks.LearningRateScheduler(lambda e: 0.01 if e < 2 else 3.0)
    fit(model, checkpoint, Remember(), spoil, epochs=4)
    if ending == "keras":
        found = keras.saving.load_model(path)
        assert found.critic_optimizer.iterations == found.step
    else:
        found = small.svae()
        found.load_weights(path)
    expected, step = best[min(best)]
    assert step < model.step
    assert equal(weights(found), expected) and found.step == step


def test_backup_and_restore_goes_on_after_the_last_whole_epoch(run, tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    stopped, resumed = small.svae(), small.svae()

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        fit(stopped, backup(), Killed())
    history = fit(resumed, backup())
    assert history.epoch == [2]
    assert resumed.step == 12
    assert equal(state(resumed), run[-1])


def test_early_stopping_restores_the_best_weights():
    model = small.svae()
    seen = []

    class Remember(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_mse"], weights(model)))

    spoil = keras.callbacks.LearningRateScheduler(lambda e: 0.01 if e < 2 else 3.0)
    stop = keras.callbacks.EarlyStopping(
        "val_mse", mode="min", patience=2, restore_best_weights=True
    )
    fit(model, spoil, Remember(), stop, epochs=20)
    assert len(seen) < 20
    best = min(range(len(seen)), key=lambda i: seen[i][0])
    assert stop.best_epoch == best < len(seen) - 1
    assert equal(weights(model), seen[best][1])


def test_a_loss_that_diverges_is_told_before_terminate_on_nan_sees_it():
    model = small.svae()
    model.critic.trainable_variables[0].assign(
        np.full(model.critic.trainable_variables[0].shape, np.nan)
    )
    with pytest.raises(ks.Diverged, match="player 'critic' at step 0"):
        fit(model, keras.callbacks.TerminateOnNaN(), validation_data=None)


def test_learning_rate_callbacks_drive_all_optimizers_by_one_factor():
    model = small.svae()
    model.critic_optimizer.learning_rate = 0.04
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    history = fit(model, rates, validation_data=None).history
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05, 0.1 / 3])
    assert model.optimizer.learning_rate == np.float32(0.1 / 3)
    np.testing.assert_allclose(model.critic_optimizer.learning_rate, 0.4 / 3, rtol=1e-6)
    # As long as nothing improves by a thousand.
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_mse", mode="min", factor=0.5, patience=1, min_delta=1000
    )
    model = small.svae()
    fit(model, plateau)
    for one in model.optimizers.values():
        np.testing.assert_allclose(one.learning_rate, 0.0025)


def test_a_callback_may_drive_one_players_optimizer():
    model = small.svae()
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    fit(model, ks.callbacks.ForPlayer(rates, "critic_optimizer"), validation_data=None)
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.01)
    np.testing.assert_allclose(model.critic_optimizer.learning_rate, 0.01 / 8)
    history = fit(
        small.svae(),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.5),
        ks.callbacks.ForPlayer(
            keras.callbacks.LearningRateScheduler(lambda epoch: 0.25),
            "critic_optimizer",
        ),
        epochs=2,
        validation_data=None,
    ).history
    assert history["learning_rate"] == [0.5, 0.5]
    assert history["critic_learning_rate"] == [0.25, 0.25]
    with pytest.raises(ValueError, match="an optimizer among .*received: 'third'"):
        fit(small.svae(), ks.callbacks.ForPlayer(rates, "third"))
    scheduled = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)
    model.compile(optimizer="adam", critic_optimizer=keras.optimizers.Adam(scheduled))
    with pytest.raises(ValueError, match="schedules in .'critic_optimizer'"):
        fit(model, rates)


def test_critics_learning_rate_follows_a_schedule_of_its_own():
    model = small.svae()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)
    adam = keras.optimizers.Adam(schedule)
    model.compile(optimizer="adam", critic_optimizer=adam, run_eagerly=True)
    fit(model, epochs=1, validation_data=None)
    np.testing.assert_allclose(model.critic_optimizer.learning_rate, 0.01 / 16)


def test_all_of_them_together(tmp_path):
    x, labels = small.digits()
    model = small.svae(compile={"ema": 0.9})
    fit(
        model,
        keras.callbacks.TensorBoard(tmp_path, update_freq=2),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "{epoch:02d}-{val_mse:.3f}.keras", "val_mse", mode="min"
        ),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        keras.callbacks.EarlyStopping("val_mse", mode="min", patience=5),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.ReduceLROnPlateau("val_mse", mode="min"),
        ks.callbacks.AveragedWeights(),
        ks.callbacks.Backup(tmp_path / "ours"),
        ks.callbacks.Pictures(tmp_path, (x, labels), n=4, examples=20),
        epochs=2,
    )
    assert len(list(tmp_path.glob("*.keras"))) == 2
    assert (tmp_path / "samples.png").exists()
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.1])
@pytest.mark.parametrize("name", ["vae", "svae"])
def test_a_rate_that_would_spoil_weights_is_refused_before_a_step(name, rate):
    """Keras takes any number: weights become NaN, or the loss is climbed in silence."""
    model = tiny.build(name, eager=True)
    before = weights(model)

    def schedule(epoch):
        return rate if epoch == 1 else 0.0

    callback = keras.callbacks.LearningRateScheduler(schedule)
    with pytest.raises(ValueError, match="a finite learning rate >= 0 of"):
        model.fit(tiny.data(), epochs=2, callbacks=[callback], verbose=0)
    assert model.step == 1 and equal(weights(model), before)


def test_a_rate_of_zero_keeps_the_players_proportion():
    model = small.svae()
    model.critic_optimizer.learning_rate = 0.04
    warm = keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 * epoch)
    fit(model, warm, validation_data=None)
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.002, rtol=1e-6)
    np.testing.assert_allclose(model.critic_optimizer.learning_rate, 0.008, rtol=1e-6)


def test_a_finished_run_that_is_started_again_trains_nothing(tmp_path):
    def again():
        return keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)

    fit(small.svae(), again(), epochs=1, validation_data=None)
    model = small.svae()
    fit(model, again(), epochs=1, validation_data=None)
    assert model.step == 4


def test_a_list_of_callbacks_is_wanted():
    given = keras.callbacks.CallbackList([])
    with pytest.raises(TypeError, match="a list of keras.callbacks.Callback; received"):
        x, _ = small.digits()
        small.svae().fit(small.dataset(x), callbacks=given)


class Seen(keras.callbacks.Callback):
    """The epochs whose ends a callback sees, and the last log."""

    def __init__(self):
        super().__init__()
        self.ends, self.last = [], "none"

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(epoch)

    def on_train_end(self, logs=None):
        self.last = logs


@pytest.mark.parametrize("steps, epochs", [(None, [0]), (2, [0, 1])])
def test_an_epoch_without_a_batch_is_none(steps, epochs):
    model = tiny.build("vae", eager=True)
    x, seen = tiny.data(n=6), Seen()
    reduce = keras.callbacks.ReduceLROnPlateau("loss", patience=2, mode="min")
    before = float(model.optimizer.learning_rate)
    with pytest.warns(UserWarning, match="any batch from epoch .* on. Training ends"):
        history = model.fit(
            (x[i : i + 2] for i in (0, 2, 4)),
            validation_data=x,
            epochs=8,
            steps_per_epoch=steps,
            callbacks=[reduce, seen],
            verbose=0,
        )
    assert model.step == 3 and seen.ends == history.epoch == epochs
    assert len(history.history["loss"]) == len(history.history["val_loss"])
    assert seen.last["loss"] == history.history["loss"][-1]
    assert float(model.optimizer.learning_rate) == before


def test_data_that_begin_again_after_an_epoch_without_a_batch_are_trained_on():
    """Keras meets the end of data of unknown length in an epoch of its own."""
    model = tiny.build("vae", eager=True)
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=8)).batch(2)
    data = data.filter(lambda one: True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        history = model.fit(data, epochs=5, steps_per_epoch=2, verbose=0)
    assert not [one for one in told if "Training ends" in str(one.message)]
    assert model.step == 2 * len(history.epoch) == 8
    assert history.epoch == [0, 1, 3, 4]


def test_callbacks_that_look_for_an_optimizer_find_that_of_ones_own_player(tmp_path):
    """Keras's look at `model.optimizer`, and no player here calls its own so."""

    class Own(ks.VAE):
        players = {
            "autoencoder": ks.Player("encoder decoder", optimizer="my_optimizer")
        }

    nets = tiny.build("vae", compiled=False)
    model = Own(nets.encoder, nets.decoder, likelihood="gaussian")
    model.compile(my_optimizer=keras.optimizers.SGD(0.08), run_eagerly=True)
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.ReduceLROnPlateau(
            "loss", min_delta=1e3, patience=1, factor=0.5
        ),
        keras.callbacks.TensorBoard(tmp_path, write_steps_per_second=True),
    ]
    model.fit(tiny.data(), epochs=2, callbacks=callbacks, verbose=0)
    np.testing.assert_allclose(model.my_optimizer.learning_rate, 0.01)
    assert small.scalars(tmp_path / "train", "epoch_steps_per_second")


def test_rates_follow_the_optimizers_of_a_callback_that_compiles_anew():
    """As one that lets more and more layers train."""
    model = tiny.build("svae", eager=True)

    def compile_anew(epoch, logs):
        if epoch == 1:
            sgd = keras.optimizers.SGD
            model.compile(sgd(0.4), critic_optimizer=sgd(0.2), run_eagerly=True)

    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=compile_anew),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 10),
    ]
    model.fit(tiny.data(), epochs=2, callbacks=callbacks, verbose=0)
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.04)
    np.testing.assert_allclose(model.critic_optimizer.learning_rate, 0.02)


def test_a_tracker_may_append_its_callback_where_keras_s_fit_begins(monkeypatch):
    """As MLflow's `autolog` and Comet do, whose callbacks ask for parameters, too."""
    inner, tracker = keras.Model.fit, Seen()

    @functools.wraps(inner)
    def tracked(self, *args, callbacks, **kwargs):
        assert not any(isinstance(one, Seen) for one in callbacks)
        callbacks.append(tracker)
        return inner(self, *args, callbacks=callbacks, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", tracked)
    model = tiny.build("vae", eager=True)
    history = model.fit(tiny.data(), epochs=2, verbose=0).history
    assert tracker.model is model and tracker.params["epochs"] == 2
    assert tracker.ends == [0, 1] and tracker.last["loss"] == history["loss"][-1]
