"""What a loss is made of: means over data, over samples, and statistics of a batch.

A method gives the values of single examples and says what they belong to. The base
class takes the means over the batch of all replicas. There, the examples of data have
the weights that the user gave.
"""

import dataclasses
import numbers
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from keras_svae.game.weighing import Part, Weighing, expected

__all__ = [
    "Loss",
    "Term",
    "over_batch",
    "over_data",
    "over_samples",
]


@dataclasses.dataclass(frozen=True)
class Term:
    """A sum of means. It can be added to another one, and multiplied by a number."""

    parts: tuple[Part, ...]

    # NumPy's operators leave it to this class what they do with a term.
    __array_ufunc__ = None

    @classmethod
    def of(cls, value: "Loss", name: str = "") -> "Term":
        """A term, made from a value that a loss returned.

        Args:
            value: A term; or one value per example of data, (batch,); or a scalar,
                which already is a mean over the batch.
            name: What the term is called, for the message of the error.

        Raises:
            ValueError: For a tensor of another shape, or what is no tensor of numbers.
        """
        if isinstance(value, Term):
            return value
        value = _numbers(value, name)
        if value.shape.rank == 0:
            return over_batch(value)
        return over_data(value, name=name)

    @property
    def of_examples(self) -> bool:
        """Whether weights of examples can be used: no part is of a whole batch."""
        return all(part.kind != "batch" for part in self.parts)

    def check_counts(self, counts: set[int], name: str) -> None:
        """Raises if values of data are not one for each example: see `Part`."""
        for part in self.parts:
            part.check_count(counts, name)

    def __add__(self, other: "Loss") -> "Term":
        if isinstance(other, (int, float)) and other == 0:  # `sum` starts from 0
            return self
        return Term(self.parts + Term.of(other).parts)

    __radd__ = __add__

    def __mul__(self, factor: float | tf.Tensor) -> "Term":
        factor = _factor(factor)
        return Term(
            tuple(
                dataclasses.replace(part, scale=factor * part.scale)
                for part in self.parts
            )
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Term":
        return self * (1 / divisor)

    def __neg__(self) -> "Term":
        return self * -1.0

    def __sub__(self, other: "Loss") -> "Term":
        return self + -Term.of(other)

    def __rsub__(self, other: "Loss") -> "Term":
        return Term.of(other) + -self

    def mean(self) -> tf.Tensor:
        """The value on one device, where each example counts once: a scalar."""
        weighing = Weighing()
        return sum(weighing.mean(part).value for part in self.parts)

    def __float__(self) -> float:
        return float(self.mean())

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.mean(), dtype)


Loss: TypeAlias = Term | tf.Tensor | float


def _no_tensor(value: Term, dtype=None, name=None, as_ref=False):
    """Refuses to make a tensor of a term, which TensorFlow would by `__array__`.

    The tensor would have the number and no gradient. TensorFlow's operators then ask
    the term itself, so that it can be added to a tensor from the right.
    """
    raise TypeError(
        "Expected a tensor; received: a term of a loss. Terms can be added, and "
        "multiplied by scalars; a keras.Variable stands on the right, `term * weight`. "
        "Apply other functions to the values of examples, before over_data(...) takes "
        "their mean"
    )


tf.register_tensor_conversion_function(Term, _no_tensor, priority=0)


def _factor(value) -> float | tf.Tensor:
    """What a term is multiplied by; raises a ValueError unless it is a scalar."""
    if isinstance(value, numbers.Real):
        return float(value)
    shape = getattr(value, "shape", None)
    if shape is None or tf.TensorShape(shape).rank not in (0, None):
        received = type(value).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ValueError(
            "Expected a scalar as the factor of a term of a loss; received: "
            f"{received}. Multiply the values of examples, before over_data(...) takes "
            "their mean"
        )
    return _numbers(value, "")


def over_data(
    values: tf.Tensor, where: tf.Tensor | None = None, name: str = ""
) -> Term:
    """The mean over examples of data. Each counts by its weight.

    Args:
        values: One for each, (batch,), or (batch, 1).
        where: Which of them count, bool (batch,), or (batch, 1); None for all. If none
            counts, the mean is 0.
        name: What the term is called, for the message of the error.

    Raises:
        ValueError: For values of another shape; for a `where` of another shape or type,
            or for another number of examples.
    """
    values = _per_example(_numbers(values, name), name)
    if where is not None:
        where = _mask(where, values.shape, name)
    return Term((Part("data", values, where=where),))


def over_samples(values: tf.Tensor, name: str = "") -> Term:
    """The mean over samples of the model. Each counts once.

    Args:
        values: One for each, (batch,), or (batch, 1), as many as there are examples. Or
            a scalar that is made only of samples, such as a weighted sum.
        name: What the term is called, for the message of the error.

    Raises:
        ValueError: For values of another shape.
    """
    values = _numbers(values, name)
    if values.shape.rank > 0:
        values = _per_example(values, name)
    return Term((Part("samples", values),))


def over_batch(value: tf.Tensor) -> Term:
    """A statistic of a batch of data, in which examples do not count one by one.

    Each replica has one, and the mean of these counts. Weights of examples cannot be
    used.

    Args:
        value: A scalar.
    """
    return Term((Part("batch", _numbers(value, "")),))


def _numbers(values, name: str) -> tf.Tensor:
    """The values in float32, as all means are; raises for what is no tensor."""
    if values is None:
        raise ValueError(expected(name, "None"))
    if isinstance(values, (tuple, list, dict)):
        received = f"a {type(values).__name__}"
        hint = '. Several terms are a dictionary, {"name": term}'
        raise ValueError(expected(name, received + hint))
    try:
        values = tf.convert_to_tensor(values)
    except (TypeError, ValueError):
        raise ValueError(expected(name, repr(values))) from None
    kind = values.dtype
    if not (kind.is_floating or kind.is_integer or kind.is_bool):
        raise ValueError(expected(name, f"numbers of type {kind.name}"))
    return values if kind == tf.float32 else tf.cast(values, tf.float32)


def _per_example(values, name):
    shape = values.shape
    if shape.rank != 1 and not (shape.rank == 2 and shape[1] == 1):
        raise ValueError(expected(name, f"shape {shape}"))
    return values


def _mask(where, shape: tf.TensorShape, name: str) -> tf.Tensor:
    """Which examples count, bool (batch,)."""
    called = f" of the term {name!r}" if name else ""
    what = f"Expected where{called} as one bool for each example, (batch,)"
    try:
        where = tf.convert_to_tensor(where)
    except (TypeError, ValueError):
        raise ValueError(f"{what}; received: {where!r}") from None
    if where.dtype != tf.bool:
        raise ValueError(
            f"{what}; received: {where.dtype.name}. `mask > 0` makes bools of numbers"
        )
    found = where.shape
    if found.rank == 2 and found[1] == 1:
        where = tf.reshape(where, [-1])
    # As many as there are values, where both numbers are known.
    fits = where.shape.rank == 1 and where.shape.is_compatible_with(shape[:1])
    if not fits:
        raise ValueError(f"{what}; received: shape {found} for values {shape}")
    return where
