"""Density and coverage against PyPI's prdc, and against their expectation."""

import numpy as np
import pytest
from prdc import compute_prdc

from keras_svae import kernels
from keras_svae.evaluation import density_coverage
from tests.evaluation import seeing

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = 0.8 * RNG.normal(size=(70, 4)) + 0.6


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("block", [512, 16])
def test_against_prdc(k, block, monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK", block)
    for real, generated in ((X, Y), (Y, X)):
        want = compute_prdc(real, generated, k)
        density, coverage = density_coverage(real, generated, k=k)
        assert density == pytest.approx(want["density"], abs=1e-12)
        assert coverage == pytest.approx(want["coverage"], abs=1e-12)
    assert density.details == {"n_real": 70, "n": 90, "k": k}


def test_of_the_real_law_itself():
    # Naeem et al.: density 1, coverage 1 - (n - 1)...(n - k) / (2n - 1)...(2n - k).
    n, k = 1500, 3
    found = density_coverage(*RNG.normal(size=(2, n, 2)), k=k)
    missed = np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    # Standard errors over seeds: 0.022 and 0.012. With k - 1 or k + 1: 0.25 and 0.06.
    assert found.density == pytest.approx(1, abs=0.1)
    assert found.coverage == pytest.approx(1 - missed, abs=0.055)


def test_an_outlier_among_samples_changes_little():
    # What it was made for: with precision and recall, recall would be 1.
    density, coverage = np.mean(
        [
            density_coverage(x, np.concatenate([x[:40] * 1e-3, np.full((4, 4), 1e3)]))
            for x in RNG.normal(size=(30, 90, 4))
        ],
        0,
    )
    assert coverage < 0.2
    # Crowded where the real examples are densest: 1.5, standard error 0.05.
    assert density > 1.2


def test_images_are_seen_through_the_backbone():
    x, y = seeing.images(40), seeing.images(30, seed=1) ** 2
    found = density_coverage(2 * x - 1, 2 * y - 1, seeing.backbone(), (-1, 1))
    want = compute_prdc(seeing.features(x), seeing.features(y), 5)
    assert found.coverage == pytest.approx(want["coverage"], abs=0.04)
    assert found.density.details["backbone"] == "tiny net"


@pytest.mark.parametrize(
    ("x", "y", "k"),
    [
        (X, Y[:, :2], 5),
        (X, Y, 70),
        (X, Y, 0),
        (X, np.where(Y == Y[0, 0], np.nan, Y), 5),
        (seeing.images(9), seeing.images(9), 5),
    ],
)
def test_refuses(x, y, k):
    with pytest.raises(ValueError, match="Expected .*received"):
        density_coverage(x, y, k=k)


@pytest.mark.parametrize(("n", "m"), [(1, 20), (20, 1), (1, 1)])
def test_one_example_is_too_few(n, m):
    message = f"at least 2 real and 2 generated examples.*; received: {n} and {m}"
    with pytest.raises(ValueError, match=message):
        density_coverage(X[:n], Y[:m])
