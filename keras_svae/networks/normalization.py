"""Batch normalization in one kernel: what Keras's layer computes, in fewer nodes."""

import contextlib
import contextvars
import math
from collections.abc import Iterable, Iterator

import keras
import tensorflow as tf

__all__ = ["BatchNormalization", "moving_averages"]

# One value per thread: each replica of MirroredStrategy is traced in its own thread. It
# holds the layers whose averages do not move, by identity; None for all layers.
_still: contextvars.ContextVar[frozenset[int] | None] = contextvars.ContextVar(
    "still", default=frozenset()
)


@contextlib.contextmanager
def moving_averages(
    update: bool, layers: Iterable[keras.layers.Layer] | None = None
) -> Iterator[None]:
    """Within it, `BatchNormalization` updates its averages in training, or does not.

    With False the layer still normalises by its batch, but does not change its
    averages. This affects only the layer of this package, not
    `keras.layers.BatchNormalization`. Enter it where the layer is called: for example
    within the function that a strategy runs on its replicas, because each replica has a
    thread of its own.

    Args:
        update: Whether the averages move, as they do by default.
        layers: The layers that it affects; None for all.

    Example:
        with ks.networks.moving_averages(False):
            y = decoder(z, training=True)
    """
    named = None if layers is None else frozenset(map(id, layers))
    still = _still.get()
    if named is None:
        still = frozenset() if update else None
    elif still is not None:
        still = still - named if update else still | named
    token = _still.set(still)
    try:
        yield
    finally:
        _still.reset(token)


@keras.saving.register_keras_serializable(package="keras_svae")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization (Ioffe & Szegedy, 2015) by TensorFlow's fused kernel.

    Keras's layer computes the same with some twenty nodes of the graph, and its
    gradient with more. Here one kernel runs forward and one runs back; on a CPU this
    makes a small network faster. Arguments, weights and their files are those of
    `keras.layers.BatchNormalization`, and so are the numbers, up to rounding. The
    kernel takes float32 or bfloat16 inputs of rank 2 or 4, normalised along the last
    axis. In all other cases (masks, `renorm`, `synchronized`, other axes, ranks and
    types) the layer runs Keras's own code.

    Args:
        **kwargs: See `keras.layers.BatchNormalization`.
    """

    def call(self, inputs, training=None, mask=None):
        # Keras's rule: a layer that is not trainable runs as in inference.
        training = bool(training and self.trainable)
        if mask is not None or not self._has_kernel(inputs):
            return self._composed(inputs, training, mask)
        shape = inputs.shape
        x = inputs if shape.rank == 4 else tf.reshape(inputs, [-1, 1, 1, shape[-1]])
        y = self._of_batch(x) if training else self._of_averages(x)
        return y if shape.rank == 4 else tf.reshape(y, [-1, shape[-1]])

    def _has_kernel(self, inputs) -> bool:
        """Whether the kernel can compute what the layer has to do."""
        rank = inputs.shape.rank
        return (
            rank in (2, 4)
            and self.axis in (-1, rank - 1)
            and inputs.dtype in (tf.float32, tf.bfloat16)
            and inputs.dtype.name == self.compute_dtype
            and self.variable_dtype == "float32"
            and not self.renorm
            and not self.synchronized
        )

    def _moves(self) -> bool:
        still = _still.get()
        return still is not None and id(self) not in still

    def _composed(self, inputs, training, mask):
        """Keras's own call."""
        if self._moves() or not training:
            return super().call(inputs, training=training, mask=mask)
        # In a stateless scope, assignments do not reach the variables.
        kept = [(v, tf.convert_to_tensor(v.value)) for v in self.weights]
        with keras.StatelessScope(kept):
            return super().call(inputs, training=training, mask=mask)

    def _of_batch(self, x):
        """Normalises by the batch's moments, and moves the averages towards them."""
        if not self._moves():
            return self._kernel(x, is_training=True).y
        # The kernel moves both averages by itself. But its variance is the unbiased
        # one, n / (n - 1) times Keras's. So its average is converted before and after.
        biased = _biased(x)
        found = self._kernel(
            x,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value / biased,
            exponential_avg_factor=1 - self.momentum,
            is_training=True,
        )
        self.moving_mean.assign(found.batch_mean)
        self.moving_variance.assign(found.batch_variance * biased)
        return found.y

    def _of_averages(self, x):
        return self._kernel(
            x,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            is_training=False,
        ).y

    def _kernel(self, x, mean=(), variance=(), **kwargs):
        """The fused kernel. In training without averages, it keeps none."""
        channels = x.shape[-1:]
        scale = self.gamma.value if self.scale else tf.ones(channels)
        offset = self.beta.value if self.center else tf.zeros(channels)
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(scale),
            offset=tf.convert_to_tensor(offset),
            mean=tf.convert_to_tensor(mean, tf.float32),
            variance=tf.convert_to_tensor(variance, tf.float32),
            epsilon=self.epsilon,
            **kwargs,
        )


def _biased(x: tf.Tensor) -> "float | tf.Tensor":
    """(n - 1) / n of the n values of a channel; 1/2 for one, whose variance is 0."""
    *batch, channels = x.shape
    if None not in batch:
        n = max(math.prod(batch), 2)
        return (n - 1) / n
    size = tf.cast(tf.size(x, tf.int64), tf.float32)
    return 1 - channels / tf.maximum(size, 2.0 * channels)
