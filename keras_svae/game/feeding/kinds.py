"""What `fit` and its likes are given: which kind of data it is, and its parts."""

import numbers
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.feeding.arrays import as_array

__all__ = [
    "are_arrays",
    "beside_data",
    "labelled",
    "no_dictionary",
    "of_lists",
    "of_numbers",
    "parts",
    "split",
    "together",
    "unread",
]


def of_numbers(x):
    """Nested lists of numbers as an array, as measures take them; else x itself.

    A list of one array is that array. (Keras takes a list as one of several inputs.)

    Raises:
        ValueError: For rows of different lengths.
    """
    if not isinstance(x, (list, tuple)) or not x:
        return x
    if len(x) == 1 and are_arrays(x[0]):
        return x[0]
    if not all(isinstance(one, numbers.Number) for one in keras.tree.flatten(x)):
        return x
    try:
        return np.asarray(x)
    except ValueError:
        raise ValueError(
            "Expected data as lists of one length; received: lists of several lengths"
        ) from None


def of_lists(element):
    """An element whose parts may be lists of numbers, as arrays.

    A tuple holds parts; a list is one of numbers, if it has nothing else.
    """
    if isinstance(element, list):
        element = of_numbers(element)
    if type(element) in (tuple, list):
        return tuple(of_lists(one) for one in element)
    return element


def are_arrays(x) -> bool:
    """Whether x is one or several arrays of NumPy, TensorFlow, torch or pandas.

    A dictionary of arrays is not: it would be one of several inputs.
    """
    if isinstance(x, Mapping):
        return False
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(
        hasattr(one, "shape")
        and hasattr(one, "__array__")
        and not isinstance(one, (tf.data.Dataset, keras.utils.PyDataset))
        for one in leaves
    )


def no_dictionary(element) -> None:
    """Raises a ValueError, with the keys, if an element is a dictionary.

    An `.npz` file of NumPy and a file of h5py are such, too. Python goes through their
    keys, which are no batches.
    """
    if isinstance(element, Mapping):
        keys = sorted(map(str, element))
        plain = isinstance(element, dict)
        what = "dictionary" if plain else f"{type(element).__name__} object"
        hint = "e.g. data.map(lambda one: (one['image'], one['label']))"
        raise ValueError(
            "Expected elements x, (x, y) or (x, y, sample_weight); received: a "
            f"{what} with the keys {keys}. Take what is wanted, "
            f"{hint if plain or not keys else f'x[{keys[0]!r}]'}."
        )


def parts(element) -> tuple:
    """x, y and the weights of an element; None for what it lacks.

    Raises:
        ValueError: For a tuple with more parts.
    """
    if isinstance(element, (tuple, list)) and not 1 <= len(element) <= 3:
        raise ValueError(
            "Expected x, (x, y) or (x, y, sample_weight); received: a "
            f"{type(element).__name__} of {len(element)}. np.stack(...) makes one "
            "array of single examples, np.concatenate(...) of batches."
        )
    return keras.utils.unpack_x_y_sample_weight(element)


def together(x, y, sample_weight) -> tuple:
    """x, y and the weights, where x may be a tuple of them, as an element is.

    Raises:
        ValueError: For weights in this tuple and beside it.
    """
    # A method of the user's own may read more parts.
    if not isinstance(x, tuple) or y is not None or len(x) > 3:
        return x, y, sample_weight
    x, y, inside = map(of_numbers, parts(x))
    if inside is None:
        return x, y, sample_weight
    if sample_weight is not None:
        raise ValueError(
            "Expected weights in x=(x, y, sample_weight) or as sample_weight=; "
            "received: both of them"
        )
    return x, y, inside


