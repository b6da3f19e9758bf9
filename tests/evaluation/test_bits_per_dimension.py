"""Dequantisation and bits per dimension, by hand."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import evaluation

tfd = tfp.distributions
LEVELS = np.arange(256)


@pytest.mark.parametrize("low_high", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_a_uniform_density_costs_eight_bits(low_high):
    low, high = low_high
    nats = -12 * np.log(high - low)
    found = evaluation.bits_per_dimension(nats, (2, 2, 3), low_high)
    assert found == pytest.approx(8, abs=1e-6)


def test_by_hand():
    # A density of 2 on half the range saves one bit.
    assert evaluation.bits_per_dimension(5 * np.log(2), (5,)) == pytest.approx(7)
    nats = np.log([2.0, 4.0])
    np.testing.assert_allclose(evaluation.bits_per_dimension(nats, (1,)), [7, 6])
    # Probabilities: a fair coin for each of 4 pixels.
    found = evaluation.bits_per_dimension(4 * np.log(0.5), (2, 2, 1), discrete=True)
    assert found == pytest.approx(1)


@pytest.mark.parametrize("low_high", [(0.0, 1.0), (-1.0, 1.0)])
def test_bits_of_a_law_on_the_levels_are_its_entropy(low_high):
    # Levels below 128 thrice as likely: entropy 7 + H(1/4).
    low, high = low_high
    p = np.where(LEVELS < 128, 0.75, 0.25) / 128
    rng = np.random.default_rng(0)
    y = rng.choice(256, size=(20_000, 1), p=p)
    x = evaluation.dequantise(low + (high - low) * y / 255, 1, low_high)
    middle = (low + high) / 2
    nats = np.log(np.where(x < middle, 1.5, 0.5) / (high - low)).mean()
    found = evaluation.bits_per_dimension(nats, (1,), low_high)
    assert found == pytest.approx(-(p * np.log2(p)).sum(), abs=0.02)


def test_dequantised_values_fill_their_own_level():
    for low, high in [(0, 1), (-1, 1)]:
        x = np.tile((low + (high - low) * LEVELS / 255).astype("float32"), (400, 1))
        found = evaluation.dequantise(x, 3, (low, high))
        level = (found.astype(float) - low) / (high - low) * 256
        assert found.dtype == np.float32 and found.min() >= low and found.max() <= high
        part = level - LEVELS
        assert part.min() > -1e-4 and part.max() < 1 + 1e-4
        # Six standard errors, as there are 256 means.
        np.testing.assert_allclose(part.mean(0), 0.5, atol=6 / np.sqrt(12 * 400))
        np.testing.assert_array_equal(found, evaluation.dequantise(x, 3, (low, high)))
        assert (found != evaluation.dequantise(x, 4, (low, high))).mean() > 0.99


@pytest.mark.parametrize(
    ("x", "bounds", "why"),
    [
        ([0.0, 0.5], (0, 1), "levels.*1 of 2 values between levels, such as 0.5"),
        ([0.0, 1.2], (0, 1), r"images in \[0, 1\]"),
        ([-1.0, 1.0], (0, 1), r"images in \[0, 1\]"),
        ([0.0, np.nan], (0, 1), "images in"),
        ([0.0], (1, 0), "low < high"),
    ],
)
def test_what_is_no_8_bit_image_is_refused(x, bounds, why):
    with pytest.raises(ValueError, match="Expected .*" + why):
        evaluation.dequantise(x, value_range=bounds)


def test_measures_dequantise_and_tell():
    def log_likelihood(x, z):
        return tf.reduce_sum(tfd.Normal(0.5, 0.2).log_prob(x), -1)

    def posterior(x):
        return tfd.Independent(tfd.Normal(tf.zeros([tf.shape(x)[0], 1]), 1.0), 1)

    x = np.random.default_rng(0).integers(256, size=(300, 4)) / 255
    # The mean of log N over each level, by a fine grid.
    fine = (x[..., None] * 255 + (np.arange(100) + 0.5) / 100) / 256
    exact = tfd.Normal(0.5, 0.2).log_prob(fine).numpy().mean(-1).sum(-1)
    arguments = x, log_likelihood, posterior
    kwargs = {"latent_dim": 1, "dequantise": True}
    bound = evaluation.variational_bound(*arguments, **kwargs)
    np.testing.assert_allclose(bound.per_example, exact, atol=0.1)
    others = (
        evaluation.importance_weighted_bound(*arguments, k=2, **kwargs),
        evaluation.annealed_importance_sampling(
            x, log_likelihood, n_temperatures=3, step_size=0.1, **kwargs
        ),
    )
    for found in others:
        assert found.mean == pytest.approx(exact.mean(), abs=0.02)
    bits = evaluation.bits_per_dimension(bound.mean, (4,))
    assert bits == pytest.approx(8 - exact.mean() / (4 * np.log(2)), abs=0.01)
    assert bits.deviation == pytest.approx(bound.mean.deviation / (4 * np.log(2)))
    assert bits.details["dequantised"] and "unit" not in bits.details
    raw = evaluation.variational_bound(*arguments, latent_dim=1)
    with pytest.raises(ValueError, match="Expected the density of dequantised"):
        evaluation.bits_per_dimension(raw.mean, (4,))
    assert evaluation.bits_per_dimension(raw.mean, (4,), discrete=True) < bits
    several = evaluation.bits_per_dimension([-1.0, -2.0], (4,))
    np.testing.assert_array_equal(
        several, evaluation.bits_per_dimension(np.array([-1.0, -2.0]), (4,))
    )
    with pytest.raises(ValueError, match="Expected nats as a number.*received: 'a'"):
        evaluation.bits_per_dimension("a", (4,))
    with pytest.raises(ValueError, match="Expected images on the grid"):
        evaluation.variational_bound(x + 1e-3, *arguments[1:], **kwargs)


@pytest.mark.parametrize("shape", [(), (0,), (2.5,), (3, -1)])
def test_shapes_are_of_an_example(shape):
    with pytest.raises(ValueError, match="Expected shape"):
        evaluation.bits_per_dimension(1.0, shape)
