"""What a loss is made of: means over data, over samples, and statistics of a batch.

A method gives the values of single examples and says what they belong to. The base
class takes the means over the batch of all replicas. There, the examples of data have
the weights that the user gave.
"""

import dataclasses
from typing import TypeAlias

import numpy as np
import tensorflow as tf

__all__ = ["Term", "Weighing", "over_batch", "over_data", "over_samples"]


@dataclasses.dataclass(frozen=True)
class Part:
    """Values of one kind.

    Attributes:
        kind: "data", "samples" or "batch": see `over_data`, `over_samples` and
            `over_batch`.
        values: (batch,), or (batch, 1), or a scalar.
        scale: What their mean is multiplied by.
        where: Which values count, bool (batch,); None for all.
    """

    kind: str
    values: tf.Tensor
    scale: float | tf.Tensor = 1.0
    where: tf.Tensor | None = None

    def scaled(self, mean: tf.Tensor) -> tf.Tensor:
        """Their mean, times `scale`."""
        plain = isinstance(self.scale, (int, float)) and self.scale == 1
        return mean if plain else self.scale * mean


@dataclasses.dataclass(frozen=True)
class Term:
    """A sum of means. It can be added to another one, and multiplied by a number."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, value: "Loss", name: str = "") -> "Term":
        """A term, made from a value that a loss returned.

        Args:
            value: A term; or one value per example of data, (batch,); or a scalar,
                which already is a mean over the batch.
            name: What the term is called, for the message of the error.

        Raises:
            ValueError: For a tensor of another shape.
        """
        if isinstance(value, Term):
            return value
        value = tf.convert_to_tensor(value)
        if value.shape.rank == 0:
            return over_batch(value)
        return over_data(value, name=name)

    @property
    def of_examples(self) -> bool:
        """Whether weights of examples can be used: no part is of a whole batch."""
        return all(part.kind != "batch" for part in self.parts)

    def __add__(self, other: "Loss") -> "Term":
        if isinstance(other, (int, float)) and other == 0:  # `sum` starts from 0
            return self
        return Term(self.parts + Term.of(other).parts)

    __radd__ = __add__

    def __mul__(self, factor: float | tf.Tensor) -> "Term":
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

    def mean(self) -> tf.Tensor:
        """The value on one device, where each example counts once: a scalar."""
        weighing = Weighing()
        return sum(weighing.mean(part).value for part in self.parts)

    def __float__(self) -> float:
        return float(self.mean())

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.mean(), dtype)


Loss: TypeAlias = Term | tf.Tensor | float


def over_data(
    values: tf.Tensor, where: tf.Tensor | None = None, name: str = ""
) -> Term:
    """The mean over examples of data. Each counts by its weight.

    Args:
        values: One for each, (batch,), or (batch, 1).
        where: Which of them count, bool (batch,); None for all. If none counts, the
            mean is 0.
        name: What the term is called, for the message of the error.

    Raises:
        ValueError: For values of another shape.
    """
    return Term((Part("data", _per_example(values, name), where=where),))


def over_samples(values: tf.Tensor, name: str = "") -> Term:
    """The mean over samples of the model. Each counts once.

    Args:
        values: One for each, (batch,), or (batch, 1), as many as there are examples. Or
            a scalar that is made only of samples, such as a weighted sum.
        name: What the term is called, for the message of the error.

    Raises:
        ValueError: For values of another shape.
    """
    values = tf.convert_to_tensor(values)
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
    return Term((Part("batch", value),))


def _per_example(values, name):
    values = tf.convert_to_tensor(values)
    shape = values.shape
    if shape.rank != 1 and not (shape.rank == 2 and shape[1] == 1):
        called = f" {name!r}" if name else ""
        raise ValueError(
            f"Expected the term{called} of a loss as one value per example, (batch,), "
            f"or as a scalar mean; received: shape {shape}"
        )
    return values


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over the batch of all replicas, seen from one of them.

    Attributes:
        value: This replica's share of the mean; the average of all shares is the mean.
        weight: The sum of the weights of this replica's values.
        total: Their weighted sum; None for `value * weight`.
    """

    value: tf.Tensor
    weight: tf.Tensor
    total: tf.Tensor | None = None

    @property
    def sum(self) -> tf.Tensor:
        """The weighted sum of this replica's values."""
        return self.value * self.weight if self.total is None else self.total


class Weighing:
    """How much the examples of a replica's batch count in means over the global batch.

    Args:
        count: How many examples this replica has, an int32 scalar or an integer.
        weight: Their weights, float32 (batch,), or None where each counts as 1.
        replicas: How many replicas there are.
    """

    def __init__(self, count=1, weight: tf.Tensor | None = None, replicas: int = 1):
        self.weight, self.replicas = weight, replicas
        self.count = tf.cast(count, tf.float32)
        self._known: dict[int, tuple[tf.Tensor, tf.Tensor]] = {}
        self._here = self._everywhere = {"data": self.count, "samples": self.count}
        if weight is not None or replicas > 1:
            total = self.count if weight is None else tf.reduce_sum(weight)
            here = tf.stack([total, self.count])
            both = here, self._over_replicas(here)
            self._here, self._everywhere = (
                dict(zip(("data", "samples"), tf.unstack(one), strict=True))
                for one in both
            )

    def _over_replicas(self, value):
        if self.replicas == 1:
            return value
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    def _plain_mean(self, values):
        """The plain mean, computed once: a loss is often logged too."""
        if id(values) not in self._known:
            self._known[id(values)] = values, tf.reduce_mean(values)
        return self._known[id(values)][1]

    def mean(self, part: Part) -> Mean:
        """The mean that a part asks for."""
        values, weight = part.values, None
        kind = "data" if part.kind == "data" else "samples"
        here, everywhere = self._here[kind], self._everywhere[kind]
        if kind == "data":
            weight = self.weight
        if part.where is not None:
            known = tf.cast(part.where, tf.float32)
            weight = known if weight is None else weight * known
            here = tf.reduce_sum(weight)
            everywhere = self._over_replicas(here)
            # Values that do not count may be anything.
            values = tf.where(part.where, tf.reshape(values, tf.shape(weight)), 0.0)
        if weight is None and self.replicas == 1:
            value = part.scaled(self._plain_mean(values))
            return Mean(value, here)
        if values.shape.rank == 0:
            # An empty replica has no statistic. It must not pass on a NaN.
            total = tf.where(here > 0, values * here, 0.0)
        elif weight is None:
            total = tf.reduce_sum(values)
        else:
            total = tf.reduce_sum(tf.reshape(values, tf.shape(weight)) * weight)
        total = part.scaled(total)
        share = self.replicas * tf.math.divide_no_nan(total, everywhere)
        return Mean(share, here, total)
