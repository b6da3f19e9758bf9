"""AVB: the critic's optimum, the bound, the contrast, and an implicit encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise, scope
from tests.models import gaussians, tiny

N = 200_000
Q, P = gaussians.joints()
(SLOPE, OFFSET), SCALE = gaussians.SLOPES["encoder"], gaussians.Q_SCALE
# log q(z|x) - log p(z) in x, z, x^2, z^2, x z, 1.
T = np.array(
    [
        -SLOPE * OFFSET / SCALE**2,
        OFFSET / SCALE**2,
        -0.5 * (SLOPE / SCALE) ** 2,
        0.5 - 0.5 / SCALE**2,
        SLOPE / SCALE**2,
        -0.5 * (OFFSET / SCALE) ** 2 - np.log(SCALE),
    ]
)


def linear_model(t=None, **kwargs):
    nets, laws = gaussians.networks()
    model = ks.AdversarialVariationalBayes(
        *nets, gaussians.quadratic(t), seed=1, **{**laws, **kwargs}
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.0), critic_optimizer=keras.optimizers.SGD(1.0)
    )
    return model


def negative_bound():
    """Minus the variational bound: -E_q(x) log p(x) + E_q(x) KL(q(z|x) || p(z|x))."""
    mean, variance = P.mean[0], P.cov[0, 0]
    (m, s) = gaussians.DATA
    log_p = -0.5 * (np.log(2 * np.pi * variance) + (s**2 + (m - mean) ** 2) / variance)
    # KL of the joints is that of x's marginals and the conditionals' mean.
    marginals = 0.5 * (
        s**2 / variance + (m - mean) ** 2 / variance - 1 + np.log(variance / s**2)
    )
    return -log_p + gaussians.kl(Q, P) - marginals


@pytest.mark.parametrize("contrast", [False, True])
def test_the_loss_is_minus_the_bound_at_the_critics_optimum(contrast):
    # The encoder is Gaussian: it equals its contrast, and the critic has nothing to do.
    model = linear_model(np.zeros(6) if contrast else T, adaptive_contrast=contrast)
    logs = model.evaluate(gaussians.data(N), batch_size=N, verbose=0, return_dict=True)
    assert logs["autoencoder_loss"] == pytest.approx(negative_bound(), abs=0.02)
    assert logs["kl"] > 0.1
    x, z = gaussians.data(50), np.linspace(-2, 2, 50)[:, None].astype("f")
    exact = np.stack([x, z, x**2, z**2, x * z, x**0], -1)[:, 0] @ T
    np.testing.assert_allclose(model.log_ratio(x, z), exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("contrast", [False, True])
def test_the_critics_loss_is_stationary_at_its_optimum(contrast):
    def moved(t):
        model = linear_model(t, adaptive_contrast=contrast)
        before = model.critic.get_weights()
        model.train_on_batch(gaussians.data(N))
        after = model.critic.get_weights()
        return max(np.abs(a - b).max() for a, b in zip(before, after, strict=True))

    optimum, other = (np.zeros(6), T) if contrast else (T, -T)
    assert moved(optimum) < 0.015 < 0.08 < moved(other)


def noisy_encoder():
    """z = .6 x + .8 e, e ~ N(0, 1): the module's q(z|x) without a density."""
    x = keras.Input((1,))
    noisy = ks.networks.layers.AppendNoise(1)(x)
    dense = keras.layers.Dense(1)
    encoder = keras.Model(x, dense(noisy))
    dense.set_weights([np.array([[SLOPE], [SCALE]]), np.array([OFFSET])])
    return encoder


def implicit(draws, likelihood="gaussian", posterior="implicit"):
    return ks.AdversarialVariationalBayes(
        noisy_encoder(),
        gaussians.linear(0.5, -0.3),
        gaussians.quadratic(),
        likelihood=likelihood,
        posterior=posterior,
        adaptive_contrast=True,
        contrast_draws=draws,
    )


