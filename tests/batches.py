"""Batches of a `keras.utils.PyDataset`, and which rows a part of data has."""

import keras
import numpy as np

from keras_svae.evaluation.reading.part import at_random


class Batches(keras.utils.PyDataset):
    """Batches of three; pairs, or tuples of one."""

    def __init__(self, *arrays, endless=False):
        super().__init__()
        self.arrays, self.endless = arrays, endless

    @property
    def num_batches(self):
        return None if self.endless else -(-len(self.arrays[0]) // 3)

    def __getitem__(self, index):
        return tuple(one[3 * index : 3 * index + 3] for one in self.arrays)


def rows(count, n, seed):
    """The numbers of the n of so many examples that a part of data has."""
    return at_random([np.arange(count)], n, seed)[0]
