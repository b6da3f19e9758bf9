"""A model's densities as functions, and the measures on them."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_svae as ks
from keras_svae import distributions, evaluation
from keras_svae.evaluation.subject import Subject
from tests.models import tiny

X = tiny.data(n=4)
Z = np.random.default_rng(1).normal(size=(4, tiny.CODE)).astype("float32")


def test_functions_are_the_models():
    model = tiny.build("svae_r", compiled=False)
    p = evaluation.density(model)
    np.testing.assert_allclose(
        p.log_likelihood(X, Z), model.likelihood(Z).log_prob(X), rtol=1e-6
    )
    np.testing.assert_allclose(
        p.posterior(X).log_prob(Z), model.posterior(X).log_prob(Z), rtol=1e-6
    )
    assert p.prior.event_shape == (tiny.CODE,) and p.value_range is None
    found = evaluation.variational_bound(X, p.log_likelihood, p.posterior, p.prior)
    assert np.isfinite(found.per_example).all()


def test_another_law_around_a_gans_means():
    gan = tiny.build("gan", distributions.Implicit("sigmoid"), compiled=False)
    with pytest.raises(ValueError, match="Expected a model with a decoder density"):
        evaluation.density(gan)
    p = evaluation.density(gan, distributions.Gaussian(0.2))
    exact = scipy.stats.norm(gan.decode(Z), 0.2).logpdf(X).sum(-1)
    np.testing.assert_allclose(p.log_likelihood(X, Z), exact, rtol=1e-4)
    assert p.posterior is None and p.value_range == (0.0, 1.0)
    binary = np.round(X)
    p = evaluation.density(gan, "bernoulli")
    exact = scipy.stats.bernoulli(gan.decode(Z)).logpmf(binary).sum(-1)
    np.testing.assert_allclose(p.log_likelihood(binary, Z), exact, rtol=1e-4)


def test_another_law_in_place_of_a_learned_scale():
    law = distributions.Gaussian("learned", "tanh")
    model = tiny.build("vae", law, compiled=False)
    exact = scipy.stats.norm(model.decode(Z), 0.2).logpdf(X).sum(-1)
    for other in ("linear", "tanh"):
        p = evaluation.density(model, distributions.Gaussian(0.2, other))
        np.testing.assert_allclose(p.log_likelihood(X, Z), exact, rtol=1e-4)
    for other in ("bernoulli", law, "implicit"):
        with pytest.raises(ValueError, match="Expected .*received"):
            evaluation.density(model, other)


def test_simulated_data_are_draws_and_not_means():
    model = tiny.build("vae", distributions.Gaussian(0.3, draw="mean"), compiled=False)
    x, z = evaluation.density(model).simulate(4000, 1)
    assert np.std(x - model.decode(z)) == pytest.approx(0.3, abs=0.01)
    bits, z = evaluation.density(tiny.build("vae", "bernoulli")).simulate(50, 1)
    assert set(np.unique(bits)) == {0.0, 1.0}
    with pytest.raises(ValueError, match="n to be an integer >= 1; received: n=2.5"):
        evaluation.density(model).simulate(2.5)
    np.testing.assert_array_equal(
        evaluation.density(model).simulate(5, 1)[0],
        evaluation.density(model).simulate(5, 1)[0],
    )


def test_what_is_no_density_of_x_given_z_is_refused():
    with pytest.raises(ValueError, match="Expected a model of keras_svae"):
        evaluation.density(keras.Sequential())
    nets = ks.networks.toy(likelihood="gaussian", noise=True)
    with pytest.raises(ValueError, match="Expected a decoder of z alone.*noise"):
        evaluation.density(ks.SVAE(*nets, likelihood="gaussian"))
    p = evaluation.density(tiny.build("vae", compiled=False))
    with pytest.raises(ValueError, match="Expected each example to have shape"):
        p.log_likelihood(X[:, :1], Z)


def test_a_saved_model_is_measured_like_the_model(tmp_path):
    model = tiny.build("svae_r")
    model.export(tmp_path / "saved")
    saved = Subject.of(tmp_path / "saved")
    p = evaluation.density(model)

    def measure(log_likelihood):
        return evaluation.annealed_importance_sampling(
            X, log_likelihood, p.prior, n_temperatures=20, n_chains=4
        ).per_example

    np.testing.assert_allclose(
        measure(saved.log_likelihood), measure(p.log_likelihood), atol=0.05
    )


def test_a_flow_of_methods_brackets_its_simulated_data():
    model = tiny.build("svae_r", "bernoulli", compiled=False, prior="uniform")
    p = evaluation.density(model)
    x, z = p.simulate(10, 2)
    found = evaluation.bidirectional_monte_carlo(
        x, z, p.log_likelihood, p.prior, n_temperatures=200
    )
    assert abs(found.gap) < 0.1
    bits = np.array(np.meshgrid(*[[0, 1]] * tiny.DATA)).reshape(tiny.DATA, -1).T
    total = evaluation.annealed_importance_sampling(
        bits.astype("f"), p.log_likelihood, p.prior, n_temperatures=100
    )
    # All data that there can be: their probabilities sum to one.
    p = np.exp(total.per_example)
    error = np.linalg.norm(p * np.sqrt(1 / total.effective_sample_size - 1 / 16))
    assert p.sum() == pytest.approx(1, abs=5 * error) and error < 0.02
    assert tf.reduce_all(tf.abs(z) <= 1)
