"""A random part of data: the first rows of sorted data would be of one class."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keras_svae.evaluation.reading.streams import (
    Examples,
    Stream,
    batches,
    fields,
    has_labels,
)
from keras_svae.noise import check_seed

__all__ = ["Chooser", "Part", "at_random"]

# A measure's own draws from the same seed are others.
_CHOICE = 1


class Chooser:
    """Chooses n of any number of examples, each part of n with the same probability.

    It gets the numbers of examples as they come. It needs to know neither how many will
    come nor how they are batched (reservoir sampling: Vitter, 1985, algorithm R).

    Args:
        n: How many to choose, at most.
        seed: The seed of the choice.

    Attributes:
        seen: How many examples have come.
    """

    def __init__(self, n: int, seed: int):
        self.n, self.seen = n, 0
        self._random = np.random.default_rng([check_seed(seed), _CHOICE])

    def __call__(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Which of the next examples to keep, and in which of n places.

        An example takes its place from the one before. Where two take one place, the
        last one keeps it.
        """
        numbers = self.seen + np.arange(count)
        places = (self._random.random(count) * (numbers + 1)).astype(np.int64)
        places = np.where(numbers < self.n, numbers, places)
        kept = np.flatnonzero(places < self.n)
        self.seen += count
        return kept, places[kept]


def at_random(stream: Iterable, n: int, seed: int) -> tuple[np.ndarray | Examples, int]:
    """At most n examples of a stream of batches, and how many it has.

    Args:
        stream: Arrays (batch, ...), or `Examples`.
        n: How many to choose, at most. This many are in memory.
        seed: The seed of the choice.
    """
    choose, held = Chooser(n, seed), {}
    for part in stream:
        arrays = [np.asarray(one) for one in fields(part) if one is not None]
        start = choose.seen
        for row, place in zip(*choose(len(arrays[0])), strict=True):
            # Copies, so that the batch can leave the memory.
            held[place] = start + row, [np.array(one[row]) for one in arrays]
    if not held:
        return np.zeros(0), 0
    inorder = [held[place][1] for place in sorted(held, key=lambda one: held[one][0])]
    found = [np.stack(several) for several in zip(*inorder, strict=True)]
    return (found[0] if len(found) == 1 else Examples(*found)), choose.seen


def _rows(stream: Iterable, numbers: np.ndarray) -> np.ndarray | Examples:
    """The examples of these numbers, which rise, of a stream of batches.

    Raises:
        ValueError: If the stream has fewer examples.
    """
    found: list[np.ndarray] = []
    start = end = 0
    for part in stream:
        arrays = [np.asarray(one) for one in fields(part) if one is not None]
        if not found:  # their memory is used as they fill
            found = [np.empty((len(numbers), *a.shape[1:]), a.dtype) for a in arrays]
        first, start = start, start + len(arrays[0])
        before, end = end, int(np.searchsorted(numbers, start))
        for i, one in enumerate(arrays):
            # A batch of longer texts, or of other numbers, needs a wider array.
            found[i] = found[i].astype(np.result_type(found[i], one), copy=False)
            found[i][before:end] = one[numbers[before:end] - first]
    if end < len(numbers):
        raise ValueError(
            "Expected data with as many examples at each reading; received: "
            f"{numbers[-1] + 1} or more, then {start}"
        )
    return found[0] if len(found) == 1 else Examples(*found)


class Part:
    """At most n examples of data, drawn at random, in the order of the data.

    If there are n examples or fewer, `data` are the caller's own, which are read again
    where they are asked for. If there are more, `data` are an array of n examples, or
    `Examples` with their labels.

    Args:
        data: Data as a measure takes them.
        n: How many examples, at most.
        seed: The seed of the choice.
        look: A function that is called with each batch of all data, to check it.

    Attributes:
        data: The part.
        count: How many examples the part has.
        of: How many examples there are.

    Raises:
        ValueError: As `batches`, on an iterator, which can be read only once, and on
            data that have fewer examples when they are read again.
    """

    data: Stream
    count: int
    of: int

    def __init__(
        self,
        data: Stream,
        n: int,
        seed: int,
        look: Callable[[Any], None] = lambda batch: None,
    ):
        if isinstance(data, Iterator):
            raise ValueError(
                "Expected data that can be read more than once: arrays or a finite "
                f"tf.data.Dataset; received: {type(data).__name__}"
            )
        self._seed, self.data = seed, data
        labelled = has_labels(data)
        read = data if labelled or not isinstance(data, tuple) else data[0]
        # The first reading keeps numbers, and no examples: there may be n or fewer.
        choose, chosen = Chooser(n, seed), np.zeros(0, np.int64)
        for batch in batches(read, labelled=labelled):
            look(batch)
            start = choose.seen
            kept, places = choose(len(fields(batch)[0]))
            chosen.resize(min(n, choose.seen), refcheck=False)
            chosen[places] = start + kept
        self.of, self.count = choose.seen, len(chosen)
        if not self.whole:
            self.data = _rows(batches(read, labelled=labelled), np.sort(chosen))

    @property
    def whole(self) -> bool:
        """Whether it is all of the data."""
        return self.count == self.of

    def __str__(self) -> str:
        return f"{self.count} of {self.of}, drawn at random with seed {self._seed}"
