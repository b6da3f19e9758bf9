"""Lemma 1 of On Unifying Deep Generative Models, on laws of six points.

y = 0 is the generator, softmax(theta), y = 1 are the data. A critic's logit f has
q(y = 1|x) = s(f).
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.models import tiny

POINTS = 6


def laws(seed):
    """theta, the data's law and a critic's logits: a critic of any quality."""
    rng = np.random.default_rng(seed)
    data = np.exp(rng.normal(size=POINTS))
    return rng.normal(size=POINTS), data / data.sum(), 2 * rng.normal(size=POINTS)


def softmax(theta):
    return np.exp(theta) / np.exp(theta).sum()


def kl(a, b):
    return (a * np.log(a / b)).sum()


def jsd(a, b):
    return 0.5 * kl(a, (a + b) / 2) + 0.5 * kl(b, (a + b) / 2)


def divergence(theta, start, data, f):
    """E_p(y) KL(p(x|y) || q^r(x|y)), its second argument fixed at the start."""
    prior = (softmax(start) + data) / 2
    d = 1 / (1 + np.exp(-f))
    total = 0
    # q^r(y|x) = q(1 - y|x).
    for p, reversed_q in ((softmax(theta), d), (data, 1 - d)):
        posterior = reversed_q * prior
        total += 0.5 * kl(p, posterior / posterior.sum())
    return total


def slope(function, theta):
    theta = theta.copy()
    (found,) = tiny.gradient(lambda: function(theta), [theta])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_generators_gradient_is_that_of_a_kl_minus_the_jsd(seed):
    theta, data, f = laws(seed)
    # What GAN's generator minimises, on each point by itself; half of it by p(y).
    gan = tiny.build("gan", compiled=False)
    losses = np.array([gan.fooling(tf.constant([[one]])) for one in f])
    generator = slope(lambda t: 0.5 * (softmax(t) * losses).sum(), theta)
    right = slope(
        lambda t: divergence(t, theta, data, f) - jsd(softmax(t), data), theta
    )
    assert np.abs(generator).max() > 1e-3
    np.testing.assert_allclose(generator, right, rtol=1e-5, atol=1e-7)
    # The term matters.
    without = slope(lambda t: divergence(t, theta, data, f), theta)
    assert np.abs(generator - without).max() > 0.01


def test_with_an_optimal_critic_it_is_half_the_kl_minus_the_jsd():
    """(8), which is Arjovsky & Bottou's theorem."""
    theta, data, _ = laws(3)
    f = np.log(data) - np.log(softmax(theta))
    generator = slope(lambda t: 0.5 * (softmax(t) * np.logaddexp(0, -f)).sum(), theta)
    right = slope(lambda t: 0.5 * kl(softmax(t), data) - jsd(softmax(t), data), theta)
    np.testing.assert_allclose(generator, right, rtol=1e-5, atol=1e-7)


def gap(theta, data, f, normalised=True):
    """The right side of (26) less the left."""
    found = divergence(theta, theta, data, f) - jsd(softmax(theta), data)
    if not normalised:
        prior, d = (softmax(theta) + data) / 2, 1 / (1 + np.exp(-f))
        found -= 0.5 * (np.log((d * prior).sum()) + np.log(((1 - d) * prior).sum()))
    return found


def test_the_jsd_is_at_most_the_kl():
    """(26), for critics between guessing and the optimal one."""
    for seed in range(200):
        theta, data, _ = laws(seed)
        optimal = np.log(data) - np.log(softmax(theta))
        gaps = [gap(theta, data, share * optimal) for share in (0.1, 0.5, 1.0, 2.0)]
        assert min(gaps) > 0 and np.all(np.diff(gaps) > 0)
        np.testing.assert_allclose(gap(theta, data, 0 * optimal), 0, atol=1e-12)


def test_for_any_critic_only_the_kl_of_the_proof_bounds_the_jsd():
    """(20) leaves out the normalisation of q^r(x|y), without which (26) always holds.

    Its logarithm is at most 0 and has no gradient, so that Lemma 1 stands; but a critic
    that is worse than guessing makes (26) false.
    """
    gaps, of_proof = [], []
    for seed in range(200):
        theta, data, f = laws(seed)
        gaps.append(gap(theta, data, f))
        of_proof.append(gap(theta, data, f, normalised=False))
    assert min(of_proof) > 0 and min(gaps) < -0.1
    worse = np.log(softmax(theta)) - np.log(data)
    assert gap(theta, data, worse) < 0
