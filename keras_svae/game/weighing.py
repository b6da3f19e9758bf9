"""How values of examples are weighed: the means over the batch of all replicas."""

import dataclasses

import tensorflow as tf

from keras_svae.game import updates

__all__ = ["SEVERAL", "SOME", "Mean", "Part", "Weighing", "expected"]


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

    def check_count(self, counts: set[int], name: str) -> None:
        """Raises if the shape of values of data says another number of examples.

        A mean over entries of x, or a mean that keeps its axis, has such a shape.

        Args:
            counts: The numbers of examples that a batch may have. Beside these, a shape
                says no number.
            name: What the term is called, for the message of the error.
        """
        if self.kind != "data" or self.where is not None:
            return
        shape = self.values.shape
        if shape.rank and shape[0] not in (None, *counts):
            known = sorted(one for one in counts if one is not None)
            batch = f"a batch of {known[0]}" if known else "any batch"
            received = f"shape {tuple(shape)} for {batch}"
            few = known and shape[0] < known[0]
            raise ValueError(expected(name, received) + (SOME if few else SEVERAL))


SEVERAL = ". Of several values per example, take their mean for each"
SOME = ". `over_data(values, where=...)` counts some of the examples"


def expected(name: str, received: str) -> str:
    """The message of an error on a term of another shape or kind."""
    called = f" {name!r}" if name else ""
    return (
        f"Expected the term{called} of a loss as one value per example, (batch,), or "
        f"as a scalar mean; received: {received}"
    )


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
        count: How many examples this replica has, an int32 scalar or an integer; None
            on one device without weights, where the count changes no mean.
        weight: Their weights, float32 (batch,), or None where each counts as 1.
        replicas: How many replicas there are.
        own: Whether the losses are the user's own. A step then stops at values of data
            whose number is not that of the examples, where it is not known before.
    """

    def __init__(
        self,
        count=None,
        weight: tf.Tensor | None = None,
        replicas: int = 1,
        own: bool = False,
    ):
        self.weight, self.replicas = weight, replicas
        self._rows = count if own else None
        # How many examples there are, where this is known while a step is traced.
        self._known_count = count if isinstance(count, int) else None
        self.count = tf.cast(1 if count is None else count, tf.float32)
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

    def _of_all(self, part: Part, name: str) -> tf.Tensor:
        """The values of a part; a step stops if those of data are not of all examples.

        Values that were filtered would be divided by another number on each device.
        """
        values = part.values
        of_rows = part.kind == "data" and part.where is None and values.shape.rank
        if self._rows is None or not of_rows or values.shape[0] is not None:
            return values
        return updates.of_rows(values, self._rows, name)

    def mean(self, part: Part, name: str = "") -> Mean:
        """The mean that a part asks for.

        Args:
            part: Values of one kind.
            name: What the term is called, for the message of the error.

        Raises:
            ValueError: For values of data that are not one for each example.
        """
        if self._known_count is not None:
            part.check_count({self._known_count}, name)
        values, weight = self._of_all(part, name), None
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
