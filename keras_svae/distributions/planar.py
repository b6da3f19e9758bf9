"""Planar transformations and their inverse, as a TFP bijector.

Equation numbers are those of Rezende & Mohamed, *Variational Inference with Normalizing
Flows*, ICML 2015.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

__all__ = ["Planar"]


# No layer shrinks any direction by more than this.
SMALLEST_GAIN = 1e-3
# If |w|^2 is below this, no constraint is needed.
TINY = 1e-12
# Newton's method ends earlier if only a rounding error is left.
MOST_STEPS = 60


class Planar(tfb.Bijector):
    """z -> z + u tanh(w.z + b), layer after layer, (10) with h = tanh.

    Args:
        u: (..., length, d). The layers use u^, constrained as in appendix A.1 so that
            each layer can be inverted: see `constrained`.
        w: (..., length, d).
        b: (..., length).

    A forward pass keeps its log determinant, and TFP's bijectors remember their inputs:
    so the density of the flow's own draws needs no inverse. For other codes each
    layer's inverse is found by Newton's method. Its gradient, with respect to codes and
    parameters, is that of the implicit function theorem. It is exact; second
    derivatives through the inverse are not.
    """

    def __init__(self, u, w, b, name: str = "planar"):
        parameters = dict(locals())
        u, w, b = (tf.convert_to_tensor(one) for one in (u, w, b))
        self._shape = tf.broadcast_dynamic_shape(tf.shape(b)[:-1], tf.shape(w)[:-2])
        self._w, self._b = w, b
        self._u, self._gain = constrained(u, w)
        self._last = _Last()
        super().__init__(
            forward_min_event_ndims=1, dtype=u.dtype, parameters=parameters, name=name
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {
            "u": properties(event_ndims=2),
            "w": properties(event_ndims=2),
            "b": properties(event_ndims=1),
        }

    def _forward(self, z):
        y, s = self._through(z)
        self._last.keep(z, self._log_det(s))
        return y

    def _forward_log_det_jacobian(self, z):
        if self._last.z is not z:
            self._last.keep(z, self._log_det(self._through(z)[1]))
        return self._last.log_det

    def _inverse(self, y):
        z, s = self._back(y)
        self._last.keep(z, self._log_det(s))
        return z

    def _through(self, z):
        """The code after all layers, and each layer's s = w.z + b, (..., length)."""
        found = []
        for u, w, b in _layers(self._u, self._w, self._b):
            found.append(tf.reduce_sum(w * z, -1) + b)
            z = z + u * tf.tanh(found[-1])[..., None]
        return z, tf.stack(found, -1)

    def _log_det(self, s):
        """The sum of log |1 + (1 - tanh(s)^2) w.u^|, (12), over layers."""
        return tf.reduce_sum(tf.math.log(rise(s, self._gain)), -1)

    def _back(self, y):
        """The code before all layers, and each layer's s."""
        known = tf.stop_gradient(self._solutions(y))
        steps = (
            known,
            known + (self._gain - 1) * tf.tanh(known),
            tf.stop_gradient(rise(known, self._gain)),
        )
        steps = zip(*(tf.unstack(one, axis=-1) for one in steps), strict=True)
        layers = zip(_layers(self._u, self._w, self._b), steps, strict=True)
        found = []
        for (u, w, b), (s, at_s, slope) in reversed(list(layers)):
            # One Newton step from the solution does not change it, but gives it its
            # gradient.
            found.append(s + (tf.reduce_sum(w * y, -1) + b - at_s) / slope)
            y = y - u * tf.tanh(found[-1])[..., None]
        return y, tf.stack(found[::-1], -1)

    def _solutions(self, y):
        """Each layer's s, (..., length), without a gradient."""
        y = tf.broadcast_to(
            y,
            tf.concat(
                [
                    tf.broadcast_dynamic_shape(tf.shape(y)[:-1], self._shape),
                    [y.shape[-1]],
                ],
                0,
            ),
        )

        def layer(state, parameters):
            y, _ = state
            u, w, b, gain = parameters
            s = solve(gain, tf.reduce_sum(w * y, -1) + b)
            return y - u * tf.tanh(s)[..., None], s

        stacked = (_first(self._u, -2), _first(self._w, -2))
        stacked += (_first(self._b, -1), _first(self._gain, -1))
        start = (y, tf.zeros_like(y[..., 0]))
        found = tf.scan(layer, stacked, start, reverse=True)[1]
        return tf.transpose(found, [*range(1, len(found.shape)), 0])


