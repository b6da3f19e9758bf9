"""Layers of the user's that are random outside of training, too, are found."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.layers import noise_layers
from keras_svae.networks.randomness import random_layers

layers = keras.layers


class Sampling(layers.Layer):
    """The layer of Keras's guide to the VAE, of a single input; it counts its calls."""

    def __init__(self, training_only=False, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(1)
        self.calls = self.add_weight(shape=(), trainable=False, initializer="zeros")
        self.training_only = training_only

    def call(self, x, training=False):
        self.calls.assign_add(1.0)
        drawn = keras.random.normal(keras.ops.shape(x), seed=self.generator)
        if self.training_only and not training:
            drawn = 0.0 * drawn
        return x * (1 + drawn) + self.calls


class OwnNoise(layers.Layer):
    """A layer of the user's whose noise is the model's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.masks = layers.Dropout(0.5)

    def call(self, x, training=False):
        return self.masks(x, training=training) + ks.noise.draw(tf.shape(x))


def network(*rest, inputs=3):
    return keras.Sequential([keras.Input((inputs,)), *rest, layers.Dense(2)])


CASES = {
    "a layer": (lambda: network(Sampling(name="mine")), ["mine"]),
    "within a network": (
        lambda: network(network(Sampling(name="mine"))),
        ["mine"],
    ),
    "in training alone": (lambda: network(Sampling(training_only=True)), []),
    "a layer of Keras": (
        lambda: network(layers.Dropout(0.5), layers.GaussianNoise(1.0)),
        [],
    ),
    "noise of the model": (lambda: network(OwnNoise()), []),
    "a subclass of a layer of Keras": (
        lambda: network(AlwaysDropout(0.5, name="mine")),
        ["mine"],
    ),
}


class AlwaysDropout(layers.Dropout):
    """Dropout that also acts when the network is used."""

    def call(self, x, training=False):
        return super().call(x, training=True)


@pytest.mark.parametrize("name", CASES)
def test_they_are_found_and_nothing_changes(name):
    make, expected = CASES[name]
    made = make()
    before = [np.array(variable) for variable in made.variables]
    tf.random.set_seed(5)
    first = tf.random.normal([3])
    tf.random.set_seed(5)
    assert random_layers(made) == expected
    np.testing.assert_array_equal(tf.random.normal([3]), first)
    for variable, value in zip(made.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_model_warns_of_them_and_tells_measures():
    decoder = network(Sampling(name="mine"), inputs=2)
    critic = network(layers.Dense(4), inputs=2)
    critic = keras.Sequential([critic, layers.Dense(1)])
    with pytest.warns(UserWarning, match="decoder.*'mine'.*AppendNoise") as caught:
        model = ks.GAN(decoder, critic, likelihood="implicit")
    assert caught[0].filename == __file__
    assert model.about()["fed_noise"] == ["decoder"]
    assert noise_layers(decoder) == ["mine"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ks.GAN(network(OwnNoise(), inputs=2), critic, likelihood="implicit")
    assert model.about()["fed_noise"] == []


def test_a_network_with_a_state_between_batches_is_refused():
    encoder = keras.Sequential(
        [
            keras.Input(batch_shape=(4, 6, 3)),
            layers.LSTM(4, stateful=True, name="kept"),
            layers.Dense(4),
        ]
    )
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(18)])
    decoder.add(layers.Reshape((6, 3)))
    with pytest.raises(ValueError, match="encoder without a state.*'kept'"):
        ks.VAE(encoder, decoder, likelihood="gaussian")
