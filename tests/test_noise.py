"""Noise is a function of its key, and layers draw from the scope."""

import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise


def test_named_draws():
    np.testing.assert_array_equal(Noise(3).normal([5], "z"), Noise(3).normal([5], "z"))
    others = [Noise(4).normal([5], "z"), Noise(3).normal([5], "x")]
    others += [Noise(3).fold(1).normal([5], "z")]
    for other in others:
        assert np.abs(Noise(3).normal([5], "z") - other).min() > 1e-6


def test_unnamed_draws_differ_and_repeat_in_order():
    one, two = Noise(3), Noise(3)
    first = [one.normal([5]), one.normal([5])]
    assert np.abs(first[0] - first[1]).min() > 1e-6
    np.testing.assert_array_equal(first, [two.normal([5]), two.normal([5])])


def test_large_and_tensor_seeds():
    assert np.abs(Noise(2**40).normal([3], "z") - Noise(0).normal([3], "z")).min() > 0
    np.testing.assert_array_equal(
        Noise(7).normal([3], "z"), Noise(tf.constant(7)).normal([3], "z")
    )


def test_dropout_keeps_its_mean_and_only_drops_in_training():
    layer = ks.networks.layers.Dropout(0.25)
    x = tf.ones([200, 200])
    with ks.noise.scope(1):
        dropped = layer(x, training=True).numpy()
        np.testing.assert_array_equal(layer(x, training=False), x)
    assert abs((dropped == 0).mean() - 0.25) < 0.01
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.75, rtol=1e-6)


def test_scopes_nest_and_end():
    layer = ks.networks.layers.AppendNoise(1, law="uniform")
    x = tf.zeros([1000, 1])
    with ks.noise.scope(1):
        outer = layer(x)
        with ks.noise.scope(2):
            inner = layer(x)
    with ks.noise.scope(2):
        np.testing.assert_array_equal(inner, layer(x))
    assert np.abs(outer - inner).max() > 0.1
    sample = inner.numpy()[:, 1]
    assert sample.min() < -0.9 and sample.max() > 0.9 and abs(sample.mean()) < 0.1
    assert np.abs(layer(x) - layer(x)).max() > 0.1  # without a scope: fresh noise
