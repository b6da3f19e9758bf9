"""What data a model refuses."""

import numbers

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.checks.values import shapes
from keras_svae.networks.ends import all_layers


def labels(y, classes: int, n=None, unlabelled: bool = False) -> tf.Tensor:
    """Classes as int64; raises unless they are classes.

    In a graph (also a SavedModel's), the range is checked when the graph runs: every
    operation that reads the result waits for this check. XLA leaves the check out.

    Args:
        y: What was given, (n,) or a scalar.
        classes: How many classes there are.
        n: How many examples; None if one class serves all of them.
        unlabelled: Whether -1, no class, is allowed.

    Raises:
        ValueError: For another type or shape. Outside graphs also for another number.
        tf.errors.InvalidArgumentError: In a graph, for another number.
    """
    low = -1 if unlabelled else 0
    what = f"classes as integers in {low}..{classes - 1}"
    try:
        y = tf.convert_to_tensor(y)
    except (ValueError, TypeError):  # None or objects: TensorFlow's error names neither
        kind = getattr(y, "dtype", type(y).__name__)
        raise ValueError(f"Expected {what}; received: y of type {kind}") from None
    if not y.dtype.is_integer:
        raise ValueError(f"Expected {what}; received: y of type {y.dtype.name}")
    eager = tf.executing_eagerly() and not tf.is_symbolic_tensor(y)
    shape = () if n is None else (int(n) if eager else None,)
    if not y.shape.is_compatible_with(shape):
        raise ValueError(f"Expected {what}, shape {shape}; received: shape {y.shape}")
    y = tf.cast(y, tf.int64)
    least, most = tf.reduce_min(y), tf.reduce_max(y)  # of no y: extreme integers
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
        x: A batch. For a symbolic tensor, only type and shape are checked.
        shape: What one example should look like.
        value_range: Where values should lie, or None for anywhere.
    """
    dtype = getattr(x, "dtype", None)
    dtype = getattr(dtype, "name", dtype)
    if not str(dtype).startswith(("float", "bfloat")):
        low, high = value_range or (0, 1)
        hint = "x.astype('float32') makes floats of numbers."
        if "int" in str(dtype):
            hint = "Divide 8-bit images by 255, or load them with keras_svae.data.load."
        raise ValueError(
            f"Expected data as floats in [{low:g}, {high:g}]; received: {dtype}. {hint}"
        )
    if getattr(x.shape, "rank", 0) is None:
        raise ValueError(
            f"Expected data of a known rank, {len(shape) + 1}; received: an unknown "
            "rank. tf.ensure_shape(x, [None, ...]) in the data set's map sets the rank"
        )
    if len(x.shape) != len(shape) + 1:
        raise ValueError(
            f"Expected data of rank {len(shape) + 1}, (batch, "
            f"{', '.join(map(str, shape))}); received: shape {tuple(x.shape)}"
        )
    shapes("each example to have shape", x.shape[1:], shape, "as the networks do")
    if tf.is_symbolic_tensor(x):
        return
    x = np.asarray(x)
    if not np.isfinite(x).all():
        raise ValueError(
            "Expected finite data; received: NaN or infinity in "
            f"{int((~np.isfinite(x)).any(axis=tuple(range(1, x.ndim))).sum())} of "
            f"{len(x)} examples"
        )
    if value_range is not None:
        low, high = value_range
        if len(x) and (x.min() < low or x.max() > high):
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the range of the likelihood; "
                f"received: values from {x.min():g} to {x.max():g}"
            )


def classes(y, count: int, examples=None, unlabelled: bool = False) -> None:
    """Raises a ValueError unless y are classes. This is `labels` for arrays.

    Args:
        y: What was given. For a symbolic tensor, only type and shape are checked.
        count: How many classes there are.
        examples: How many examples.
        unlabelled: Whether -1, no class, is allowed.
    """
    if not tf.is_symbolic_tensor(y):
        labels(y, count, examples, unlabelled)
        return
    if not y.dtype.is_integer or y.shape.rank != 1:
        low = -1 if unlabelled else 0
        raise ValueError(
            f"Expected classes as integers in {low}..{count - 1}, shape (None,); "
            f"received: y of type {y.dtype.name}, shape {y.shape}"
        )


def sample_weight(weight, batch) -> None:
    """Raises a ValueError unless each example has a finite weight that is not negative.

    Args:
        weight: What was given. For a symbolic tensor, only type and shape are checked.
        batch: The examples.
    """
    shape = tuple(weight.shape)
    size = keras.tree.flatten(batch)[0].shape[0]
    right = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if not right or None not in (shape[0], size) and shape[0] != size:
        raise ValueError(
            f"Expected one sample_weight for each of {size} examples; received: shape "
            f"{shape}"
        )
    if tf.is_symbolic_tensor(weight):
        return
    values = np.asarray(weight)
    if values.dtype.kind not in "fiub":
        raise ValueError(
            f"Expected sample_weight as numbers; received: type {values.dtype}"
        )
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(
            "Expected sample_weight finite and >= 0; received: values from "
            f"{values.min():g} to {values.max():g}"
        )


def class_weight(weights: dict, y, sample_weight) -> np.ndarray:
    """The weights of examples, calculated from weights of classes as in Keras.

    Args:
        weights: A weight for each class; a class that is missing has weight 1.
        y: Classes (batch,).
        sample_weight: The other argument for weights, which must be None.

    Raises:
        ValueError: Without classes, or with both kinds of weights.
    """
    if sample_weight is not None:
        raise ValueError(
            "Expected sample_weight or class_weight; received: both of them"
        )
    numbered = isinstance(weights, dict) and all(
        isinstance(one, numbers.Real) for one in weights.values()
    )
    if not numbered:
        raise ValueError(
            "Expected class_weight as a dictionary, a number for each class; received: "
            f"{weights!r}"
        )
    if y is None:
        raise ValueError(
            "Expected classes y beside class_weight; received: class_weight, no y"
        )
    y = np.asarray(y)
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            "Expected classes y as integers (batch,) beside class_weight; received: y "
            f"of type {y.dtype}, shape {y.shape}"
        )
    return np.array([weights.get(int(one), 1.0) for one in y], np.float32)


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


def are_arrays(x) -> bool:
    """Whether x is one or several arrays of NumPy, TensorFlow, torch or pandas.

    A dictionary of arrays is not: it would be one of several inputs.
    """
    if isinstance(x, dict):
        return False
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(
        hasattr(one, "shape")
        and hasattr(one, "__array__")
        and not isinstance(one, (tf.data.Dataset, keras.utils.PyDataset))
        for one in leaves
    )


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


def batch_norms(networks: dict) -> list[keras.layers.Layer]:
    """The networks' layers that normalise with statistics of the batch in training."""
    return [
        layer
        for one in networks.values()
        for layer in all_layers(one)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
