"""Several steps in one call are the same steps, wherever a call ends."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import loop
from tests.models import tiny
from tests.replicas import two_replicas

BATCH = 4
ROWS = 38  # ten batches, the last one smaller


def adam():
    return ks.optimizers.Adam(1e-2)


def made(method="vae", strategy=None, **mode):
    """A compiled model: always the same one, but for the mode."""
    with (strategy or tf.distribute.get_strategy()).scope():
        model = tiny.build(method, compiled=False)
        names = {player.optimizer: adam() for player in model.players.values()}
        model.compile(**names, **mode)
    return model


def batches(rows=ROWS, weights=True):
    data = tiny.data(n=rows)
    parts = (data, np.zeros(rows), np.linspace(0.5, 2, rows)) if weights else data
    return tf.data.Dataset.from_tensor_slices(parts).batch(BATCH)


def state(model):
    """All that training has moved, in bits."""
    variables = list(model.variables)
    for optimizer in model.optimizers.values():
        variables += optimizer.variables
    return [np.asarray(variable.numpy()).tobytes() for variable in variables]


def same(one, other):
    return one.step == other.step and state(one) == state(other)


def fitted(model, data, **given):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        return model.fit(data, verbose=0, **given).history


MODES = {
    "graph": {"ema": 0.9},
    "XLA": {"jit_compile": True},
    "eager": {"run_eagerly": True},
}


@pytest.mark.parametrize(
    "mode", ["graph", pytest.param("XLA", marks=pytest.mark.slow), "eager"]
)
def test_steps_of_one_call_are_those_of_single_calls_bit_for_bit(mode):
    """Ten batches in calls of 4, 4 and 2, the last batch smaller, with weights."""
    single = made(**MODES[mode])
    several = made(**MODES[mode], steps_per_execution=4)
    given = {"epochs": 1 if mode == "eager" else 2, "validation_data": batches()}
    one = fitted(single, batches(), **given)
    other = fitted(several, batches(), **given)
    assert single.step == 10 * given["epochs"]
    assert same(single, several)
    assert one == other


@pytest.mark.parametrize("mode", ["graph", "eager"])
def test_a_call_of_one_step_does_what_keras_s_own_does(mode, monkeypatch):
    """On data that end, with a smaller last batch, weights, and validation."""
    ours, keras_s = made(**MODES[mode]), made(**MODES[mode])
    given = {"epochs": 2, "validation_data": batches()}
    one = fitted(ours, batches(), **given)
    with monkeypatch.context() as patched:
        for name in ("make_train_function", "make_test_function"):
            patched.setattr(loop.Looping, name, getattr(keras.Model, name))
        other = fitted(keras_s, batches(), **given)
    assert ours.step == 20
    assert same(ours, keras_s)
    assert one == other
    # A data set without a known end, and a batch by itself.
    unknown = batches(rows=9).filter(lambda *unused: True)
    for model in (ours, keras_s):
        fitted(model, unknown)
        model.train_on_batch(tiny.data(n=5))
        model.test_on_batch(tiny.data(n=5))
    assert ours.step == 24
    assert same(ours, keras_s)


def test_the_data_s_own_error_is_no_end_of_the_data():
    def rows():
        yield tiny.data(n=BATCH)
        raise ZeroDivisionError("in the user's generator")

    spec = tf.TensorSpec([BATCH, tiny.DATA])
    data = tf.data.Dataset.from_generator(rows, output_signature=spec)
    model = made()
    with pytest.raises(tf.errors.OpError, match="in the user's generator"):
        fitted(model, data)
    assert model.step == 1


@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("aim", marks=pytest.mark.slow)]
)
def test_players_of_a_game_take_the_same_steps(method):
    single, several = made(method), made(method, steps_per_execution=4)
    for model in (single, several):
        fitted(model, batches(rows=22, weights=False))
    assert same(single, several)


def test_two_replicas_take_the_same_steps():
    """The last batch is too small for both replicas."""
    models = [made(strategy=two_replicas(), steps_per_execution=k) for k in (1, 4)]
    rows = 21
    given = {"epochs": 2, "validation_data": batches(rows)}
    one, other = (fitted(model, batches(rows), **given) for model in models)
    assert same(*models)
    assert one == other
    predicted = [model.predict(tiny.data(n=9), verbose=0) for model in models]
    np.testing.assert_array_equal(*predicted)


def streams():
    """Data of each kind of length, for epochs of six steps."""
    unknown = batches().filter(lambda *unused: True)
    return {
        "no end": batches().repeat(),
        "twice an epoch": batches(rows=12 * BATCH),
        "no multiple": batches(),
        "unknown": unknown,
        "unknown, without a number": unknown,
        "known, without a number": batches(),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "no end",
        "unknown",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in streams()
            if kind not in ("no end", "unknown")
        ),
    ],
)
def test_an_epoch_ends_where_it_does_with_single_steps(kind):
    given = {"epochs": 3, "steps_per_epoch": 6}
    if "without" in kind:
        given["steps_per_epoch"] = None
    single, several = made(), made(steps_per_execution=4)
    ends = []
    for model in (single, several):
        seen = []
        told = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *unused, model=model, seen=seen: seen.append(model.step)
        )
        fitted(model, streams()[kind], callbacks=[told], **given)
        ends.append(seen)
    assert ends[0] == ends[1]
    assert same(single, several)


def test_a_number_of_steps_is_kept_by_all_entrances():
    model, single = made(steps_per_execution=4), made()
    data = batches(weights=False)
    for steps in (3, 6):
        found = [
            one.evaluate(data, steps=steps, verbose=0, return_dict=True)
            for one in (single, model)
        ]
        assert int(model._means.batches) == steps
        assert found[0] == found[1]
        predicted = model.predict(data, steps=steps, verbose=0)
        assert len(predicted) == steps * BATCH
        given = {"validation_data": data, "validation_steps": steps}
        for one in (single, model):
            fitted(one, data, steps_per_epoch=3, **given)
        assert int(model._means.batches) == steps
    assert model.step == 6
    model.train_on_batch(tiny.data(n=4))
    assert model.step == 7

    def interrupt(batch, logs=None):
        raise KeyboardInterrupt

    stops = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(model, data.repeat(), steps_per_epoch=6, callbacks=[stops])
    assert model.step == 11
    fitted(model, data)  # what was left of that epoch does not count here
    assert model.step == 21


def test_a_backup_within_an_epoch_goes_on_bit_for_bit(tmp_path):
    whole, killed, resumed = (made(steps_per_execution=4, ema=0.9) for _ in range(3))
    data = batches(rows=10 * BATCH, weights=False)
    expected = ks.fit(whole, data, epochs=2, backup=tmp_path / "whole").history

    class Killed(Exception):
        pass

    def kill(batch, logs=None):
        if killed.step >= 14:  # within the second epoch, after a call
            raise Killed

    told = keras.callbacks.LambdaCallback(on_train_batch_begin=kill)
    folder = tmp_path / "killed"
    with pytest.raises(Killed):
        ks.fit(killed, data, epochs=2, backup=folder, every=4, callbacks=[told])
    found = ks.fit(resumed, data, epochs=2, backup=folder, every=4).history
    assert killed.step == 14
    assert resumed.step == 20
    assert same(whole, resumed)
    assert found["loss"][-1] == pytest.approx(expected["loss"][-1], rel=1e-6)


class Bad(keras.layers.Layer):
    """A finite value whose gradient at 0 is NaN."""

    def call(self, inputs):
        return keras.ops.sqrt(inputs * inputs)


@pytest.mark.parametrize(
    "mode",
    [
        "graph",
        pytest.param("XLA", marks=pytest.mark.slow),
        pytest.param("two replicas", marks=pytest.mark.slow),
    ],
)
def test_a_number_that_is_not_finite_stops_within_a_call(mode):
    """The sixth batch has a gradient that is not finite: the second of its call."""
    data = tiny.data(n=40)
    data[20:24] = 0
    strategy = two_replicas() if mode == "two replicas" else None

    def build(**more):
        with (strategy or tf.distribute.get_strategy()).scope():
            x = keras.Input((tiny.DATA,))
            hidden = Bad()(
                keras.layers.Dense(4, use_bias=False, kernel_initializer="ones")(x)
            )
            last = keras.layers.Dense(2 * tiny.CODE, kernel_initializer="ones")
            encoder = keras.Model(x, last(hidden))
            decoder = tiny.build("vae", compiled=False).decoder
            model = ks.VAE(encoder, decoder, likelihood="gaussian")
            model.compile(optimizer=adam(), **MODES.get(mode, {}), **more)
        return model

    model, before = build(steps_per_execution=4), build()
    with pytest.raises(ks.Diverged, match=r"at step 5\b"):
        model.fit(data, batch_size=BATCH, shuffle=False, verbose=0)
    before.fit(data[:20], batch_size=BATCH, shuffle=False, verbose=0)
    pairs = zip(model.trainable_variables, before.trainable_variables, strict=True)
    for now, then in pairs:
        np.testing.assert_array_equal(now, then)
    # The numbers of the next epoch are those of the data alone.
    model.fit(data[:20], batch_size=BATCH, shuffle=False, verbose=0)
    assert all(np.isfinite(variable.numpy()).all() for variable in model.variables)


def test_every_batch_is_looked_at_before_its_step():
    data = tiny.data(n=40)
    data[21] = np.nan
    model = made(steps_per_execution=4)
    stream = tf.data.Dataset.from_tensor_slices(data).batch(BATCH)
    with pytest.raises(ValueError, match="Expected .*finite"):
        model.fit(stream, verbose=0)
    assert model.step == 5


def test_tensorflow_does_not_count_the_steps_of_all_models_together(caplog):
    """It would warn of retracing after the fits of some models."""
    for start in range(6):
        data = tf.data.Dataset.range(start, start + 1)
        step = loop._single(lambda x, start=start: x + start)
        assert int(step(iter(data))) == 2 * start
    assert not [one for one in caplog.messages if "retracing" in one]
