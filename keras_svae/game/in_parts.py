"""What is calculated for many examples, in parts: memory grows with a part."""

from collections.abc import Callable

import tensorflow as tf

from keras_svae import noise, philox
from keras_svae.game import checks

__all__ = ["PART", "as_keyword", "in_parts", "outputs"]

# Examples that pass through a network at once, if the caller does not say it.
PART = 250


def as_keyword(batch_size: int | None) -> dict[str, int]:
    """The argument of a method that a subclass may have overridden without it."""
    return {} if batch_size is None else {"batch_size": batch_size}


def in_parts(function: Callable, *inputs, batch_size: int | None = None):
    """A function of rows, called on some rows at a time; its results are joined.

    The parts draw the noise that the whole would draw: results do not depend on
    `batch_size`, but for rounding. In a graph, which does not know how many rows there
    are, nothing is cut.

    Args:
        function: Of as many tensors as there are inputs. It gives a tensor (rows, ...)
            or a structure of such, and draws its noise by `keras_svae.noise`.
        *inputs: Tensors (rows, ...). An input may be None.
        batch_size: How many rows at once; None for 250.

    Raises:
        ValueError: For inputs of different numbers of rows, as far as they are known.
        tf.errors.InvalidArgumentError: In a graph, where they become known.
    """
    checks.counts(1, batch_size=batch_size)
    size = batch_size or PART
    shapes = [tf.TensorShape(one.shape) for one in inputs if one is not None]
    count = shapes[0][0]
    if len({one[0] for one in shapes if one.rank and one[0] is not None}) > 1:
        raise ValueError(
            "Expected inputs of one number of rows, as examples, codes and classes go "
            f"together; received: shapes {', '.join(map(str, shapes))}"
        )
    if not tf.executing_eagerly():
        return function(*_of_one_length(inputs))
    if count <= size or philox.is_part():
        return function(*inputs)
    found = []
    for start in range(0, count, size):
        part = [one if one is None else one[start : start + size] for one in inputs]
        with noise.rows(start, min(size, count - start)):
            found.append(function(*part))
    return tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *found)


def _of_one_length(inputs: tuple) -> tuple:
    """The inputs of a graph, which wait for a check that they have as many rows.

    Laws would repeat a single row. XLA, ONNX and LiteRT leave the check out.
    """
    there = [one for one in inputs if one is not None]
    rows = {tf.TensorShape(one.shape)[0] for one in there if one.shape.rank != 0}
    if len(there) < 2 or (len(rows) == 1 and None not in rows):
        return inputs
    counts = tf.stack([tf.shape(one)[0] for one in there])
    said = "Expected inputs of one number of rows, as examples, codes and classes go "
    fine = tf.reduce_all(counts == counts[0])
    check = tf.debugging.Assert(fine, [f"{said}together; received rows:", counts])
    with tf.control_dependencies([check]):
        return tuple(one if one is None else tf.identity(one) for one in inputs)


def outputs(
    network: Callable,
    inputs,
    y,
    *others,
    batch_size: int | None = None,
    then: Callable | None = None,
):
    """A network's output for all inputs, or what is made of it, in parts.

    Args:
        network: A function of inputs and of classes, `y=`.
        inputs: What it reads, (rows, ...).
        y: Classes, one-hot (rows, classes), or None.
        *others: Further arguments of `then`, (rows, ...).
        batch_size: See `in_parts`.
        then: Makes a result of a part's output and others. It draws no noise: a law of
            a user's own would draw the same for each part. None for the output.
    """

    def call(inputs, y, *others):
        raw = network(inputs, y=y)
        return raw if then is None else then(raw, *others)

    return in_parts(call, inputs, y, *others, batch_size=batch_size)
