"""Divergences of two Gaussians: values and gradients against exact ones.

Samples are the laws' quantiles at midpoints, so that a mean is an integral, and no
tolerance has to make room for chance.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_svae import divergences

# Data a and model b: mean, log standard deviation.
A, B = (0.4, math.log(1.3)), (-0.7, math.log(0.8))
N = 200_000
NORMAL = stats.norm.ppf((np.arange(N) + 0.5) / N)[:, None]  # float64
LAM = 0.3


def log_normal(x, theta):
    mean, log_scale = tf.unstack(tf.convert_to_tensor(theta, tf.float64))
    d = (x - mean) * tf.exp(-log_scale)
    return -0.5 * d**2 - log_scale - 0.5 * math.log(2 * math.pi)


def draw(theta):
    """Reparameterised samples."""
    mean, log_scale = tf.unstack(tf.convert_to_tensor(theta, tf.float64))
    return mean + tf.exp(log_scale) * NORMAL


def kl(a, b):
    """KL of two Gaussians, and its gradients in both laws' parameters."""
    (m, s), (n, t) = a, b
    d, v = m - n, math.exp(2 * (s - t))
    w = d * math.exp(-2 * t)
    value = t - s + 0.5 * (v + d * w) - 0.5
    return value, np.array([w, v - 1]), np.array([-w, 1 - v - d * w])


def integral(a, b):
    """Jensen-Shannon divergence on a fine grid, by its definition."""
    x = np.linspace(-15, 15, 60_001)
    p, q = (stats.norm.pdf(x, m, math.exp(s)) for m, s in (a, b))
    middle = (p + q) / 2

    def to_middle(law):
        return np.where(law > 0, law * np.log(np.maximum(law, 1e-300) / middle), 0)

    return np.trapezoid(0.5 * (to_middle(p) + to_middle(q)), x)


def slope(function, theta):
    """Central differences."""
    steps = 1e-4 * np.eye(2)
    return [(function(theta + h) - function(theta - h)) / 2e-4 for h in steps]


def logits(of, a=A, b=B):
    """f = log a - log b on samples of a law; parameters are what a critic has in it."""
    x = draw(of)
    return log_normal(x, a) - log_normal(x, b)


def gradient(loss, theta):
    """Of loss(theta), theta as a variable; None where there is none."""
    theta = tf.Variable(theta, dtype=tf.float64)
    with tf.GradientTape() as tape:
        value = loss(theta)
    return tape.gradient(value, theta)


JSD_SLOPE = {
    "a": slope(lambda a: integral(a, B), np.array(A)),
    "b": slope(lambda b: integral(A, b), np.array(B)),
}


def close(received, expected, tolerance=1e-3):
    np.testing.assert_allclose(received, expected, atol=tolerance)


def test_values_are_those_of_the_laws():
    above, below = logits(A), logits(B)
    forward, reverse = kl(A, B)[0], kl(B, A)[0]
    assert abs(forward - reverse) > 0.5  # else the two could be taken for each other
    close(divergences.forward_kl(above), forward, 1e-4)
    close(divergences.reverse_kl(below), reverse, 1e-4)
    close(divergences.symmetric_kl(above, below), forward + reverse, 1e-4)
    close(divergences.jensen_shannon(above, below), integral(A, B), 1e-5)
    close(
        divergences.jeffreys(above, below, LAM),
        LAM * forward + (1 - LAM) * reverse,
        1e-4,
    )


def test_jeffreys_runs_from_reverse_to_forward():
    above, below = logits(A), logits(B)
    assert divergences.jeffreys(above, below, 1) == divergences.forward_kl(above)
    assert divergences.jeffreys(above, below, 0) == divergences.reverse_kl(below)
    half = 0.5 * divergences.symmetric_kl(above, below)
    close(divergences.jeffreys(above, below), half, 1e-12)


def test_symmetric_kl_by_hand():
    above, below = np.array([[2.0], [-1.0], [0.5]]), np.array([[-3.0], [0.2], [1.0]])
    assert float(divergences.symmetric_kl(above, below)) == pytest.approx(0.5 + 0.6)


@pytest.mark.parametrize("lam", [-0.1, 1.1, float("nan")])
def test_lam_is_a_weight(lam):
    with pytest.raises(ValueError, match=r"Expected lam in \[0, 1\]; received: lam="):
        divergences.jeffreys(tf.zeros([2, 1]), tf.zeros([2, 1]), lam)


