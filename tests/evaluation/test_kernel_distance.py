"""The kernel distance against double loops, and its expectation against the truth."""

import itertools

import numpy as np
import pytest

from keras_svae import kernels
from keras_svae.evaluation import kernel_distance
from tests.evaluation import seeing

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(14, 3)), RNG.normal(size=(11, 3)) + 0.5


def kernel(a, b):
    return (sum(i * j for i, j in zip(a, b, strict=True)) / len(a) + 1) ** 3


def by_loops(x, y):
    """The unbiased estimate of Gretton et al., (3), for as many of both."""
    n = len(x)
    total = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                total += (kernel(x[i], x[j]) + kernel(y[i], y[j])) / (n * (n - 1))
            total -= 2 * kernel(x[i], y[j]) / n**2
    return total


@pytest.mark.parametrize("block", [1024, 4])
def test_against_loops(block, monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK", block)
    found = kernel_distance(X[:11], Y, subsets=2)
    assert found == pytest.approx(by_loops(X[:11], Y), rel=1e-9)
    # All of them are one pair of subsets: no spread.
    assert found.deviation is None
    assert found.details == {
        "n_real": 11,
        "n": 11,
        "subsets": 1,
        "subset_size": 11,
        "seed": 0,
    }


def test_mean_and_deviation_over_subsets():
    found = kernel_distance(X, Y, subsets=7, subset_size=5, seed=3)
    rng = np.random.default_rng(3)
    want = [
        by_loops(*(one[rng.choice(len(one), 5, replace=False)] for one in (X, Y)))
        for _ in range(7)
    ]
    assert found == pytest.approx(np.mean(want), rel=1e-9)
    assert found.deviation == pytest.approx(np.std(want), rel=1e-9)
    assert found != kernel_distance(X, Y, subsets=7, subset_size=5, seed=4)


def test_it_is_unbiased():
    # Laws on two points: every sample of two, with its probability.
    points = np.array([[0.5, 1.0], [-2.0, 0.3]])
    p, q = np.array([0.3, 0.7]), np.array([0.8, 0.2])
    gram = np.array([[kernel(a, b) for b in points] for a in points])
    for law in (p, q):
        expected = 0.0
        for i in itertools.product(range(2), repeat=4):
            estimate = kernel_distance(points[[*i[:2]]], points[[*i[2:]]], subsets=1)
            expected += p[i[0]] * p[i[1]] * law[i[2]] * law[i[3]] * estimate
        truth = (p - law) @ gram @ (p - law)
        assert expected == pytest.approx(truth, rel=1e-9, abs=1e-12)


def test_images_are_seen_through_the_backbone():
    x, y = seeing.images(9), seeing.images(9, seed=1) ** 2
    found = kernel_distance(2 * x - 1, 2 * y - 1, seeing.backbone(), (-1, 1), subsets=1)
    want = by_loops(seeing.features(x), seeing.features(y))
    assert found == pytest.approx(want, rel=1e-3)
    assert found.details["accuracy"] == 0.75


@pytest.mark.parametrize(
    ("x", "y", "options"),
    [
        (X, Y[:, :2], {}),
        (X, Y, {"subset_size": 12}),
        (X, Y, {"subset_size": 1}),
        (X[:1], Y, {}),
        (X, Y, {"subsets": 0}),
        (np.where(X == X[0, 0], np.nan, X), Y, {}),
        (seeing.images(3), seeing.images(3), {}),
    ],
)
def test_refuses(x, y, options):
    with pytest.raises(ValueError, match="Expected .*received"):
        kernel_distance(x, y, **options)


@pytest.mark.parametrize(("n", "m"), [(1, 9), (9, 1), (1, 1)])
def test_one_example_is_too_few(n, m):
    message = f"at least 2 real and 2 generated examples.*; received: {n} and {m}"
    with pytest.raises(ValueError, match=message):
        kernel_distance(X[:n], Y[:m])
