"""Laws against SciPy, and what is refused."""

import copy
import pickle

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_svae as ks
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
        (
            lambda: distributions.Gaussian(-1.0),
            'scale to be finite and > 0 or "learned"',
        ),
        (lambda: distributions.Laplace(float("inf")), "scale to be .* received.*inf"),
        (lambda: distributions.Gaussian(True), "scale to be finite.*scale=True"),
        (lambda: distributions.Gaussian(tf.constant([1.0])), "scale to be finite"),
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


@pytest.mark.parametrize("make", [np.float32, np.float64, np.array, tf.constant, float])
def test_a_scale_may_be_a_number_of_any_library(make):
    for law in (distributions.Gaussian, distributions.GaussianNoise):
        found = law(make(0.5))
        assert type(found.scale) is float and found.scale == 0.5
        assert type(found.get_config()["scale"]) is float


@pytest.mark.parametrize("name", ["Gaussian", "Laplace", "GaussianNoise"])
def test_a_scale_that_float32_cannot_hold(name):
    law = getattr(distributions, name)
    for scale in (1e-320, 1e-46, 1e-39, 1e39):
        with pytest.raises(ValueError, match="scale from 1.18e-38 to 3.4e.38, .*=1e"):
            law(scale)
    for scale in (1.2e-38, 3.4e38):
        zeros, made = tf.zeros([1, 2]), law(scale)
        assert made.scale == scale
        if made.explicit:
            assert np.isfinite(made(zeros).log_prob(zeros)).all()


@keras.saving.register_keras_serializable(package="tests")
class Sharp(distributions.Gaussian):
    """It adds an argument."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor


@keras.saving.register_keras_serializable(package="tests")
class Student(distributions.Law):
    """It needs an argument, and takes no other."""

    def __init__(self, df):
        super().__init__(draw="mean")
        self.degrees = df

    def distribution(self, raw):
        return tfd.StudentT(self.degrees, raw, 1.0)


@keras.saving.register_keras_serializable(package="tests")
class Narrow(distributions.Gaussian):
    """It fixes the scale."""

    def __init__(self, **kwargs):
        super().__init__(0.01, **kwargs)


@keras.saving.register_keras_serializable(package="tests")
class Described(Sharp):
    """It describes itself, on what the base classes say."""

    def __init__(self, factor, power):
        super().__init__(factor, scale=3.0)
        self.power = power

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@pytest.mark.parametrize(
    "law", [Sharp(5.0, draw="mean"), Student(30), Narrow(draw="mean"), Described(2, 3)]
)
def test_arguments_of_a_law_of_ones_own_are_saved(law):
    layer = ks.networks.RawOutput(law)
    for again in (
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(law)),
        type(layer).from_config(layer.get_config()).law,
        copy.deepcopy(law),
        pickle.loads(pickle.dumps(law)),
    ):
        assert type(again) is type(law) and vars(again) == vars(law)
        assert again.get_config() == law.get_config()


def test_a_law_of_ones_own_is_saved_with_its_model(tmp_path):
    nets = ks.networks.toy(units=4, depth=1, likelihood=Sharp(5.0, draw="mean"))
    model = ks.VAE(nets.encoder, nets.decoder)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.likelihood_law.factor == 5.0 and again.likelihood_law.draw == "mean"
