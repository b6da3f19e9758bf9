"""From rows to batches: epochs whose order is a pure function of (seed, epoch)."""

import numpy as np
import tensorflow as tf

_FOREVER = np.iinfo(np.int64).max


def batches(
    examples,
    rows: np.ndarray,
    batch_size: int,
    *,
    labels: bool,
    scale: tuple[float, float],
    seed: int,
    shuffle: bool,
    fresh_bits: bool,
    drop_remainder: bool,
    start: int | None,
) -> tf.data.Dataset:
    """The batches of some rows of the examples, once or, from a step on, for ever.

    An epoch is a function of one number. The endless stream counts 0, 1, ...; the
    finite data set draws a number, by seed, at each pass.
    """
    count = len(rows)
    full, rest = divmod(count, batch_size)
    steps = full if drop_remainder or rest == 0 else full + 1
    with tf.device("CPU:0"):
        rows = tf.constant(rows, tf.int64)
        of_row = tf.constant(examples.labels) if labels else None

    def key(epoch):
        return tf.stack([tf.constant(seed, tf.int64), epoch])

    def one_epoch(epoch):
        order = rows
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(rows, key(epoch))

        def step(i):
            chosen = order[i * batch_size : (i + 1) * batch_size]
            if drop_remainder:
                chosen = tf.ensure_shape(chosen, [batch_size])
            return chosen, epoch, i

        return tf.data.Dataset.range(steps).map(step)

    def batch(chosen, epoch, i):
        x = tf.cast(examples.fetch(chosen), tf.float32)
        x = tf.ensure_shape(x, (chosen.shape[0], *examples.shape))
        if examples.maximum is not None:
            if examples.maximum != 1:
                x = x / examples.maximum  # exactly 1 at the maximum
            if fresh_bits:
                bits_key = tf.random.fold_in(key(epoch), i)
                uniform = tf.random.stateless_uniform(tf.shape(x), bits_key)
                x = tf.cast(uniform < x, tf.float32)
            if scale != (0.0, 1.0):
                low, high = scale
                x = low * (1 - x) + high * x  # exact at both ends
        return (x, tf.gather(of_row, chosen)) if labels else x

    if start is not None:
        # Skipped before anything is gathered: only row numbers are passed over.
        epochs = tf.data.Dataset.range(start // steps, _FOREVER)
        chosen = epochs.flat_map(one_epoch).skip(start % steps)
        length = tf.data.INFINITE_CARDINALITY
    else:
        epochs = tf.data.Dataset.range(1)
        if shuffle or fresh_bits:
            numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
            epochs = numbers.take(1)
        chosen = epochs.flat_map(one_epoch)
        length = steps
    data = chosen.apply(tf.data.experimental.assert_cardinality(length))
    data = data.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return data.prefetch(tf.data.AUTOTUNE)
