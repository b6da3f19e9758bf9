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
    whole = n // batch_size * batch_size
    stop = whole if drop_remainder else n

    def batches():
        order = rng.permutation(n)
        for start in range(0, stop, batch_size):
            rows = order[start : min(start + batch_size, stop)]
            found = tuple(one[rows] for one in arrays)
            yield found if len(found) > 1 else found[0]

    size = batch_size if stop == whole else None
    specs = tuple(tf.TensorSpec((size, *x.shape[1:]), x.dtype) for x in arrays)
    signature = specs if len(specs) > 1 else specs[0]
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return data.apply(tf.data.experimental.assert_cardinality(-(-stop // batch_size)))
