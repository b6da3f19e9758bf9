"""What replicas share: batches, and the averages and moments of batch normalisation."""

from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import workers, xla
from keras_svae.game.feed import Share

__all__ = ["Whole", "agree", "share", "synchronize", "undistributed"]

# Their replicas are traced one by one, each on a device of this process.
_TRACED = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.OneDeviceStrategy,
)


class Whole(tf.data.Dataset, tf.distribute.DistributedDataset):
    """Data whose batches reach all replicas whole: each takes its share (`share`).

    Keras takes it for data that are distributed already. Otherwise TensorFlow would
    read the batches through one more iterator for each device. These have tf.data's
    tuning thread whatever the options of the data are. Python frees them some time
    after their last step, in the middle of others, and waits for that thread, up to a
    minute.

    Args:
        data: Batches for all replicas of all workers.
    """

    def __init__(self, data: tf.data.Dataset):
        self._data = data
        super().__init__(tf.data.experimental.to_variant(data))

    def _inputs(self) -> list[tf.data.Dataset]:
        return [self._data]

    @property
    def element_spec(self) -> Any:
        return self._data.element_spec


def undistributed(data, strategy: tf.distribute.Strategy):
    """Data of a `Feed`, in the form in which Keras does not distribute them: a `Whole`.

    TensorFlow still shares the batches where several workers have data whose options
    say how, such as files of its own for each worker, and under strategies of another
    kind. Data of the user's own strategy stay as they are.
    """
    if not isinstance(data, tf.data.Dataset) or not xla.is_chosen(strategy):
        return data
    policy = data.options().experimental_distribute.auto_shard_policy
    theirs = policy != tf.data.experimental.AutoShardPolicy.DATA
    if isinstance(strategy, _TRACED) and not (workers.are_several(strategy) and theirs):
        return Whole(data)
    return data.map(lambda fed: Share(*fed))


def share(batch: Any, strategy: tf.distribute.Strategy) -> Any:
    """A replica's rows of a batch that all replicas have; call it on each replica.

    Shares are equal, or differ by one row: replica i of n has those from i count / n on
    up to (i + 1) count / n.

    Args:
        batch: Tensors (count, ...), in any structure.
        strategy: Which the replicas are of.
    """
    n, context = strategy.num_replicas_in_sync, tf.distribute.get_replica_context()
    if n == 1 or context is None:
        return batch
    i = context.replica_id_in_sync_group
    i = i if tf.get_static_value(i) is None else int(tf.get_static_value(i))

    def rows(whole):
        known = whole.shape[0]
        count = tf.shape(whole)[0] if known is None else known
        return whole[i * count // n : (i + 1) * count // n]

    # The device of a replica receives its share alone.
    with tf.device("CPU:0"):
        return keras.tree.map_structure(rows, batch)


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
