"""How many examples a batch needs, so that each replica gets enough of them."""

import warnings

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Sizes"]


class Sizes:
    """Refuses batches that are too small, or leaves them out.

    Args:
        least: How many examples each replica needs.
        why: What is expected, for messages.
        replicas: The number of replicas that share a batch.

    Attributes:
        even: Whether shares differ by one example at most (`replicas.share`); otherwise
            TensorFlow shares the batches.
        left_out: How many batches were left out.
    """

    def __init__(self, least: int, why: str, replicas: int):
        self.least, self.why, self.replicas = least, why, replicas
        self.even, self.left_out = True, 0

    def smallest_share(self, size: int, full: int) -> int:
        """The number of examples in the smallest share of a batch over replicas.

        TensorFlow splits a batch in one of two ways: it gives out shares of a full
        batch as long as examples are left, or it gives equal shares, rounded up. It
        does not say which way it uses. This is the smaller number of the two.
        """
        if self.even:
            return size // self.replicas
        shares = (-(-one // self.replicas) for one in (full, size))
        return max(0, min(size - share * (self.replicas - 1) for share in shares))

    def check(self, size: int, full: int) -> None:
        """Raises a ValueError if this size is too small; full batches have `full`."""
        if self.smallest_share(size, full) < self.least:
            raise ValueError(
                f"Expected {self.why}; received: a batch of {size} on {self.replicas} "
                "replica(s)"
            )

    def large_enough(
        self, data: tf.data.Dataset, finite: bool, steps: int | None
    ) -> tf.data.Dataset:
        """Drops batches that are too small for the global step, before the step starts.

        All replicas and workers decide the same, because they check the whole batch.

        Args:
            data: The batches.
            finite: Whether their number is known. If so, the first batch is kept.
            steps: The number of batches in an epoch; None for all. At the end of data
                of known number, Keras starts them again. It cannot do so here, because
                the number is lost. So these data repeat.
        """
        known = keras.tree.flatten(data.element_spec)[0].shape[0] is not None
        if self.least <= 1 or known:
            return data

        def keep(full, size):
            large = self.smallest_share(int(size), int(full)) >= self.least
            if not large:
                if not self.left_out:
                    warnings.warn(
                        f"A batch of {size} examples on {self.replicas} replica(s) was "
                        f"left out of training. Expected {self.why}.",
                        stacklevel=2,
                    )
                self.left_out += 1
            return np.bool_(large)

        def scan(full, fed):
            size = tf.shape(keras.tree.flatten(fed)[0], tf.int64)[0]
            full = tf.maximum(full, size)
            kept = tf.numpy_function(keep, [full, size], tf.bool)
            return full, (fed, tf.reshape(kept, []))

        @tf.autograph.experimental.do_not_convert
        def is_kept(fed, kept):
            return kept

        @tf.autograph.experimental.do_not_convert
        def batch(fed, kept):
            return fed

        pairs = data.scan(tf.constant(0, tf.int64), scan)
        kept = pairs.filter(is_kept).map(batch)
        return kept.repeat() if steps and finite else kept
