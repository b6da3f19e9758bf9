"""Arrays of the user's data, of whatever library they come from."""

import keras
import numpy as np
import tensorflow as tf

__all__ = ["as_array", "batches_of", "count_of", "spec_of"]


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


def count_of(fed) -> int:
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


def batches_of(x) -> str:
    """How an object that holds examples becomes batches, as a part of a message."""
    if hasattr(x, "to_tf_dataset"):  # of Hugging Face
        return ". x.to_tf_dataset(batch_size=64, columns='image') makes batches of it"
    if hasattr(x, "__getitem__") and hasattr(x, "__len__"):  # of PyTorch
        return ". torch.utils.data.DataLoader(x, batch_size=64) makes batches of it"
    return ""


def spec_of(array) -> tf.TensorSpec:
    """What a batch of any size is, of which this array is one."""
    return tf.TensorSpec((None, *array.shape[1:]), array.dtype)
