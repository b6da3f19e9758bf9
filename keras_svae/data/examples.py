"""What every source gives: examples by row number, and the source's splits."""

import dataclasses
import weakref
import zlib
from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np
import tensorflow as tf

# Data sets are divided by this seed and never by the user's: so no example is both in a
# train and in a validation pipeline, whatever their seeds are.
_DIVISION = 2018


class Stored:
    """Examples held in memory.

    Args:
        values: Stored values, (n, ...), 8-bit where the data are.
        labels: Class numbers (n,), or None.
        maximum: The stored value that means full intensity; None for points, which are
            never scaled.
        beside: Something `shared` that lives as long as the examples do.
    """

    def __init__(
        self, values, labels=None, maximum: float | None = None, beside: object = None
    ):
        with tf.device("CPU:0"):  # batches are gathered there, not on a GPU
            self.values = tf.constant(values)
        self.shape = tuple(self.values.shape[1:])
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        self.maximum = maximum
        self.beside = beside

    def __len__(self) -> int:
        return self.values.shape[0]

    def fetch(self, rows: tf.Tensor) -> tf.Tensor:
        """The stored values of a batch of rows, in one gather."""
        return tf.gather(self.values, rows)


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set before a split of it is read.

    Attributes:
        name: The name that the user wrote.
        splits: The splits that the data set itself has.
        read: Reads one of the splits.
        key: Equal for two sources exactly if they read the same data.
        hint: Why it may have no classes, for the error that says it has none.
    """

    name: str
    splits: tuple[str, ...]
    read: Callable[[str], Stored]
    key: Hashable
    hint: str = ""


Kept = TypeVar("Kept")
_alive: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def shared(key: Hashable, make: Callable[[], Kept]) -> Kept:
    """The examples that a living pipeline already holds under this key, or new ones.

    Pipelines of the same data, as train and validation, share one copy. It goes when
    the last of them goes.
    """
    found = _alive.get(key)
    if found is None:
        _alive[key] = found = make()
    return found


def divide(count: int, held: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of `count` examples, divided at random into the rest and `held`."""
    order = np.random.default_rng(_DIVISION).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


def held_out(count: int) -> dict[str, np.ndarray]:
    """Rows for train and test of data without splits: a tenth is for test."""
    rest, held = divide(count, max(1, count // 10) if count > 1 else 0)
    return {"train": rest, "test": held}


def binarized(examples: Stored, seed: int, split: str) -> Stored:
    """Replaces each value by 0 or 1, once: 1 with probability value / maximum."""
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    values = examples.values.numpy()
    bits = np.empty(values.shape, np.uint8)
    for i in range(0, len(values), 4096):  # in pieces: the draws are eight times larger
        block = values[i : i + 4096]
        bits[i : i + 4096] = rng.random(block.shape) * examples.maximum < block
    return Stored(bits, examples.labels, maximum=1)
