"""What a network ends in is found: one table of ends."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.backwards import all_layers
from keras_svae.networks.ends import last_activation, law_of
from tests.networks.conftest import LAW, network

layers = keras.layers


def nested():
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(4, "sigmoid")])
    return network(inner, layers.Reshape((2, 2)))


class Composite(layers.Layer):
    """A user's layer that ends in another one."""

    def __init__(self, activation, then=lambda x: x):
        super().__init__()
        self.activation = layers.ReLU()  # a hidden one
        self.parts = [layers.Dense(3), layers.Dense(4)]
        self.last, self.then = layers.Activation(activation), then

    def call(self, x, training=False):
        return self.then(self.last(self.parts[1](self.activation(self.parts[0](x)))))


class Shape(layers.Layer):
    """A user's layer that changes the shape alone."""

    def call(self, x):
        return keras.ops.reshape(x, (-1, 2, 2))


class Moments(layers.Layer):
    """A user's layer with two outputs."""

    def __init__(self):
        super().__init__()
        self.mean, self.variance = layers.Dense(2), layers.Dense(2, "softplus")

    def call(self, x):
        return self.mean(x), self.variance(x)


class Optional(layers.Layer):
    """A user's layer whose end depends on an argument; it counts its calls."""

    def __init__(self):
        super().__init__()
        self.noise = keras.random.SeedGenerator(0)
        self.calls = self.add_weight(shape=(), trainable=False, initializer="zeros")

    def call(self, x, activate=True):
        self.calls.assign_add(1.0)
        x = x + keras.random.normal((2,), seed=self.noise)
        return keras.ops.sigmoid(x) if activate else x


def with_moments(nested):
    """A network whose output is one of two that a part of it has."""
    x = keras.Input((3,))
    part = Moments()
    if nested:
        h = keras.Input((4,))
        part = keras.Model(h, part(h))
    mean, _ = part(layers.Dense(4, "relu")(x))
    return keras.Model(x, mean)


def with_argument(activate):
    x = keras.Input((2,))
    return keras.Model(x, Optional()(x, activate=activate))


class InTensorFlow(layers.Layer):
    def call(self, x):
        return tf.sigmoid(x)


class SubclassInTensorFlow(keras.Model):
    """Its last attribute has an activation that it does not end in."""

    def __init__(self, end):
        super().__init__()
        self.end, self.last = end, layers.Dense(1)
        self.first = layers.Dense(4, "relu")

    def call(self, x):
        return self.end(self.last(tf.identity(self.first(x))))


class Subclass(keras.Model):
    """A user's network, whose last attribute is not what it ends in."""

    def __init__(self, activation):
        super().__init__()
        self.last, self.first = Composite(activation), layers.Dense(3, "relu")

    def call(self, x):
        return self.last(self.first(x))


def operations(*rest):
    return network(layers.Dense(4), *rest)


def two(one, other, merge):
    """A network that ends in two heads put together."""
    x = keras.Input((2,))
    return keras.Model(x, merge([layers.Dense(4, end)(x) for end in (one, other)]))


def recurrent(layer):
    return keras.Sequential([keras.Input((4, 2)), layer])


