"""Passes over a `keras.utils.PyDataset`, as Keras makes them."""

import collections
import concurrent.futures
import itertools
import random
from collections.abc import Iterator

import keras

__all__ = ["Reader"]


class Reader:
    """Passes over a `keras.utils.PyDataset`, read ahead by its workers.

    Attributes:
        count: How many batches there are; None for no end.
    """

    def __init__(self, data: keras.utils.PyDataset, shuffle: bool):
        self.data, self.shuffle = data, shuffle
        self.count = data.num_batches

    def __iter__(self) -> Iterator:
        self.data.on_epoch_begin()
        numbers = itertools.count() if self.count is None else range(self.count)
        if self.shuffle and self.count is not None:
            numbers = random.sample(numbers, self.count)
        if self.data.workers <= 1 and not self.data.use_multiprocessing:
            yield from (self.data[i] for i in numbers)
        else:
            yield from self._by_workers(iter(numbers))
        self.data.on_epoch_end()

    def _by_workers(self, numbers):
        kind = (
            concurrent.futures.ProcessPoolExecutor
            if self.data.use_multiprocessing
            else concurrent.futures.ThreadPoolExecutor
        )
        with kind(self.data.workers) as pool:
            waiting = collections.deque()
            try:
                for number in itertools.islice(numbers, self.data.max_queue_size):
                    waiting.append(pool.submit(self.data.__getitem__, number))
                while waiting:
                    yield waiting.popleft().result()
                    for number in itertools.islice(numbers, 1):
                        waiting.append(pool.submit(self.data.__getitem__, number))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
