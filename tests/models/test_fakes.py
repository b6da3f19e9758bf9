"""Samples in training: of classes, and what adversary activated VAEs learn from."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models import tiny


@pytest.mark.parametrize("method", ["aavae", "aacvae", "aa_semi_supervised_vae"])
def test_fakes_carry_no_gradient_into_the_decoder_that_drew_them(method):
    model = tiny.build(method, compiled=False)
    draw = tiny.drawn(model)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(draw.z)
        loss = sum(model.autoencoder_loss(draw).values()).mean()
        made = tf.reduce_sum(draw.x_p)
    assert tape.gradient(loss, draw.z) is None
    # Nor do the weights, into the critic.
    weights = [v.value for v in model.critic.trainable_variables]
    assert tape.gradient(loss, weights) == [None] * len(weights)
    assert np.abs(tape.gradient(made, draw.z)).max() > 0.01
    assert np.abs(draw.fakes.x - draw.x_p).max() == 0
    assert np.abs(draw.fakes.z_q - draw.z_q).max() > 0.01


def telling(model):
    """The model, with a decoder whose outputs are 100 times the class."""
    kernel = np.zeros((tiny.CODE + tiny.CLASSES, 4), "f")
    steps = np.zeros((4, tiny.DATA), "f")
    for c in range(tiny.CLASSES):
        kernel[tiny.CODE + c, c] = 50  # a hidden unit of 1 for its class, else -1
        steps[c] = 50 * c
    bias = np.full(4, -25, "f")
    model.decoder.set_weights([kernel, bias, steps, steps[: tiny.CLASSES].sum(0)])
    return model


@pytest.mark.parametrize(
    "method", ["cgan", "iwcgan", "cvae", "aacvae", "aa_semi_supervised_vae"]
)
def test_samples_have_the_classes_of_the_batch(method):
    """And where they are unknown, classes from p(y), which is uniform."""
    model = telling(tiny.build(method, compiled=False))
    n = 3000
    draw = tiny.drawn(model, tiny.batch(model, n=n))
    made = np.rint(draw.x_p.numpy() / 100).astype(int)
    assert (made == made[:, :1]).all()
    y, known = np.asarray(draw.labels), np.asarray(draw.labels) >= 0
    np.testing.assert_array_equal(made[known, 0], y[known])
    np.testing.assert_array_equal(draw.fakes.labels, y)
    if model.unlabelled:
        counts = np.bincount(made[~known, 0], minlength=tiny.CLASSES)
        p, n = 1 / tiny.CLASSES, (~known).sum()
        assert len(counts) == tiny.CLASSES and n == 750
        assert np.abs(counts - n * p).max() < 5.2 * np.sqrt(n * p * (1 - p))
        # Which one does not hang on the example.
        assert len(set(made[~known, 0][:20])) > 1


@pytest.mark.parametrize("method", ["aacvae", "aa_semi_supervised_vae"])
def test_samples_are_made_of_the_priors_codes(method):
    model = tiny.build(method, compiled=False)
    draw = tiny.drawn(model, tiny.batch(model, n=1000))
    known = np.asarray(draw.labels) >= 0
    y, z = np.asarray(draw.labels)[known], draw.z.numpy()[known]
    # Of 1500 numbers or more: standard errors 0.026 and 0.018.
    assert abs(z.mean()) < 0.13 and abs(z.std() - 1) < 0.1
    # "gaussian" draws its mean.
    made = draw.x_p.numpy()[known]
    np.testing.assert_allclose(made, model.decode(z, y), rtol=1e-5, atol=1e-6)
    other = model.decode(z, (y + 1) % tiny.CLASSES)
    assert np.abs(made - other).mean() > 0.1
