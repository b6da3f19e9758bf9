"""What one element of data holds: x, (x, y) or (x, y, weights), as `fit` reads it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.feeding import kinds
from keras_svae.game.feeding.arrays import length_of

__all__ = ["Examples", "elements", "fields", "has_labels", "known_length", "paired"]

# They hold no batches, though Python can go through them.
_NO_BATCHES = (str, bytes, Mapping)


class Examples(NamedTuple):
    """Examples with their labels.

    A conditional model reads it instead of x. The name `inputs` means x for any other
    model, and `Examples` for a conditional one.

    Attributes:
        x: (n, ...), an array or a tensor.
        y: One label for each example, (n,); classes are integers 0, 1, ...
    """

    x: np.ndarray | tf.Tensor
    y: np.ndarray | tf.Tensor


def fields(inputs) -> tuple:
    """(x, y) of `Examples`; (x, None) of x alone."""
    return tuple(inputs) if isinstance(inputs, Examples) else (inputs, None)


def paired(data):
    """(x, labels) of ((x, labels), x), which `fit` takes; other data as they are.

    Raises:
        ValueError: If the second x has other values.
    """
    if not isinstance(data, (tuple, list)) or len(data) not in (1, 2):
        return data
    x, target = (*data, None)[:2]
    pair = isinstance(x, tuple) and len(x) == 2 and all(map(_is_array, x))
    if pair and len(x[1].shape) == 1:  # other pairs are two arrays of data
        return kinds.labelled(x, target, "the model")
    return data


def has_labels(data) -> bool:
    """Whether data come with labels: a pair of arrays, or batches that are pairs.

    The second part of a batch need not be labels: it may be a dictionary, for example.
    Of an iterable of a known length, such as a `keras.utils.PyDataset` or a
    `torch.utils.data.DataLoader`, the first batch is looked at.
    """
    if isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        if isinstance(spec, tuple) and spec and isinstance(spec[0], tuple):
            spec = spec[0]  # ((x, labels), x)
        is_pair = isinstance(spec, tuple) and len(spec) > 1
        return is_pair and isinstance(spec[1], tf.TensorSpec)
    if isinstance(data, tuple):
        return len(data) > 1 and data[1] is not None
    if _is_array(data) or isinstance(data, (list, Iterator, *_NO_BATCHES)):
        return False
    if isinstance(data, Iterable) and known_length(data):
        y = fields(as_examples(next(iter(data), None), "data"))[1]
        return y is not None and hasattr(y, "shape")
    return False


def known_length(data) -> int | None:
    """How many batches an iterable or a data set has; None if it does not know it."""
    if isinstance(data, tf.data.Dataset):
        count = int(data.cardinality())
        return None if count < 0 else count
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches
    return length_of(data)


def elements(data, name: str, labelled: bool) -> Iterator[Any]:
    """The batches of a data set or an iterable: x, or `Examples`, not yet checked.

    Args:
        data: A data set or an iterable.
        name: What an error calls the data.
        labelled: Whether pairs give `Examples`. Elements that are `Examples` stay so.

    Raises:
        ValueError: For what holds no batches.
    """
    if isinstance(data, _NO_BATCHES) or not isinstance(data, Iterable):
        raise ValueError(
            f"Expected {name} as an array, or as batches of numbers in a "
            f"tf.data.Dataset or another iterable; received: {type(data).__name__}"
            f"{_keys(data)}"
        )
    for element in data:
        found = as_examples(element, name)
        own = isinstance(element, Examples) and not isinstance(data, tf.data.Dataset)
        yield found if labelled or own else fields(found)[0]


def as_examples(element, name: str) -> Any:
    """x, or `Examples`, of a batch; a `tf.data.Dataset` or an iterable gives it.

    Raises:
        ValueError: For a dictionary, and for several arrays as x.
    """
    if isinstance(element, Examples):
        return element
    x, y = unpacked(paired(element))
    if isinstance(x, Mapping) or (
        isinstance(x, (tuple, list)) and any(map(_is_array, x))
    ):
        alike = isinstance(x, list) and len({np.shape(one) for one in x}) == 1
        if not alike:  # if they are, each is one example
            raise ValueError(
                f"Expected {name} as batches x or (x, y), x an array; received: x as a "
                f"{type(x).__name__}"
            )
    return x if y is None else Examples(x, y)


def _keys(data) -> str:
    """What a dictionary, or a file with names, has; "" for other objects."""
    keys = sorted(map(str, data)) if isinstance(data, Mapping) else []
    return f" with the keys {keys}. Give one of them, x[{keys[0]!r}]" if keys else ""


def unpacked(element) -> tuple[Any, Any]:
    """(x, y) of what may be x, (x,), (x, y) or (x, y, weights); y is None without one.

    A list of two arrays and more of one shape is x: each array is an example.
    """
    several = isinstance(element, (tuple, list)) and len(element) > 0
    if not several or not (_is_array(element[0]) or isinstance(element[0], dict)):
        return element, None
    if isinstance(element, list) and len(element) > 1:
        shapes = {np.shape(one) for one in element}
        if len(shapes) == 1 or len(element) > 3:
            return element, None
    x, y = (*element, None)[:2]
    return x, y


def _is_array(value) -> bool:
    # A number of NumPy has a shape, too.
    return hasattr(value, "shape") and len(value.shape) > 0
