"""How many examples a batch needs, so that each replica gets enough of them."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.telling import warn

__all__ = ["Sizes"]


class Sizes:
    """Refuses batches that are too small, or leaves them out.

    Args:
        least: How many examples each replica needs; 0 if a replica may have none of a
            batch. A batch of no examples at all is always too small.
        why: What is expected, for messages; "" if a batch of any size will do.
        replicas: The number of replicas that share a batch.
        use: What a small batch is left out of, for messages.

    Attributes:
        even: Whether shares differ by one example at most (`replicas.share`); otherwise
            TensorFlow shares the batches.
        left_out: How many batches were left out.
    """

    def __init__(self, least: int, why: str, replicas: int, use: str = "training"):
        self.least, self.why, self.replicas, self.use = least, why, replicas, use
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

    def is_enough(self, size: int, full: int) -> bool:
        """Whether a batch of this size is large enough; full ones have `full`."""
        enough = size > 0 and self.smallest_share(size, full) >= self.least
        return enough or not self.why

    def check(self, size: int, full: int) -> None:
        """Raises a ValueError if this size is too small; full batches have `full`."""
        if not self.is_enough(size, full):
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
            finite: Whether their number is known.
            steps: The number of batches in an epoch; None for all. When data of known
                number end within these, Keras ends the epoch, and starts them again.
                If small batches may be left out (`least` above 1), Keras cannot count
                to the end. So such data are repeated.
        """
        known = keras.tree.flatten(data.element_spec)[0].shape[0] is not None
        # Where TensorFlow shares batches, it has to know how many there are.
        theirs = self.least <= 1 and self.replicas > 1 and not self.even
        if not self.why or known or theirs:
            return data
        if self.least > 1 and not self.even:
            kept = self._by_scan(data)
        else:
            enough = self.least * self.replicas if self.least > 1 else 1

            @tf.autograph.experimental.do_not_convert
            def is_large(*fed):
                size = tf.shape(keras.tree.flatten(fed)[0], tf.int64)[0]
                # Python is asked of small batches only.
                kept = tf.cond(
                    size >= enough,
                    lambda: tf.constant(True),
                    lambda: tf.numpy_function(self._keep, [size, size], tf.bool),
                )
                return tf.reshape(kept, [])

            kept = data.filter(is_large)
        return kept.repeat() if steps and finite and self.least > 1 else kept

    def _by_scan(self, data: tf.data.Dataset) -> tf.data.Dataset:
        """The large batches, where that depends on the size of the full ones."""

        def scan(full, fed):
            size = tf.shape(keras.tree.flatten(fed)[0], tf.int64)[0]
            full = tf.maximum(full, size)
            kept = tf.numpy_function(self._keep, [full, size], tf.bool)
            return full, (fed, tf.reshape(kept, []))

        @tf.autograph.experimental.do_not_convert
        def is_kept(fed, kept):
            return kept

        @tf.autograph.experimental.do_not_convert
        def batch(fed, kept):
            return fed

        pairs = data.scan(tf.constant(0, tf.int64), scan)
        return pairs.filter(is_kept).map(batch)

    def _keep(self, full, size) -> np.bool_:
        """Whether a batch is large enough. Warns of the first that is not."""
        large = self.is_enough(int(size), int(full))
        if not large:
            if not self.left_out:
                warn(
                    f"A batch of {size} examples on {self.replicas} replica(s) was "
                    f"left out of {self.use}. Expected {self.why}."
                )
            self.left_out += 1
        return np.bool_(large)
