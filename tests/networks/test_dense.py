"""Fully connected networks, for data of any shape."""

import keras
import numpy as np
import pytest

import keras_svae as ks


def test_is_the_table(outline):
    nets = ks.networks.dense(latent_dim=3, shape=(12,))
    body = "dense 256 | relu | dense 256 | relu"
    assert outline(nets.encoder) == f"{body} | dense 6"
    assert outline(nets.decoder) == f"{body} | dense 12"
    assert outline(nets.critic) == (
        "concat | dense 256 | leaky_relu | dense 256 | leaky_relu | dense 1"
    )


@pytest.mark.parametrize("shape", [(1,), (12,), [7], (5, 3), (6, 4, 2), (2, 3, 4, 1)])
def test_any_shape(shape):
    learned = ks.distributions.Gaussian("learned")
    nets = ks.networks.dense(2, "implicit", learned, shape=shape, units=4, depth=1)
    x, z = np.ones((3, *shape), "f"), np.ones((3, 2), "f")
    assert nets.encoder(x).shape == (3, 2)
    assert nets.decoder(z).shape == (3, *shape[:-1], 2 * shape[-1])
    assert nets.critic([x, z]).shape == (3, 1)
    noise = [one for one in nets.encoder.layers if hasattr(one, "law")]
    assert noise[0].dim == 2


def test_a_table_is_learned():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(512, 1)) @ np.ones((1, 4)) + rng.normal(size=(512, 4))
    columns = columns.astype("float32")
    keras.utils.set_random_seed(0)
    nets = ks.networks.dense(latent_dim=1, shape=(4,), units=16)
    model = ks.VAE(*nets[:2], seed=0)
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    logs = model.fit(columns, epochs=5, batch_size=64, verbose=0).history
    assert logs["autoencoder_loss"][-1] < logs["autoencoder_loss"][0]
    assert model.generate(5, seed=0).shape == (5, 4)


@pytest.mark.parametrize("shape", [(), (0,), (3, -1), 5, (None, 3), (2.5,), "ab"])
def test_what_is_no_shape(shape):
    message = "Expected shape to be the sizes of one example.*; received: shape="
    with pytest.raises(ValueError, match=message):
        ks.networks.dense(2, shape=shape)


@pytest.mark.parametrize("build", ["dense", "toy", "digits", "mnist_dense"])
def test_momentum_outside_of_its_range(build):
    shape = {"shape": (4,)} if build == "dense" else {}
    for momentum in (-0.1, 1.0, 2, np.nan, True, "0.9", None):
        message = r"Expected momentum in \[0, 1\); received: momentum="
        with pytest.raises(ValueError, match=message):
            getattr(ks.networks, build)(2, momentum=momentum, **shape)
    for momentum in (0, np.float32(0.5)):
        nets = ks.networks.dense(2, shape=(4,), batch_norm=True, momentum=momentum)
        (found, *_) = [
            one.momentum for one in nets.decoder.layers if hasattr(one, "momentum")
        ]
        assert found == momentum and type(found) is float


def test_digits_are_a_call_of_it():
    def made(build, *given, **options):
        keras.utils.set_random_seed(0)
        return build(*given, **options)

    one = made(ks.networks.digits, units=8)
    options = {"likelihood": "bernoulli", "batch_norm": True, "units": 8}
    other = made(ks.networks.dense, 8, shape=(8, 8, 1), **options)
    for a, b in zip(one, other, strict=True):
        for v, w in zip(a.weights, b.weights, strict=True):
            np.testing.assert_array_equal(v, w)
    larger = ks.networks.digits(shape=(16, 16, 1), units=8)
    assert larger.decoder.output_shape == (None, 16, 16, 1)


def test_a_shared_encoder_and_classes():
    options = {"shape": (12,), "units": 5, "joint": False}
    shared = ks.networks.dense(2, shared=True, **options)
    assert shared.encoder.input_shape == (None, 5)
    of_classes = ks.networks.dense(2, classes=3, **options)
    assert [one.shape[1] for one in of_classes.encoder.inputs] == [12, 3]
