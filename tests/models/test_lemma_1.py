"""Lemma 1 of On Unifying Deep Generative Models, on laws of six points; (10), (36).

y = 0 is the generator, softmax(theta), y = 1 are the data. A critic's logit f has
q(y = 1|x) = s(f).
"""

import itertools
import types

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


# ---- InfoGAN, (10): a code z of three values, each with a law of points --------------

CODES = 3


def of_code(seed):
    """theta of p(x|z), p(z), the data's law, f, and q(z|x), of any quality."""
    rng = np.random.default_rng(seed)
    _, data, f = laws(seed)
    prior, q = np.exp(rng.normal(size=CODES)), np.exp(rng.normal(size=(POINTS, CODES)))
    q /= q.sum(-1, keepdims=True)
    return rng.normal(size=(CODES, POINTS)), prior / prior.sum(), data, f, q


def given_code(theta):
    """p(x|z), a row for each code."""
    return np.exp(theta) / np.exp(theta).sum(-1, keepdims=True)


def divergence_with_code(theta, start, prior, data, f, q):
    """E_p(y) KL(p(x|y) || q^r(x|z, y)), over x and z, second argument at the start.

    q^r(x|z, y) is q(z|x, y) q^r(y|x) p(x), normalised over x; of data, q(z|x) is no
    function of anything that is learned, and is left out.
    """
    p, before = given_code(theta), given_code(start)
    marginal = prior @ p
    mixture = (prior @ before + data) / 2
    d = 1 / (1 + np.exp(-f))
    posterior = q.T * d * mixture
    posterior /= posterior.sum(-1, keepdims=True)
    joint = prior[:, None] * p
    of_samples = (joint * (np.log(marginal) - np.log(posterior))).sum()
    of_data = (1 - d) * mixture
    return 0.5 * of_samples + 0.5 * kl(data, of_data / of_data.sum())


def code_loss(model, q):
    """The code's term of the model's loss where q(z|x) is this."""
    draw = tiny.drawn(model)
    found = types.SimpleNamespace(
        x_p=draw.x_p, z=draw.z, training=False, log={}, log_q_z=tf.math.log([q])
    )
    return model.autoencoder_loss(found)["reconstruction_z"].mean()


@pytest.mark.parametrize("seed", range(3))
def test_infogans_gradient_is_that_of_10(seed):
    theta, prior, data, f, q = of_code(seed)
    model = tiny.build("info_gan", compiled=False, lam=1.0)
    losses = np.array([model.fooling(tf.constant([[one]])).mean() for one in f])
    of_code_losses = np.array([[code_loss(model, one) for one in row] for row in q])

    def generator(theta):
        """What the generator minimises on each point with each code; half by p(y)."""
        each = losses + of_code_losses.T
        return 0.5 * (prior[:, None] * given_code(theta) * each).sum()

    def right(theta):
        kls = divergence_with_code(theta, start, prior, data, f, q)
        return kls - jsd(prior @ given_code(theta), data)

    start = theta.copy()
    found, wanted = slope(generator, theta), slope(right, theta)
    assert np.abs(found).max() > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    # Each term matters: the code's, and the JSD.
    no_code = slope(
        lambda t: 0.5 * (prior[:, None] * given_code(t) * losses).sum(), theta
    )
    assert np.abs(found - no_code).max() > 0.01
    no_jsd = slope(lambda t: divergence_with_code(t, start, prior, data, f, q), theta)
    assert np.abs(found - no_jsd).max() > 1e-3


# ---- IWGAN, (35) and (36): bounds on log q(y) for y = 0, the generator's samples -----


def bound(p, d, mixture, k):
    """(36), over all k-tuples of points: the log of the mean of q^r(y|x) p(x) / p."""
    ratio = d * mixture / p
    total = 0.0
    for points in itertools.product(range(POINTS), repeat=k):
        points = list(points)
        total += p[points].prod() * np.log(ratio[points].mean())
    return total


@pytest.mark.parametrize("seed", range(3))
def test_the_papers_36_is_a_bound_that_more_samples_make_tighter(seed):
    """A check of the formula. k = 1 is (35), and no k exceeds log q(y)."""
    theta, data, f = laws(seed)
    p, d = softmax(theta), 1 / (1 + np.exp(-f))
    mixture = (p + data) / 2
    bounds = [bound(p, d, mixture, k) for k in (1, 2, 3, 4)]
    log_q = np.log((d * mixture).sum())
    assert np.all(np.diff(bounds) > 0) and bounds[-1] < log_q
    posterior = d * mixture / (d * mixture).sum()
    np.testing.assert_allclose(bounds[0], log_q - kl(p, posterior), rtol=1e-10)


def test_iwgans_weights_are_those_of_36_at_the_optimal_critic():
    """There p = p_theta0, so that q^r(y|x) p(x) / p(x|y) is D / (1 - D) over 2.

    log mean of these ratios has the gradient sum of normalised ratios times that of
    each log ratio: (43)'s weights, which the model computes.
    """
    theta, data, _ = laws(5)
    p = softmax(theta)
    f = np.log(data) - np.log(p)
    d = 1 / (1 + np.exp(-f))
    ratio = d * (p + data) / 2 / p
    np.testing.assert_allclose(ratio, d / (1 - d) / 2, rtol=1e-12)
    points = [0, 2, 5]
    logs = np.log(ratio[points])
    (share,) = tiny.gradient(lambda: np.log(np.exp(logs).mean()), [logs])
    model = tiny.build("iwgan", compiled=False)
    f_p = tf.constant(f[points][:, None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(f_p)
        loss = model.fooling(f_p).mean()
    slope_of_one = -1 / (1 + np.exp(f[points]))  # of -log D
    np.testing.assert_allclose(
        tape.gradient(loss, f_p).numpy()[:, 0], share * slope_of_one, rtol=1e-4
    )