ENDS = {
    "two heads": (lambda: two("sigmoid", "sigmoid", layers.Concatenate()), "sigmoid"),
    "their mean": (lambda: two("tanh", "tanh", layers.Average()), "tanh"),
    "two that differ": (
        lambda: two("sigmoid", "tanh", keras.ops.concatenate),
        "sigmoid and tanh",
    ),
    "one of two heads": (lambda: two("sigmoid", None, layers.Concatenate()), None),
    "their sum": (lambda: two("sigmoid", "sigmoid", layers.Add()), None),
    "for each time": (
        lambda: recurrent(layers.TimeDistributed(layers.Dense(3, "sigmoid"))),
        "sigmoid",
    ),
    "for each time, linear": (
        lambda: recurrent(layers.TimeDistributed(layers.Dense(3))),
        None,
    ),
    "for each time, a network": (
        lambda: recurrent(layers.TimeDistributed(nested())),
        "sigmoid",
    ),
    "a shape for each time": (
        lambda: keras.Sequential(
            [
                keras.Input((4, 2)),
                layers.Dense(4, "tanh"),
                layers.TimeDistributed(layers.Reshape((2, 2))),
            ]
        ),
        "tanh",
    ),
    "spectral norm": (
        lambda: network(layers.SpectralNormalization(layers.Dense(3, "sigmoid"))),
        "sigmoid",
    ),
    "LSTM": (lambda: recurrent(layers.LSTM(3)), "tanh"),
    "Bidirectional": (lambda: recurrent(layers.Bidirectional(layers.LSTM(3))), "tanh"),
    "Bidirectional, linear": (
        lambda: recurrent(layers.Bidirectional(layers.LSTM(3, activation=None))),
        None,
    ),
    "Bidirectional, a sum": (
        lambda: recurrent(layers.Bidirectional(layers.GRU(3), merge_mode="sum")),
        None,
    ),
    "RNN": (lambda: recurrent(layers.RNN(layers.LSTMCell(3))), "tanh"),
    "RNN of several cells": (
        lambda: recurrent(layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)])),
        "tanh",
    ),
    "not below a number": (
        lambda: operations(lambda x: keras.ops.maximum(x, 0.0)),
        "maximum",
    ),
    "the larger of two": (lambda: two("relu", None, layers.Maximum()), None),
    # It may have any value that the user wants: a logit in [-30, 30].
    "bounded by the user": (
        lambda: operations(lambda x: 30 * keras.ops.tanh(x / 30)),
        None,
    ),
    "learned after it": (
        lambda: network(layers.Dense(4, "sigmoid"), layers.BatchNormalization()),
        None,
    ),
    "keras.ops.clip": (
        lambda: operations(lambda x: keras.ops.clip(x, 0.0, 1.0)),
        "clip",
    ),
    "keras.activations": (lambda: operations(keras.activations.sigmoid), "sigmoid"),
    "keras.ops": (lambda: operations(keras.ops.sigmoid), "sigmoid"),
    "relu of both": (
        lambda: operations(keras.activations.relu, keras.ops.relu),
        "relu",
    ),
    "an exponential": (lambda: operations(keras.ops.exp), "exponential"),
    "a name of two words": (
        lambda: operations(keras.activations.hard_sigmoid),
        "hard_sigmoid",
    ),
    "operation then shape": (
        lambda: operations(keras.ops.tanh, layers.Reshape((2, 2))),
        "tanh",
    ),
    "operation then operation": (
        lambda: operations(keras.ops.softmax, keras.ops.squeeze, layers.Flatten()),
        "softmax",
    ),
    "operation in a network": (
        lambda: network(operations(keras.ops.sigmoid), layers.Reshape((2, 2))),
        "sigmoid",
    ),
    "operation before a network": (
        lambda: operations(
            keras.ops.sigmoid, network(layers.Reshape((2, 2)), inputs=4)
        ),
        "sigmoid",
    ),
    "operation in a lambda": (
        lambda: operations(layers.Lambda(lambda x: keras.ops.sigmoid(x))),
        "sigmoid",
    ),
    "an operation that is linear": (
        lambda: operations(lambda x: 2 * keras.ops.sigmoid(x) - 1),
        None,
    ),
    "composite": (lambda: network(Composite("sigmoid")), "sigmoid"),
    "composite, linear": (lambda: network(Composite("linear")), None),
    "composite with an operation": (
        lambda: network(Composite("linear", keras.ops.tanh), layers.Reshape((2, 2))),
        "tanh",
    ),
    "composite of a shape": (
        lambda: operations(keras.ops.tanh, Shape()),
        "tanh",
    ),
    "composite in a sequence": (
        lambda: keras.Sequential([keras.Input((2,)), Composite("tanh")]),
        "tanh",
    ),
    "subclass": (lambda: network(Subclass("sigmoid")), "sigmoid"),
    "subclass, linear": (lambda: network(Subclass("linear")), None),
    "linear": (lambda: network(layers.Dense(4)), None),
    "activation of a layer": (lambda: network(layers.Dense(4, "sigmoid")), "sigmoid"),
    "activation then shape": (
        lambda: network(layers.Dense(4, "tanh"), layers.Reshape((2, 2))),
        "tanh",
    ),
    "a layer of its own": (
        lambda: network(layers.Dense(4), layers.Activation("sigmoid")),
        "sigmoid",
    ),
    "softmax": (lambda: network(layers.Dense(4), layers.Softmax()), "Softmax"),
    "nested": (nested, "sigmoid"),
    "sequential": (
        lambda: keras.Sequential([keras.Input((2,)), layers.Dense(1, "relu")]),
        "relu",
    ),
    "behind the law": (
        lambda: network(layers.Dense(4, "tanh"), ks.networks.RawOutput(LAW)),
        "tanh",
    ),
    "one of two outputs": (lambda: with_moments(nested=False), None),
    "one of a network's two": (lambda: with_moments(nested=True), None),
    "by default": (lambda: network(Optional()), "sigmoid"),
    # How it is called decides, which is not followed.
    "not by argument": (lambda: with_argument(False), None),
    "a hidden one": (lambda: network(layers.Dense(4, "tanh"), layers.Dense(2)), None),
}


