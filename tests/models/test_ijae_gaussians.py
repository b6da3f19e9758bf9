"""lambda-IJAE's critics and training where the optimum is known: Gaussians."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise
from tests.models import gaussians

# q(x) = N(.4, 1), q(z|x) = N(.6 x, .8^2), G(z) = .5 z - .3, r = N(., .7^2).
R, R_FAKE = 0.7, 0.6
(MEAN, SPREAD), (SLOPE, OFFSET) = gaussians.DATA, gaussians.SLOPES["decoder"]
Z_SLOPE, Z_SCALE = gaussians.SLOPES["encoder"][0], gaussians.Q_SCALE


def features(*inputs):
    """1, all inputs, and all products of two."""
    given = [np.ones_like(inputs[0]), *inputs]
    n = len(given)
    return np.concatenate(
        [given[i] * given[j] for i in range(n) for j in range(i, n)], -1
    )


def fitted(log_ratio, n):
    """The coefficients of a log ratio that is quadratic in n numbers."""
    points = np.random.default_rng(0).normal(size=(n, 50, 1))
    return np.linalg.lstsq(features(*points), log_ratio(*points), rcond=None)[0]


def quadratic(coefficients, n):
    """A critic of n numbers that is this quadratic function."""
    inputs = [keras.Input((1,)) for _ in range(n)]
    given = keras.layers.Concatenate()(inputs) if n > 1 else inputs[0]
    products = [
        keras.layers.Multiply()([given[:, i : i + 1], given[:, j : j + 1]])
        for i in range(n)
        for j in range(i, n)
    ]
    dense = keras.layers.Dense(1)
    model = keras.Model(
        inputs if n > 1 else inputs[0],
        dense(keras.layers.Concatenate()([given, *products])),
    )
    # Ones of `features`: constant and linear terms come first.
    dense.set_weights([coefficients[1:], coefficients[0]])
    return model


def log_normal(y, mean, scale):
    return -0.5 * ((y - mean) / scale) ** 2 - np.log(scale)


OPTIMA = {
    "critic_x": (
        lambda x: log_normal(x, MEAN, SPREAD) - log_normal(x, OFFSET, SLOPE),
        1,
    ),
    "critic_pair": (
        lambda x, z, y: log_normal(y, x, R) - log_normal(y, SLOPE * z + OFFSET, R_FAKE),
        3,
    ),
    "critic_code": (
        lambda x, z: log_normal(z, 0, 1) - log_normal(z, Z_SLOPE * x, Z_SCALE),
        2,
    ),
}


def test_the_critics_losses_are_stationary_at_their_optima_and_nowhere_near():
    x = tf.constant(gaussians.data(200_000))

    def slopes(sign):
        """The largest gradient of each critic's weights."""
        nets, laws = gaussians.networks()
        critics = {
            name: quadratic(sign * fitted(*optimum), optimum[1])
            for name, optimum in OPTIMA.items()
        }
        laws["likelihood"] = ks.distributions.GaussianNoise(R, "linear")
        model = ks.IJAE(*nets, **critics, fake_variance=R_FAKE**2, **laws)
        with tf.GradientTape() as tape:
            terms = model.critic_loss(model.draw(x, Noise(5), True))
            loss = sum(terms.values()).mean()
        found = tape.gradient(loss, [c.trainable_weights for c in critics.values()])
        return [max(np.abs(g).max() for g in one) for one in found]

    assert max(slopes(1)) < 0.015
    assert min(slopes(-1)) > 0.1


def best_slope(lam):
    """The slope a of G(z) = a z + b at the objective's minimum, for r = N(., R^2).

    q(x) has variance 1 and the encoder can be the exact posterior, so that the ELBO is
    log p(x): (1 - lam) KL(N(b, a^2) || q) + lam KL(q || N(b, a^2 + R^2)).
    """

    def objective(a):
        wide = a**2 + R**2
        reverse = 0.5 * (a**2 - 1 - np.log(a**2))
        return (1 - lam) * reverse + lam * 0.5 * (np.log(wide) + 1 / wide)

    return scipy.optimize.minimize_scalar(objective, bounds=(0.2, 2)).x


@pytest.mark.slow
@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_training_ends_at_the_objectives_minimum(lam):
    """All five networks at once, from critics that know nothing: the dial in lam."""
    x, dense = keras.Input((1,)), keras.layers.Dense(1)
    encoder = keras.Model(x, dense(ks.networks.layers.AppendNoise(1)(x)))
    dense.set_weights([np.array([[0.3], [0.5]]), np.zeros(1)])
    generator = gaussians.linear(0.5, -0.3)
    critics = [quadratic(0 * fitted(*OPTIMA[n]), OPTIMA[n][1]) for n in OPTIMA]
    law = ks.distributions.GaussianNoise(R, "linear")
    model = ks.IJAE(
        encoder,
        generator,
        *critics,
        lam=lam,
        likelihood=law,
        fake_variance=0.16,
        turns={"critic": 2},
    )

    def adam(rate, steps, alpha=0.0):
        rate = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=alpha)
        return keras.optimizers.Adam(rate, beta_1=0.5)

    model.compile(
        optimizer=adam(3e-3, 1500),
        encoder_optimizer=adam(3e-3, 1500),
        critic_optimizer=adam(2e-2, 3000, alpha=0.1),
        steps_per_execution=50,
    )
    data = gaussians.data(102_400)
    stream = tf.data.Dataset.from_tensor_slices(data).batch(512).repeat()
    model.fit(stream, steps_per_epoch=1500, verbose=0)
    slope, offset = (float(np.squeeze(w)) for w in generator.get_weights())
    print(f"lam {lam}: slope {slope:.3f}, exact {best_slope(lam):.3f}")
    assert slope == pytest.approx(best_slope(lam), abs=0.03)
    assert offset == pytest.approx(MEAN, abs=0.03)
    if lam:  # the exact posterior of this generator
        kernel, _ = encoder.get_weights()
        total = slope**2 + R**2
        assert kernel[0, 0] == pytest.approx(slope / total, abs=0.03)
        assert abs(kernel[1, 0]) == pytest.approx(R / np.sqrt(total), abs=0.03)
