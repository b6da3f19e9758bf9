"""Samplers' laws against closed forms and what they were fitted to."""

import numpy as np
import pytest
import scipy.stats
import sklearn.mixture
import tensorflow as tf

import keras_svae as ks
from keras_svae.samplers.sampler import random_state
from tests.models import tiny
from tests.models.tiny import CODE

N = 20_000


def two_blobs(n=2000, seed=0):
    """Codes of two Gaussians: a narrow one, and one with a correlation."""
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(n // 2, 2)) * 0.3 + [3, -1]
    other = rng.normal(size=(n - n // 2, 2)) @ [[1.0, 0.8], [0.0, 0.6]] + [-2, 2]
    return np.concatenate([one, other]).astype("float32")


def agree(drawn, mean, covariance):
    """Raises unless moments of draws are these, within 4 standard errors."""
    drawn, n = np.asarray(drawn, float), len(drawn)
    error = np.sqrt(np.diag(covariance) / n)
    np.testing.assert_array_less(np.abs(drawn.mean(0) - mean), 4 * error)
    centred = drawn - mean
    products = centred[:, :, None] * centred[:, None, :]
    error = products.std(0) / np.sqrt(n)
    off = np.abs(products.mean(0) - covariance)
    np.testing.assert_array_less(off, 4 * error)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_mixture_has_the_moments_and_the_density_that_scikit_learn_fitted(kind):
    z = two_blobs()
    mixture = ks.samplers.GaussianMixture(2, kind).fit_codes(z, seed=5)
    found = sklearn.mixture.GaussianMixture(
        2, covariance_type=kind, max_iter=200, random_state=random_state(5)
    ).fit(z.astype(float))
    covariances = {
        "full": lambda c: c,
        "tied": lambda c: np.stack([c, c]),
        "diag": lambda c: np.stack([np.diag(one) for one in c]),
        "spherical": lambda c: np.stack([one * np.eye(2) for one in c]),
    }[kind](found.covariances_)
    mean = found.weights_ @ found.means_
    off = found.means_ - mean
    covariance = np.einsum("k,kij->ij", found.weights_, covariances) + np.einsum(
        "k,ki,kj->ij", found.weights_, off, off
    )
    agree(mixture.sample(N, seed=3), mean, covariance)
    log_prob = mixture.log_prob(z[::100])
    np.testing.assert_allclose(log_prob, found.score_samples(z[::100]), rtol=1e-3)
    # Its components too: draws of one side are of one component.
    drawn = np.asarray(mixture.sample(N, seed=3))
    right = np.argmax(found.means_[:, 0])
    share = found.weights_[right]
    error = np.sqrt(share * (1 - share) / N)
    near = found.predict(drawn.astype(float)) == right
    wrong = 1e-3 if kind in ("full", "diag") else 0.02  # the two overlap a little
    assert abs(near.mean() - share) < 4 * error + wrong


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_mixture_of_small_codes_is_as_narrow_as_they_are(kind):
    """scikit-learn adds a variance of 1e-6, whatever the codes' own is."""
    z = 1e-4 * two_blobs()
    if kind != "spherical":
        z[:, 1] *= 100
    sampler = ks.samplers.GaussianMixture(2, kind).fit_codes(z, seed=5)
    one = sampler.scale_tril.numpy()[np.argmax(sampler.means.numpy()[:, 0])]
    covariance = one @ one.T
    narrow = z[: len(z) // 2]  # of the first blob; "tied" has both blobs' covariance
    expected = np.cov(narrow.T, bias=True)
    if kind == "tied":
        blobs = np.cov(narrow.T, bias=True), np.cov(z[len(z) // 2 :].T, bias=True)
        expected = (blobs[0] + blobs[1]) / 2
    ratio = np.sqrt(np.diag(covariance) / np.diag(expected))
    np.testing.assert_allclose(ratio, 1, atol=0.05)
    drawn = np.asarray(sampler.sample(N, seed=1), float)
    np.testing.assert_allclose(drawn.std(0), z.std(0), rtol=0.03)


def test_a_dimension_that_never_changes_is_drawn_near_its_value():
    z = two_blobs() * [1, 0] + [0, 0.1]
    drawn = ks.samplers.GaussianMixture(2).fit_codes(z, seed=5).sample(100)
    np.testing.assert_allclose(drawn[:, 1], 0.1, atol=0.01)


def test_the_aggregated_posterior_is_the_mixture_of_all_posteriors():
    model, x = tiny.build("vae"), tiny.data(n=30)
    sampler = ks.samplers.AggregatedPosterior().fit(model, x)
    law = model.posterior(x)
    mean, scale = np.asarray(law.mean(), float), np.asarray(law.stddev(), float)
    np.testing.assert_allclose(sampler.means, mean, rtol=1e-5)
    np.testing.assert_allclose(sampler.scales, scale, rtol=1e-5)
    covariance = np.diag((scale**2).mean(0)) + np.cov(mean.T, bias=True)
    agree(sampler.sample(N, seed=1), mean.mean(0), covariance)
    z = np.random.default_rng(0).normal(size=(60, CODE))  # more than one chunk
    each = scipy.stats.norm.logpdf(z[:, None], mean, scale).sum(-1)
    expected = scipy.special.logsumexp(each, 1) - np.log(30)
    np.testing.assert_allclose(sampler.log_prob(z), expected, rtol=1e-4)


def test_codes_of_a_posterior_without_moments_are_drawn_again():
    model, x = tiny.build("ali", posterior="implicit"), tiny.data(n=20)
    sampler = ks.samplers.AggregatedPosterior().fit(model, x)
    assert not np.any(sampler.scales.numpy())
    drawn = np.unique(np.asarray(sampler.sample(500)), axis=0)
    kept = np.unique(sampler.means.numpy(), axis=0)
    np.testing.assert_array_equal(drawn, kept)
    with pytest.raises(ValueError, match="Expected a Gaussian posterior.*codes alone"):
        sampler.log_prob(kept)


def test_the_flow_has_the_density_of_its_draws():
    z = two_blobs(200)
    flow = ks.samplers.MaskedAutoregressiveFlow(length=2, units=8, epochs=3)
    flow.fit_codes(z, seed=1)
    point = flow.sample(1, seed=2).numpy()
    # The change of variables, with the map that draws: eps -> z.
    eps = ks.noise.Noise(2).normal([1, 2], "code")

    def draw(eps):
        law = flow._law(flow.kernels.value, flow.biases.value)
        return law.bijector.forward(eps) * flow.spread.value + flow.shift.value

    np.testing.assert_allclose(draw(eps), point, rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(eps)
        made = draw(eps)
    jacobian = tape.batch_jacobian(made, eps).numpy()[0].astype(float)
    expected = scipy.stats.norm.logpdf(eps).sum() - np.log(abs(np.linalg.det(jacobian)))
    np.testing.assert_allclose(flow.log_prob(point), [expected], rtol=1e-4)


@pytest.mark.slow
def test_training_makes_codes_more_likely_than_a_gaussian_does():
    z = two_blobs(1000)
    flow = ks.samplers.MaskedAutoregressiveFlow(epochs=12, learning_rate=1e-2)
    flow.fit_codes(z, seed=1)
    gaussian = ks.samplers.GaussianMixture(1).fit_codes(z)
    fresh = two_blobs(1000, seed=1)
    gain = flow.log_prob(fresh) - gaussian.log_prob(fresh)
    assert np.mean(gain) > 0.3 + 4 * np.std(gain) / np.sqrt(len(gain))


def test_the_second_stage_draws_as_its_vae_does():
    z = two_blobs(200)
    second = ks.samplers.SecondStageVAE(
        units=8, depth=1, epochs=2, batch_size=50
    ).fit_codes(z)
    gamma = float(second.gamma.numpy())
    assert gamma != 1 and 0 < gamma < 2
    # One hidden layer of ReLU and the input beside it, in NumPy.
    w = [v.numpy().astype(float) for v in second.decoder.weights]
    noise = ks.noise.Noise(4)
    u = noise.normal([6, 2], "code_of_code").numpy()
    e = noise.normal([6, 2], "code").numpy()
    hidden = np.maximum(u @ w[0] + w[1], 0)
    mu = np.concatenate([u, hidden], -1) @ w[2] + w[3]
    expected = z.mean(0) + z.std(0) * (mu + gamma * e)
    np.testing.assert_allclose(second.sample(6, seed=4), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="Expected a sampler with a density.*SecondSt"):
        second.log_prob(z)
