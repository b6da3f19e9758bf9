"""Layers of a user's own: what they end in, and the layers that they are made of."""

import keras
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.checks import batch_norms
from keras_svae.networks.backwards import all_layers
from keras_svae.networks.ends import last_activation
from tests.networks.conftest import network

layers = keras.layers


class Head(layers.Layer):
    """It has an activation for what is within, and a linear end."""

    def __init__(self, end=None):
        super().__init__()
        self.activation = keras.activations.get("relu")
        self.hidden, self.out = layers.Dense(8), layers.Dense(4, end)

    def call(self, x):
        several = isinstance(x, (list, tuple))
        first = tf.sin(x[0] if several else x)
        h = self.activation(self.hidden(first))
        return self.out(tf.concat([h, x[1]], -1) if several else h)


class Named(layers.Dense):
    """Keras's call, in a class of one's own."""


def test_an_activation_within_an_own_layer_is_not_its_end():
    x = keras.Input((4,))
    ends = [Head()(x), Head()([layers.Dense(8)(x), x])]
    assert [last_activation(keras.Model(x, one)) for one in ends] == [None, None]
    ks.VAE(keras.Model(x, Head()(x)), network(layers.Dense(4)), likelihood="gaussian")
    assert last_activation(keras.Model(x, Named(4, "tanh")(x))) == "tanh"


class Block(layers.Layer):
    """A user's layer that is made of others."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(2)
        self.others = [layers.BatchNormalization(), {"end": [layers.ReLU()]}]
        self.again = self.first

    def build(self, shape):
        for layer in (self.first, self.others[0]):
            layer.build(shape)

    def call(self, x, training=False):
        return self.others[1]["end"][0](
            self.others[0](self.first(x), training=training)
        )


def test_layers_are_found_wherever_they_stand():
    block, last = Block(), layers.Dense(1)
    inner = keras.Sequential([block, last])
    found = [*all_layers(network(inner))]
    kinds = sorted(type(one).__name__ for one in found)
    assert kinds == sorted(
        "InputLayer Sequential Block Dense BatchNormalization ReLU Dense".split()
    )
    norms = batch_norms({"critic": network(inner)})
    assert norms == [block.others[0]]
