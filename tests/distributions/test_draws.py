"""Draws: of the same numbers with and without XLA, TFP's own on a CPU without it."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import distributions
from keras_svae.distributions import drawn
from keras_svae.noise import Noise

tfd = tfp.distributions
LAWS = {
    "gaussian": distributions.Gaussian(0.7),
    "gaussian learned": distributions.Gaussian("learned"),
    "laplace": distributions.Laplace(0.7),
    "laplace learned": distributions.Laplace("learned", "tanh"),
    "bernoulli": distributions.Bernoulli(),
    "continuous bernoulli": distributions.ContinuousBernoulli("sample"),
    "planar": distributions.PlanarFlow(3),
    "planar shared": distributions.PlanarFlow(3, conditioned=False),
    "coupling": distributions.CouplingFlow(3, units=7),
    "autoregressive": distributions.AutoregressiveFlow(3, units=7),
    "part": distributions.PartialCode(4, 2),
    "part and category": distributions.PartialCode(4, 1, 2, "laplace", "uniform"),
    "category": distributions.PartialCode(4, 0, 4),
    "part of a flow": distributions.PartialCode(
        4, 2, 0, distributions.CouplingFlow(2, units=5)
    ),
}
PRIORS = {
    "normal": distributions.prior("normal", 4),
    "uniform": distributions.prior("uniform", 4),
    "category": distributions.prior("normal", 4, 4),
    "normal and category": distributions.prior("normal", 4, 2),
}
SYMMETRIC = [
    distributions.GaussianNoise(0.3),
    distributions.LaplaceNoise(0.3),
    distributions.ShiftLikelihood(3),
    distributions.RotationLikelihood(60),
]


def raw(law):
    size = law.outputs(4)
    return tf.reshape(tf.linspace(-1.0, 1.0, 3 * size), [3, size])


def draws(key):
    """Draws of every law and prior by name, by an int32 (2,) key."""
    found = {}
    for name, law in LAWS.items():
        given = raw(law)
        found["law: " + name] = law.sample(given, key)
    for name, prior in PRIORS.items():
        found["prior: " + name] = prior.sample(50, seed=key)
    x = tf.reshape(tf.linspace(-1.0, 1.0, 6 * 8 * 8), [6, 8, 8, 1])
    for law in SYMMETRIC:
        y = law.perturb(x, Noise(key))
        assert tf.executing_eagerly() is False or np.abs(y - x).max() > 0.01
        found["symmetric: " + type(law).__name__] = y
    return found


@pytest.mark.slow
def test_the_same_numbers_under_xla():
    # The key is an argument: what constants give is computed before XLA sees it.
    key = Noise(3).seed("z")
    eager, graph, compiled = (
        way(key)
        for way in (draws, tf.function(draws), tf.function(draws, jit_compile=True))
    )
    for name, found in eager.items():
        assert len(np.unique(found)) > 1
        # A graph computes what it knows otherwise than what it is given: rounding.
        off = 0 if name.startswith("prior") else 1e-5
        np.testing.assert_allclose(graph[name], found, off, off, err_msg=name)
        np.testing.assert_allclose(compiled[name], found, 1e-5, 1e-5, err_msg=name)


# The first numbers of draws by the key of `Noise(3).seed("z")`, taken on a CPU before
# draws were Philox's by name.
BEFORE = {
    "law: gaussian": [-1.0675805, -0.7599617, -0.2124456],
    "law: gaussian learned": [-1.0618128, -0.8562979, -0.3863166],
    "law: laplace": [1.8871164, 0.088976, -0.562649],
    "law: laplace learned": [1.8791188, 0.161594, -0.6018981],
    "law: continuous bernoulli": [0.9862013, 0.8046995, 0.4708761],
    "law: planar": [-1.672492, -1.5432518, -1.2270765],
    "law: planar shared": [-1.672492, -1.5432518, -1.2270765],
    "law: coupling": [-1.0525374, -0.970641, -0.9130295],
    "law: autoregressive": [-0.9922281, -0.9401948, -0.6479123],
    "law: part": [-1.6841964, -1.0102272, -0.0847187],
    "law: part and category": [-0.9361404, 0.9347541, 1.0, 0.0],
    "law: category": [0.0, 0.0, 1.0, 0.0],
    "law: part of a flow": [-1.1737778, -1.5027764, -0.0847187],
    "prior: normal": [-0.0965435, 0.0831716, 0.6055973],
    "prior: uniform": [0.9838276, 0.7263594, 0.0999515],
    "prior: category": [0.0, 0.0, 0.0, 1.0],
    "prior: normal and category": [-1.0562556, -0.2600558, 0.0, 1.0],
    "symmetric: GaussianNoise": [0.2960266, -0.0853099, -0.3083125],
    "symmetric: LaplaceNoise": [0.0596898, -0.15864, 0.0592796],
}


@pytest.mark.parametrize("name", BEFORE)
@pytest.mark.fixed_seed
def test_draws_are_those_of_before(name):
    kind, of = name.split(": ")
    key = Noise(3).seed("z")
    if kind == "law":
        found = LAWS[of].sample(raw(LAWS[of]), key)
    elif kind == "prior":
        found = PRIORS[of].sample(50, seed=key)
    else:
        x = tf.zeros([2, 2, 2, 1])
        (law,) = (one for one in SYMMETRIC if type(one).__name__ == of)
        found = law.perturb(x, Noise(3))
    np.testing.assert_allclose(
        np.ravel(found)[: len(BEFORE[name])], BEFORE[name], rtol=1e-5, atol=1e-6
    )


ROWS = tf.reshape(tf.linspace(-2.0, 2.0, 12), [3, 4])
PAIRS = [
    (drawn.Normal(ROWS, 0.5), tfd.Normal(ROWS, 0.5)),
    (drawn.Laplace(ROWS, 0.5), tfd.Laplace(ROWS, 0.5)),
    (drawn.Uniform(ROWS, ROWS + 0.5), tfd.Uniform(ROWS, ROWS + 0.5)),
    (drawn.Bernoulli(logits=ROWS), tfd.Bernoulli(logits=ROWS)),
    (drawn.ContinuousBernoulli(ROWS), tfd.ContinuousBernoulli(ROWS)),
    (
        drawn.OneHotCategorical(ROWS, dtype=tf.float32),
        tfd.OneHotCategorical(ROWS, dtype=tf.float32),
    ),
]


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="TFP's choice is a CPU's"
)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: type(pair[0]).__name__)
def test_draws_are_those_of_tfp(pair):
    # Of several axes, as of one.
    ours, theirs = (law.sample([3, 2], seed=[-1, 4]) for law in pair)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    parts = [law.sample(2, seed=[5, 6]) for law in map(_blocks, pair)]
    np.testing.assert_allclose(*parts, rtol=1e-6, atol=1e-6)


def _blocks(law):
    normal = tfd.MultivariateNormalDiag(tf.zeros([3, 2]))
    if law.event_shape.rank == 0:
        law = tfd.Independent(law, 1)
    kind = drawn.Blockwise if type(law).__module__ == drawn.__name__ else tfd.Blockwise
    return kind([law, normal], dtype_override=tf.float32)


def test_each_row_of_logits_draws_by_a_number_of_its_own():
    rows = tf.zeros([20_000, 4])
    found = drawn.OneHotCategorical(rows, dtype=tf.float32).sample(seed=[1, 2])
    np.testing.assert_array_equal(tf.reduce_sum(found, -1), 1)
    np.testing.assert_allclose(tf.reduce_mean(found, 0), 0.25, atol=0.02)
    classes = tf.argmax(found, -1).numpy()
    # TensorFlow's threads draw shifted copies of one another's.
    for by in (1, 2, 2500, 5000, 7500, 10_000):
        assert np.mean(classes[by:] == classes[:-by]) == pytest.approx(0.25, abs=0.03)


def test_draws_without_a_seed_are_new_ones():
    law = distributions.prior("normal", 3)
    assert np.abs(law.sample() - law.sample()).min() > 0
    tf.random.set_seed(1)
    one = law.sample(seed=5)
    tf.random.set_seed(1)
    np.testing.assert_array_equal(one, law.sample(seed=5))


def test_divergences_in_closed_form_and_functions_that_return_a_law_stay():
    law = LAWS["gaussian learned"]
    prior = PRIORS["normal"]
    q = tf.function(lambda given: law(given))(raw(law))
    np.testing.assert_allclose(
        tfd.kl_divergence(q, prior),
        tfd.kl_divergence(
            tfd.MultivariateNormalDiag(q.mean(), q.stddev()),
            tfd.MultivariateNormalDiag(tf.zeros([4])),
        ),
        rtol=1e-4,
    )
    np.testing.assert_array_equal(q.sample(seed=[1, 2]), law.sample(raw(law), [1, 2]))


@pytest.mark.parametrize("name", ["Bernoulli", "ContinuousBernoulli"])
@pytest.mark.parametrize("given", ["logits", "probs"])
def test_densities_of_logits_and_of_probabilities_are_those_of_tfp(
    name, given, monkeypatch
):
    values = ROWS if given == "logits" else tf.sigmoid(ROWS)
    x = tf.reshape(tf.linspace(0.0, 1.0, 5), [5, 1, 1])

    def found(module):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            law = getattr(module, name)(**{given: values})
            log_prob, mean = law.log_prob(x), law.mean()
        gradients = [tape.gradient(one, values) for one in (log_prob, mean)]
        assert np.abs(gradients).min() > 0
        return [log_prob, mean], gradients

    expected = found(tfd)
    # TFP may change what is private: ours must not read it.
    monkeypatch.delattr(getattr(tfd, name), "_outcome_log_probs")
    for one, other, off in zip(found(drawn), expected, (2e-6, 2e-5), strict=True):
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=off, atol=off)


class Sevens(distributions.Gaussian):
    """Its mean and its draws are its own."""

    def mean(self, raw):
        return tf.fill(tf.shape(raw), 7.0)

    def sample(self, raw, seed):
        return self.mean(raw) + 1.0


@pytest.mark.parametrize("categories", [0, 2])
def test_a_part_of_a_code_has_its_law_s_own_mean_and_draws(categories):
    seed = tf.constant([1, 2])
    law = distributions.PartialCode(5, 2, categories, Sevens())
    outputs = tf.random.stateless_normal([3, law.outputs(5)], [0, 1])
    learned = tf.random.stateless_normal([3, 4 + categories], [0, 1])
    assert (law.mean(outputs)[:, :2].numpy() == 7).all()
    assert (law.sample(outputs, seed)[:, :2].numpy() == 8).all()
    still = distributions.Gaussian("learned", draw="mean")
    law = distributions.PartialCode(5, 2, categories, still)
    drawn, means = law.sample(learned, seed), law.mean(learned)
    np.testing.assert_array_equal(drawn[:, :2], means[:, :2])
    assert (drawn[:, 2].numpy() != means[:, 2].numpy()).all()
    # Other draws are those of the distribution.
    law = distributions.PartialCode(5, 2, categories)
    np.testing.assert_array_equal(
        law.sample(learned, seed), law(learned).sample(seed=seed)
    )
