"""A killed run and all that its callbacks know go on as if nothing had happened."""

import os
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import workers
from tests import replicas
from tests.callbacks import small
from tests.models import tiny

# Callbacks have changed them.
pytestmark = pytest.mark.filterwarnings("ignore:The learning rate of")
STEPS = 4
EarlyStopping = keras.callbacks.EarlyStopping


@small.shared
def build(**kwargs):
    return tiny.build("vae", optimizer=lambda: keras.optimizers.Adam(0.01), **kwargs)


def dataset(size=5):
    return tf.data.Dataset.from_tensor_slices(tiny.data(n=20)).batch(size)


class Kill(keras.callbacks.Callback):
    """Ctrl-C at a step; at none if it is None."""

    def __init__(self, at=None):
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.at:
            raise KeyboardInterrupt


class Column(keras.callbacks.Callback):
    """A column with these numbers, which callbacks can monitor."""

    def __init__(self, *numbers):
        super().__init__()
        self.numbers = numbers

    def adds_columns(self, model):
        return ["told"]

    def on_epoch_end(self, epoch, logs=None):
        logs["told"] = float(self.numbers[epoch])


def run(folder, callbacks=lambda: [], kill=None, epochs=6, model=None, **given):
    """A model and the history of a call; of None if it was killed."""
    model = build() if model is None else model
    given = {"every": 1, "verbose": 0, "backup": folder, "epochs": epochs} | given
    data = given.pop("data", dataset())
    try:
        return model, ks.fit(model, data, callbacks=[*callbacks(), Kill(kill)], **given)
    except KeyboardInterrupt:
        return model, None


def variables(model):
    found = [*model.variables, *model.optimizer.variables]
    return [one.numpy() for one in found]


def equal(one, other):
    return small.equal(variables(one), variables(other))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The disk need not have a backup before the next step."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.mark.parametrize(("kill", "every"), [(30, None), (26, 1)])
def test_a_model_that_was_trained_before_is_trained_as_long(kill, every, tmp_path):
    def before():
        model = build()
        model.fit(dataset(), epochs=5, verbose=0)
        return model

    given = {"epochs": 4, "every": every}
    whole, history = run(tmp_path / "a", model=before(), **given)
    assert history.epoch == [0, 1, 2, 3] and whole.step == 9 * STEPS
    run(tmp_path / "b", kill=kill, model=before(), **given)
    resumed, history = run(tmp_path / "b", model=before(), **given)
    assert history.epoch[-1] == 3 and equal(whole, resumed)
    assert ks.callbacks.restore(build(), tmp_path / "b") == 4 * STEPS


def test_a_rate_that_changes_when_an_epoch_begins_changes_once(tmp_path):
    def halve():
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]

    whole, _ = run(tmp_path / "a", halve, epochs=4)
    run(tmp_path / "b", halve, kill=7, epochs=4)
    resumed, _ = run(tmp_path / "b", halve, epochs=4)
    assert float(resumed.optimizer.learning_rate) == np.float32(0.01 / 16)
    assert equal(whole, resumed)


