"""Sizes of pictures: those that a data set does not know, and those of one alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny

layers = keras.layers


def pictures_vae(*first, optimizer="adam"):
    """A VAE of pictures (8, 8, 1) whose encoder begins with these layers."""
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), *first, layers.Flatten(), layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), layers.Dense(64), layers.Reshape((8, 8, 1))]
    )
    model = ks.VAE(encoder, decoder)
    model.compile(optimizer)
    return model


@pytest.mark.parametrize("unknown", [(None, None, None), (8, 8, None)])
def test_sizes_that_a_data_set_does_not_know_are_those_of_its_batches(unknown):
    """As of windows of a series, and of pictures after `tf.io.decode_png`."""
    model = pictures_vae(layers.Conv2D(2, 3, activation="relu"))
    x = np.random.default_rng(0).uniform(size=(8, 8, 8, 1)).astype("float32")

    def batches(x):
        data = tf.data.Dataset.from_tensor_slices(x).batch(4)

        def forget(one):
            (one,) = tf.py_function(lambda one: [one], [one], [tf.float32])
            one.set_shape((None, *unknown))
            return one

        return data.map(forget)

    assert batches(x).element_spec.shape.as_list() == [None, *unknown]
    model.fit(batches(x), validation_data=batches(x), verbose=0)
    assert model.step == 2
    np.testing.assert_allclose(
        model.predict(batches(x), verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    any_size = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec([None, None, None, 1])
    )
    np.testing.assert_allclose(any_size(x), model(x), atol=1e-6)
    if unknown[0] is None:
        with pytest.raises(ValueError, match=r"\(8, 8, 1\).*received: \(7, 8, 1\)"):
            model.fit(batches(x[:, 1:]), verbose=0)
    assert model.step == 2


def test_one_picture_has_moments_over_its_positions():
    """Not after a network has pooled them to one."""

    def made(size):
        norm = layers.BatchNormalization()
        return pictures_vae(layers.Conv2D(2, size), norm, optimizer="sgd")

    x = np.random.default_rng(0).uniform(size=(5, 8, 8, 1)).astype("float32")
    model = made(3)
    model.fit(x, batch_size=2, verbose=0)
    model.fit(x[:1], verbose=0)
    assert model.step == 4
    assert np.isfinite(tiny.flat(model)).all()
    with pytest.raises(ValueError, match="at least 2 examples per replica"):
        made(8).fit(x[:1], verbose=0)
