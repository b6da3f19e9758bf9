"""Two replicas on the two logical CPUs that conftest.py has set up."""

import tensorflow as tf


def two_replicas() -> tf.distribute.Strategy:
    """A strategy over both; any number of them can live in one process.

    TensorFlow numbers the collective reductions of each strategy anew, so that with
    the default, those of a second strategy would meet the first one's.
    """
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