class _Last:
    """The log determinant at the code that was last asked for."""

    z = log_det = None

    def keep(self, z, log_det):
        self.z, self.log_det = z, log_det


def constrained(u: tf.Tensor, w: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """u^ with w.u^ > -1, and the gain 1 + w.u^ that a layer has at s = 0.

    u^ = u + (m(w.u) - w.u) w / |w|^2 as in appendix A.1. But here m is the identity
    above 0 and `exp(t) - 1` below (never less than `SMALLEST_GAIN - 1`). The paper's
    `-1 + log(1 + exp(t))` is not 0 at 0, so u^ has no limit as w goes to 0. With this
    m, u^ goes to u, and its gradient stays finite.

    Args:
        u: (..., d).
        w: (..., d).

    Returns:
        u^ (..., d) and the gain (...,), at least `SMALLEST_GAIN`.
    """
    along = tf.reduce_sum(w * u, -1)
    room = 1 - SMALLEST_GAIN
    # At 0 the gradient must come from only one of the two: from this one.
    below = tf.minimum(along, 0.0)
    gain = SMALLEST_GAIN + room * tf.exp(below / room) + tf.nn.relu(along)
    lift = room * tf.math.expm1(below / room) - below
    square = tf.maximum(tf.reduce_sum(w * w, -1), TINY)
    return u + (lift / square)[..., None] * w, gain


def rise(s: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    """The derivative of s + (gain - 1) tanh(s), positive."""
    # 1 - tanh(s)^2 without a subtraction, then a sum of two positive numbers.
    return tf.tanh(s) ** 2 + 4 * tf.sigmoid(2 * s) * tf.sigmoid(-2 * s) * gain


def solve(gain: tf.Tensor, r: tf.Tensor) -> tf.Tensor:
    """The s with s + (gain - 1) tanh(s) = r, elementwise; no gradient.

    The left side is odd and increasing. For s > 0 it is concave if gain > 1 and convex
    if gain < 1. So Newton's steps from below, or from above, never overshoot.
    """
    gain, r = tf.broadcast_to(gain, tf.shape(r)), tf.stop_gradient(r)
    a, size = tf.stop_gradient(gain) - 1, tf.abs(r)
    slowest, quickest = tf.minimum(gain, 1.0), tf.maximum(gain, 1.0)
    # tanh(s) <= s and tanh(s) <= 1 give the bounds to start from.
    start = tf.where(
        a >= 0,
        tf.maximum(size - a, size / quickest),
        tf.minimum(size - a, size / slowest),
    )
    rounding = tf.constant(4 * np.finfo(r.dtype.as_numpy_dtype).eps, r.dtype)

    def residual(s):
        return s + a * tf.tanh(s) - size

    def far(step, s):
        allowed = rounding * (s + tf.abs(a) + size)
        return (step < MOST_STEPS) & tf.reduce_any(tf.abs(residual(s)) > allowed)

    def newton(step, s):
        return step + 1, s - residual(s) / rise(s, gain)

    return tf.sign(r) * tf.while_loop(far, newton, (0, start))[1]


def _layers(u, w, b):
    """The layers' parameters, one after the other."""
    stacks = tf.unstack(u, axis=-2), tf.unstack(w, axis=-2), tf.unstack(b, axis=-1)
    return list(zip(*stacks, strict=True))


def _first(values, axis):
    """The axis of the layers moved to the front."""
    order = list(range(len(values.shape)))
    order.insert(0, order.pop(axis))
    return tf.transpose(values, order)
