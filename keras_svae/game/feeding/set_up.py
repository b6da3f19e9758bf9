"""Options of data sets: threads, and how workers share batches."""

import tensorflow as tf

__all__ = ["Policy", "set_up"]

Policy = tf.data.experimental.AutoShardPolicy


def set_up(data: tf.data.Dataset) -> tf.data.Dataset:
    """The same data, set up so that closing the iterator does not wait.

    A thread of tf.data tunes buffers and parallelism. It sleeps up to a minute, and
    closing an iterator waits for it. Without this thread, calls with AUTOTUNE have as
    many threads as the machine has cores, at most 16. If the user has switched the
    tuning on, it stays on.

    Of several workers, each takes its share of each batch, so that all of them together
    see the batches of one device. TensorFlow's own choice may give each worker files of
    its own. It stays if the user has made it.
    """
    known, options = data.options(), tf.data.Options()
    if not known.autotune.enabled:
        options.autotune.enabled = False
    if known.experimental_distribute.auto_shard_policy == Policy.AUTO:
        options.experimental_distribute.auto_shard_policy = Policy.DATA
    return data.with_options(options)
