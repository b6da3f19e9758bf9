"""What data a model refuses."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.models.checks.values import shapes


def labels(y, classes: int, n: int | None, unlabelled: bool = False) -> None:
    """Raises unless y are classes.

    Args:
        y: What was given, (n,).
        classes: How many classes there are.
        n: How many examples; None for a single class for all of them.
        unlabelled: Whether -1, no class, is allowed.
    """
    low = -1 if unlabelled else 0
    what = f"classes as integers in {low}..{classes - 1}"
    y = np.asarray(y)
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"Expected {what}; received: y of type {y.dtype}")
    shape = () if n is None else (n,)
    if y.shape != shape:
        raise ValueError(f"Expected {what}, shape {shape}; received: shape {y.shape}")
    for found in (y.min(initial=low), y.max(initial=low)):
        if not low <= found < classes:
            raise ValueError(f"Expected {what}; received: {found}")


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


def first_batch(model, x, y=None, batch_size: int | None = None) -> None:
    """Looks at what `fit` is about to be fed, as far as that consumes nothing.

    Args:
        model: A model.
        x: Its training data.
        y: Classes beside arrays x.
        batch_size: Of arrays, Keras's 32 where it is None.
    """
    if isinstance(x, tf.data.Dataset):
        batch = next(iter(x.take(1)), None)
        if batch is None:
            raise ValueError("Expected data to train on; received: an empty data set")
        x = model.unpack(batch)
    elif isinstance(x, keras.utils.PyDataset):
        x = model.unpack(x[0])
    elif not hasattr(x, "shape"):
        return  # a generator, or a distributed data set
    elif len(x) == 0:
        raise ValueError("Expected data to train on; received: an empty array")
    else:
        model.check_data(model.unpack(x if y is None else (x, y)))
        batch_size = batch_size or 32
        # Both sizes that Keras cuts an array into.
        for size in {min(batch_size, len(x)), len(x) % batch_size or batch_size}:
            model.check_batch(size)
        return
    model.check_data(x)
    model.check_batch(len(keras.tree.flatten(x)[0]))


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
