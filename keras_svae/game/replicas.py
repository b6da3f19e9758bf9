"""What replicas have in common: the averages and the moments of batch normalisation."""

import keras
import tensorflow as tf

__all__ = ["agree", "synchronize"]


def agree(layers: list[keras.layers.BatchNormalization]) -> None:
    """Gives all replicas the mean of their moving averages; call it on each replica.

    Each replica normalises by its share of a batch, so each moves its own averages. The
    mean of these averages is the average over all shares. Otherwise one replica's
    averages would be saved, and inference on another replica would use others.

    Args:
        layers: Layers of batch normalisation, each with moving averages.
    """
    moved = {id(v): v.value for one in layers for v in one.non_trainable_weights}
    if not moved:
        return
    context = tf.distribute.get_replica_context()
    # One reduction for all: each has a cost of its own.
    flat = [tf.reshape(tf.cast(v, tf.float32), [-1]) for v in moved.values()]
    total = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.concat(flat, 0))
    parts = tf.split(total, [v.shape.num_elements() for v in moved.values()])
    for variable, part in zip(moved.values(), parts, strict=True):
        variable.assign(tf.cast(tf.reshape(part, variable.shape), variable.dtype))


def synchronize(layers: list[keras.layers.Layer], over_all: bool | None) -> None:
    """Sets whether batch normalisation takes its moments over all replicas.

    Args:
        layers: Layers of batch normalisation.
        over_all: True for the batch of all replicas, False for each replica's share;
            None leaves each layer as it was made (`synchronized` of Keras's layer).
    """
    if over_all is None:
        return
    for layer in layers:
        layer.synchronized = over_all
