"""The variational and the importance-weighted bound, where log p(x) is known."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import evaluation
from tests.evaluation.linear import Linear

tfd, tfb = tfp.distributions, tfp.bijectors
MODEL = Linear(n=40)


def variational(posterior, data=MODEL.x, **kwargs):
    kwargs = {"latent_dim": MODEL.code, **kwargs}
    return evaluation.variational_bound(
        data, MODEL.log_likelihood, posterior, "normal", **kwargs
    )


def weighted(posterior, data=MODEL.x, **kwargs):
    kwargs = {"latent_dim": MODEL.code, **kwargs}
    return evaluation.importance_weighted_bound(
        data, MODEL.log_likelihood, posterior, "normal", **kwargs
    )


def flow(x):
    """The exact posterior, as a transformed distribution."""
    base = tfd.MultivariateNormalDiag(tf.zeros_like(x[:, : MODEL.code]))
    bijector = tfb.Shift(x @ MODEL.back)(tfb.ScaleMatvecTriL(MODEL.root))
    return tfd.TransformedDistribution(base, bijector)


def test_variational_bound_is_log_p_minus_the_posteriors_divergence():
    found = variational(MODEL.other, samples=10_000, batch_size=16)
    gap = tfd.kl_divergence(
        tfd.MultivariateNormalDiag(MODEL.other(MODEL.x).mean(), 0.5 * np.ones(10, "f")),
        MODEL.posterior(MODEL.x),
    )
    expected = MODEL.exact - gap.numpy()
    np.testing.assert_allclose(found.per_example, expected, atol=0.3)
    assert found.mean == pytest.approx(expected.mean(), abs=0.05)
    np.testing.assert_allclose(found.log_likelihood - found.kl, found.per_example)
    prior = tfd.Independent(tfd.Normal(tf.zeros(10), 1.0), 1)
    kl = tfd.kl_divergence(MODEL.other(MODEL.x), prior)
    np.testing.assert_allclose(found.kl, kl, rtol=1e-5)
    error = np.std(found.per_example, ddof=1) / 40**0.5
    assert found.mean.deviation == pytest.approx(error)
    assert found.mean.details["n"] == 40 and found.mean.details["kl"] == "closed form"


@pytest.mark.parametrize("posterior", [MODEL.posterior, flow])
def test_with_the_exact_posterior_both_bounds_are_log_p(posterior):
    # log p(x|z) + log p(z) - log q(z|x) is then the same for every z.
    for found in (variational(posterior), weighted(posterior, k=10, chunk=3)):
        np.testing.assert_allclose(found.per_example, MODEL.exact, atol=1e-4)
    np.testing.assert_allclose(found.effective_sample_size, 10, rtol=1e-5)
    assert variational(posterior).mean.details["kl"] == "estimated"


def test_weighted_bound_rises_with_k_and_stays_below():
    data = np.repeat(MODEL.x, 10, 0)
    found = [weighted(MODEL.other, data, k=k) for k in (1, 10, 300)]
    means, exact = [one.mean for one in found], MODEL.exact.mean()
    # With k = 1 the same but for the draws, of which there are 400.
    apart = found[0].per_example - variational(MODEL.other, data).per_example
    assert abs(apart.mean()) < 5 * apart.std() / np.sqrt(400) < 3
    assert means[0] + 0.5 < means[1] < means[2] - 0.2 < exact - 0.2
    assert means[2] > exact - 1


def test_chunks_and_batches_change_nothing_but_the_noise():
    assert weighted(MODEL.other, k=200, chunk=200).mean == pytest.approx(
        weighted(MODEL.other, k=200, chunk=7, batch_size=9).mean, abs=0.5
    )
    # Chunks of the same draws would be one draw.
    once = weighted(MODEL.other, k=1).per_example
    twice = weighted(MODEL.other, k=2, chunk=1)
    assert (np.abs(once - twice.per_example) > 1e-3).all()
    assert (twice.effective_sample_size < 2).all()


def test_same_seed_same_numbers_and_streams():
    stream = tf.data.Dataset.from_tensor_slices((MODEL.x, MODEL.x)).batch(32)
    for measure in (variational, weighted):
        kwargs = {"k": 20} if measure is weighted else {}
        one = measure(MODEL.other, seed=3, batch_size=32, **kwargs).per_example
        same = measure(MODEL.other, stream, seed=3, batch_size=32, **kwargs).per_example
        other = measure(MODEL.other, seed=4, batch_size=32, **kwargs).per_example
        np.testing.assert_array_equal(one, same)
        assert (one != other).all()


def test_networks_are_traced_once():
    traces = []

    def posterior(x):
        traces.append(x.shape)
        return MODEL.other(x)

    weighted(posterior, k=25, chunk=10, batch_size=16)
    assert len(traces) == 1


@pytest.mark.parametrize("measure", ["variational", "importance_weighted", "marginal"])
@pytest.mark.parametrize("d", [1, 8])
def test_a_posterior_of_single_numbers_is_refused_whatever_their_number(d, measure):
    """(batch, d) would be broadcast with (batch,) in silence where batch is d."""

    def log_likelihood(x, z, *y):
        return tf.reduce_sum(tfd.Normal(z, 1.0).log_prob(x), -1)

    def posterior(x, *y):
        return tfd.Normal(x, 0.5)

    def classify(x):
        return tf.fill([tf.shape(x)[0], 2], 0.5)

    given = [classify] if measure == "marginal" else []
    bound = getattr(evaluation, f"{measure}_bound")
    with pytest.raises(ValueError, match="posterior.x. as a law of codes"):
        x = np.zeros((8, d), "float32")
        bound(x, log_likelihood, posterior, *given, latent_dim=d, batch_size=8)


def test_a_uniform_prior_has_no_mass_outside():
    def log_likelihood(x, z):
        return tf.reduce_sum(tfd.Normal(z, 0.3).log_prob(x), -1)

    x = np.array([[0.9]], "float32")
    found = evaluation.importance_weighted_bound(
        x,
        log_likelihood,
        lambda x: tfd.Independent(tfd.Normal(x, 0.4), 1),
        "uniform",
        latent_dim=1,
        k=5000,
    )
    cdf = tfd.Normal(0.9, 0.3).cdf
    assert found.mean == pytest.approx(
        float(np.log((cdf(1.0) - cdf(-1.0)) / 2)), abs=0.1
    )
    bound = evaluation.variational_bound(
        x,
        log_likelihood,
        lambda x: tfd.Independent(tfd.Normal(x, 0.4), 1),
        "uniform",
        latent_dim=1,
        samples=100,
    )
    assert bound.mean == -np.inf and bound.mean.deviation is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"k": -1}, "k to be an integer >= 1"),
        ({"k": 2.5}, "k to be an integer >= 1"),
        ({"chunk": 0}, "chunk"),
        ({"batch_size": 0}, "batch_size"),
        ({"posterior": None}, "posterior.*annealed_importance_sampling needs none"),
        ({"log_likelihood": None}, "without a decoder density"),
        ({"prior": "normal", "latent_dim": None}, "latent_dim with a prior"),
        ({"prior": 3}, "prior to be"),
        ({"data": np.full((2, 12), np.nan)}, "NaN or infinity"),
        ({"data": 2 * np.ones((2, 12)), "value_range": (0, 1)}, r"data in \[0, 1\]"),
        ({"log_likelihood": lambda x, z: x[:, :1]}, "one number per example"),
        ({"log_likelihood": lambda x, z: x[:, 0] * np.nan}, "NaN for 40 of 40"),
        (
            {"log_likelihood": lambda x, z: tf.reduce_sum(x, 0)},
            "12 numbers for (64|40) examples",
        ),
        (
            {"posterior": lambda x: tfd.Normal(x[:, :10], 1.0)},
            r"posterior\(x\) as a law of codes.*batch_shape \(None, 10\)",
        ),
        ({"posterior": lambda x: tfd.Normal(x[:, :1], 1.0)}, "law of codes"),
        (
            {"posterior": lambda x: tfd.MultivariateNormalDiag(tf.zeros(10))},
            r"law of codes.*batch_shape \(\)",
        ),
    ],
)
def test_what_is_refused(change, why):
    given = {
        "data": MODEL.x,
        "log_likelihood": MODEL.log_likelihood,
        "posterior": MODEL.other,
        "prior": "normal",
        "latent_dim": 10,
        "k": 2,
    }
    with pytest.raises(ValueError, match="Expected .*" + why):
        evaluation.importance_weighted_bound(**{**given, **change})
    if not {"k", "chunk"} & set(change):
        del given["k"]
        with pytest.raises(ValueError, match="Expected .*" + why):
            evaluation.variational_bound(**{**given, **change})
