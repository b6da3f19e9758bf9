"""VEEGAN's losses and who learns from which."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def test_losses_by_hand():
    """Of one batch at the same weights; gradients are in test_exactness."""
    model = tiny.build("veegan", lam=0.7)
    x = tiny.data()
    draw = model.draw(tf.constant(x), ks.noise.Noise(5), True)
    z, w = draw.z.numpy(), tiny.weights(model)
    fake = tiny.run(w["decoder"], z)
    f_p = tiny.run(w["critic"], fake, z)
    f_q = tiny.run(w["critic"], x, tiny.run(w["encoder"], x))
    back = tiny.run(w["encoder"], fake)
    terms = model.autoencoder_loss(draw)
    assert float(terms["matching"]) == pytest.approx(f_p.mean(), rel=1e-4)
    squares = ((z[:, 0] - back[:, 0]) ** 2 + (z[:, 1] - back[:, 1]) ** 2).mean()
    assert float(terms["reconstruction_z"]) == pytest.approx(0.7 * squares, rel=1e-4)
    critic = np.log1p(np.exp(-f_p)).mean() + np.log1p(np.exp(f_q)).mean()
    assert float(model.critic_loss(draw)) == pytest.approx(critic, rel=1e-4)


def test_the_reconstructor_learns_from_codes_alone():
    """Algorithm 1: the critic's term moves the generator, not the reconstructor."""
    model = tiny.build("veegan")
    draw = model.draw(tf.constant(tiny.data()), ks.noise.Noise(5), True)
    weights = [v.value for v in model.encoder.variables]
    with tf.GradientTape(persistent=True) as tape:
        terms = {k: v.mean() for k, v in model.autoencoder_loss(draw).items()}
    assert all(g is None for g in tape.gradient(terms["matching"], weights))
    slopes = tape.gradient(terms["reconstruction_z"], weights)
    assert max(np.abs(g).max() for g in slopes) > 0.01


def test_a_posterior_with_a_density_reconstructs_its_mean():
    model = tiny.build("veegan", posterior="gaussian")
    draw = model.draw(tf.constant(tiny.data()), ks.noise.Noise(5), True)
    fake = tiny.run(tiny.weights(model)["decoder"], draw.z.numpy())
    mean = model.posterior(fake.astype("f")).mean()
    squares = ((draw.z - mean) ** 2).numpy().sum(-1).mean()
    found = float(model.autoencoder_loss(draw)["reconstruction_z"])
    assert found == pytest.approx(0.7 * squares, rel=1e-4)


def test_bad_lam():
    with pytest.raises(ValueError, match="Expected lam .*received: lam=-1"):
        tiny.build("veegan", lam=-1)
