"""Data that are batches of a `keras.utils.PyDataset`."""

import keras


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
