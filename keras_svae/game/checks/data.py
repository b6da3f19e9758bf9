"""What data a model refuses."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.checks.values import ROUNDING, in_float32, shapes, within
from keras_svae.networks.backwards import all_layers


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


def like_spec(batch, spec) -> None:
    """Raises a ValueError unless a batch has the arrays and the shapes of a spec."""
    found, wanted = tf.nest.flatten(batch), tf.nest.flatten(spec)
    shapes_of = [tf.TensorShape(getattr(one, "shape", None)) for one in found]
    fits = len(found) == len(wanted) and all(
        one.shape.is_compatible_with(shape)
        for one, shape in zip(wanted, shapes_of, strict=True)
    )
    if not fits:
        said = ", ".join(str(one.shape) for one in wanted)
        raise ValueError(
            f"Expected a batch as batch_spec() says, of shapes {said}; received: "
            f"{', '.join(map(str, shapes_of))}. It is x of the data's (x, y, weight). "
            "A method that reads more of them overrides unpack(data)"
        )


# NumPy's longdouble, which TensorFlow does not have.
_LONG = ("float96", "float128")


def images(
    x, shape: tuple, value_range: tuple[float, float] | None, rounds: bool = False
) -> None:
    """Raises a ValueError on data that a model cannot learn from.

    Args:
        x: A batch. For a symbolic tensor, only type and shape are checked.
        shape: What one example should look like.
        value_range: Where values should lie, or None for anywhere.
        rounds: Whether they may lie outside of it by a rounding error.
    """
    _floats(x, value_range)
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
    # A data set may not know all sizes; those of its batches are checked.
    if not (tf.is_symbolic_tensor(x) and x.shape[1:].is_compatible_with(shape)):
        shapes("each example to have shape", x.shape[1:], shape, "as the networks do")
    if tf.is_symbolic_tensor(x):
        return
    x = np.asarray(x)
    computed = in_float32(x) if x.dtype.itemsize > 4 else x
    fine = np.isfinite(computed)
    if not fine.all():
        large = np.isfinite(x).all()
        raise ValueError(
            f"Expected finite data{' in float32' if large else ''}; received: "
            f"{f'values up to {np.abs(x).max():g}' if large else 'NaN or infinity'} in "
            f"{int((~fine).any(axis=tuple(range(1, x.ndim))).sum())} of "
            f"{len(x)} examples"
        )
    if value_range is not None:
        low, high = value_range
        least, most = value_range
        if len(x):
            least, most = float(computed.min()), float(computed.max())
        if not within(least, most, value_range, ROUNDING if rounds else 0.0):
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the range of the likelihood; "
                f"received: values from {_apart(least, low)} to {_apart(most, high)}"
            )


def _floats(x, value_range: tuple[float, float] | None) -> None:
    """Raises a ValueError, with a hint, unless x is an array of floats."""
    dtype = getattr(x, "dtype", None)
    kind = str(getattr(dtype, "name", dtype))
    if kind.startswith(("float", "bfloat")) and kind not in _LONG:
        return
    where = "" if value_range is None else " in [{:g}, {:g}]".format(*value_range)
    hint = " x.astype('float32') makes floats of numbers."
    if dtype is None:
        kind, hint = f"a {type(x).__name__}", ""
    elif "int" in kind:
        bounded = value_range is not None and np.isfinite(value_range).all()
        is_image = tf.TensorShape(x.shape).rank in (3, 4)
        # Pixels may also stand in rows: then the range says that they are no counts.
        if kind in ("uint8", "int8") and (is_image or bounded):
            hint = (
                " Divide 8-bit images by 255, or load them with keras_svae.data.load. "
                "x.astype('float32') keeps the numbers, such as 0 and 1."
            )
    elif kind.startswith("complex"):
        hint = " np.abs(x), or x.real and x.imag as channels, are floats."
    elif kind.startswith("void"):
        hint = " x['name'] is a field of records."
    raise ValueError(f"Expected data as floats{where}; received: {kind}.{hint}")


def _apart(value: float, bound: float) -> str:
    """A number in so many digits that it differs from a bound, if it does."""
    short = f"{value:g}"
    return repr(value) if value != bound and short == f"{bound:g}" else short


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


def batch_norms(networks: dict) -> list[keras.layers.Layer]:
    """The networks' layers that normalise with statistics of the batch in training."""
    return [
        layer
        for one in networks.values()
        for layer in (one, *all_layers(one))
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def normalises_examples(layer: keras.layers.BatchNormalization) -> bool:
    """Whether its moments are over the examples alone, not over positions, too."""
    try:
        shape = tuple(layer.input.shape)
    except (AttributeError, ValueError):  # in a layer of the user's, or called twice
        spec = layer.input_spec
        return spec is None or spec.ndim in (None, 2)
    axis = layer.axis % len(shape)
    return all(n == 1 for i, n in enumerate(shape) if i not in (0, axis))
