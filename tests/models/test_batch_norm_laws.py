"""Averages of batch normalisation follow one law: data's, if a pass has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise, scope
from tests.models import tiny


def network(reads, gives, name):
    """A linear layer behind batch normalisation of its input."""
    x = keras.Input((reads,))
    normal = ks.networks.BatchNormalization(momentum=0.5, name="normal")
    return keras.Model(x, keras.layers.Dense(gives)(normal(x)), name=name)


def critic(reads):
    inputs = [keras.Input((n,)) for n in reads]
    x = keras.layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    normal = ks.networks.BatchNormalization(momentum=0.5, name="normal")
    found = keras.layers.Dense(1)(normal(x))
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], found, name="critic")


def build(kind):
    """A method, and what its networks' averages follow: attributes of a draw."""
    encoder = network(tiny.DATA, 2 * tiny.CODE, "encoder")
    decoder = network(tiny.CODE, tiny.DATA, "decoder")
    pairs, alone = critic([tiny.DATA, tiny.CODE]), critic([tiny.DATA])
    return {
        "sVAE-r": lambda: (
            ks.SVAE(encoder, decoder, pairs, lam=0.5, likelihood="gaussian"),
            {"encoder": "x", "decoder": "z_q"},
        ),
        # Without log p(x|z) its decoder is fed codes of the prior alone.
        "sVAE": lambda: (
            ks.SVAE(encoder, decoder, pairs, likelihood="gaussian"),
            {"encoder": "x", "decoder": "z"},
        ),
        "VAE": lambda: (
            ks.VAE(encoder, decoder, likelihood="gaussian"),
            {"encoder": "x", "decoder": "z_q"},
        ),
        "GAN": lambda: (
            ks.GAN(decoder, alone, likelihood="gaussian"),
            {"decoder": "z"},
        ),
        # Its samples take the place of data, too.
        "AA-VAE": lambda: (
            ks.AAVAE(encoder, decoder, alone, likelihood="gaussian"),
            {"encoder": "x", "decoder": "z_q"},
        ),
    }[kind]()


@pytest.mark.parametrize("kind", ["sVAE-r", "sVAE", "VAE", "GAN", "AA-VAE"])
def test_averages_follow_one_law(kind):
    model, laws = build(kind)
    names = {p.optimizer: keras.optimizers.SGD(0.0) for p in model.players.values()}
    model.compile(**names, run_eagerly=True)
    draw = model.draw(
        tf.constant(tiny.data()), model._noise(1).fold(0).fold(0), training=True
    )
    start = {name: getattr(model, name).get_weights() for name in laws}
    with scope(Noise(0)):
        inputs = {name: getattr(draw, law).numpy() for name, law in laws.items()}
    for name, values in start.items():
        getattr(model, name).set_weights(values)  # the draw has moved averages
    model.train_on_batch(tiny.data())
    for name, fed in inputs.items():
        normal = getattr(model, name).get_layer("normal")
        np.testing.assert_allclose(normal.moving_mean, fed.mean(0) / 2, atol=1e-5)
        variance = 0.5 + fed.var(0) / 2
        np.testing.assert_allclose(normal.moving_variance, variance, atol=1e-5)


def test_a_critics_averages_move_in_its_own_turn():
    """Once on data and once on samples; the generator's turn leaves them."""
    model, _ = build("GAN")
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        critic_optimizer=keras.optimizers.SGD(0.0),
        run_eagerly=True,
    )
    draw = model.draw(
        tf.constant(tiny.data()), model._noise(1).fold(0).fold(0), training=True
    )
    x, samples = draw.x.numpy(), draw.x_p.numpy()
    model.train_on_batch(tiny.data())
    expected = 0.25 * x.mean(0) + 0.5 * samples.mean(0)
    normal = model.critic.get_layer("normal")
    np.testing.assert_allclose(normal.moving_mean, expected, atol=1e-5)
