"""The handwritten digits that come inside scikit-learn: no download, seconds to learn.

1,797 pictures of 8 x 8 pixels and 17 grey levels (the test part of UCI's Optical
Recognition of Handwritten Digits), divided once and for all, alike in each class:
1,260 for train, 179 for validation, 358 for test.
"""

import numpy as np

from keras_svae.data.examples import Source, Stored
from keras_svae.data.images import Framing, frame_array

_TENTHS = {"train": tuple(range(7)), "validation": (7,), "test": (8, 9)}


def _rows(split: str, labels: np.ndarray) -> np.ndarray:
    """The row numbers of a split: the same share of every class."""
    # Rows are sorted by class and shuffled within. Each split gets its share of every
    # ten.
    order = np.random.default_rng(1797).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    chosen = np.isin(np.arange(len(order)) % 10, _TENTHS[split])
    return np.sort(order[chosen])


def source(framing: Framing) -> Source:
    """The digits, as pictures (8, 8, 1) of floats in [0, 1]."""

    def read(split: str) -> Stored:
        import sklearn.datasets  # slow, and needed here only

        bunch = sklearn.datasets.load_digits()
        rows = _rows(split, bunch.target)
        values = (bunch.images[rows, :, :, None] / 16).astype(np.float32)
        return Stored(frame_array(values, framing), bunch.target[rows], maximum=1)

    return Source("digits", tuple(_TENTHS), read, ("digits", framing))
