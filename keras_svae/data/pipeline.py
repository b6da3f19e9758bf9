"""Makes batches of rows. An epoch's order is a pure function of (seed, epoch)."""

import numpy as np
import tensorflow as tf

from keras_svae.data.parts import Rows

_FOREVER = np.iinfo(np.int64).max


def batches(
    examples,
    part: Rows,
    batch_size: int,
    *,
    labelled_batch: int,
    scale: tuple[float, float],
    seed: int,
    shuffle: bool,
    fresh_bits: bool,
    drop_remainder: bool,
    start: int | None,
) -> tf.data.Dataset:
    """The batches of a part of the examples: once, or endlessly from a step on.

    An epoch is a function of one number. The endless stream counts 0, 1, ...; the
    finite data set draws a number, by seed, at each pass.
    """
    fresh = batch_size - labelled_batch
    full, rest = divmod(len(part.rows), fresh)
    steps = full if drop_remainder or rest == 0 else full + 1
    with tf.device("CPU:0"):
        rows = tf.constant(part.rows, tf.int64)
        of_row = None if part.labels is None else tf.constant(part.labels)
        if labelled_batch:
            labelled = tf.constant(part.labelled, tf.int64)

    def key(epoch):
        return tf.stack([tf.constant(seed, tf.int64), epoch])

    def one_epoch(epoch):
        order = rows
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(rows, key(epoch))
        if labelled_batch:
            again = _repeated(
                labelled, steps * labelled_batch, key(epoch) if shuffle else None
            )

        def step(i):
            chosen = order[i * fresh : (i + 1) * fresh]
            if labelled_batch:
                drawn = again[i * labelled_batch : (i + 1) * labelled_batch]
                chosen = _spread(drawn, chosen)
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
        return x if of_row is None else (x, tf.gather(of_row, chosen))

    if start is not None:
        # Steps are skipped before examples are gathered: only row numbers are read.
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
    data = data.prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    # Its thread would delay the end of each pass by up to a minute. Without it, calls
    # with AUTOTUNE have a thread for each core, at most 16.
    options.autotune.enabled = False
    return data.with_options(options)


def _repeated(rows: tf.Tensor, count: int, key: tf.Tensor | None) -> tf.Tensor:
    """`count` rows: all rows again and again, each pass in an order of its own."""
    passes = -(-count // rows.shape[0])
    if key is None:
        return tf.tile(rows, [passes])[:count]
    draws = tf.random.stateless_uniform(
        [passes, rows.shape[0]],
        tf.random.fold_in(key, -1),  # the bits of batch i are drawn by fold_in(key, i)
        minval=None,
        maxval=None,
        dtype=tf.int64,
    )
    return tf.reshape(tf.gather(rows, tf.argsort(draws)), [-1])[:count]


def _spread(few: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Both in one. The few are spread evenly, so that every stretch has its share."""
    count, both = tf.size(few, tf.int64), tf.concat([few, others], 0)
    place = tf.range(tf.size(both, tf.int64))
    is_few = place * count % tf.size(both, tf.int64) < count
    so_far = tf.cumsum(tf.cast(is_few, tf.int64))
    return tf.gather(both, tf.where(is_few, so_far - 1, count + place - so_far))
