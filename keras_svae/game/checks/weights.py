"""What weights of examples and of classes a model refuses."""

import numbers

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.checks.values import in_float32


def sample_weight(weight, batch) -> None:
    """Raises a ValueError unless each example has a finite weight that is not negative.

    Args:
        weight: What was given. For a symbolic tensor, only type and shape are checked.
        batch: The examples.
    """
    if not hasattr(weight, "shape"):
        raise ValueError(
            "Expected sample_weight as an array, a number for each example; received: "
            f"a {type(weight).__name__}"
        )
    if getattr(weight.shape, "rank", 0) is None:
        raise ValueError(
            "Expected sample_weight of a known rank, 1; received: an unknown rank. "
            "tf.ensure_shape(weight, [None]) in the data set's map sets the rank"
        )
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
    if not (np.isfinite(in_float32(values)).all() and (values >= 0).all()):
        raise ValueError(
            "Expected sample_weight finite and >= 0, in float32; received: values from "
            f"{values.min():g} to {values.max():g}"
        )


def class_weight(
    weights: dict, y, sample_weight, classes: int | None = None
) -> np.ndarray:
    """The weights of examples, calculated from weights of classes as in Keras.

    Args:
        weights: A weight for each class; a class that is missing has weight 1.
        y: Classes (batch,).
        sample_weight: The other argument for weights, which must be None.
        classes: How many classes the model has; None if that is unknown.

    Raises:
        ValueError: Without classes, with both kinds of weights, for keys that are no
            classes of the model, and for weights that are negative or not finite.
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
    for key, value in weights.items():
        # JSON makes text of numbers: "0" is not the class 0.
        named = isinstance(key, numbers.Integral) and not isinstance(key, bool)
        if not named or (classes is not None and not -1 <= key < classes):
            most = "" if classes is None else f", up to {classes - 1}"
            raise ValueError(
                f"Expected classes, integers{most}, as keys of class_weight; received: "
                f"{key!r}"
            )
        if not np.isfinite(value) or value < 0:
            raise ValueError(
                f"Expected class_weight finite and >= 0; received: {value} for the "
                f"class {key}"
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
