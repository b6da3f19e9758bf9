"""Passes over a `keras.utils.PyDataset`, in the same way as Keras."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import random
import sys
from collections.abc import Iterable, Iterator

import keras

__all__ = ["Hooks", "Reader"]


class Reader:
    """Passes over a `keras.utils.PyDataset`. Its workers read ahead.

    Args:
        data: The data set.
        shuffle: Whether each pass has its own order.
        seed: Of this order; None for another one at each call.
        hooks: Whether a pass is an epoch: it calls `on_epoch_begin` and `on_epoch_end`
            of the data set. Otherwise `Hooks` does.

    Attributes:
        count: How many batches there are; None for an endless data set.
    """

    def __init__(
        self,
        data: keras.utils.PyDataset,
        shuffle: bool,
        seed: int | None = None,
        hooks: bool = True,
    ):
        self.data, self.shuffle, self.hooks = data, shuffle, hooks
        self._random = random if seed is None else random.Random(seed)
        self.count = data.num_batches

    def __iter__(self) -> Iterator:
        if self.hooks:
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
        if self.hooks:
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


class Hooks(keras.callbacks.Callback):
    """Calls the hooks of a `PyDataset` where an epoch is not a pass over the data.

    As in Keras, the first batch of an epoch may be read before its hook is called.

    Args:
        data: The data set to train on.
    """

    def __init__(self, data: keras.utils.PyDataset):
        super().__init__()
        self.data = data

    def on_epoch_begin(self, epoch, logs=None):
        self.data.on_epoch_begin()

    def on_epoch_end(self, epoch, logs=None):
        self.data.on_epoch_end()


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
