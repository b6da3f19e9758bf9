"""What several worker processes do alike, and what the first of them does alone."""

import keras
import tensorflow as tf

__all__ = [
    "are_several",
    "check_same",
    "gathered",
    "is_first",
    "meet",
    "over_all",
    "without_writers",
]

# They write files, and know of no other workers.
_WRITE = (
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.TensorBoard,
)


def are_several(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes train the same model."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_first(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes files: of several workers, the first one does."""
    return strategy.extended.should_checkpoint


def without_writers(callbacks: list, strategy: tf.distribute.Strategy) -> list:
    """The callbacks of a worker. Only the first one has those that write files.

    These are Keras's, and any with an attribute `first_worker_only` that is true.
    """
    if is_first(strategy):
        return callbacks
    return [
        one
        for one in callbacks
        if not isinstance(one, _WRITE) and not getattr(one, "first_worker_only", False)
    ]


def over_all(strategy: tf.distribute.Strategy, numbers: list) -> list[tf.Tensor]:
    """Sums over all workers, of scalars or of tensors of one shape.

    What is not finite on one worker so reaches them all: a worker that stops alone
    leaves the others waiting for it. Call it on each replica. With one process, the
    numbers are as they are.
    """
    if not are_several(strategy) or not numbers:
        return numbers
    context = tf.distribute.get_replica_context()
    return tf.unstack(context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stack(numbers)))


def gathered(strategy: tf.distribute.Strategy, number: int) -> list[int]:
    """The numbers of all replicas. All workers must call it; it waits for them."""

    @tf.function(autograph=False)
    def found():
        def mine():
            context = tf.distribute.get_replica_context()
            place = tf.one_hot(
                context.replica_id_in_sync_group,
                strategy.num_replicas_in_sync,
                tf.constant(number, tf.int64),
                tf.constant(0, tf.int64),
            )
            return context.all_reduce(tf.distribute.ReduceOp.SUM, place)

        return strategy.run(mine)

    return strategy.experimental_local_results(found())[0].numpy().tolist()


def meet(strategy: tf.distribute.Strategy) -> None:
    """Waits until all workers are here; all of them must call it.

    The others then find what the first one has written. One process does not wait.
    """
    if are_several(strategy):
        gathered(strategy, 0)


def check_same(strategy: tf.distribute.Strategy, number: int, what: str) -> None:
    """Compares a number of all workers; all of them must call it.

    Args:
        strategy: With one process, nothing is compared.
        number: The number of this worker.
        what: What it is, for the error.

    Raises:
        ValueError: On all workers, if the numbers differ.
    """
    if not are_several(strategy):
        return
    found = gathered(strategy, number)
    if len(set(found)) > 1:
        raise ValueError(
            f"Expected {what} to be the same for all workers; received: {found}"
        )
