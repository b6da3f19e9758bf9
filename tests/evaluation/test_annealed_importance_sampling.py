"""AIS where log p(x) is known: exactly, or by numerical integration."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import distributions, evaluation
from keras_svae.evaluation.likelihood import annealing
from keras_svae.noise import Noise
from tests.evaluation.linear import Linear

tfd = tfp.distributions
MODEL = Linear()


def ais(data=MODEL.x, log_likelihood=MODEL.log_likelihood, prior="normal", **kwargs):
    kwargs = {"latent_dim": MODEL.code, "n_chains": 16, "n_temperatures": 100} | kwargs
    return evaluation.annealed_importance_sampling(
        data, log_likelihood, prior, **kwargs
    )


def test_within_a_tenth_of_a_nat_of_a_linear_gaussian_models_marginal():
    # Standard errors over seeds: 0.024 of the mean, 0.09 of an example at most.
    found = ais(n_chains=160, n_temperatures=600)
    assert found.mean == pytest.approx(MODEL.exact.mean(), abs=0.1)
    np.testing.assert_allclose(found.per_example, MODEL.exact, atol=0.5)
    assert (
        (found.effective_sample_size > 16) & (found.effective_sample_size <= 160)
    ).all()
    # Over seeds 0.69 +- 0.02: the law narrows on the way.
    np.testing.assert_allclose(found.acceptance, 0.65, atol=0.13)
    assert found.mean.details["n_temperatures"] == 600


def test_weights_are_unbiased_whatever_the_temperatures():
    # Few temperatures and poor chains, but many: a biased weight would stay.
    small = Linear(code=2, data=3, n=4, seed=1)
    # An example's standard errors over seeds: 0.025 at most, and 0.014.
    for n, schedule, tolerance in ((2, "linear", 0.13), (5, "sigmoid", 0.07)):
        found = ais(
            small.x,
            small.log_likelihood,
            latent_dim=2,
            n_chains=10_000,
            n_temperatures=n,
            leapfrog_steps=2,
            schedule=schedule,
        )
        assert (found.effective_sample_size > 200).all()
        np.testing.assert_allclose(found.per_example, small.exact, atol=tolerance)


def test_bernoulli_decoder_against_numerical_integration():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 8)), 1.5 * rng.normal(size=(8, 25))

    def logits(z, module):
        return module.tanh(z @ first.astype("f")) @ second.astype("f")

    def log_likelihood(x, z):
        return distributions.Bernoulli()(logits(z, tf)).log_prob(x)

    z = rng.normal(size=(6, 2)).astype("float32")
    x = (rng.random((6, 25)) < scipy.special.expit(logits(z, np))).astype("float32")
    axis = np.linspace(-6, 6, 401)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    on_grid = logits(grid, np)
    log_joint = x @ on_grid.T - np.logaddexp(0, on_grid).sum(-1)
    log_joint += -0.5 * (grid**2).sum(-1) - np.log(2 * np.pi)
    exact = scipy.special.logsumexp(log_joint, 1) + 2 * np.log(axis[1] - axis[0])
    found = ais(x, log_likelihood, latent_dim=2, n_chains=100, n_temperatures=100)
    np.testing.assert_allclose(found.per_example, exact, atol=0.3)


def test_a_uniform_prior_keeps_its_chains_in_the_box():
    # The likelihood pulls out of the box: its mean is beyond the wall.
    def log_likelihood(x, z):
        tf.debugging.assert_less_equal(tf.abs(z), 1.0)
        return tf.reduce_sum(tfd.Normal(z, 0.2).log_prob(x), -1)

    def exact(x):
        law = scipy.stats.norm(x, 0.2)
        return np.log((law.cdf(1) - law.cdf(-1)) / 2).sum(-1)

    x = np.array([[1.2, -0.3], [0.0, -1.0]], "float32")
    kwargs = {"latent_dim": 2, "n_chains": 400, "n_temperatures": 40}
    found = ais(x, log_likelihood, "uniform", **kwargs)
    # An example's standard error over seeds: 0.07.
    np.testing.assert_allclose(found.per_example, exact(x), atol=0.35)
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, (16, 2))
    x = z + 0.2 * rng.normal(size=z.shape)
    both = evaluation.bidirectional_monte_carlo(
        x, z, log_likelihood, distributions.prior("uniform", 2), **kwargs
    )
    # Over seeds 0.00 +- 0.013; and 0.04 +- 0.032, as an upper bound of this length is.
    assert both.lower == pytest.approx(exact(x).mean(), abs=0.1)
    assert both.upper == pytest.approx(exact(x).mean() + 0.04, abs=0.16)


def test_a_bounded_prior_of_another_kind():
    def log_likelihood(x, z):
        return tf.reduce_sum(tfd.Normal(z, 0.5).log_prob(x), -1)

    prior = tfd.Independent(tfd.Gamma([3.0], 2.0), 1)
    grid = np.linspace(1e-6, 20, 20_001)
    joint = scipy.stats.gamma(3, scale=1 / 2).pdf(grid)
    joint *= scipy.stats.norm(grid, 0.5).pdf(1)
    found = ais([[1.0]], log_likelihood, prior, n_chains=200)
    assert found.mean == pytest.approx(np.log(np.trapezoid(joint, grid)), abs=0.15)


NORMALS = [tfd.MultivariateNormalDiag([m, 0.0], [0.5, 1.0]) for m in (-1.5, 1.0)]
UNIFORMS = tfd.Independent(tfd.Uniform([[-2.0, 0], [2, 0]], [[0.0, 1], [3, 1]]), 1)
WEIGHTS = tfd.Categorical(probs=[0.3, 0.7])


@pytest.mark.parametrize(
    "prior",
    [
        tfd.Mixture(WEIGHTS, NORMALS),
        tfd.MixtureSameFamily(
            WEIGHTS,
            tfd.MultivariateNormalDiag([[-1.5, 0], [1, 0]], [[0.5, 1], [0.5, 1]]),
        ),
        # Mixtures of single numbers, side by side; the second has one component.
        tfd.Independent(
            tfd.MixtureSameFamily(
                tfd.Categorical(probs=[[0.3, 0.7], [0.5, 0.5]]),
                tfd.Normal([[-1.5, 1.0], [0.0, 0.0]], [[0.5, 0.5], [1.0, 1.0]]),
            ),
            1,
        ),
    ],
    ids=["mixture", "same family", "numbers"],
)
def test_a_mixture_as_prior(prior):
    model = Linear(code=2, data=3, n=6, seed=3)
    w = model.w.astype(float)

    def exact(x):
        """The log of a mixture of Gaussians of x, one of each component."""
        noise = model.scale**2 * np.eye(3)
        logs = [
            np.log(p)
            + scipy.stats.multivariate_normal(
                [m, 0] @ w, w.T @ np.diag([0.25, 1]) @ w + noise
            ).logpdf(x)
            for p, m in ((0.3, -1.5), (0.7, 1.0))
        ]
        return scipy.special.logsumexp(logs, 0)

    kwargs = {"latent_dim": None, "n_chains": 300, "n_temperatures": 60}
    found = ais(model.x, model.log_likelihood, prior, **kwargs)
    # An example's standard error over seeds: 0.09 at most.
    np.testing.assert_allclose(found.per_example, exact(model.x), atol=0.45)
    z = prior.sample(40, seed=[1, 2]).numpy()
    x = z @ model.w + model.scale * np.random.default_rng(0).normal(size=(40, 3))
    both = evaluation.bidirectional_monte_carlo(
        x, z, model.log_likelihood, prior, **kwargs
    )
    # Over seeds -0.007 +- 0.007 and 0.07 +- 0.03 from it.
    assert both.lower == pytest.approx(exact(x).mean(), abs=0.06)
    assert both.upper == pytest.approx(exact(x).mean() + 0.07, abs=0.2)


@pytest.mark.parametrize(
    "prior",
    [
        tfd.MixtureSameFamily(WEIGHTS, UNIFORMS),
        tfd.Mixture(WEIGHTS, [NORMALS[0], UNIFORMS[1]]),
        tfd.Independent(tfd.Bernoulli([0.5, 0.5]), 1),
    ],
    ids=["boxes", "a box and a normal", "bits"],
)
def test_a_prior_whose_support_is_not_known_is_refused(prior):
    with pytest.raises(ValueError, match="Expected a prior .* whose support is known"):
        ais(prior=prior)


def test_forward_and_reverse_bracket_log_p():
    model = Linear(n=16, seed=5)

    def both(n, n_chains):
        return evaluation.bidirectional_monte_carlo(
            model.x,
            model.z,
            model.log_likelihood,
            latent_dim=10,
            n_temperatures=n,
            n_chains=n_chains,
        )

    few, many = both(8, 32), both(150, 128)
    exact = model.exact.mean()
    # Over seeds -2.5 +- 0.54 and 3.1 +- 0.29 from it; then -0.05 and 0.1 +- 0.07.
    assert few.lower < exact - 0.2 and few.upper > exact + 0.2
    assert many.lower == pytest.approx(exact, abs=0.4)
    assert many.upper == pytest.approx(exact, abs=0.4)
    assert many.gap < few.gap / 2
    assert few.gap == pytest.approx(few.upper - few.lower)


def test_reverse_chains_start_at_the_codes_given():
    # Codes of no such data, far off: no draws of the posterior, and no upper bound.
    found = evaluation.bidirectional_monte_carlo(
        MODEL.x,
        5 + 0 * MODEL.z,
        MODEL.log_likelihood,
        latent_dim=10,
        n_temperatures=3,
    )
    assert (found.upper_per_example < MODEL.exact - 50).all()


def test_one_trace_and_no_pass_of_the_decoder_in_vain():
    traces, passes = [], tf.Variable(0)

    def log_likelihood(x, z):
        traces.append(z.shape)
        passes.assign_add(1)
        return MODEL.log_likelihood(x, z)

    kwargs = {"n_temperatures": 12, "leapfrog_steps": 3, "step_size": 0.1}
    ais(MODEL.x[:3], log_likelihood, batch_size=3, **kwargs)
    # A pass for the first weight; one for each leapfrog step of ten transitions.
    assert (len(traces), int(passes)) == (2, 1 + 10 * 3)
    ais(MODEL.x, log_likelihood, batch_size=3, **kwargs)
    assert len(traces) == 4  # three batches, of 3, 3 and 2


def test_pilots_steps_are_frozen_and_of_use():
    engine = annealing.Annealing(
        MODEL.log_likelihood, distributions.prior("normal", 10), 32, 10, 0.65
    )
    steps = engine.pilot(MODEL.x, annealing.schedule(100), Noise([1, 2]).key)
    # The law narrows, and so do the steps.
    assert (np.exp(steps[-1]) < 0.7 * np.exp(steps[0])).all()
    steps = annealing.interpolate(steps, 38)
    assert steps.shape == (38, 8)
    _, acceptance, used = engine.run(
        MODEL.x, annealing.schedule(40), steps, Noise([3, 4]).key
    )
    np.testing.assert_array_equal(used, steps)
    # Over seeds 0.71 in all, from 0.58 to 0.90, which is where the law is still wide.
    assert np.mean(acceptance) == pytest.approx(0.65, abs=0.1)
    assert acceptance.mean(1).min() > 0.4 and acceptance.mean(1).max() < 0.97


def test_schedules():
    sigmoid, linear = annealing.schedule(101), annealing.schedule(101, "linear")
    np.testing.assert_allclose(linear, np.arange(101) / 100)
    for one in (sigmoid, linear):
        assert one[0] == 0 and one[-1] == 1 and (np.diff(one) > 0).all()
    # By hand: (s(-2) - s(-4)) / (s(4) - s(-4)).
    assert sigmoid[25] == pytest.approx((0.1192029 - 0.0179862) / 0.9640276, rel=1e-5)


def test_interpolation_by_hand():
    np.testing.assert_allclose(
        annealing.interpolate(np.array([[0.0], [1.0], [2.0]]), 7)[:, 0],
        [0, 0, 0.5, 1, 1.5, 2, 2],
    )
    np.testing.assert_array_equal(
        annealing.smooth(np.ones((50, 2), "f")), np.ones((50, 2))
    )
    assert annealing.smooth(np.arange(40.0)[:, None])[10, 0] == 10


def test_same_seed_same_numbers():
    stream = tf.data.Dataset.from_tensor_slices((MODEL.x, MODEL.x)).batch(8)
    kwargs = {"n_temperatures": 5, "step_size": 0.3}
    one, same = ais(seed=1, **kwargs), ais(stream, seed=1, progress=True, **kwargs)
    np.testing.assert_array_equal(one.per_example, same.per_example)
    assert (ais(seed=2, **kwargs).per_example != one.per_example).all()


def test_data_that_cannot_be_have_probability_zero():
    def log_likelihood(x, z):
        impossible = tf.fill([tf.shape(x)[0]], -np.inf)
        return tf.where(x[:, 0] > 0, impossible, -0.5 * (z[:, 0] - 1) ** 2)

    found = ais([[1.0], [-1.0]], log_likelihood, latent_dim=1, n_temperatures=20)
    assert found.per_example[0] == -np.inf and found.effective_sample_size[0] == 0
    # E exp(-(z - 1)^2 / 2), z ~ N(0, 1): by hand.
    assert found.per_example[1] == pytest.approx(-0.25 - 0.5 * np.log(2), abs=0.3)


@pytest.mark.slow
def test_xla_agrees():
    found = ais(n_temperatures=300, jit_compile=True)
    np.testing.assert_allclose(found.per_example, MODEL.exact, atol=1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"log_likelihood": None}, "without a decoder density"),
        ({"n_temperatures": 1}, "n_temperatures to be an integer >= 2"),
        ({"n_chains": 0}, "n_chains"),
        ({"leapfrog_steps": 0}, "leapfrog_steps"),
        ({"schedule": "cosine"}, 'schedule to be "sigmoid"'),
        ({"target_acceptance": 1.0}, "target_acceptance in"),
        ({"target_acceptance": "a"}, "target_acceptance in"),
        ({"log_likelihood": lambda x, z: tf.reduce_sum(z, 0)}, "10 numbers for"),
        ({"step_size": -0.1}, "step_size > 0"),
        ({"step_size": "a"}, "step_size > 0"),
        ({"batch_size": 0}, "batch_size"),
        ({"data": np.full((2, 12), np.inf)}, "NaN or infinity"),
        ({"data": -np.ones((2, 12)), "value_range": (0, 1)}, r"data in \[0, 1\]"),
        ({"log_likelihood": lambda x, z: z[:, 0] * np.nan}, "NaN for 8 of 8"),
    ],
)
def test_what_is_refused(change, why):
    with pytest.raises(ValueError, match="Expected .*" + why):
        ais(**{"n_temperatures": 2, **change})


def test_bidirectional_refuses_codes_that_do_not_fit():
    for z in (MODEL.z[:3], MODEL.z[:, :2]):
        with pytest.raises(ValueError, match=r"Expected codes \(8, 10\)"):
            evaluation.bidirectional_monte_carlo(
                MODEL.x, z, MODEL.log_likelihood, latent_dim=10
            )
