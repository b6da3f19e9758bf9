"""What replicas share: batches, and the averages and moments of batch normalisation."""

from typing import Any

import keras
import tensorflow as tf

from keras_svae.game.devices import workers, xla
from keras_svae.game.feeding.fed import Share
from keras_svae.game.feeding.known import Wrapped
from keras_svae.game.feeding.set_up import Policy

__all__ = [
    "Whole",
    "agree",
    "are_traced",
    "piece",
    "share",
    "synchronize",
    "undistributed",
]

# Their replicas are traced one by one, each on a device of this process.
_TRACED = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.OneDeviceStrategy,
)


class Whole(Wrapped, tf.distribute.DistributedDataset):
    """Data whose batches reach all replicas whole: each takes its share (`share`).

    Keras treats it as distributed already, and leaves it as it is. Otherwise TensorFlow
    would read the batches through one more iterator for each device. Each of these has
    tf.data's tuning thread, whatever the options of the data are. Python frees such an
    iterator some time after its last step, while later steps run. Then it waits for
    that thread, up to a minute.

    Args:
        data: Batches for all replicas of all workers.
    """


def are_traced(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy's replicas can take their rows of a batch themselves."""
    return isinstance(strategy, _TRACED) or not xla.is_chosen(strategy)


def undistributed(data, strategy: tf.distribute.Strategy):
    """The data as Keras shall get them.

    Args:
        data: The batches of a `Feed`, or what the user's own strategy has distributed.
        strategy: The model's.

    Returns:
        A `Whole`, where replicas take their rows themselves. Otherwise a data set of
        `Share`s, which TensorFlow distributes: several workers may have data whose
        options say how, such as files of its own for each worker. Data that the user
        has distributed, and data without a strategy, stay as they are.
    """
    if not isinstance(data, tf.data.Dataset) or not xla.is_chosen(strategy):
        return data
    policy = data.options().experimental_distribute.auto_shard_policy
    theirs = policy != Policy.DATA and workers.are_several(strategy)
    if are_traced(strategy) and not theirs:
        return Whole(data)
    return data.map(lambda fed: Share(*fed))


def share(batch: Any, strategy: tf.distribute.Strategy) -> Any:
    """A replica's rows of a batch that all replicas have; call it on each replica.

    Args:
        batch: Tensors (count, ...), in any structure.
        strategy: The strategy of the replicas.

    Returns:
        Piece i of n: the rows from i * count // n up to, but without,
        (i + 1) * count // n. So the sizes of pieces differ by one at most.
    """
    n, context = strategy.num_replicas_in_sync, tf.distribute.get_replica_context()
    if n == 1 or context is None:
        return batch
    i = context.replica_id_in_sync_group
    i = i if tf.get_static_value(i) is None else int(tf.get_static_value(i))
    i = piece(i, n, len(strategy.extended.worker_devices))

    def rows(whole):
        known = whole.shape[0]
        count = tf.shape(whole)[0] if known is None else known
        return whole[i * count // n : (i + 1) * count // n]

    # Only its share is copied to a replica's device.
    with tf.device("CPU:0"):
        return keras.tree.map_structure(rows, batch)


def piece(replica, n: int, local: int):
    """Which piece of a batch a replica has: in the order in which `predict` joins them.

    Keras joins what the first replicas of all workers give, then the second ones'.

    Args:
        replica: The number among all replicas, worker by worker.
        n: How many replicas there are.
        local: How many of them each worker has.
    """
    return replica % local * (n // local) + replica // local


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