def unread(y, x, whose: str) -> None:
    """Raises unless y can be labels of x, for a model that does not read labels.

    Such a model ignores y. Something else in its place is a mistake: a batch size, a
    target of another model, a second batch.

    Args:
        y: What was given. Of symbolic tensors, nothing is checked.
        x: The data.
        whose: The model's name in messages.

    Raises:
        ValueError: For no array, for another number of rows, and for other values
            than those of x in the shape of x.
    """
    if y is x or tf.is_symbolic_tensor(x) or not hasattr(x, "shape"):
        return
    if isinstance(y, tf.RaggedTensor):  # lists of labels
        return
    if isinstance(y, (list, tuple)) and all(isinstance(one, str) for one in y):
        y = np.asarray(y)
    if not are_arrays(y):
        hint = f". batch_size={y} is an argument of its own" if _is_count(y) else ""
        received = repr(y) if isinstance(y, (str, numbers.Number)) else type(y).__name__
        raise ValueError(
            f"Expected y as labels, an array, for {whose}, which does not read them; "
            f"received: {received}{hint}"
        )
    if isinstance(y, (list, tuple)):  # several labels, such as identity and attributes
        for one in keras.tree.flatten(y):
            unread(one, x, whose)
        return
    shape = tuple(y.shape)
    wanted = tuple(x.shape)
    if not wanted:
        raise ValueError(
            "Expected x as an array (batch, ...); received: a single number as x, and "
            f"y of shape {shape}, as data.enumerate() gives them. "
            "data.map(lambda i, x: x) leaves the numbers out"
        )
    if shape[:1] != wanted[:1]:
        raise ValueError(
            f"Expected y as labels, one for each example of x, {wanted}; received: "
            f"shape {shape}"
        )
    if shape != wanted:
        return
    if not _are_classes(np.asarray(as_array(y))) and not _are_same(y, x):
        raise ValueError(
            f"Expected y as labels or as x itself, since {whose} has no other targets; "
            f"received: other values in the shape of x, {shape}. np.concatenate(...) "
            "makes one array of several batches."
        )


def labelled(x, y, whose: str) -> tuple:
    """x and its labels, for a model that reads both; y where there are none.

    Functional models of two inputs are given ((x, labels), x) by Keras's users: the
    second x is the target.

    Args:
        x: The data, or a pair of the data and their labels.
        y: The labels, or beside a pair the target or None.
        whose: The model's name in messages.

    Raises:
        ValueError: For a target that is not x. Symbolic tensors are not compared.
    """
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        return x, y
    x, labels = x
    if not (y is None or tf.is_symbolic_tensor(x) or _are_same(y, x)):
        raise ValueError(
            f"Expected (x, y), or x itself as the target of a pair (x, y) for {whose}, "
            "which has no other targets; received: ((x, y), target) with other values"
        )
    return x, labels


def _are_same(one, other) -> bool:
    """Whether two arrays have the same values in float32. NaN is told of as such."""
    a, b = np.asarray(as_array(one)), np.asarray(as_array(other))
    floats = a.dtype.kind == b.dtype.kind == "f"
    if floats:  # one of them may be of 64 bits
        with np.errstate(over="ignore"):
            a, b = a.astype(np.float32), b.astype(np.float32)
    return np.array_equal(a, b, equal_nan=floats)


def _is_count(value) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _are_classes(values: np.ndarray) -> bool:
    """Whether values may be classes: whole numbers in a column, or rows of 0 and 1."""
    if values.ndim != 2:
        return values.ndim < 2
    if values.shape[1] == 1:
        return values.dtype.kind in "iub"
    rows = ((values == 0) | (values == 1)).all()
    # Rows of integers may have several classes; rows of floats may be data.
    return bool(rows and (values.dtype.kind in "iub" or (values.sum(1) == 1).all()))


def beside_data(x, y, sample_weight, class_weight) -> None:
    """Refuses arguments that are allowed only beside arrays."""
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"Expected {name}=None beside data that are not arrays, which "
                f"give (x, y, sample_weight) themselves; received: {name} "
                f"beside {type(x).__name__}"
            )
    if class_weight is not None:
        raise ValueError(
            "Expected class_weight beside arrays x and y; received: "
            f"class_weight beside {type(x).__name__}. Let the data give "
            "(x, y, sample_weight)."
        )


def split(data: dict, share: float) -> tuple[dict, tuple]:
    """Splits arrays into first and last rows, as Keras's `validation_split` does.

    Returns the data without the last rows, and the last rows.

    Args:
        data: `x`, `y`, `sample_weight` and `class_weight` of `fit`.
        share: The share of rows in the second part, in (0, 1).

    Raises:
        ValueError: For data that are not arrays, or a share that leaves none.
    """
    if not are_arrays(data["x"]):
        raise ValueError(
            "Expected arrays beside validation_split; received: "
            f"{type(data['x']).__name__}"
        )
    count = len(keras.tree.flatten(data["x"])[0])
    shared = isinstance(share, numbers.Real)
    first = int(count * (1 - share)) if shared else 0
    if not 0 < first < count:
        raise ValueError(
            "Expected a validation_split that leaves examples on both sides; received: "
            f"{share!r} of {count}"
        )

    def rows(part):
        return {
            name: keras.tree.map_structure(lambda one: one[part], value)
            for name, value in data.items()
            if value is not None and name != "class_weight"
        }

    held = rows(slice(first, None))
    rest = {**data, **rows(slice(0, first))}
    return rest, tuple(held.get(name) for name in ("x", "y", "sample_weight"))
