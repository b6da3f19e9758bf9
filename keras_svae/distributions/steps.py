"""The small networks of affine flows, as functions of their weights."""

import math

import numpy as np
import tensorflow as tf

__all__ = ["Conditioner", "autoregressive_masks", "weights"]

# The limit of one layer's log scale.
LIMIT = 2.0


def weights(reads: int, moves: int, units: int) -> int:
    """How many weights a `Conditioner` has; its first bias is the context."""
    return reads * units + units * 2 * moves + 2 * moves


class Conditioner:
    """z -> (shift, log scale): one hidden layer of tanh, log scales in (-2, 2).

    The first matrix is divided by the square root of the number of its inputs, the
    second by `units`, and the last bias by the root of `units`. So, with weights of
    order 1 at the start of training, it starts near the identity.

    Args:
        context: A tensor that is added to the hidden layer, (batch, units).
        flat: The weights, (batch, `weights(reads, moves, units)`). Each example has its
            own, because laws are functions of an encoder's raw output.
        reads: The number of entries that the network reads.
        moves: The number of entries that it gives a shift and a log scale for.
        masks: The masks of the two matrices, (reads, units) and (units, moves), or
            None.
    """

    def __init__(self, context, flat, reads, moves, masks=None):
        units = context.shape[-1]
        sizes = [reads * units, units * 2 * moves, 2 * moves]
        first, second, bias = tf.split(flat, sizes, -1)
        batch = tf.shape(flat)[:-1]
        first = tf.reshape(first, tf.concat([batch, [reads, units]], 0))
        second = tf.reshape(second, tf.concat([batch, [units, 2 * moves]], 0))
        if masks is not None:
            first = first * masks[0]
            second = second * np.concatenate([masks[1]] * 2, -1)
        self.first, self.second = first / math.sqrt(reads), second / units
        self.bias = bias / math.sqrt(units)
        self.context = context

    def __call__(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Shift and log scale, both (..., moves), for z (..., reads)."""
        hidden = tf.tanh(self._times(z, self.first) + self.context)
        shift, log_scale = tf.split(self._times(hidden, self.second) + self.bias, 2, -1)
        return shift, LIMIT * tf.tanh(log_scale / LIMIT)

    @staticmethod
    def _times(rows, matrices):
        return tf.squeeze(tf.matmul(rows[..., None, :], matrices), -2)


def autoregressive_masks(dim: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks (dim, units) and (units, dim) under which outputs see earlier entries only.

    MADE (Germain et al., 2015), (8) and (9), with degrees dealt out in turn.
    """
    entries = np.arange(1, dim + 1)
    hidden = 1 + np.arange(units) % (dim - 1)
    first = hidden[None, :] >= entries[:, None]
    second = entries[None, :] > hidden[:, None]
    return first.astype("float32"), second.astype("float32")
