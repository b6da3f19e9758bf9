"""From gradients to updates: what is checked and clipped before an update."""

import math
import re
from collections.abc import Callable
from typing import TypeAlias

import keras
import tensorflow as tf

__all__ = [
    "all_finite",
    "apply",
    "clipped",
    "finite",
    "found_in",
    "of_rows",
    "passed",
    "rows_in",
    "totals",
    "totals_finite",
    "values",
]

# The formats in which a check's TensorFlow error says which number was wrong.
_CHECKED = re.compile(r"keras_svae\|(.*?)\|(.*?)\|(.*?) : Tensor had (.*?) values")
_TOTALS = re.compile(r"\[keras_svae\|(.*?)\|totals\] \[(.*?)\]")
_ROWS = re.compile(r"\[keras_svae\|(.*?)\|rows\] \[(\d+)\] \[(\d+)\]")

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


def finite(value: Gradient, player: str, what: str, kind: str) -> Gradient:
    """The value; a step stops if it computes this value and it is not finite.

    Args:
        value: A loss or a gradient.
        player: The name of the player.
        what: The term's name, or the weight's path.
        kind: "loss" or "gradient".
    """
    message = f"keras_svae|{player}|{what}|{kind}"
    return _over_values(lambda x: tf.debugging.check_numerics(x, message), value)


def totals(gradients: list[Gradient]) -> tf.Tensor:
    """The sum of each gradient's numbers, (gradients,): not finite if one of them is.

    This is faster than `CheckNumerics`, which reads a gradient in one thread, number by
    number. The sum of finite numbers is infinite only beyond the largest float.
    """
    numbers = [values(one) for one in gradients]
    wide = any(one.dtype == tf.float64 for one in numbers)
    kind = tf.float64 if wide else tf.float32
    # float16 ends at 65,504, so it is cast before the sum.
    return tf.stack([tf.reduce_sum(tf.cast(one, kind)) for one in numbers])


def totals_finite(numbers: tf.Tensor, player: str) -> tf.Tensor:
    """What `totals` gives; a step stops if one of them is not finite."""
    found = tf.raw_ops.Assert(
        condition=tf.reduce_all(tf.math.is_finite(numbers)),
        data=[f"keras_svae|{player}|totals", numbers],
        summarize=numbers.shape[0],
    )
    # Eagerly there is no operation to wait for.
    with tf.control_dependencies([] if found is None else [found]):
        return tf.identity(numbers)


def of_rows(values: tf.Tensor, count, name: str) -> tf.Tensor:
    """The values of a term; a step stops if they are not `count`."""
    rows = tf.shape(values)[0]
    found = tf.raw_ops.Assert(
        condition=tf.equal(rows, count), data=[f"keras_svae|{name}|rows", rows, count]
    )
    with tf.control_dependencies([] if found is None else [found]):
        return tf.identity(values)


def rows_in(error: Exception) -> tuple[str, int, int] | None:
    """Term, values and examples of the check of `of_rows` that raised an error."""
    found = _ROWS.search(str(error))
    if found is None:
        return None
    name, rows, count = found.groups()
    return name, int(rows), int(count)


def found_in(
    error: Exception, paths: Callable[[str], list[str]]
) -> tuple[str, str, str, str] | None:
    """Player, what, kind and value of the check that raised an error, if one did.

    Args:
        error: Any error of a step.
        paths: Gives the paths of the weights that a player updates.
    """
    found = _CHECKED.search(str(error))
    if found is not None:
        player, what, kind, value = found.groups()
        return player, what, kind, value
    found = _TOTALS.search(str(error))
    if found is None:
        return None
    player, numbers = found.groups()
    for path, value in zip(paths(player), numbers.split(), strict=True):
        if not math.isfinite(float(value)):
            return player, path, "gradient", str(float(value))
    return None


def all_finite(gradients: list[Gradient]) -> tf.Tensor:
    """Whether all gradients are finite, as a scalar: XLA cannot raise errors."""
    each = [tf.reduce_all(tf.math.is_finite(values(one))) for one in gradients]
    return tf.reduce_all(each)


def passed(gradients: list[Gradient]) -> list[Gradient]:
    """The gradients, after all operations that must run before."""
    return [_over_values(tf.identity, one) for one in gradients]


def values(gradient: Gradient) -> tf.Tensor:
    """The gradient's numbers; for a sparse gradient, only those that it stores."""
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def clipped(
    gradients: list[Gradient], optimizer: keras.optimizers.Optimizer, replicas: int
) -> list[Gradient]:
    """Gradients of all replicas, clipped as an optimizer clips those of one replica.

    Keras clips before it sums over replicas. So the sum is clipped here. Each replica
    then gives an equal part of it, which the optimizer does not clip again.

    Args:
        gradients: The gradients of this replica.
        optimizer: The optimizer that sets the limits.
        replicas: How many there are.
    """
    norm, value = optimizer.clipnorm, optimizer.clipvalue
    global_norm = optimizer.global_clipnorm
    if replicas == 1 or not (norm or value or global_norm):
        return gradients
    context = tf.distribute.get_replica_context()
    # A sparse gradient may name a row several times. Each would have a norm of its own.
    gradients = [tf.convert_to_tensor(one) for one in gradients]
    gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    # This is the order in which Keras checks them.
    if norm:
        gradients = [tf.clip_by_norm(one, norm) for one in gradients]
    elif global_norm:
        gradients, _ = tf.clip_by_global_norm(gradients, global_norm)
    else:
        gradients = [tf.clip_by_value(one, -value, value) for one in gradients]
    return [one / replicas for one in gradients]


def apply(optimizer: keras.optimizers.Optimizer, gradients: list, variables: list):
    """What `optimizer.apply_gradients` does, and without a strategy no more than that.

    It calls `apply_gradients`, not `apply`: a class of one's own may override either,
    and Keras's `fit` calls both.

    Keras sums the gradients of replicas even where there is one device. TensorFlow
    registers this sum's own gradient under a name that it never forgets, and the whole
    graph of a step with it, for each model that was ever trained in a process: some
    11 MB with the networks of digits.
    In the context across replicas Keras has nothing to sum.
    """
    pairs = list(zip(gradients, variables, strict=True))
    if not pairs:  # all of the player is frozen, which Keras's own does not expect
        return
    if tf.distribute.has_strategy():
        optimizer.apply_gradients(pairs)
        return

    @tf.autograph.experimental.do_not_convert
    def update(strategy):
        optimizer.apply_gradients(pairs)

    tf.distribute.get_replica_context().merge_call(update)


def _over_values(function, gradient):
    if not isinstance(gradient, tf.IndexedSlices):
        return function(gradient)
    made = function(gradient.values)
    return tf.IndexedSlices(made, gradient.indices, gradient.dense_shape)