def test_jensen_shannon_has_its_bounds_and_does_not_overflow():
    far, nothing = tf.constant([[1e4]]), tf.zeros([1, 1])
    assert float(divergences.jensen_shannon(far, -far)) == pytest.approx(math.log(2))
    assert float(divergences.jensen_shannon(nothing, nothing)) == pytest.approx(
        0, abs=1e-7
    )
    assert np.isfinite(divergences.generator_loss("jensen_shannon", far))


# With the densities in f: what experiments on known laws minimise.


def test_with_densities_all_gradients_are_the_divergences():
    forward, reverse = kl(A, B)[2], kl(B, A)[1]
    at = {
        "forward": lambda b: divergences.forward_kl(logits(A, b=b)),
        "reverse": lambda b: divergences.reverse_kl(logits(b, b=b)),
        "jensen": lambda b: divergences.jensen_shannon(logits(A, b=b), logits(b, b=b)),
        "jeffreys": lambda b: divergences.jeffreys(logits(A, b=b), logits(b, b=b), LAM),
    }
    close(gradient(at["forward"], B), forward)
    close(gradient(at["reverse"], B), reverse)
    close(gradient(at["jensen"], B), JSD_SLOPE["b"])
    close(gradient(at["jeffreys"], B), LAM * forward + (1 - LAM) * reverse)


# With an optimal critic: f* is held fixed, and only samples know the parameters.


def test_a_critics_gradient_for_the_model_is_that_of_reverse_kl_and_jensen_shannon():
    reverse = kl(B, A)[1]
    assert min(np.abs(reverse)) > 0.1
    assert min(np.abs(JSD_SLOPE["b"])) > 0.01
    close(gradient(lambda b: divergences.reverse_kl(logits(b)), B), reverse)
    whole = gradient(lambda b: divergences.jensen_shannon(logits(A), logits(b)), B)
    close(whole, JSD_SLOPE["b"])
    for name, expected in (("reverse_kl", reverse), ("jensen_shannon", whole)):
        close(
            gradient(lambda b, n=name: divergences.generator_loss(n, logits(b)), B),
            expected,
        )


def test_a_critics_forward_kl_has_no_gradient_for_the_model():
    forward, reverse = kl(A, B)[2], kl(B, A)[1]
    assert min(np.abs(forward)) > 0.1  # there would be something to follow
    assert gradient(lambda b: divergences.forward_kl(logits(A)), B) is None
    # Of Jeffreys nothing but the reverse part is left, which is not its gradient.
    found = gradient(lambda b: divergences.jeffreys(logits(A), logits(b), LAM), B)
    close(found, (1 - LAM) * reverse)
    assert np.abs(found - LAM * forward - (1 - LAM) * reverse).min() > 0.1
    # Nor is E_b f, with samples of the model, forward KL: it is minus the reverse one.
    close(gradient(lambda b: divergences.forward_kl(logits(b)), B), -reverse)


def test_a_critics_gradient_for_the_other_law_is_that_of_forward_kl():
    """As sVAE's encoder has it, whose samples are those of a."""
    close(gradient(lambda a: divergences.forward_kl(logits(a)), A), kl(A, B)[1])
    jensen = gradient(lambda a: divergences.jensen_shannon(logits(a), logits(B)), A)
    close(jensen, JSD_SLOPE["a"])
    assert gradient(lambda a: divergences.reverse_kl(logits(B)), A) is None


@pytest.mark.parametrize("name", ["forward_kl", "jeffreys", "symmetric_kl"])
def test_asking_for_a_gradient_that_there_is_not_names_what_to_do(name):
    with pytest.raises(ValueError) as error:
        divergences.generator_loss(name, tf.zeros([2, 1]))
    for part in (
        "Expected a divergence whose estimate by a critic has a gradient",
        "'reverse_kl' or 'jensen_shannon'",
        f"received: '{name}'",
        "zero",
        "likelihood",
    ):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="received: 'wasserstein'$"):
        divergences.generator_loss("wasserstein", tf.zeros([2, 1]))


def test_means_are_over_the_given_axis():
    above, below = (np.random.default_rng(i).normal(size=(3, 7)) for i in (0, 1))
    for function, given in (
        (divergences.forward_kl, (above,)),
        (divergences.reverse_kl, (below,)),
        (divergences.jensen_shannon, (above, below)),
        (divergences.jeffreys, (above, below, LAM)),
        (divergences.generator_loss, ("jensen_shannon", below)),
    ):
        rows = [
            function(*(g if np.isscalar(g) else g[i] for g in given)) for i in range(3)
        ]
        close(function(*given, axis=-1), rows, 1e-12)
