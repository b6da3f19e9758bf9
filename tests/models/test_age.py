"""AGE: losses and gradients against NumPy, the divergence, and the sphere."""

import types

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import baselines, tiny
from tests.models.tiny import run

MU, LAM, CODE = 0.7, 3.0, 3


def make(**kwargs):
    law = ks.distributions.Implicit()
    nets = baselines.networks("encoder", "generator", code=CODE)
    settings = {"mu": MU, "lam": LAM, "seed": 3, "likelihood": law, **kwargs}
    return baselines.fix(ks.AGE(**{**nets, **settings}), 0.9)


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def kl(z):
    """From N(0, 1/d), of codes on the unit sphere: the same number."""
    mean, deviation = z.mean(0), z.std(0)
    scale = 1 / np.sqrt(z.shape[1])
    each = (deviation**2 + mean**2) / (2 * scale**2) - np.log(deviation / scale) - 0.5
    return each.mean()


def test_losses_and_gradients_match_numpy():
    """On the unit sphere, as the paper has it; the networks read the larger one."""
    model = make()
    w = baselines.weights(model, "encoder", "decoder")
    x, z = tiny.data().astype(float), tiny.drawn(model).z.numpy().astype(float)

    def e(x):
        return unit(run(w["encoder"], x))

    def g(z):
        return run(w["decoder"], np.sqrt(CODE) * unit(z))

    def encoder():
        return kl(e(x)) - kl(e(g(z))) + MU * np.abs(x - g(e(x))).mean()

    def generator():
        return kl(e(g(z))) + LAM * ((unit(z) - e(g(z))) ** 2).mean()

    draw = tiny.check(model, "encoder", encoder, w)
    tiny.check(model, "generator", generator, w)
    np.testing.assert_allclose(draw.log["divergence_data"], kl(e(x)), rtol=1e-4)
    np.testing.assert_allclose(draw.log["divergence_samples"], kl(e(g(z))), rtol=1e-4)


def test_the_default_weights_are_those_of_the_authors_code():
    """Its losses have the variance for the deviation, and the cosine for a distance."""
    code = 128
    model = ks.AGE(**baselines.networks("encoder", "generator", code=code))
    rng = np.random.default_rng(0)
    shown = tf.Variable(rng.normal(size=(32, code)) * np.linspace(0.3, 1, code) + 0.2)
    z = tf.constant(unit(rng.normal(size=(32, code))))

    def theirs():
        found = tf.math.l2_normalize(shown, -1)
        mean, variance = tf.nn.moments(found, 0)
        each = (variance**2 + mean**2) / 2 - tf.math.log(variance) - 0.5
        cosine = 2 - tf.reduce_mean(found * z)
        return tf.reduce_mean(each) + 1000 * cosine

    def ours():
        draw = types.SimpleNamespace(z=z, z_p=model.on_sphere(shown))
        return sum(model.generator_loss(draw).values()).mean()

    gradients = []
    for loss in (theirs, ours):
        with tf.GradientTape() as tape:
            value = loss()
        gradients.append(tape.gradient(value, shown))
    scale = np.abs(gradients[0]).max()
    np.testing.assert_allclose(
        gradients[0] / scale, 2 * gradients[1] / scale, atol=0.01
    )
    assert 2 * model.mu == 10


def test_the_divergence_is_of_the_law_of_codes():
    """0 for uniform codes, large for narrow ones, off the middle, or at one point."""
    model = make()
    z = np.random.default_rng(0).normal(size=(20000, CODE))
    assert model.divergence(model.on_sphere(z)) < 1e-3
    for other in (z * [1, 1, 0.2], z + [1, 0, 0]):
        assert model.divergence(model.on_sphere(other)) > 0.05
    point = model.divergence(model.on_sphere(np.ones((5, CODE))))
    np.testing.assert_allclose(point, -0.5 * np.log(1e-6), rtol=1e-4)


def test_codes_lie_on_the_sphere_and_only_their_direction_matters():
    model, x = make(), tiny.data()
    z = model.encode(x).numpy()
    np.testing.assert_allclose((z**2).sum(-1), CODE, rtol=1e-5)
    assert np.abs(z - z[:1]).max() > 0.1
    np.testing.assert_allclose(model.decode(5 * z), model.decode(z), rtol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x), model.decode(z), rtol=1e-5)
    assert np.abs(model.decode(-z) - model.decode(z)).max() > 0.1


def test_it_is_saved_and_exported(tmp_path):
    again = baselines.comes_back(make(), tmp_path / "model.keras")
    assert (again.mu, again.lam) == (MU, LAM)
    assert again.turns == {"encoder": 1, "generator": 2}
    baselines.exports(again, tmp_path / "saved")


def test_fit_wants_two_codes_in_a_batch():
    model = baselines.compiled(make())
    with pytest.raises(ValueError, match="Expected at least 2 examples"):
        model.fit(tiny.data(n=3), batch_size=2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"mu": -1}, "mu to be finite and >= 0; received: mu=-1"),
        ({"lam": -1}, "lam to be finite and >= 0; received: lam=-1"),
        ({"prior": "uniform"}, r"prior to be one of \['normal'\]; received: 'uniform'"),
        (
            {"posterior": ks.distributions.Gaussian()},
            'posterior="implicit", as codes lie on a sphere; received: Gaussian',
        ),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        make(**kwargs)
