"""The forms of products and convolutions that a CPU computes fast."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_svae.networks import linear, on_cpu

# Sides that the stride divides, that it does not, and that are shorter than a kernel.
SIDES = [(8, 8), (7, 9), (5, 6), (3, 4)]


@pytest.fixture(autouse=True)
def forms_of_a_cpu(monkeypatch):
    """The forms whatever devices the machine has, and for small matrices, too."""
    monkeypatch.setattr(on_cpu, "_alone", lambda: True)
    monkeypatch.setattr(on_cpu, "LARGE", 1)


def everything(layer, x):
    """Outputs, first gradients, and the gradients of a function of these."""

    @tf.function
    def run(x):
        weights = [one.value for one in layer.trainable_variables]
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer(x)
                total = tf.reduce_mean(tf.sin(y))
            first = inner.gradient(total, [x, *weights])
            square = tf.add_n([tf.reduce_sum(one**2) for one in first])
        return y, first, outer.gradient(square, [x, *weights])

    return run(x)


def check_like_keras(ours, theirs, shape, tolerance=1e-12):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), ours.dtype)
    for one in (ours, theirs):
        one.build(shape)
    values = [rng.normal(size=v.shape) for v in ours.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    found, expected = (tf.nest.flatten(everything(one, x)) for one in (ours, theirs))
    for one, other in zip(found, expected, strict=True):
        size = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize(("maps", "stride"), [(1, 2), (3, 2), (1, 3), (1, 4)])
@pytest.mark.parametrize("kernel", [1, 2, 4, 5])
def test_convolutions_of_few_maps(size, maps, stride, kernel):
    assert on_cpu.few_maps(maps, stride, "same", size)
    arguments = {"kernel_size": kernel, "strides": stride, "padding": "same"}
    arguments["dtype"] = "float64"
    check_like_keras(
        linear.Conv2D(4, activation="tanh", **arguments),
        keras.layers.Conv2D(4, activation="tanh", **arguments),
        (2, *size, maps),
    )
    check_like_keras(
        linear.Conv2DTranspose(maps, **arguments),
        keras.layers.Conv2DTranspose(maps, **arguments),
        (2, *size, 4),
    )


@pytest.mark.parametrize("kernel", [(3, 5), (2, 4), (3, 1)])
def test_kernels_that_are_not_square(kernel):
    arguments = {"kernel_size": kernel, "strides": 2, "padding": "same"}
    arguments["dtype"] = "float64"
    check_like_keras(
        linear.Conv2DTranspose(1, **arguments),
        keras.layers.Conv2DTranspose(1, **arguments),
        (2, 5, 4, 3),
    )


@pytest.mark.parametrize("bias", [True, False])
def test_product(bias):
    check_like_keras(
        linear.Dense(5, activation="tanh", use_bias=bias),
        keras.layers.Dense(5, activation="tanh", use_bias=bias),
        (3, 7),
        tolerance=1e-4,  # of float32 alone
    )


def test_a_transposed_convolution_by_hand():
    """One pixel of 2 gives twice the kernel, from which padding "same" cuts."""
    kernel = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    x = tf.constant([[[[2.0]]]])
    found = on_cpu.transposed(x, tf.constant(kernel, tf.float32), (2, 2), 2)
    np.testing.assert_array_equal(found[0, :, :, 0], [[2, 4], [8, 10]])


def test_others_are_as_keras_has_them():
    """What has many maps, no stride, or sides that are not known yet."""
    assert not on_cpu.few_maps(5, 2, "same", (8, 8))
    assert not on_cpu.few_maps(1, 1, "same", (8, 8))
    assert not on_cpu.few_maps(1, 2, "valid", (8, 8))
    assert not on_cpu.few_maps(1, 2, "same", (8, None))
    inputs = keras.Input((None, None, 1))
    network = keras.Model(inputs, linear.Conv2D(2, 3, 2, padding="same")(inputs))
    assert network(np.zeros((1, 6, 8, 1), "f")).shape == (1, 3, 4, 2)


def test_large_products_alone(monkeypatch):
    x, small = tf.zeros((2, 3)), (3, 4)
    assert on_cpu.worthwhile(x, small)
    assert not on_cpu.worthwhile(tf.zeros((2, 2, 3)), small)
    monkeypatch.setattr(on_cpu, "LARGE", 13)
    assert not on_cpu.worthwhile(x, small)


def test_networks_can_be_quantised():
    inputs = keras.Input((6,))
    network = keras.Model(inputs, linear.Dense(4)(inputs))
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("f")
    before = network(x)
    network.quantize("int8")
    assert network.layers[-1].kernel.dtype == "int8"
    np.testing.assert_allclose(network(x), before, atol=0.05)
