"""Data sets whose length is known where TensorFlow has lost it."""

import contextlib
import warnings
from typing import Any

import tensorflow as tf

__all__ = ["Known", "Wrapped", "batches_in", "quiet"]


class Wrapped(tf.data.Dataset):
    """A data set that gives what another one gives.

    Args:
        data: The other one.
    """

    def __init__(self, data: tf.data.Dataset):
        self._data = data
        super().__init__(tf.data.experimental.to_variant(data))

    def _inputs(self) -> list[tf.data.Dataset]:
        return [self._data]

    @property
    def element_spec(self) -> Any:
        return self._data.element_spec

    def cardinality(self) -> tf.Tensor:
        return self._data.cardinality()  # of `Known`, which TensorFlow does not know


class Known(Wrapped):
    """A data set that says how many batches it has.

    TensorFlow does not know how many elements a filter or a generator leaves. Keras
    would show no total, and would warn at each end of the data that they ran out.

    Args:
        data: The batches.
        count: How many there are at most: some may be left out.
    """

    def __init__(self, data: tf.data.Dataset, count: int):
        super().__init__(data)
        self._count = count

    def cardinality(self) -> tf.Tensor:
        return tf.constant(self._count, tf.int64)

    def take(self, count: int, name=None) -> "Known":
        """The first batches. Their number stays known."""
        known = self._count if count < 0 else min(count, self._count)
        return Known(super().take(count, name), known)

    def skip(self, count: int, name=None) -> "Known":
        """All batches but the first ones."""
        return Known(super().skip(count, name), max(0, self._count - count))


def batches_in(data: tf.data.Dataset | tf.distribute.DistributedDataset) -> int:
    """How many batches there are; a negative number if it is unknown or endless."""
    found = data.cardinality
    return int(found() if callable(found) else found)


@contextlib.contextmanager
def quiet(*passes: tuple[Any, int | None]):
    """Leaves out Keras's warning that data ran out, where the data just end.

    It comes after batches that were left out, and advises to repeat the data.

    Args:
        *passes: Data that are read, and how many batches an epoch wants of them; None
            for all. Otherwise the warning is true, and stays.
    """
    with warnings.catch_warnings():
        if all(batches_in(data) >= 0 and not steps for data, steps in passes):
            warnings.filterwarnings("ignore", "Your input ran out of data")
        yield
