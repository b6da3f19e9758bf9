"""Arrays in batches, in a new order at each pass, by a seed of their own alone."""

import numpy as np
import tensorflow as tf

__all__ = ["reordered"]


def reordered(
    arrays: tuple[np.ndarray, ...],
    batch_size: int,
    rng: np.random.Generator,
    *,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """A data set of batches, whose order depends on rng alone.

    `tf.data.Dataset.shuffle` mixes TensorFlow's global seed into the seed that it is
    given: what is trained on it would depend on what the user's program did before.

    Args:
        arrays: Arrays (n, ...) of the same n, n >= 1. One array gives batches x,
            several give tuples of batches.
        batch_size: Rows of a batch.
        rng: It draws one order for each pass.
        drop_remainder: Whether a smaller last batch is left out.
    """
    n = len(arrays[0])
    count = n // batch_size if drop_remainder else -(-n // batch_size)
    held = tuple(map(tf.constant, arrays))

    def order(_):
        # Python runs once for a pass, not for each batch.
        found = tf.numpy_function(lambda: rng.permutation(n), [], tf.int64)
        return tf.ensure_shape(found, [n])

    def batches(order):
        def batch(i):
            rows = order[i * batch_size : (i + 1) * batch_size]
            if n % batch_size == 0 or drop_remainder:
                rows = tf.ensure_shape(rows, [batch_size])
            found = tuple(tf.gather(one, rows) for one in held)
            return found if len(found) > 1 else found[0]

        return tf.data.Dataset.range(count).map(batch)

    data = tf.data.Dataset.range(1).map(order).flat_map(batches)
    options = tf.data.Options()
    options.autotune.enabled = False  # it would be waited for at the end of each pass
    data = data.with_options(options)
    return data.apply(tf.data.experimental.assert_cardinality(count))