def test_moments_of_an_implicit_encoder_are_estimated_for_each_example():
    x = np.array([[-2.0], [0.0], [3.0]], "f")
    model = implicit(4000)
    contrast = model.contrast(tf.constant(x), Noise(0), True)
    np.testing.assert_allclose(contrast.mean, SLOPE * x, atol=0.06)
    np.testing.assert_allclose(contrast.scale, np.full_like(x, SCALE), rtol=0.06)
    # Few draws: still without bias in the variance.
    few = implicit(2).contrast(tf.repeat(tf.zeros([1, 1]), N, 0), Noise(0), True)
    assert np.mean(few.scale**2) == pytest.approx(SCALE**2, rel=0.02)
    # Noise beside x belongs to the posterior's width, whatever its law.
    beside = implicit(None, posterior=ks.distributions.Gaussian(0.6))
    wide = beside.contrast(tf.zeros([N // 100, 1]), Noise(0), True)
    assert np.mean(wide.scale**2) == pytest.approx(SCALE**2 + 0.36, rel=0.1)


def test_an_implicit_encoder_trains_and_is_saved(tmp_path):
    model = implicit(3)
    model.compile(optimizer="adam", critic_optimizer="adam")
    before = model.encoder.get_weights()
    model.fit(gaussians.data(64), batch_size=16, verbose=0)
    assert np.abs(model.encoder.get_weights()[0] - before[0]).min() > 1e-5
    model.save(tmp_path / "avb.keras")
    again = keras.saving.load_model(tmp_path / "avb.keras")
    assert again.adaptive_contrast and again.contrast_draws == 3
    x, z = gaussians.data(4), np.ones((4, 1), "f")
    np.testing.assert_array_equal(again.log_ratio(x, z), model.log_ratio(x, z))


def test_a_law_without_moments_is_drawn_from_at_one_pass_of_the_encoder():
    """The same draws as those of repeated examples, which cost ten passes."""
    model = tiny.build("avb", compiled=False)
    model.posterior_law.moments = False
    model.adaptive_contrast, model.contrast_draws = True, 7
    x, passes = tf.constant(tiny.data(n=5)), []
    encoder = model.posterior_raw
    model.posterior_raw = lambda x, *rest: passes.append(len(x)) or encoder(x, *rest)
    found = model.contrast(x, Noise(2), False)
    assert passes == [5]
    with scope(Noise(2)) as noise:
        raw = encoder(tf.repeat(x, 7, axis=0), False)
        z = model.posterior_law.sample(raw, noise.seed("z")).numpy().reshape(5, 7, -1)
    np.testing.assert_allclose(found.mean, z.mean(1), atol=1e-6)
    np.testing.assert_allclose(found.scale, z.std(1, ddof=1), rtol=1e-5)


def test_the_contrasts_moments_have_no_gradient():
    model = implicit(3)
    x = tf.constant(gaussians.data(6))
    with tf.GradientTape() as tape:
        contrast = model.contrast(x, Noise(0), True)
        total = tf.reduce_sum(contrast.mean) + tf.reduce_sum(contrast.scale)
    assert tape.gradient(total, model.encoder.trainable_variables[0].value) is None


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"likelihood": "implicit"}, "an explicit law"),
        (
            {"contrast_draws": 1},
            r"contrast_draws to be an integer >= 2; received: contrast_draws=1",
        ),
        ({"adaptive_contrast": True, "prior": "uniform"}, 'prior="normal"'),
        ({"critic": tiny.dense([3], 1, "c")}, "critic of pairs"),
    ],
)
def test_arguments(kwargs, message):
    model = tiny.build("avb", compiled=False)
    given = {n: getattr(model, n) for n in ("encoder", "decoder", "critic")}
    given |= {"posterior": "gaussian", "likelihood": "gaussian"}
    with pytest.raises(ValueError, match="Expected.*" + message):
        ks.AdversarialVariationalBayes(**{**given, **kwargs})
