"""Under `mixed_bfloat16` layers round; laws, ratios, losses and optimizers do not."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.terms import Term
from keras_svae.noise import Noise, scope
from tests.models import tiny

ROWS = 6


@pytest.fixture
def policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def answers(name):
    """Each player's terms, and what the model says of pairs, by name."""
    model = tiny.build(name, compiled=False)
    x = tf.constant(tiny.data(n=ROWS))
    z = tf.constant(np.linspace(-1, 1, 2 * ROWS).reshape(ROWS, 2), tf.float32)
    y = tf.constant([0, 1, 2, 0, 1, 2], tf.int64) if model.conditional else None
    found = {}
    draw = model.draw(x if y is None else (x, y), Noise(5), False)
    with scope(draw.noise):
        for player in model.players:
            loss = getattr(model, f"{player}_loss")(draw)
            for key, term in (loss if isinstance(loss, dict) else {"": loss}).items():
                for i, part in enumerate(Term.of(term).parts):
                    found[f"{player} {key} {i}"] = part.values
    inputs = {"x": x, "z": z, "y": y}
    for key in ("log_ratio", "log_likelihood", "log_posterior", "encode", "decode"):
        if key in model.endpoints() and hasattr(model, key):
            method = getattr(model, key)
            names = [n for n in inspect.signature(method).parameters if n in inputs]
            found[key] = method(**{name: inputs[name] for name in names})
    return found, model


@pytest.mark.parametrize("name", [*tiny.METHODS, *tiny.UNIFYING])
def test_terms_and_densities_are_float32_and_near_those_of_float32(name, policy):
    expected, _ = answers(name)
    policy("mixed_bfloat16")
    found, model = answers(name)
    assert model.decoder.compute_dtype == "bfloat16"
    assert found.keys() == expected.keys()
    assert len(found) > len(model.players)
    for key, value in found.items():
        assert value.dtype == tf.float32, key
        # Eight bits, in two layers of four units with weights of about 1.
        np.testing.assert_allclose(value, expected[key], 0.1, 0.1, err_msg=key)


def test_a_step_keeps_weights_averages_and_optimizers_in_float32(policy):
    policy("mixed_bfloat16")
    model = tiny.build("svae_r", compiled=False)
    adam = (ks.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    model.compile(adam[0], critic_optimizer=adam[1], ema=0.9)
    logs = model.train_on_batch(tiny.data(n=ROWS), return_dict=True)
    kept = [*model.variables, *(one for a in adam for one in a.variables)]
    kinds = {one.dtype for one in kept if "float" in one.dtype}
    assert kinds == {"float32"}
    assert all(np.isfinite(value) for value in logs.values())
    # Moments smaller than bfloat16 can add to a number near 1 are there.
    moved = [one for one in adam[0].variables if "momentum" in one.path]
    exact = [one.numpy() for one in moved]
    rounded = [tf.cast(tf.cast(one, tf.bfloat16), tf.float32).numpy() for one in exact]
    assert any((a != b).any() for a, b in zip(exact, rounded, strict=True))


def test_floats_of_64_bits_by_default_change_nothing():
    x = tiny.data()
    try:
        keras.config.set_floatx("float64")
        model = tiny.build("vae", eager=True)
    finally:
        keras.config.set_floatx("float32")
    logs = model.fit(x, validation_data=x, verbose=0).history
    assert np.isfinite(logs["val_loss"]).all() and model.step == 1
