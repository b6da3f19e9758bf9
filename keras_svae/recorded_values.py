"""What arguments may be: plain values, copies of them, and what files hold of them."""

import json
import types
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "OTHER",
    "parts",
    "plain",
    "read",
    "same",
    "saves",
    "state",
    "unsavable",
    "written",
]

# What stands for a value that is no plain one, such as a layer.
OTHER = object()

# The key for a dictionary whose keys are no texts: JSON has only texts.
_PAIRS = "__pairs__"


def read(value):
    """The value with its Keras objects made again, at any depth."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(read, value))
    if not isinstance(value, dict):
        return value
    if [*value] == [_PAIRS]:
        return {_key(read(key)): read(one) for key, one in value[_PAIRS]}
    if "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return {name: read(one) for name, one in value.items()}


def plain(value):
    """The value with Python's own numbers and containers, as far as it has such."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(map(plain, value))
    if isinstance(value, np.generic):
        return value.item()
    # A variable is learned, and no setting. A graph's tensor has no value. A ragged or
    # a sparse tensor is no array.
    eager = isinstance(value, tf.Tensor) and hasattr(value, "numpy")
    if eager or isinstance(value, np.ndarray):
        return np.asarray(value).item() if value.ndim == 0 else value
    return value


def parts(value, leaf: Callable):
    """Lists and dictionaries with `leaf` of what is in them, at any depth.

    Args:
        value: A value of any kind.
        leaf: Gives, for what is no container, a value to compare, or `OTHER`.

    Returns:
        `OTHER` if it is that for any part.
    """
    value = plain(value)
    if isinstance(value, (list, tuple)):
        found = [parts(one, leaf) for one in value]
        return OTHER if any(one is OTHER for one in found) else found
    if isinstance(value, dict):
        named = {name: parts(one, leaf) for name, one in value.items()}
        return OTHER if any(one is OTHER for one in named.values()) else named
    return leaf(value)


def written(value):
    """The value as JSON has it, with its Keras objects serialised, at any depth."""
    value = plain(value)
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: written(one) for key, one in value.items()}
        pairs = [[written(key), written(one)] for key, one in value.items()]
        return {_PAIRS: pairs}
    if isinstance(value, (list, tuple)):
        return type(value)(map(written, value))
    return keras.saving.serialize_keras_object(value)


def _key(value):
    """A key as it was before it was written: JSON has lists for tuples."""
    return tuple(map(_key, value)) if isinstance(value, list) else value


def state(value):
    """The value as it is now: what changes in place is copied, objects are not."""
    value = plain(value)
    if isinstance(value, dict):
        return {name: state(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(state, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def same(now, then) -> bool:
    """Whether a value is still what `state` was told of."""
    now = plain(now)
    if now is then:
        return True
    if type(now) is not type(then):
        return False
    if isinstance(now, dict):
        return [*now] == [*then] and all(same(now[k], then[k]) for k in now)
    if isinstance(now, (list, tuple)):
        return len(now) == len(then) and all(map(same, now, then))
    if isinstance(now, np.ndarray):
        nan = now.dtype.kind in "fc"
        return now.dtype == then.dtype and np.array_equal(now, then, equal_nan=nan)
    plain_one = isinstance(now, (bool, int, float, str, bytes))
    return plain_one and (now == then or (now != now and then != then))


def unsavable(what: str, value) -> str:
    """What is wrong with a value that no file can hold; "" if one can.

    Args:
        what: What the value is, for the message.
        value: The value.
    """
    if saves(value):
        return ""
    return (
        f"Expected {what} as a value that can be saved, such as a number, a text, an "
        f"array or a Keras object; received: {value!r}"
    )


def saves(value) -> bool:
    """Whether a file can hold a value."""
    value = plain(value)
    if isinstance(value, dict):
        return all(map(_is_key, value)) and all(map(saves, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(saves, value))
    if value is None or isinstance(value, (bool, int, float, str, bytes, np.ndarray)):
        return True
    if tf.is_tensor(value):  # no variable, and no ragged or sparse tensor
        return isinstance(value, tf.Tensor)
    if isinstance(value, types.FunctionType) or hasattr(value, "get_config"):
        return True
    try:  # Keras also knows other libraries' types
        json.dumps(keras.saving.serialize_keras_object(value))
    except Exception:  # of any kind: "'numpy.ufunc' object has no attribute 'item'"
        return False
    return True


def _is_key(value) -> bool:
    """Whether a file can hold it as a dictionary's key."""
    value = plain(value)
    if isinstance(value, tuple):
        return all(map(_is_key, value))
    return value is None or isinstance(value, (bool, int, float, str))