@pytest.mark.parametrize("name", ENDS)
def test_activations_at_the_end_are_found(name):
    make, expected = ENDS[name]
    assert last_activation(make()) == expected


def test_looking_at_an_end_changes_nothing():
    made = network(layers.Dense(3), Composite("sigmoid"))
    made.compile("adam", lambda y, x: x)
    parts = [one.name for one in (*made.operations, *all_layers(made), *made.weights)]
    before, x = layers.Dense(1).name, np.ones((3, 2), "f")
    assert before.startswith("dense_")
    y = made(x)
    assert last_activation(made) == last_activation(made) == "sigmoid"
    after = [one.name for one in (*made.operations, *all_layers(made), *made.weights)]
    assert after == parts
    np.testing.assert_array_equal(made(x), y)
    # Keras names the next layer as if nothing had been looked at.
    assert layers.Dense(1).name == f"dense_{int(before[6:]) + 1}"


def test_looking_does_not_advance_what_a_layer_counts_or_draws():
    layer = Optional()
    made = network(layer)
    calls, state = float(layer.calls.value), layer.noise.state.value.numpy()
    assert last_activation(made) == "sigmoid"
    assert float(layer.calls.value) == calls
    np.testing.assert_array_equal(layer.noise.state.value, state)


IN_TENSORFLOW = {
    "a layer": (InTensorFlow, "sigmoid"),
    "a function": (lambda: layers.Lambda(lambda x: tf.tanh(x)), "tanh"),
    "TensorFlow's own": (lambda: layers.Lambda(tf.nn.softplus), "softplus"),
    "then a shape": (
        lambda: layers.Lambda(lambda x: tf.reshape(tf.nn.softmax(x), [-1, 2, 2])),
        "softmax",
    ),
    "a part": (lambda: layers.Lambda(lambda x: tf.nn.relu(x)[:, :2]), "relu"),
    "of one side": (lambda: layers.Lambda(lambda x: tf.maximum(x, 0.0)), "maximum"),
    "of both sides": (
        lambda: layers.Lambda(lambda x: tf.clip_by_value(x, -1.0, 1.0)),
        "maximum",
    ),
    "a greater one": (lambda: layers.Lambda(lambda x: tf.maximum(x, 2 * x)), None),
    "arithmetic": (lambda: layers.Lambda(lambda x: 3 * tf.tanh(x)), None),
    "a gate": (lambda: layers.Lambda(lambda x: x * tf.sigmoid(x)), None),
    "no graph": (
        lambda: layers.Lambda(
            lambda x: tf.numpy_function(np.tanh, [x], tf.float32), output_shape=(4,)
        ),
        None,
    ),
    "a subclass": (lambda: SubclassInTensorFlow(tf.sigmoid), "sigmoid"),
    "a linear subclass": (lambda: SubclassInTensorFlow(tf.identity), None),
}


@pytest.mark.parametrize("name", IN_TENSORFLOW)
def test_ends_in_tensorflow_are_found_in_its_graph(name):
    make, expected = IN_TENSORFLOW[name]
    assert last_activation(operations(make())) == expected


def test_what_passes_its_input_on_in_tensorflow_hides_no_activation():
    rows = layers.Lambda(lambda x: tf.reshape(tf.identity(x), [-1, 2, 2]))
    assert last_activation(network(layers.Dense(4, "tanh"), rows)) == "tanh"
    assert last_activation(network(layers.Dense(4), rows)) is None


def test_a_subclass_that_no_graph_holds_is_looked_into():
    for end, expected in ((tf.sigmoid, "sigmoid"), (tf.identity, None)):
        made = SubclassInTensorFlow(end)
        made(np.zeros((2, 3), "f"))
        assert last_activation(made) == expected
    with pytest.raises(ValueError, match="critic to end in a linear layer.*'sigmoid'"):
        made = SubclassInTensorFlow(tf.sigmoid)
        made(np.zeros((2, 3), "f"))
        ks.GAN(network(layers.Dense(3)), made, likelihood="gaussian")


def test_tracing_a_layer_assigns_nothing():
    class Counting(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight((), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return tf.sigmoid(x)

    made = operations(layer := Counting())
    before = float(layer.calls.value)
    assert last_activation(made) == last_activation(made) == "sigmoid"
    assert float(layer.calls.value) == before


def test_a_law_is_found_before_an_operation_that_changes_the_shape():
    made = operations(ks.networks.RawOutput(LAW), Shape().call)
    assert law_of(made) is LAW
    again = keras.Model.from_config(made.get_config())
    assert law_of(again).get_config() == LAW.get_config()
