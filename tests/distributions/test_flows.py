"""Flow posteriors as laws: densities, draws, what is refused, models that have them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae import distributions
from keras_svae.distributions import AutoregressiveFlow, CouplingFlow, PlanarFlow
from keras_svae.distributions.planar import Planar
from keras_svae.distributions.steps import Conditioner, autoregressive_masks
from keras_svae.noise import Noise

LAWS = [
    PlanarFlow(1),
    PlanarFlow(3, conditioned=False),
    PlanarFlow(80),
    CouplingFlow(3, units=7),
    AutoregressiveFlow(3, units=7),
]
every = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
kinds = pytest.mark.parametrize("law", LAWS[1:], ids=lambda law: type(law).__name__)
# 80 layers take long to trace. Their densities are compared by default, with `every`,
# and their gradients in test_planar.py.
shorter = pytest.mark.parametrize(
    "law",
    [
        pytest.param(law, marks=pytest.mark.slow if law.length == 80 else ())
        for law in LAWS[1:]
    ],
    ids=lambda law: type(law).__name__,
)


def raw(law, dim, batch=3, scale=1.0, seed=0):
    values = np.random.default_rng(seed).normal(size=(batch, law.outputs(dim)))
    return tf.constant(scale * values, tf.float32)


@every
@pytest.mark.parametrize("dim", [2, 5])
def test_density_is_the_change_of_variables_by_brute_force(law, dim):
    given = raw(law, dim, scale=0.5 if law.length == 80 else 1.5)
    q = law(given)
    assert q.batch_shape == (3,) and q.event_shape == (dim,)
    e = q.distribution.sample(seed=Noise([1, 2]).key)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(e)
        z = q.bijector.forward(e)
    jacobian = tape.batch_jacobian(z, e, experimental_use_pfor=False)
    expected = q.distribution.log_prob(e) - np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-4, atol=1e-3)
    # A code that the flow has never seen: through the inverse.
    other = law(given).log_prob(tf.constant(z.numpy()))
    np.testing.assert_allclose(other, expected, rtol=1e-4, atol=2e-3)


@every
def test_density_integrates_to_one_and_is_that_of_draws(law):
    one = raw(law, 2, batch=1, scale=0.5 if law.length == 80 else 0.8, seed=2)
    edges = np.linspace(-12, 12, 241)
    middle = (edges[1:] + edges[:-1]) / 2
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), -1).reshape(-1, 2)
    grid = tf.constant(grid[:, None], tf.float32)
    density = np.exp(tf.function(lambda: law(one).log_prob(grid))())
    mass = density.reshape(240, 240) * 0.1**2
    assert mass.sum() == pytest.approx(1, abs=0.01)
    n = 100_000
    z = law(one).sample(n, seed=Noise([3, 4]).key)[:, 0].numpy()
    # In 4 x 4 cells around the middle of the draws: shares within 5 standard errors.
    cells = np.concatenate([[-12.0], np.quantile(z[:, 0], [0.25, 0.5, 0.75]), [12.0]])
    cells = np.round(cells, 1)
    found = np.histogram2d(*z.T, bins=[cells, cells])[0] / n
    owner = np.digitize(middle, cells) - 1
    expected = np.zeros((4, 4))
    np.add.at(expected, np.ix_(owner, owner), mass)
    error = np.sqrt(np.maximum(expected, 1e-3) / n)
    assert (np.abs(found - expected) < 5 * error + 2e-3).all()
    assert expected.max() < 0.8  # there is something to tell apart


@shorter
def test_density_of_own_draws_needs_no_inverse_in_a_graph(law, monkeypatch):
    given, prior = raw(law, 4), distributions.prior("normal", 4)

    @tf.function
    def estimate(given):
        q = law(given)
        z = q.sample(seed=Noise([5, 6]).key)
        with tf.GradientTape() as tape:
            tape.watch(given)
            q = law(given)
            z = q.sample(seed=Noise([5, 6]).key)
            kl = distributions.kl_divergence(q, prior, z)
        return z, kl, tape.gradient(kl, given)

    expected_z = law(given).sample(seed=Noise([5, 6]).key)
    expected = law(given).log_prob(tf.constant(expected_z.numpy()))

    def refuse(*_):
        raise AssertionError("the inverse was asked for")

    monkeypatch.setattr(Planar, "_inverse", refuse)
    passes = []
    once = Conditioner.__call__
    monkeypatch.setattr(
        Conditioner, "__call__", lambda *a: passes.append(1) or once(*a)
    )
    z, kl, gradient = estimate(given)
    assert len(passes) <= 4 * law.length  # twice: a pass and its log determinant
    np.testing.assert_allclose(z, expected_z, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(kl, expected - prior.log_prob(z), rtol=1e-4, atol=3e-3)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-3


@shorter
def test_gradients_of_the_density_at_given_codes_match_finite_differences(law):
    given = [raw(law, 3, batch=2, scale=0.8), tf.constant([[0.5, -1.0, 0.3]] * 2)]

    @tf.function
    def value(given, z):
        return tf.reduce_sum(law(given).log_prob(z))

    with tf.GradientTape() as tape:
        tape.watch(given)
        total = value(*given)
    rng = np.random.default_rng(1)
    for i, gradient in enumerate(tape.gradient(total, given)):
        way = np.asarray(gradient) + rng.normal(size=gradient.shape) * 0.1
        way = (way / np.linalg.norm(way)).astype("float32")
        ends = [
            float(value(*given[:i], given[i] + step * way, *given[i + 1 :]))
            for step in (-1e-2, 1e-2)
        ]
        expected = float(np.sum(gradient * way))
        assert abs(expected) > 0.1
        assert (ends[1] - ends[0]) / 2e-2 == pytest.approx(expected, rel=0.02)


@shorter
def test_gradients_through_a_draw_match_finite_differences(law):
    given = raw(law, 3, batch=2, scale=0.8)
    prior = distributions.prior("normal", 3)

    @tf.function
    def value(given):
        q = law(given)
        z = q.sample(seed=Noise([7, 8]).key)
        return tf.reduce_sum(distributions.kl_divergence(q, prior, z) + z[:, 0])

    with tf.GradientTape() as tape:
        tape.watch(given)
        total = value(given)
    gradient = tape.gradient(total, given)
    way = (gradient / tf.norm(gradient)).numpy()
    slope = (value(given + 1e-2 * way) - value(given - 1e-2 * way)) / 2e-2
    assert float(slope) == pytest.approx(float(tf.norm(gradient)), rel=0.02)


def test_planar_raw_outputs_in_their_order():
    law, dim = PlanarFlow(2), 3
    assert law.outputs(dim) == 2 * 3 + 2 * (3 + 3 + 1)
    values = np.zeros((1, law.outputs(dim)), "float32")
    values[0, :3] = [1, 2, 3]  # locations
    q = law(values)
    np.testing.assert_allclose(q.distribution.mean(), [[1, 2, 3]])
    np.testing.assert_allclose(q.distribution.stddev(), 1.001, rtol=1e-5)
    np.testing.assert_allclose(law.mean(values), [[1, 2, 3]], atol=1e-6)
    values[0, 6:9] = np.sqrt(3)  # u of the first layer: (1, 1, 1)
    values[0, 18] = 0.5  # b of the first layer; w is 0
    np.testing.assert_allclose(
        law.mean(values)[0], np.array([1, 2, 3]) + np.tanh(0.5), rtol=1e-5
    )
    values[0, 12] = 2 * np.sqrt(3)  # w: (2, 0, 0), w.u > 0
    np.testing.assert_allclose(
        law.mean(values)[0], np.array([1, 2, 3]) + np.tanh(2.5), rtol=1e-5
    )


def test_coupling_keeps_one_half_and_moves_the_other():
    law = CouplingFlow(1, units=5)
    q = law(raw(law, 5))
    e = q.distribution.sample(seed=Noise([1, 2]).key)
    z = q.bijector.forward(e)
    np.testing.assert_array_equal(z[:, :2], e[:, :2])
    assert (np.abs(z - e)[:, 2:] > 1e-4).all()
    law = CouplingFlow(2, units=5)
    moved = law(raw(law, 5)).bijector.forward(e) - e[:, ::-1]
    assert (np.abs(moved).max(0) > 1e-4).all()


def test_autoregressive_layers_see_earlier_entries_only():
    law = AutoregressiveFlow(1, units=7)
    q = law(raw(law, 4))
    e = q.distribution.sample(seed=Noise([1, 2]).key)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(e)
        z = q.bijector.forward(e)
    jacobian = tape.batch_jacobian(z, e, experimental_use_pfor=False).numpy()
    np.testing.assert_array_equal(np.triu(jacobian, 1), 0)
    below = np.abs(jacobian[:, *np.tril_indices(4)])
    assert (below > 1e-6).all()
    for dim, units in ((2, 1), (5, 3), (4, 9)):
        first, second = autoregressive_masks(dim, units)
        reach = first @ second
        assert (np.triu(reach.T, 0) == 0).all()


def test_shared_parameters_are_constants_of_the_encoder():
    shared = PlanarFlow(5, conditioned=False)
    nets = ks.networks.toy(latent_dim=3, units=8, posterior=shared)
    own = nets.encoder.get_layer("constants")
    assert isinstance(own, ks.networks.layers.AppendConstants)
    assert own.constants.shape == (5 * 7,)
    made = nets.encoder(np.random.default_rng(0).normal(size=(4, 2))).numpy()
    assert made.shape == (4, shared.outputs(3))
    np.testing.assert_array_equal(made[:, 6:], np.tile(own.constants, (4, 1)))
    assert (made[:, :6].std(0) > 0).all()
    conditioned = PlanarFlow(5)
    nets = ks.networks.toy(latent_dim=3, units=8, posterior=conditioned)
    assert nets.encoder.output_shape == made.shape[:0] + (None, conditioned.outputs(3))
    made = nets.encoder(np.random.default_rng(0).normal(size=(4, 2))).numpy()
    assert (made.std(0) > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlanarFlow(0), "length to be an integer >= 1; received: length=0"),
        (lambda: PlanarFlow(-3), "length to be .* received: length=-3"),
        (lambda: PlanarFlow(2.0), "length to be an integer.*received: length=2.0"),
        (lambda: PlanarFlow(True), "length to be an integer.*received: length=True"),
        (lambda: CouplingFlow(2, units=0), "units to be .*received: units=0"),
        (
            lambda: CouplingFlow(2).outputs(1),
            "a code of at least 2.*Coupling.*latent_dim=1",
        ),
        (
            lambda: AutoregressiveFlow().outputs(1),
            "a code of at least 2 dim.*latent_dim=1",
        ),
        (
            lambda: ks.networks.toy(latent_dim=1, posterior="coupling"),
            "a code of at least 2 dimensions",
        ),
        (lambda: PlanarFlow(2)(tf.zeros([1, 15])), "as many raw outputs.*received: 15"),
        (
            lambda: distributions.get(PlanarFlow(2)),
            "a likelihood that has raw.*received: PlanarFlow",
        ),
        (lambda: distributions.get("coupling"), "likelihood to be one of"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match="Expected " + message):
        make()


@kinds
def test_laws_come_back_from_their_configuration_and_by_name(law):
    data = keras.saving.serialize_keras_object(law)
    again = keras.saving.deserialize_keras_object(data, safe_mode=True)
    assert type(again) is type(law) and vars(again) == vars(law)
    names = {"planar": PlanarFlow(8), "coupling": CouplingFlow(4)}
    names["autoregressive"] = AutoregressiveFlow(4)
    for name, same in names.items():
        assert vars(distributions.get(name, "posterior")) == vars(same)
