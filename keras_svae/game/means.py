"""Running means of what a model logs, all in two vectors."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.weighing import Mean

__all__ = ["Means"]


class Means(keras.metrics.Metric):
    """Means over the examples of several batches, by name.

    Each part of a term has a mean of its own: the sum of weighted values over the sum
    of weights. A logged value is a sum of such means. A step changes two variables, for
    any number of names.

    Args:
        names: For each name the number of its parts. Or the names that it is the sum
            of: a player's loss is the sum of its terms.
    """

    def __init__(self, names: dict[str, "int | list[str]"]):
        super().__init__(name="means")
        self.places: dict[str, list[int]] = {}
        size = 0
        for name, parts in names.items():
            if isinstance(parts, int):
                self.places[name] = list(range(size, size + parts))
                size += parts
        for name, parts in names.items():
            if not isinstance(parts, int):
                self.places[name] = [i for one in parts for i in self.places[one]]
        self.names = list(names)
        self.size = size
        self.total = self.add_variable((size,), "zeros", "float32", name="total")
        self.weight = self.add_variable((size,), "zeros", "float32", name="weight")
        # The number of evaluated batches. The noise of a batch depends on it.
        self.batches = self.add_variable((), "zeros", "float32", name="batches")

    def update_state(self, found: Iterable[tuple[str, list[Mean]]]) -> None:
        """Adds the values of a step. A name may appear several times.

        Raises:
            ValueError: A name is new.
        """
        placed: list[list[Mean]] = [[] for _ in range(self.size)]
        for name, means in found:
            if name not in self.places:
                raise ValueError(
                    "Expected a loss with the same terms in training and in "
                    f"evaluation, {self.names} (`observe` returns further terms); "
                    f"received: the term {name!r}"
                )
            for place, mean in zip(self.places[name], means, strict=True):
                placed[place].append(mean)
        weights = _rows([mean.weight for mean in several] for several in placed)
        if all(mean.total is None for several in placed for mean in several) and all(
            len({id(mean.weight) for mean in several}) <= 1 for several in placed
        ):
            # One multiplication serves all of them: the weight of each is the batch.
            values = _rows([mean.value for mean in several] for several in placed)
            (count,) = {
                id(mean.weight): mean.weight for several in placed for mean in several
            }.values()
            totals = values * count
        else:
            totals = _rows([mean.sum for mean in several] for several in placed)
        self.total.value.assign_add(totals)
        self.weight.value.assign_add(weights)

    def result(self, names: Iterable[str] | None = None, empty: float = 0.0) -> dict:
        """The means by name.

        Args:
            names: The names to return; None for all.
            empty: The mean of no values.
        """
        total, weight = self.total.value, self.weight.value
        means = tf.math.divide_no_nan(total, weight)
        if empty != 0.0:
            means = tf.where(weight > 0, means, empty)
        names = self.names if names is None else list(names)
        sums = _sums(means, [self.places[name] for name in names])
        return dict(zip(names, tf.unstack(sums), strict=True))

    def known(self) -> list[str]:
        """The names that have a mean of some values. Use it outside of graphs."""
        weight = np.asarray(self.weight)
        return [n for n in self.names if all(weight[i] > 0 for i in self.places[n])]

    def views(self) -> list[keras.metrics.Metric]:
        """One metric for each name, as `keras.Model.metrics` lists them."""
        return [_View(self, name) for name in self.names]


def _rows(values: Iterable[list[tf.Tensor]]) -> tf.Tensor:
    """Several sums of scalars as one vector. A sum of no scalars is 0."""
    values = list(values)
    if all(len(one) <= 1 for one in values):
        return tf.stack([one[0] if one else 0.0 for one in values])
    ends = list(itertools.accumulate(len(one) for one in values))
    places = [list(range(a, b)) for a, b in itertools.pairwise([0, *ends])]
    return _sums(tf.stack([scalar for one in values for scalar in one]), places)


def _sums(values: tf.Tensor, places: list[list[int]]) -> tf.Tensor:
    """Sums of entries of a vector, as a vector. A sum of no entries is 0.

    Each is the sum of a row of one tensor, which has one order of additions. TensorFlow
    makes an `AddN` of several additions, which begins with a value whose memory is free
    at that moment: the last bit would differ between two runs.
    """
    longest = max((len(one) for one in places), default=0)
    zero = int(values.shape[0])  # the place behind the last entry
    rows = [[*one, *[zero] * (longest - len(one))] for one in places]
    table = np.array(rows, np.int32).reshape(len(places), longest)
    return tf.reduce_sum(tf.gather(tf.pad(values, [[0, 1]]), table), axis=1)


class _View(keras.metrics.Metric):
    """One of the means."""

    def __init__(self, means: Means, name: str):
        super().__init__(name=name)
        self._means = lambda: means  # not tracked: it belongs to the model

    def update_state(self, *args, **kwargs):
        raise NotImplementedError("All means are updated at once.")

    def result(self):
        return self._means().result([self.name])[self.name]

    def reset_state(self):
        self._means().reset_state()
