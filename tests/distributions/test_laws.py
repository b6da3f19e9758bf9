"""Laws against SciPy, and what is refused."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf

from keras_svae import distributions
from keras_svae.noise import Noise

RAW = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
X = np.random.default_rng(1).uniform(0.1, 0.9, size=(4, 6)).astype("float32")


@pytest.mark.parametrize(
    ("law", "exact"),
    [
        (distributions.Gaussian(0.7), scipy.stats.norm(RAW, 0.7)),
        (distributions.Laplace(0.7), scipy.stats.laplace(RAW, 0.7)),
        (distributions.Gaussian(0.7, "tanh"), scipy.stats.norm(np.tanh(RAW), 0.7)),
    ],
)
def test_densities_are_sums_over_the_event(law, exact):
    np.testing.assert_allclose(law(RAW).log_prob(X), exact.logpdf(X).sum(-1), rtol=1e-4)


@pytest.mark.parametrize("family", ["Gaussian", "Laplace"])
def test_learned_scales_start_at_one(family):
    law = getattr(distributions, family)("learned")
    assert law.parameters == 2
    raw = np.concatenate([RAW, np.zeros_like(RAW)], -1)
    exact = {"Gaussian": scipy.stats.norm, "Laplace": scipy.stats.laplace}[family]
    np.testing.assert_allclose(
        law(raw).log_prob(X), exact(RAW, 1.001).logpdf(X).sum(-1), rtol=1e-4
    )
    np.testing.assert_allclose(law.mean(raw), RAW, rtol=1e-6)


def test_bernoulli_is_a_cross_entropy_on_grey_values():
    p = 1 / (1 + np.exp(-RAW))
    expected = (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(-1)
    law = distributions.get("bernoulli")
    np.testing.assert_allclose(law(RAW).log_prob(X), expected, rtol=1e-4)
    np.testing.assert_allclose(law.sample(RAW, [0, 1]), p, rtol=1e-5)


def test_continuous_bernoulli_integrates_to_one():
    law = distributions.get("continuous_bernoulli")
    grid = np.linspace(0, 1, 2001, dtype="float32")
    for logit in (-3.0, 0.0, 0.4, 5.0):
        raw = tf.fill([len(grid), 1], logit)
        density = np.exp(law(raw).log_prob(grid[:, None]))
        assert scipy.integrate.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_posterior_samples_have_the_law_and_a_gradient(name):
    law = distributions.get(name, "posterior")
    raw = tf.constant(np.tile([[1.0, 0.5]], (50_000, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(raw)
        sample = law.sample(raw, Noise(1).seed("z"))
        total = tf.reduce_sum(sample)
    np.testing.assert_allclose(tape.gradient(total, raw)[:, 0], 1, rtol=1e-5)
    assert np.mean(sample) == pytest.approx(1, abs=0.05)
    assert np.std(sample) == pytest.approx(float(law(raw).stddev()[0, 0]), rel=0.03)


def test_implicit_laws_can_only_be_drawn_from():
    law = distributions.Implicit("tanh")
    np.testing.assert_allclose(law.sample(RAW, [0, 1]), np.tanh(RAW), rtol=1e-5)
    assert not law.explicit
    with pytest.raises(ValueError, match='Expected an explicit law.*posterior="gauss'):
        law(RAW)


def test_kl_in_closed_form_and_estimated():
    law = distributions.get("gaussian", "posterior")
    raw = tf.constant(np.tile([[0.3, -0.2, 0.1, -0.4]], (200_000, 1)), tf.float32)
    q, z = law(raw), law.sample(raw, Noise([1, 2]).key)
    normal = distributions.prior("normal", 2)
    exact = distributions.kl_divergence(q, normal, z)
    mean, scale = q.mean()[0].numpy(), q.stddev()[0].numpy()
    by_hand = (0.5 * (mean**2 + scale**2 - 1) - np.log(scale)).sum()
    assert exact[0].numpy() == pytest.approx(by_hand, rel=1e-4)
    laplace = distributions.get("laplace", "posterior")
    estimated = distributions.kl_divergence(
        laplace(raw), normal, laplace.sample(raw, Noise([1, 2]).key)
    )
    s = laplace(raw).distribution.scale[0].numpy()
    # KL of Laplace(m, s) and N(0, 1): log(2 pi)/2 - log(2 s) - 1 + s^2 + m^2/2.
    exact = (0.5 * np.log(2 * np.pi) - np.log(2 * s) - 1 + s**2 + mean**2 / 2).sum()
    assert np.mean(estimated) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: distributions.Gaussian(-1.0), 'scale to be positive or "learned"'),
        (lambda: distributions.Gaussian(1.0, "relu"), "activation to be one of"),
        (lambda: distributions.Gaussian(1.0, draw="mode"), 'draw to be "sample" or'),
        (lambda: distributions.get("bernoulli", "posterior"), "posterior to be one of"),
        (lambda: distributions.get(3), "likelihood to be one of.*received: 3"),
        (lambda: distributions.prior("cauchy", 2), 'prior to be "normal" or'),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match="Expected " + message):
        make()


def test_laws_come_back_from_their_configuration():
    for law in (
        distributions.Gaussian("learned", "tanh"),
        distributions.Laplace(0.3, draw="mean"),
        distributions.ContinuousBernoulli("sample"),
        distributions.Implicit("sigmoid"),
        distributions.Bernoulli(),
    ):
        again = type(law).from_config(law.get_config())
        assert vars(again) == vars(law)
