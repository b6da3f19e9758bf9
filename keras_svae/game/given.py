"""What a model's methods are given: arrays of data and of codes, and counts."""

from collections.abc import Iterable, Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.feeding import kinds

__all__ = ["codes", "count", "data", "tensor"]


def tensor(name: str, value, shape: tuple[int, ...]) -> tf.Tensor:
    """What was given as a tensor, not yet checked.

    Args:
        name: What an error calls it.
        value: An array or a tensor, lists of numbers, or a list or tuple of one array,
            as `fit` takes it.
        shape: The shape of one example.

    Raises:
        ValueError: For what is no array, and for several arrays.
    """
    if isinstance(value, (tuple, list)) and any(_is_batch(one, shape) for one in value):
        if len(value) == 1:
            return tf.convert_to_tensor(value[0])
        raise ValueError(
            f"Expected {name} as one array; received: a {type(value).__name__} of "
            f"{len(value)}. Of a pair (x, y), give x, and y apart to a model of classes"
        )
    if isinstance(value, Mapping) and not isinstance(value, dict):
        kinds.no_dictionary(value)
    try:
        return tf.convert_to_tensor(value)
    except (ValueError, TypeError):  # TensorFlow's error does not name what is wrong
        wanted = ", ".join(map(str, ("batch", *shape)))
        raise ValueError(
            f"Expected {name} as an array ({wanted}); received: {_kind(value)}"
        ) from None


def _is_batch(value, shape) -> bool:
    found = getattr(value, "shape", None)
    return found is not None and len(found) == len(shape) + 1


def _kind(value) -> str:
    """What was given instead of an array, and what to do with it."""
    name = type(value).__name__
    if value is None or isinstance(value, (dict, str)):
        return "None" if value is None else name
    if isinstance(value, (tuple, list)):
        return f"a {name} whose parts differ in shape, or are no numbers"
    if hasattr(value, "dtype"):
        return f"{name} of type {value.dtype}"
    if kinds.are_arrays(value):  # a table, of columns that differ in type
        return f"{name} of type {np.asarray(value).dtype}"
    batches = (Iterable, keras.utils.PyDataset)
    if isinstance(value, batches):
        return f"a data set, {name}. Give its batches one by one: for x in data"
    return name


def data(x: tf.Tensor, shape: tuple[int, ...], value_range, rounds: bool) -> tf.Tensor:
    """Data as float32; raises a ValueError on what the model does not read.

    In a graph, type and shape are checked, as far as they are known; no operation is
    added.

    Args:
        x: What `tensor` gives.
        shape: The shape of one example.
        value_range: Where values should lie, or None for anywhere.
        rounds: Whether they may leave it by a rounding error, see `Law.rounds`.
    """
    fits = x.dtype.is_floating and x.shape.is_compatible_with([None, *shape])
    if not (tf.is_symbolic_tensor(x) and fits):
        checks.images(x, shape, value_range, rounds)
    return tf.cast(x, tf.float32)


def codes(z, latent_dim: int, why: str = "as the decoder reads") -> tf.Tensor:
    """Codes as float32; raises a ValueError unless they are finite (batch, latent_dim).

    In a graph, only type and shape are checked.

    Args:
        z: What was given.
        latent_dim: The dimension of codes.
        why: Why it is this one.
    """
    z = tensor("codes", z, (latent_dim,))
    if not (z.dtype.is_floating or z.dtype.is_integer):
        raise ValueError(f"Expected codes as floats; received: {z.dtype.name}")
    if z.shape.rank == 2 and z.shape[1] is not None:
        checks.shapes("codes", z.shape[1:], (latent_dim,), why)
    if not z.shape.is_compatible_with([None, latent_dim]):
        raise ValueError(
            f"Expected codes (batch, {latent_dim}), {why}; received: "
            f"shape {tuple(z.shape)}"
        )
    z = tf.cast(z, tf.float32)
    if not tf.is_symbolic_tensor(z):
        bad = int((~np.isfinite(z)).any(axis=1).sum())
        if bad:
            raise ValueError(
                f"Expected finite codes; received: NaN or infinity in {bad} of {len(z)}"
            )
    return z


def count(name: str, value) -> "int | tf.Tensor":
    """A count >= 1 as an int; in a graph, a tensor stays what it is.

    Raises:
        ValueError: For anything else. In a graph, only type and shape are checked.
    """
    if not (tf.is_tensor(value) or isinstance(value, np.ndarray)):
        return checks.integer(name, value, at_least=1)
    number = tf.convert_to_tensor(value)
    if not tf.is_symbolic_tensor(number):
        return checks.integer(name, np.asarray(number)[()], at_least=1)
    if not number.dtype.is_integer or number.shape.rank not in (0, None):
        raise ValueError(
            f"Expected {name} to be an integer >= 1; received: a tensor of type "
            f"{number.dtype.name}, shape {number.shape}"
        )
    return number
