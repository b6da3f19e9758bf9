"""Planar layers against NumPy, brute-force Jacobians and finite differences."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from keras_svae.distributions.planar import (
    SMALLEST_GAIN,
    Planar,
    constrained,
    rise,
    solve,
)


def parameters(length, dim, batch=4, scale=1.0, seed=0, dtype="float32"):
    """u, w and b of layers whose w.z is of order `scale`."""
    rng = np.random.default_rng(seed)
    shapes = (batch, length, dim), (batch, length, dim), (batch, length)
    roots = np.sqrt(dim), np.sqrt(dim), 1
    return [
        tf.constant(scale * rng.normal(size=s) / root, dtype)
        for s, root in zip(shapes, roots, strict=True)
    ]


def codes(dim, batch=4, seed=1, dtype="float32"):
    return tf.constant(np.random.default_rng(seed).normal(size=(batch, dim)), dtype)


def by_hand(z, u, w, b):
    """(10) in NumPy with u^ written out; one example, and the log det, (12)."""
    log_det = 0.0
    for u_k, w_k, b_k in zip(u, w, b, strict=True):
        along = w_k @ u_k
        room = 1 - SMALLEST_GAIN
        m = along if along >= 0 else room * (np.exp(along / room) - 1)
        u_k = u_k + (m - along) * w_k / (w_k @ w_k)
        s = w_k @ z + b_k
        log_det += np.log(abs(1 + (1 - np.tanh(s) ** 2) * (w_k @ u_k)))
        z = z + u_k * np.tanh(s)
    return z, log_det


@pytest.mark.parametrize("length", [1, 3, 80])
def test_is_the_papers_formula(length):
    given = parameters(length, 5)
    z = codes(5)
    flow = Planar(*given)
    y, log_det = flow.forward(z), flow.forward_log_det_jacobian(z, 1)
    for i in range(4):
        arrays = [one[i].numpy().astype(float) for one in given]
        expected = by_hand(z[i].numpy().astype(float), *arrays)
        np.testing.assert_allclose(y[i], expected[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(log_det[i], expected[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, 3, 80])
def test_log_det_is_that_of_the_jacobian(length):
    flow, z = Planar(*parameters(length, 4, dtype="float64")), codes(4, dtype="float64")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        y = flow.forward(z)
    jacobian = tape.batch_jacobian(y, z, experimental_use_pfor=False)
    expected = np.linalg.slogdet(jacobian)
    np.testing.assert_array_equal(expected[0], 1)
    found = flow.forward_log_det_jacobian(z, 1)
    np.testing.assert_allclose(found, expected[1], rtol=1e-8, atol=1e-10)
    found = flow.inverse_log_det_jacobian(tf.identity(y), 1)
    np.testing.assert_allclose(found, -expected[1], rtol=1e-8, atol=1e-10)


def test_scalar_solutions_at_any_size_against_brentq():
    rng = np.random.default_rng(0)
    gain = np.concatenate(
        [[SMALLEST_GAIN] * 50, rng.uniform(1e-3, 1, 50), 10 ** rng.uniform(0, 6, 100)]
    )
    r = rng.choice([-1, 1], 200) * 10 ** rng.uniform(-6, 6, 200)
    expected = [
        scipy.optimize.brentq(
            lambda s, g=g, r=r: s + (g - 1) * np.tanh(s) - r, -3e6, 3e6, xtol=1e-300
        )
        for g, r in zip(gain, r, strict=True)
    ]
    np.testing.assert_allclose(solve(*map(tf.constant, (gain, r))), expected, rtol=1e-7)
    gain, r = gain.astype("float32"), r.astype("float32")
    s = solve(tf.constant(gain), tf.constant(r)).numpy()
    rounding = 1e-6 * (np.abs(s) + np.abs(gain - 1) + np.abs(r))
    assert (np.abs(s + (gain - 1) * np.tanh(s) - r) <= rounding).all()
    assert float(solve(tf.constant(3.0), tf.constant(0.0))) == 0


# Scale 3: |u| and |w| near 3, and rounding of y is blown up a ten-thousandfold.
@pytest.mark.parametrize(("scale", "error"), [(0.5, 1e-5), (1.0, 3e-5), (3.0, 0.2)])
def test_inverse_at_length_80_in_float32(scale, error):
    given = parameters(80, 32, batch=64, scale=scale)
    z = codes(32, batch=64)
    y = Planar(*given).forward(z)
    found = Planar(*given).inverse(tf.identity(y))
    assert np.abs(found - z).max() < error
    # The other way round rounding is not blown up by a flow that shrinks.
    again = Planar(*given).forward(tf.identity(found))
    assert np.abs(again - y).max() < (1e-5 if scale < 3 else 1e-3) * np.abs(y).max()


@pytest.mark.parametrize("scale", [30.0, 1000.0])
def test_adversarially_large_parameters_stay_finite_and_invertible(scale):
    given = parameters(80, 8, batch=16, scale=scale)
    z = codes(8, batch=16)
    with tf.GradientTape() as tape:
        tape.watch([z, *given])
        flow = Planar(*given)
        y = flow.forward(z)
        log_det = flow.forward_log_det_jacobian(z, 1)
        back = Planar(*given).inverse(tf.identity(y))
        total = tf.reduce_sum(log_det) + tf.reduce_sum(back)
    for one in (y, log_det, back, *tape.gradient(total, [z, *given])):
        assert np.isfinite(one).all()
    again = Planar(*given).forward(tf.identity(back))
    assert np.abs(again - y).max() < 1e-3 * np.abs(y).max()


def test_layers_stay_invertible_where_u_points_against_w():
    w = tf.constant([[3.0, 4.0]])
    for length in (0.0, 0.1, 1.0, 1e3, 1e6):
        u = -length * w
        u_hat, gain = constrained(u, w)
        assert float(gain[0]) >= SMALLEST_GAIN
        # Across w nothing changes, along it w.u^ = gain - 1.
        np.testing.assert_allclose(
            tf.reduce_sum(w * u_hat, -1), gain - 1, atol=3e-7 * (1 + 25 * length)
        )
    u = tf.constant([[1.0, 0.5]])  # w.u > 0 needs no change
    np.testing.assert_array_equal(constrained(u, w)[0], u)


def test_no_direction_and_no_shift_are_the_identity_with_a_gradient():
    u, w, b = parameters(3, 4)
    z = codes(4)
    for zero in ((u * 0, w), (u, w * 0), (u * 0, w * 0), (u, w * 1e-30), (u, w * 1e-8)):
        given = [*zero, b]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(given)
            flow = Planar(*given)
            y = flow.forward(z)
            log_det = flow.forward_log_det_jacobian(z, 1)
            back = Planar(*given).inverse(tf.identity(y))
            total = tf.reduce_sum(y**2) + tf.reduce_sum(log_det + back[:, 0])
        for gradient in tape.gradient(total, given):
            assert np.isfinite(gradient).all()
        np.testing.assert_allclose(back, z, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(log_det, 0, atol=1e-5)
        # At w = 0 the layer is a constant shift along u itself.
        shift = tf.reduce_sum(zero[0] * tf.tanh(b)[..., None], 1)
        if np.abs(zero[1]).max() < 1e-20:
            np.testing.assert_allclose(y, z + shift, rtol=1e-5, atol=1e-6)


def test_gradient_at_w_0_is_the_limit():
    # The gain's slope at w.u = 0 comes from both of its branches, once.
    u = tf.constant([[[0.7, -0.2]]], tf.float64)
    b, z = tf.constant([[0.3]], tf.float64), codes(2, batch=1, dtype="float64")

    def slope(w):
        w = tf.constant(w, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(w)
            log_det = Planar(u, w, b).forward_log_det_jacobian(z, 1)
        return tape.gradient(log_det, w).numpy()

    zero = np.zeros([1, 1, 2])
    np.testing.assert_allclose(slope(zero), slope(zero + 1e-7), rtol=1e-5)
    np.testing.assert_allclose(
        slope(zero)[0, 0], (1 - np.tanh(0.3) ** 2) * u[0, 0].numpy(), rtol=1e-6
    )


@pytest.mark.fixed_seed
@pytest.mark.parametrize("length", [1, 3, pytest.param(80, marks=pytest.mark.slow)])
def test_gradients_through_the_inverse_match_finite_differences(length):
    given = [*parameters(length, 3, batch=1, scale=1.5, dtype="float64")]
    given.append(codes(3, batch=1, dtype="float64"))
    weight = np.random.default_rng(5).normal(size=3)

    @tf.function
    def value(u, w, b, y):
        flow = Planar(u, w, b)
        z = flow.inverse(y)
        return tf.reduce_sum(z * weight) + tf.reduce_sum(
            flow.inverse_log_det_jacobian(y, 1)
        )

    with tf.GradientTape() as tape:
        tape.watch(given)
        total = value(*given)
    gradients = tape.gradient(total, given)
    rng = np.random.default_rng(6)
    for i, gradient in enumerate(gradients):
        assert np.abs(gradient).max() > 1e-4
        for _ in range(2):  # along random directions
            way = rng.normal(size=gradient.shape)

            def moved(step, i=i, way=way):
                return value(*given[:i], given[i] + step * way, *given[i + 1 :])

            slope = (moved(1e-6) - moved(-1e-6)) / 2e-6
            expected = float(tf.reduce_sum(gradient * way))
            assert float(slope) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_the_inverse_runs_in_graphs_with_and_without_xla():
    given, z = parameters(3, 4), codes(4)
    y = Planar(*given).forward(z)

    def back(y):
        with tf.GradientTape() as tape:
            tape.watch(y)
            flow = Planar(*given)
            found = flow.inverse(y)
            log_det = flow.inverse_log_det_jacobian(y, 1)
        return found, log_det, tape.gradient([found, log_det], y)

    plain = back(tf.identity(y))
    np.testing.assert_allclose(plain[0], z, atol=1e-5)
    anywhere = tf.TensorSpec([None, 4])
    for jit in (False, True):
        graph = tf.function(back, input_signature=[anywhere], jit_compile=jit)
        for one, same in zip(graph(y), plain, strict=True):
            np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-5)


def test_sample_dimensions_and_unbatched_codes_broadcast():
    given = parameters(3, 4)
    z = tf.stack([codes(4, seed=s) for s in range(3)])
    flow = Planar(*given)
    y = flow.forward(z)
    assert y.shape == (3, 4, 4)
    np.testing.assert_allclose(y[1], flow.forward(z[1]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), z, atol=1e-5)
    one = flow.inverse(tf.identity(y[1, 0]))  # the same code under each of four flows
    assert one.shape == (4, 4)
    np.testing.assert_allclose(one[0], z[1, 0], atol=1e-5)


def test_the_slope_is_the_derivative():
    s = tf.constant([-30.0, -2.0, 0.0, 0.4, 9.0], tf.float64)
    for gain in (1e-3, 0.5, 1.0, 1e6):
        with tf.GradientTape() as tape:
            tape.watch(s)
            value = s + (gain - 1) * tf.tanh(s)
        np.testing.assert_allclose(rise(s, gain), tape.gradient(value, s), rtol=1e-5)
