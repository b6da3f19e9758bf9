import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.layers import (
    AppendConstants,
    AppendNoise,
    Dropout,
    InjectNoise,
    UpSampling2D,
)


@pytest.mark.parametrize(
    "layer, config",
    [
        (AppendNoise(3, law="uniform", name="a"), {"dim": 3, "law": "uniform"}),
        (AppendNoise(2), {"dim": 2, "law": "normal"}),
        (InjectNoise(5, name="i"), {"dim": 5}),
        (Dropout(0.3, name="d"), {"rate": 0.3}),
        (AppendConstants(4, stddev=0.1), {"dim": 4, "stddev": 0.1}),
        (UpSampling2D((2, 3)), {"size": (2, 3), "interpolation": "nearest"}),
    ],
)
def test_config(layer, config):
    given = layer.get_config()
    assert config.items() <= given.items()
    same = type(layer).from_config(given)
    assert same.get_config() == given
    data = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(data, safe_mode=True)
    assert type(again) is type(layer)
    assert again.get_config() == given


@pytest.mark.parametrize("shape", [(500, 4), (20, 5, 5, 4)])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_append_noise_keeps_the_inputs_and_adds_its_law(shape, law):
    layer = AppendNoise(30, law)
    with ks.noise.scope(1):
        output = np.asarray(layer(np.ones(shape, "float32")))
    assert output.shape == (*shape[:-1], 34) == layer.compute_output_shape(shape)
    np.testing.assert_array_equal(output[..., :4], 1)
    noise = output[..., 4:]
    # 15,000 draws: means within 5 standard errors.
    std = 1 if law == "normal" else np.sqrt(1 / 3)
    assert abs(noise.mean()) < 5 * std / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(std, rel=0.03)
    assert (np.abs(noise).max() <= 1) == (law == "uniform")
    assert len(np.unique(noise)) > 0.99 * noise.size


def test_two_layers_of_one_scope_draw_different_noise():
    with ks.noise.scope(1):
        one, two = (AppendNoise(2)(np.zeros([8, 1], "float32")) for _ in range(2))
    assert np.abs(one - two).max() > 0.1


def test_inject_noise_adds_its_linear_map_of_normal_noise():
    layer = InjectNoise(2)
    layer.build((None, 1, 2, 2))
    # By pixel and channel; the last entry of each example has no noise, a bias alone.
    kernel = np.array([[1.0, 0.5, 2.0, 0.0], [0.0, -1.0, 2.0, 0.0]], "f")
    layer.set_weights([kernel, np.array([0.0, 0.0, 0.0, 7.0], "f")])
    inputs = np.random.default_rng(0).normal(size=(4000, 1, 2, 2)).astype("f")
    with ks.noise.scope(1):
        output = np.asarray(layer(inputs))
    assert output.shape == inputs.shape == layer.compute_output_shape(inputs.shape)
    added = (output - inputs).reshape(4000, 4)
    np.testing.assert_allclose(added[:, 3], 7, rtol=1e-6)
    np.testing.assert_allclose(added[:, :3].mean(0), 0, atol=5 * 2.9 / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(added.T), kernel.T @ kernel, atol=1)  # error 0.18
    # No more than two dimensions of noise.
    linear = np.linalg.solve(kernel[:, :2].T, added[:, :2].T).T
    np.testing.assert_allclose(linear @ kernel[:, 2], added[:, 2], atol=1e-4)
    assert abs(np.mean(np.abs(linear) < 1) - 0.6827) < 0.03


def test_append_constants_keeps_the_inputs_and_adds_the_same_numbers():
    keras.utils.set_random_seed(0)
    layer = AppendConstants(2000, stddev=0.3)
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    output = np.asarray(layer(inputs))
    assert output.shape == (5, 2004) == layer.compute_output_shape((5, 4))
    np.testing.assert_array_equal(output[:, :4], inputs)
    np.testing.assert_array_equal(output[:, 4:], np.tile(layer.constants, (5, 1)))
    assert output[0, 4:].std() == pytest.approx(0.3, rel=0.1)
    assert [v.path for v in layer.trainable_variables] == [layer.constants.path]


def test_dropout_keeps_the_mean_and_the_given_share():
    with ks.noise.scope(1):
        output = np.asarray(
            Dropout(0.25)(np.ones([200, 200], "float32"), training=True)
        )
    assert set(np.unique(output)) == {0.0, np.float32(1 / 0.75)}
    assert (output == 0).mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.1875) / 200)
    still = Dropout(0.25)(np.ones([2, 2], "float32"), training=False)
    np.testing.assert_array_equal(still, 1)


@pytest.mark.parametrize("size", [2, (3, 1), (1, 4), (2, 3)])
def test_pixels_are_repeated_along_rows_and_columns(size):
    """And a pixel's gradient is the sum over its copies."""
    rows, columns = np.broadcast_to(size, 2)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    weights = np.random.default_rng(1).normal(size=(2, 3 * rows, 5 * columns, 4))
    with tf.GradientTape() as tape:
        given = tf.constant(x)
        tape.watch(given)
        found = UpSampling2D(size)(given)
        total = tf.reduce_sum(found * weights.astype("float32"))
    np.testing.assert_array_equal(found, x.repeat(rows, 1).repeat(columns, 2))
    copies = weights.reshape(2, 3, rows, 5, columns, 4)
    np.testing.assert_allclose(
        tape.gradient(total, given), copies.sum((2, 4)), rtol=1e-5, atol=1e-5
    )


def test_pictures_of_any_size_are_left_to_keras():
    net = keras.Sequential([keras.Input((None, None, 2)), UpSampling2D(2)])
    x = np.random.default_rng(0).normal(size=(1, 3, 2, 2)).astype("float32")
    np.testing.assert_array_equal(net(x), x.repeat(2, 1).repeat(2, 2))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="Expected dim >= 1; received: dim=0"):
        AppendNoise(0)
    with pytest.raises(ValueError, match="Expected dim >= 1; received: dim=0"):
        AppendConstants(0)
    with pytest.raises(ValueError, match="Expected stddev >= 0; received: stddev=-1"):
        AppendConstants(1, stddev=-1)
    with pytest.raises(ValueError, match="Expected law .*received: law='cauchy'"):
        AppendNoise(1, "cauchy")
    with pytest.raises(ValueError, match="Expected dim >= 1; received: dim=0"):
        InjectNoise(0)
    with pytest.raises(ValueError, match="Expected inputs of a fixed shape"):
        InjectNoise(1)(keras.Input((None, 4)))
    with pytest.raises(
        ValueError, match=r"Expected rate in \[0, 1\); received: rate=1"
    ):
        Dropout(1)
