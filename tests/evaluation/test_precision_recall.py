"""Precision and recall against PyPI's prdc, and where they are known."""

import numpy as np
import pytest
from prdc import compute_prdc

from keras_svae import kernels
from keras_svae.evaluation import precision_recall
from tests.evaluation import seeing

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = 0.8 * RNG.normal(size=(70, 4)) + 0.6


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("block", [512, 16])
def test_against_prdc(k, block, monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK", block)
    for real, generated in ((X, Y), (Y, X)):
        want = compute_prdc(real, generated, k)
        precision, recall = precision_recall(real, generated, k=k)
        assert precision == pytest.approx(want["precision"], abs=1e-12)
        assert recall == pytest.approx(want["recall"], abs=1e-12)
    assert 0.2 < precision < 1 and precision != recall
    assert precision.details == {"n_real": 70, "n": 90, "k": k}


def test_known_cases():
    # One of two real modes, and all samples in it.
    real = np.concatenate([X, X + 100])
    found = precision_recall(real, X + 1e-3)
    assert found.precision == 1 and found.recall == pytest.approx(0.5, abs=0.01)
    far = precision_recall(X, X + 100)
    assert far.precision == far.recall == 0


def test_balls_are_closed():
    # Dead units give the same features again and again: radii of nothing.
    same = np.tile(RNG.normal(size=4) + 1e3, (9, 1))
    assert tuple(precision_recall(same, same)) == (1, 1)
    assert tuple(precision_recall(same, same + 1e-3)) == (0, 0)


def test_images_are_seen_through_the_backbone():
    x, y = seeing.images(40), seeing.images(30, seed=1) ** 2
    found = precision_recall(2 * x - 1, 2 * y - 1, seeing.backbone(), (-1, 1))
    want = compute_prdc(seeing.features(x), seeing.features(y), 3)
    assert found.precision == pytest.approx(want["precision"], abs=0.04)
    assert found.recall.details["backbone"] == "tiny net"


@pytest.mark.parametrize(
    ("x", "y", "k"),
    [
        (X, Y[:, :2], 3),
        (X, Y, 70),
        (X, Y, 0),
        (np.where(X == X[0, 0], np.inf, X), Y, 3),
        (seeing.images(9), seeing.images(9), 3),
    ],
)
def test_refuses(x, y, k):
    with pytest.raises(ValueError, match="Expected .*received"):
        precision_recall(x, y, k=k)


@pytest.mark.parametrize(("n", "m"), [(1, 20), (20, 1), (1, 1)])
def test_one_example_is_too_few(n, m):
    message = f"at least 2 real and 2 generated examples.*; received: {n} and {m}"
    with pytest.raises(ValueError, match=message):
        precision_recall(X[:n], Y[:m])
