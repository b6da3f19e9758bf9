"""How many examples a batch must have, so that every replica can do with its share."""

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
        replicas: Over how many replicas a batch is spread.

    Attributes:
        left_out: How many batches were left out.
    """

    def __init__(self, least: int, why: str, replicas: int):
        self.least, self.why, self.replicas = least, why, replicas
        self.left_out = 0

    def smallest_share(self, size: int, full: int) -> int:
        """What the replica with the fewest examples gets of a batch.

        TensorFlow deals out a batch in shares of a full batch, as far as it goes, or in
        equal shares, rounded up. It does not say which: this is the lesser.
        """
        shares = (-(-one // self.replicas) for one in (full, size))
        return max(0, min(size - share * (self.replicas - 1) for share in shares))

    def check(self, size: int, full: int) -> None:
        """Raises a ValueError for a batch of this size, where full ones have `full`."""
        if self.smallest_share(size, full) < self.least:
            raise ValueError(
                f"Expected {self.why}; received: a batch of {size} on {self.replicas} "
                "replica(s)"
            )

    def large_enough(
        self, data: tf.data.Dataset, finite: bool, steps: int | None
    ) -> tf.data.Dataset:
        """Without batches that are too small for the global step: none is then begun.

        All replicas and workers decide alike, since the whole batch is looked at.

        Args:
            data: The batches.
            finite: Whether their number is known, and so that the first is kept.
            steps: How many make an epoch; None for all of them. Keras begins data of a
                known number anew at their end, which is lost here: so they repeat.
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
