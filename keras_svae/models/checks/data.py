"""What data a model refuses."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.models.checks.values import shapes


def labels(y, classes: int, n=None, unlabelled: bool = False) -> tf.Tensor:
    """Classes as int64; raises unless they are classes.

    In a graph, a SavedModel's too, their range is looked at when it runs: whatever
    reads the result waits for that. XLA leaves it out.

    Args:
        y: What was given, (n,) or a scalar.
        classes: How many classes there are.
        n: How many examples; None for a single class for all of them.
        unlabelled: Whether -1, no class, is allowed.

    Raises:
        ValueError: For another type or shape, and outside graphs for another number.
        tf.errors.InvalidArgumentError: In a graph, for another number.
    """
    low = -1 if unlabelled else 0
    what = f"classes as integers in {low}..{classes - 1}"
    y = tf.convert_to_tensor(y)
    if not y.dtype.is_integer:
        raise ValueError(f"Expected {what}; received: y of type {y.dtype.name}")
    eager = tf.executing_eagerly()
    shape = () if n is None else (int(n) if eager else None,)
    if not y.shape.is_compatible_with(shape):
        raise ValueError(f"Expected {what}, shape {shape}; received: shape {y.shape}")
    y = tf.cast(y, tf.int64)
    least, most = tf.reduce_min(y), tf.reduce_max(y)  # of no y: the extreme integers
    fine = (least >= low) & (most < classes)
    if eager:
        if not fine:
            found = int(least if least < low else most)
            raise ValueError(f"Expected {what}; received: {found}")
        return y
    received = [tf.cast(one, tf.int32) for one in (least, most)]
    message = [f"Expected {what}; received, from ... to:", *received]
    with tf.control_dependencies([tf.debugging.Assert(fine, message)]):
        return tf.identity(y)


def images(x, shape: tuple, value_range: tuple[float, float] | None) -> None:
    """Raises a ValueError on data that a model cannot learn from.

    Args:
        x: A batch.
        shape: What one example should look like.
        value_range: Where values should lie, or None for anywhere.
    """
    dtype = getattr(x, "dtype", None)
    dtype = getattr(dtype, "name", dtype)
    if not str(dtype).startswith(("float", "bfloat")):
        low, high = value_range or (0, 1)
        raise ValueError(
            f"Expected data as floats in [{low:g}, {high:g}]; received: {dtype}. "
            "Divide 8-bit images by 255, or load them with keras_svae.data.load."
        )
    if len(x.shape) != len(shape) + 1:
        raise ValueError(
            f"Expected data of rank {len(shape) + 1}, (batch, "
            f"{', '.join(map(str, shape))}); received: shape {tuple(x.shape)}"
        )
    shapes("each example to have shape", x.shape[1:], shape, "as the networks do")
    x = np.asarray(x)
    if not np.isfinite(x).all():
        raise ValueError(
            "Expected finite data; received: NaN or infinity in "
            f"{int((~np.isfinite(x)).any(axis=tuple(range(1, x.ndim))).sum())} of "
            f"{len(x)} examples"
        )
    if value_range is not None:
        low, high = value_range
        if x.min() < low or x.max() > high:
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the range of the likelihood; "
                f"received: values from {x.min():g} to {x.max():g}"
            )


def first_batch(
    model, x, y=None, batch_size: int | None = None, training: bool = True
) -> None:
    """Looks at what a model is about to be fed, as far as that consumes nothing.

    Args:
        model: A model.
        x: Its data.
        y: Classes beside arrays x.
        batch_size: Of arrays, Keras's 32 where it is None.
        training: Whether it will learn from them, which not all sizes allow.
    """
    what = "data to train on" if training else "data to evaluate on"
    check_size = model.check_batch if training else lambda size: None
    if isinstance(x, tf.data.Dataset):
        batch = next(iter(x.take(1)), None)
        if batch is None:
            raise ValueError(f"Expected {what}; received: an empty data set")
        x = model.unpack(batch)
    elif isinstance(x, keras.utils.PyDataset):
        x = model.unpack(x[0])
    elif not hasattr(x, "shape"):
        return  # a generator, or a distributed data set
    elif len(x) == 0:
        raise ValueError(f"Expected {what}; received: an empty array")
    else:
        model.check_data(model.unpack(x if y is None else (x, y)))
        batch_size = batch_size or 32
        # Both sizes that Keras cuts an array into.
        for size in {min(batch_size, len(x)), len(x) % batch_size or batch_size}:
            check_size(size)
        return
    model.check_data(x)
    check_size(len(keras.tree.flatten(x)[0]))


def partners(size: int, replicas: int) -> None:
    """Raises where an example has no other one beside it."""
    if size < 2 * replicas:
        raise ValueError(
            "Expected at least 2 examples per replica, so that each has an independent "
            f"partner; received: a batch of {size} on {replicas} replica(s)"
        )


def batch_norm(size: int, replicas: int, networks) -> None:
    """Raises where batch normalisation would see a single example."""
    if size > replicas:
        return
    for one in networks:
        for layer in one._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                raise ValueError(
                    "Expected at least 2 examples per replica for batch "
                    f"normalisation (layer {layer.name!r}); received: a batch of "
                    f"{size} on {replicas} replica(s)"
                )
