"""Passes over a `keras.utils.PyDataset`, in the same way as Keras."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import random
import sys
from collections.abc import Iterable, Iterator

import keras

__all__ = ["Reader"]


class Reader:
    """Passes over a `keras.utils.PyDataset`. Its workers read ahead.

    Attributes:
        count: How many batches there are; None for an endless data set.
    """

    def __init__(
        self, data: keras.utils.PyDataset, shuffle: bool, seed: int | None = None
    ):
        self.data, self.shuffle = data, shuffle
        self._random = random if seed is None else random.Random(seed)
        self.count = data.num_batches

    def __iter__(self) -> Iterator:
        self.data.on_epoch_begin()
        numbers: Iterable[int] = itertools.count()
        if self.count is not None:
            numbers = range(self.count)
            if self.shuffle:
                numbers = self._random.sample(numbers, self.count)
        if self.data.workers <= 1 and not self.data.use_multiprocessing:
            yield from (self.data[i] for i in numbers)
        else:
            yield from self._by_workers(iter(numbers))
        self.data.on_epoch_end()

    def _by_workers(self, numbers):
        if self.data.use_multiprocessing:
            workers = concurrent.futures.ProcessPoolExecutor(
                self.data.workers,
                mp_context=multiprocessing.get_context(start_method()),
                initializer=_hold,
                initargs=(self.data,),
            )
            get = _get
        else:
            workers = concurrent.futures.ThreadPoolExecutor(self.data.workers)
            get = self.data.__getitem__
        with workers as pool:
            waiting = collections.deque()
            try:
                for number in itertools.islice(numbers, self.data.max_queue_size):
                    waiting.append(pool.submit(get, number))
                while waiting:
                    yield waiting.popleft().result()
                    for number in itertools.islice(numbers, 1):
                        waiting.append(pool.submit(get, number))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def start_method() -> str:
    """How processes that read start.

    Forked ones share the data without pickling. Elsewhere than on Linux a fork is
    unsafe or unknown: new ones get the data by pickling, as in Keras.
    """
    return "fork" if sys.platform == "linux" else "spawn"


_held: list[keras.utils.PyDataset] = []


def _hold(data: keras.utils.PyDataset) -> None:
    """Runs in a worker process: keeps the data that the worker reads."""
    _held[:] = [data]


def _get(number: int):
    """Runs in a worker process: returns a batch."""
    return _held[0][number]
