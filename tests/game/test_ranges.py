"""Data of another range than the model's are told of once, and others never."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.feeding.ranges import Seen, range_of_end

UNIT = np.random.default_rng(0).uniform(size=(32, 8, 8, 1)).astype("float32")
SIGNED = 2 * UNIT - 1
BYTES = np.round(255 * UNIT)

# (range of the likelihood, of the decoder's end, data), and what is told.
TOLD = {
    "[0, 1] in [-1, 1]": ((-1, 1), None, UNIT, r"fill \[-1, 1\].*2 \* x - 1"),
    "[0, 1] before a tanh": (None, (-1, 1), UNIT, "what the decoder can give"),
    "[-1, 1] before a sigmoid": (None, (0, 1), SIGNED, r"data in \[0, 1\].*never"),
    "8 bits before a tanh": (None, (-1, 1), BYTES, "never makes"),
    "divided twice": ((0, 1), None, UNIT / 255, r"fill \[0, 1\].*by 255 twice"),
    "divided twice, then signed": ((-1, 1), None, 2 * UNIT / 255 - 1, "by 255 twice"),
    "8 bits and any value": (None, None, BYTES, "whole numbers.*by 255"),
}
FINE = {
    "[-1, 1]": ((-1, 1), None, SIGNED),
    "[0, 1]": ((0, 1), None, UNIT),
    "any value": (None, None, 3 * SIGNED),
    "zeros and ones": (None, None, np.round(UNIT)),
    "[0, 1] where any value is": (None, None, UNIT),
    "[-1, 1] before a tanh": (None, (-1, 1), SIGNED),
    "few examples": ((-1, 1), None, UNIT[:7]),
    "few values": ((-1, 1), None, UNIT[:, 0, 0]),
    "bright images": ((-1, 1), None, 0.1 + 0.9 * UNIT),
    "dark images": ((0, 1), None, UNIT / 100),
    "small numbers where any value is": (None, None, UNIT / 255),
    "zeros": ((-1, 1), None, np.zeros_like(UNIT)),
}


def told(seen, batches):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for x in batches:
            seen.look(x)
    return [str(one.message) for one in found]


@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("name", TOLD)
def test_data_of_another_range_are_told_of_once(name, batch_size):
    law, end, x, message = TOLD[name]
    batches = np.split(x, len(x) // batch_size)
    (one,) = told(Seen(law, end, images=True), [*batches, *batches])
    assert one.startswith("Expected")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(one)


@pytest.mark.parametrize("name", FINE)
def test_other_data_are_not(name):
    law, end, x = FINE[name]
    assert told(Seen(law, end, images=True), [x]) == []


def test_what_a_network_can_give_follows_from_its_end():
    assert range_of_end("tanh") == (-1, 1)
    assert range_of_end(None) is None


def vae(activation=None, likelihood="gaussian"):
    x, z = keras.Input((8, 8, 1)), keras.Input((2,))
    encoder = keras.Model(x, keras.layers.Dense(4)(keras.layers.Flatten()(x)))
    pixels = keras.layers.Dense(64, activation)(z)
    decoder = keras.Model(z, keras.layers.Reshape((8, 8, 1))(pixels))
    model = ks.VAE(encoder, decoder, likelihood=likelihood)
    model.compile("sgd")
    return model


class Steps(keras.callbacks.Callback):
    """Notes what was told before the first step."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def on_train_batch_begin(self, batch, logs=None):
        self.before = getattr(self, "before", len(ours(self.found)))


def ours(found):
    return [str(one.message) for one in found if "Expected" in str(one.message)]


@pytest.mark.parametrize("kind", ["array", "dataset", "generator"])
@pytest.mark.parametrize("end", ["law", "network"])
def test_fit_tells_before_the_first_step(kind, end):
    law = ks.distributions.Gaussian(activation="tanh", draw="mean")
    model = vae(likelihood=law) if end == "law" else vae("tanh")
    data = tf.data.Dataset.from_tensor_slices(UNIT).batch(16)
    x = {"array": UNIT, "dataset": data, "generator": iter(data)}[kind]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        steps = Steps(found)
        model.fit(x, validation_data=UNIT, callbacks=[steps], verbose=0)
    (one,) = ours(found)
    assert steps.before == 1 and "fill [-1, 1]" in one
    with pytest.warns(UserWarning, match=r"fill \[-1, 1\]"):
        model.evaluate(UNIT, verbose=0)


def test_measures_tell_it_too():
    model = vae(likelihood=ks.distributions.Gaussian(activation="tanh"))
    with pytest.warns(UserWarning, match=r"fill \[-1, 1\]"):
        ks.evaluation.evaluate(model, UNIT, measures=["mse"], n=32)
