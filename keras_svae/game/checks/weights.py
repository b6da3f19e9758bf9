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
        y: Classes (batch,) or (batch, 1), or one-hot (batch, classes).
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
    _check_weights(weights, classes)
    if y is None:
        raise ValueError(
            "Expected classes y beside class_weight; received: class_weight, no y"
        )
    return np.asarray(_weights_of(weights, np.asarray(y)))


def class_weight_of_batches(
    weights: dict, data: tf.data.Dataset, classes: int | None = None
) -> tf.data.Dataset:
    """A data set of (x, y) with weights of its examples; see `class_weight`."""
    _check_weights(weights, classes)
    spec = data.element_spec
    parts = len(spec) if isinstance(spec, tuple) else 1
    if parts != 2 or not all(isinstance(one, tf.TensorSpec) for one in spec):
        raise ValueError(
            "Expected a data set of pairs (x, y), y an array of classes, beside "
            f"class_weight; received: elements {spec}"
        )

    @tf.autograph.experimental.do_not_convert
    def weighed(*pair):
        x, y = pair if type(spec) is tuple else pair[0]  # a named one comes as one
        return x, y, _weights_of(weights, y)

    return data.map(weighed, num_parallel_calls=tf.data.AUTOTUNE)


def _check_weights(weights: dict, classes: int | None) -> None:
    """Raises unless weights are a number for each class; see `class_weight`."""
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


def _weights_of(weights: dict, y) -> tf.Tensor:
    """The weight of each example, of classes in one of the forms that Keras takes."""
    kind, shape = tf.as_dtype(y.dtype), tf.TensorShape(y.shape)
    one_hot = shape.rank == 2 and shape[1] not in (1, None)
    column = shape.rank == 1 or (shape.rank == 2 and shape[1] == 1)
    if not one_hot and not (column and kind.is_integer):
        raise ValueError(
            "Expected classes y as integers (batch,), or one-hot, beside class_weight; "
            f"received: y of type {kind.name}, shape {tuple(shape)}"
        )
    y = tf.argmax(y, -1) if one_hot else tf.cast(tf.reshape(y, [-1]), tf.int64)
    hit = tf.equal(y[:, None], tf.constant(list(weights), tf.int64))
    given = tf.where(hit, tf.constant(list(weights.values()), tf.float32), 0.0)
    # A class that is missing has weight 1.
    return tf.where(tf.reduce_any(hit, -1), tf.reduce_sum(given, -1), 1.0)
