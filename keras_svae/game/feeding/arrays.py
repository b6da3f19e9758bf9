"""Arrays of the user's data, of whatever library they come from."""

import os
from collections.abc import Iterable, Sized

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "as_array",
    "batched",
    "batches_of",
    "check_dense",
    "check_like",
    "examples_in",
    "length_of",
    "spec_of",
]


def as_array(value) -> np.ndarray | None:
    """A leaf of the user's data as an array: NumPy, tensors, pandas, torch.

    Raises:
        ValueError: For what has no values, or values that an array would lose.
    """
    kind, why = type(value).__name__, ""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        why = "whose masked values would be read. x.filled(...) gives them a value"
    elif isinstance(value, keras.KerasTensor):
        why = "which has no values"
    if not why:
        try:
            return None if value is None else np.asarray(value)
        except (RuntimeError, TypeError, ValueError) as error:  # torch has its own
            why = f"which NumPy cannot read: {error}"
    raise ValueError(f"Expected data as arrays; received: {kind}, {why}")


def examples_in(fed) -> int:
    """How many examples a batch of arrays has.

    Raises:
        ValueError: For a single number.
    """
    first = keras.tree.flatten(fed)[0]
    if not np.ndim(first):
        raise ValueError(
            "Expected data as arrays (batch, ...); received: a single "
            f"{np.asarray(first).dtype.name}"
        )
    return len(first)


def batched(
    arrays, batch_size: int, shuffle: bool | str, seed: int | None
) -> tf.data.Dataset:
    """Batches of the rows of arrays, in any structure.

    Args:
        arrays: Arrays of as many rows as each other.
        batch_size: The rows of a batch; the last one may have fewer.
        shuffle: Whether each pass has its own order; "batch" for one within batches.
        seed: Of this order; None for another one at each call.
    """
    count = len(keras.tree.flatten(arrays)[0])
    rows = tf.data.Dataset.range(count)
    if shuffle and shuffle != "batch":
        rows = rows.shuffle(count, seed)
    rows = rows.batch(batch_size)
    if shuffle == "batch":
        rows = rows.map(lambda one: tf.random.shuffle(one, seed))
    with tf.device("CPU:0"):
        arrays = keras.tree.map_structure(tf.constant, arrays)

    def take(chosen):
        return keras.tree.map_structure(lambda a: tf.gather(a, chosen), arrays)

    data = rows.map(take, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return data.prefetch(2)


def batches_of(x) -> str:
    """How an object that holds examples becomes batches, as a part of a message."""
    if isinstance(x, (str, os.PathLike)):
        return f". keras_svae.data.load({str(x)!r}) loads a file or a folder"
    if hasattr(x, "toarray"):  # of SciPy
        return ". x.toarray() makes an array of it"
    if hasattr(x, "to_tf_dataset"):  # of Hugging Face
        return ". x.to_tf_dataset(batch_size=64, columns='image') makes batches of it"
    if hasattr(x, "__getitem__") and hasattr(x, "__len__"):  # of PyTorch
        return ". torch.utils.data.DataLoader(x, batch_size=64) makes batches of it"
    return ""


def spec_of(array) -> tf.TensorSpec:
    """What a batch of any size is, of which this array is one."""
    return tf.TensorSpec((None, *array.shape[1:]), array.dtype)


def length_of(batches: Iterable) -> int | None:
    """How many batches there are; None if they do not say it."""
    try:
        return len(batches) if isinstance(batches, Sized) else None
    except (TypeError, NotImplementedError):  # a loader of a stream of PyTorch
        return None


def check_dense(fed) -> None:
    """Raises a ValueError unless a data set gives tensors, each with one shape."""
    kinds = (
        (tf.RaggedTensor, "a RaggedTensor. x.to_tensor() fills rows with zeros"),
        (tf.SparseTensor, "a SparseTensor. tf.sparse.to_dense(x) makes it a tensor"),
        (tf.data.Dataset, "a data set. data.batch(n), not data.window(n), has tensors"),
    )
    for kind, received in kinds:
        if any(isinstance(one, kind) for one in keras.tree.flatten(fed)):
            raise ValueError(
                "Expected a data set whose elements are tensors; received, as an "
                f"element: {received}"
            )


def check_like(fed, spec) -> None:
    """Raises a ValueError unless a batch has the parts that the first batch has.

    Args:
        fed: A `Fed` of arrays.
        spec: A `Fed` of what the first batch is, see `spec_of`.
    """
    found, wanted = (isinstance(one.weight, tuple) for one in (fed, spec))
    if found != wanted:
        raise ValueError(
            "Expected weights in all batches or in none; received: a batch "
            f"{'without' if found else 'with'} weights after one "
            f"{'without' if wanted else 'with'} them"
        )
    has, first = (len(keras.tree.flatten(one.batch)) for one in (fed, spec))
    if has != first:
        raise ValueError(
            f"Expected {first} arrays in each batch, as in the first one; received: "
            f"{has}"
        )
