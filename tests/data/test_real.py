"""Real data, where the environment says they are; skipped where it does not.

KERAS_SVAE_DATA names a folder with `mnist` (the four original .gz files),
`cifar10_q75` (train and test folders of classes), `celeba_10k` (aligned faces at half
size, 89 x 109) or `tiny-imagenet-200` (as published, or some of it).
tests/evaluation/test_lpips.py finds `lpips` there.
"""

import os
import pathlib

import numpy as np
import pytest

from keras_svae.data import load
from tests.data.reading import everything, pairs


def folder(name):
    root = os.environ.get("KERAS_SVAE_DATA")
    if not root:
        pytest.skip("KERAS_SVAE_DATA is not set")
    path = pathlib.Path(root) / name
    if not path.is_dir():
        pytest.skip(f"there is no {path}")
    return path


def test_mnist_from_its_original_files(tmp_path):
    place = {"data_dir": tmp_path, "manual_dir": folder("mnist"), "download": False}
    x, y = pairs(load("mnist", labels=True, drop_remainder=False, **place))
    assert x.shape == (60_000, 28, 28, 1) and x.min() == 0 and x.max() == 1
    # The published mean, and the published number of ones.
    assert x.mean() == pytest.approx(0.1307, abs=1e-4)
    assert (y == 1).sum() == 6742
    assert everything(load("mnist", "test", **place)).shape == (10_000, 28, 28, 1)


def test_cifar10_from_a_folder():
    x, y = pairs(load(folder("cifar10_q75"), "test", labels=True))
    assert x.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(y), [1000] * 10)
    # The published means, which compression hardly moves.
    np.testing.assert_allclose(x.mean((0, 1, 2)), [0.4942, 0.4851, 0.4504], atol=2e-3)


def test_celeba_from_a_folder():
    faces = load(folder("celeba_10k"), "test", crop=(7, 17, 81, 91), size=64)
    x = everything(faces)
    assert x.shape == (1000, 64, 64, 3)
    # A face is in the middle: brighter and redder than the corners.
    middle = x[:, 24:40, 24:40].mean((0, 1, 2))
    assert middle[0] > middle[2] + 0.1 and middle[0] > x[:, :8, :8].mean()


@pytest.mark.filterwarnings("ignore:Expected as many pictures as")
def test_tiny_imagenet_from_its_original_folder(tmp_path):
    """By name and as a folder: the same classes, and they are the pictures' own."""
    original = folder("tiny-imagenet-200")
    place = {"data_dir": tmp_path, "manual_dir": original, "download": False}
    whole = {"labels": True, "drop_remainder": False, "size": 8}
    x, y = pairs(load("tiny_imagenet", "validation", **whole, **place))
    assert x.shape == (10_000, 8, 8, 3)
    np.testing.assert_array_equal(np.bincount(y), [50] * 200)
    u, v = pairs(load(original, "validation", **whole))
    order, other = (np.lexsort(a.reshape(len(a), -1).T) for a in (x, u))
    np.testing.assert_array_equal(x[order], u[other])
    np.testing.assert_array_equal(y[order], v[other])

    train, owner = pairs(load("tiny_imagenet", **whole, **place))
    assert len(set(np.bincount(owner, minlength=200))) == 1
    # Classes have colours: means of a class in train and in validation go together,
    # which they would not were the numbers of either any others.
    means = [
        np.stack([a[b == c].astype(float).mean((0, 1, 2)) for c in range(200)])
        for a, b in ((train, owner), (x, y))
    ]
    for channel in range(3):
        together = np.corrcoef(means[0][:, channel], means[1][:, channel])[0, 1]
        assert together > 0.8
