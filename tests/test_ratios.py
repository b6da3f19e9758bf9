"""Pure functions of log ratios, on values that would show a wrong sign."""

import numpy as np
import pytest
import tensorflow as tf

from keras_svae import ratios

P = np.array([[2.0], [-1.0], [0.5]], "float32")
N = np.array([[-3.0], [0.2], [1.0]], "float32")


def test_logistic_by_hand():
    s = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
    expected = -np.log(s(P)).mean() - np.log(1 - s(N)).mean()
    assert float(ratios.logistic(positive=P, negative=N)) == pytest.approx(
        expected, rel=1e-6
    )
    assert float(ratios.logistic(P * 0, N * 0)) == pytest.approx(2 * np.log(2))


def test_logistic_does_not_overflow():
    far = tf.constant([[1e4]])
    with tf.GradientTape() as tape:
        tape.watch(far)
        loss = ratios.logistic(positive=-far, negative=far)
    assert float(loss) == pytest.approx(2e4)
    assert float(tape.gradient(loss, far)[0, 0]) == pytest.approx(2)


def test_gradient_penalty_of_a_known_slope():
    slope = tf.Variable([[3.0], [4.0]])
    real, fake = tf.ones([6, 2]), tf.zeros([6, 2])
    with tf.GradientTape() as tape:
        penalty = ratios.gradient_penalty(
            lambda x: x @ slope, real, fake, tf.linspace(0.0, 1.0, 6)
        )
    assert float(penalty) == pytest.approx((5 - 1) ** 2)
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|.
    np.testing.assert_allclose(tape.gradient(penalty, slope), [[4.8], [6.4]], rtol=1e-5)


def test_gradient_penalty_looks_between_the_laws():
    seen = []

    def critic(x):
        seen.append(x.numpy())
        return tf.reduce_sum(x**2, -1, keepdims=True)

    ratios.gradient_penalty(critic, tf.ones([3, 2]), tf.zeros([3, 2]), [0.0, 0.25, 1.0])
    np.testing.assert_allclose(seen[0], [[0, 0], [0.25, 0.25], [1, 1]])


def test_a_flat_critic_has_a_finite_gradient():
    slope = tf.Variable([[0.0], [0.0]])
    with tf.GradientTape() as tape:
        penalty = ratios.gradient_penalty(
            lambda x: x @ slope, tf.ones([2, 2]), tf.zeros([2, 2]), [0.5, 0.5]
        )
    assert float(penalty) == pytest.approx(1)
    assert np.isfinite(tape.gradient(penalty, slope)).all()


@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [
        ("non_saturating", lambda s: -np.log(s), lambda s: -(1 - s)),
        ("minimax", lambda s: np.log(1 - s), lambda s: -s),
        ("sigmoid", lambda s: 1 - s, lambda s: -s * (1 - s)),
        ("logit", lambda s: -np.log(s / (1 - s)), lambda s: -np.ones_like(s)),
    ],
)
def test_fooling_by_hand(loss, value, slope):
    f = tf.constant([-9.0, -1.0, 0.3, 4.0])
    s = 1 / (1 + np.exp(-f.numpy().astype(float)))
    with tf.GradientTape() as tape:
        tape.watch(f)
        found = ratios.fooling(f, loss)
    np.testing.assert_allclose(found, value(s), rtol=1e-4)
    np.testing.assert_allclose(tape.gradient(found, f), slope(s), rtol=1e-4)


def test_where_fooling_saturates():
    """At a sample that the critic rejects: 4.4 of sVAE."""
    f = tf.constant(-30.0)
    slopes = {}
    for loss in ratios.LOSSES:
        with tf.GradientTape() as tape:
            tape.watch(f)
            found = ratios.fooling(f, loss)
        slopes[loss] = float(tape.gradient(found, f))
    assert slopes["non_saturating"] == slopes["logit"] == -1
    assert -1e-12 < slopes["minimax"] < 0 and -1e-12 < slopes["sigmoid"] < 0