class Decays(keras.callbacks.Callback):
    """A rate that falls with each batch, and rises when an epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        self.times(2.0)

    def on_train_batch_end(self, batch, logs=None):
        self.times(0.75)

    def times(self, factor):
        one = self.model.optimizer
        one.learning_rate = float(tf.convert_to_tensor(one.learning_rate)) * factor


@pytest.mark.parametrize("kill", [5, 7])
def test_a_rate_that_changes_within_an_epoch_goes_on(kill, tmp_path):
    given = {"callbacks": lambda: [Decays()], "epochs": 3}
    whole, _ = run(tmp_path / "a", **given)
    run(tmp_path / "b", kill=kill, **given)
    resumed, _ = run(tmp_path / "b", **given)
    assert equal(whole, resumed)


def two():
    """A game of two players, with rates of their own."""
    model = tiny.build("svae_r", compiled=False)
    rates = [keras.optimizers.SGD(rate) for rate in (0.01, 0.004)]
    model.compile(optimizer=rates[0], critic_optimizer=rates[1])
    return model


def test_rates_of_two_players_that_were_zero_keep_their_ratio(tmp_path):
    def rise():
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 * epoch)]

    for epochs in (1, 2):
        model, _ = run(tmp_path, rise, model=two(), epochs=epochs)
    rates = [float(one.learning_rate) for one in model.optimizers.values()]
    np.testing.assert_allclose(sorted(rates), [0.004, 0.01], rtol=1e-6)


def test_terms_that_came_within_a_run_must_come_again(tmp_path):
    class Once(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.lam = 0.5

    def begun():
        return tiny.build("svae", optimizer=tiny.adam, lam=0.0)

    given = {"callbacks": lambda: [Once()], "epochs": 4}
    run(tmp_path, kill=2 * STEPS + 2, model=begun(), **given)
    with pytest.raises(ValueError, match="Expected the terms.*whenever an epoch beg"):
        run(tmp_path, model=begun(), **given)


def test_a_run_that_has_ended_is_at_its_end_without_a_number_of_steps(tmp_path):
    def fit():
        model = build()
        done = ks.callbacks.restore(model, tmp_path)
        stopping = EarlyStopping("told", mode="min", patience=1)
        callbacks = [Column(*range(1, 9)), stopping, ks.callbacks.Backup(tmp_path)]
        given = {"epochs": 8, "initial_epoch": done // STEPS, "verbose": 0}
        return model.fit(dataset(), callbacks=callbacks, **given).epoch

    assert fit() == [0, 1]
    assert fit() == []


def test_two_replicas_go_on_within_an_epoch(tmp_path):
    """A rate of replicas is no number for Python."""

    def on_two():
        with replicas.two_replicas().scope():
            return two()

    def halve():
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]

    given = {"callbacks": halve, "epochs": 2, "data": dataset(10)}
    whole, _ = run(tmp_path / "a", model=on_two(), **given)
    run(tmp_path / "b", kill=3, model=on_two(), **given)
    resumed, _ = run(tmp_path / "b", model=on_two(), **given)
    assert equal(whole, resumed)


def test_a_worker_that_does_not_write_waits_for_no_backup(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "is_first", lambda strategy: False)
    run(tmp_path, every=3, epochs=2)
    assert not list(tmp_path.iterdir())


def test_a_user_s_callback_may_have_methods_of_a_backup_s_names(tmp_path):
    class Own(keras.callbacks.Callback):
        def after_epoch(self):
            raise AssertionError("called")

        after_training = newest = release = after_epoch

    run(tmp_path, lambda: [Own()], epochs=2)


# Killed within an epoch, and at one's end.
@pytest.mark.parametrize("every", [1, None])
def test_early_stopping_goes_on_and_stays_at_its_end(every, tmp_path):
    def stop():
        stopping = EarlyStopping(
            "told", mode="min", patience=3, restore_best_weights=True
        )
        return [Column(5, 1, 2, 3, 4, 5, 6, 7), stopping]

    given = {"epochs": 8, "every": every}
    whole, history = run(tmp_path / "a", stop, **given)
    assert history.epoch == [0, 1, 2, 3, 4] and whole.step == 2 * STEPS
    run(tmp_path / "b", stop, kill=3 * STEPS + 2, **given)
    resumed, _ = run(tmp_path / "b", stop, **given)
    assert equal(whole, resumed)
    # Started again, it trains nothing, and has the best weights.
    again, history = run(tmp_path / "b", stop, **given)
    assert history.epoch == [] and equal(whole, again)
    steps = sorted(path.stem for path in (tmp_path / "b").glob("*.json"))
    assert steps[-1] == f"step-{5 * STEPS:09d}"


def test_more_patience_goes_on(tmp_path):
    def stop(patience):
        return lambda: [
            Column(1, 2, 3, 4, 5, 6, 7, 8),
            EarlyStopping("told", mode="min", patience=patience),
        ]

    _, history = run(tmp_path, stop(2), epochs=8)
    assert history.epoch == [0, 1, 2]
    _, history = run(tmp_path, stop(4), epochs=8)
    assert history.epoch == [3, 4]


def test_a_backup_is_written_after_callbacks_that_come_later(tmp_path):
    """By hand, too."""

    def fit(kill=None):
        model = build()
        done = ks.callbacks.restore(model, tmp_path)
        stopping = EarlyStopping("told", mode="min", patience=2)
        callbacks = [ks.callbacks.Backup(tmp_path), stopping, Kill(kill)]
        try:
            return model.fit(
                dataset().repeat().skip(done),
                epochs=8,
                steps_per_epoch=STEPS,
                initial_epoch=done // STEPS,
                callbacks=[*callbacks, Column(1, 2, 3, 4, 5, 6, 7, 8)],
                verbose=0,
            )
        except KeyboardInterrupt:
            return None

    fit(kill=2 * STEPS + 1)
    assert fit().epoch == [2]
    assert fit().epoch == []


def test_plateaus_and_the_best_checkpoint_are_remembered(tmp_path):
    def callbacks(name):
        numbers = [Column(5, 1, 2, 3, 4, 5)]
        path = tmp_path / f"{name}.weights.h5"
        return lambda: [
            *numbers,
            keras.callbacks.ReduceLROnPlateau("told", mode="min", patience=3),
            keras.callbacks.ModelCheckpoint(
                path, "told", mode="min", save_best_only=True, save_weights_only=True
            ),
        ]

    whole, history = run(tmp_path / "a", callbacks("a"))
    run(tmp_path / "b", callbacks("b"), kill=3 * STEPS + 2)
    resumed, later = run(tmp_path / "b", callbacks("b"))
    assert later.history["learning_rate"] == history.history["learning_rate"][3:]
    assert equal(whole, resumed)
    for name in ("a", "b"):
        whole.load_weights(tmp_path / f"{name}.weights.h5")
        assert whole.step == 2 * STEPS, name


def test_the_rest_of_an_epoch_and_the_others_are_one_training(tmp_path):
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append({name: self.params[name] for name in ("epochs", "steps")})

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

        def on_train_end(self, logs=None):
            seen.append("end")

    run(tmp_path, kill=7)
    run(tmp_path, lambda: [Seen()])
    assert seen == [{"epochs": 6, "steps": STEPS}, 2, 3, 0, 1, 2, 3, "end"]
    seen.clear()
    run(tmp_path, kill=15)
    run(tmp_path, lambda: [Seen()], epochs=4)  # no call follows
    assert seen == [{"epochs": 4, "steps": STEPS}, 2, 3, "end"]


def test_epochs_of_another_length_are_refused(tmp_path):
    run(tmp_path, epochs=1)
    model = build()
    with pytest.raises(ValueError, match="Expected epochs of 4 steps.*epochs of 2"):
        ks.fit(model, dataset(10), epochs=2, backup=tmp_path, verbose=0)
    assert model.step == 0


def test_the_rest_of_an_epoch_may_be_a_call_of_its_own(tmp_path):
    whole, _ = run(tmp_path / "whole", epochs=2)
    run(tmp_path / "killed", kill=STEPS + 3, epochs=2)
    model, x = build(), tiny.data(n=20).reshape(STEPS, 5, -1)
    done = ks.callbacks.restore(model, tmp_path / "killed")
    assert done == STEPS + 2
    given = {"epochs": 2, "initial_epoch": 1, "verbose": 0}
    with pytest.raises(ValueError, match="Expected epochs of 4 steps.*epoch=3"):
        model.fit((one for one in x[2:]), steps_per_epoch=3, **given)
    ks.callbacks.restore(model, tmp_path / "killed")
    model.fit((one for one in x[2:]), steps_per_epoch=2, **given)
    assert model.step == whole.step
    for one, other in zip(variables(model), variables(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_goes_back_is_told(tmp_path):
    model, _ = run(tmp_path, epochs=1)
    model.fit(dataset(), verbose=0)
    with pytest.warns(UserWarning, match="at step 8, later .* of step 4. Training"):
        ks.fit(model, dataset(), epochs=1, backup=tmp_path, verbose=0)


def test_steps_before_the_first_backup_are_told(tmp_path):
    """The same object is given again, as where a cell of a notebook runs again."""
    model = build()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run(tmp_path / "a", kill=3, model=model, every=None)
    assert model.step == 3 and not list(tmp_path.glob("a/step-*"))
    with pytest.warns(UserWarning, match="3 steps of an earlier call.* before the fir"):
        run(tmp_path / "a", model=model, every=None)
    with warnings.catch_warnings():  # a new run, of a model that was trained before
        warnings.simplefilter("error", UserWarning)
        run(tmp_path / "b", model=model, every=None)


def test_a_schedule_without_a_configuration_is_kept(tmp_path):
    class Constant(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.01

    def make():
        model = tiny.build("vae", compiled=False)
        model.compile(keras.optimizers.Adam(Constant()), run_eagerly=True)
        return model

    run(tmp_path, model=make(), epochs=1)
    assert ks.callbacks.restore(make(), tmp_path) == STEPS


def test_one_callback_need_not_be_a_list(tmp_path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    given = {"epochs": 1, "verbose": 0, "backup": tmp_path / "b"}
    ks.fit(build(), dataset(), callbacks=log, **given)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2


def test_best_weights_that_are_damaged_are_not_taken(tmp_path):
    def stop():
        best = {"mode": "min", "restore_best_weights": True}
        return [Column(*range(9)), EarlyStopping("told", patience=9, **best)]

    run(tmp_path, stop, epochs=2)
    newest = sorted(tmp_path.glob("*.callbacks.npz"))[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert ks.callbacks.restore(build(), tmp_path) < 2 * STEPS
    assert (tmp_path / f"damaged-{newest.name}").exists()
