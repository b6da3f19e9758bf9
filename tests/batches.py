"""Batches of a `keras.utils.PyDataset` and of others; which rows a part of data has."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.evaluation.reading.part import at_random
from tests.models import tiny


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


class BatchesOfTwo(keras.utils.PyDataset):
    """Tuples of one array."""

    def __init__(self, x, **kwargs):
        super().__init__(**kwargs)
        self.x = x

    def __len__(self):
        return len(self.x) // 2

    def __getitem__(self, i):
        return (self.x[2 * i : 2 * i + 2],)


def kinds(x):
    """The same batches of two, as everything that `fit` takes."""
    parts = [x[i : i + 2] for i in range(0, len(x), 2)]
    once = iter(parts)
    return {
        "array": x,
        "tensor": tf.constant(x),
        "data set": tf.data.Dataset.from_tensor_slices(x).batch(2),
        "tuples": tf.data.Dataset.from_tensor_slices((x,)).batch(2),
        "one-shot data set": tf.data.Dataset.from_generator(
            lambda: once, output_signature=tf.TensorSpec([None, tiny.DATA])
        ),
        "PyDataset": BatchesOfTwo(x),
        "PyDataset of threads": BatchesOfTwo(x, workers=3),
        "generator": ((part,) for part in parts),
    }


def rows(count, n, seed):
    """The numbers of the n of so many examples that a part of data has."""
    return at_random([np.arange(count)], n, seed)[0]
