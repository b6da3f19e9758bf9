"""Measures of codes: probes, the aggregated posterior, active units."""

import numpy as np
import pytest
import scipy.spatial

from keras_svae import evaluation, kernels
from keras_svae.evaluation import (
    aggregate_posterior,
    linear_probe,
    mmd,
    nearest_neighbours,
)

RNG = np.random.default_rng(0)


def classes(n, seed):
    """Two classes that the sign of the first dimension tells, far apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    z = rng.normal(size=(n, 3)) * [0.01, 1, 1]
    z[:, 0] += 0.1 * (2 * y - 1)
    return z, y


def ring(n, seed):
    """A class around the other: neighbours tell them, no line does."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    angle = rng.random(n) * 2 * np.pi
    radius = 0.2 + 2 * y + 0.1 * rng.normal(size=n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), y


def test_a_line_tells_separable_codes():
    found = linear_probe(*classes(200, 0), *classes(100, 1))
    # Standardised: raw, the dimension that tells is the smallest by far.
    assert found == 1 and found.details["classes"] == 2
    names = np.array(["no", "yes"])
    (z, y), (w, v) = classes(200, 0), classes(100, 1)
    assert linear_probe(z, names[y], w, names[v]) == 1
    assert linear_probe(z, 1 - y, w, v) == 0


def test_neighbours_tell_what_no_line_does():
    assert nearest_neighbours(*ring(300, 0), *ring(200, 1)) == 1
    # The best line has the inner class and half of the other, 0.73 +- 0.03.
    assert linear_probe(*ring(300, 0), *ring(200, 1)) < 0.9


def test_noise_gets_what_the_most_frequent_class_would():
    z, w = RNG.normal(size=(400, 2)), RNG.normal(size=(400, 2))
    y, v = (np.arange(400) % 10 == 0).astype(int), (np.arange(400) % 10 < 2).astype(int)
    found = linear_probe(z, y, w, v)
    assert found == pytest.approx(0.8) and found.details["most_frequent"] == 0.8


def test_neighbours_by_hand():
    z, y = np.array([[0.0], [1.0], [1.1], [9.0]]), np.array([0, 1, 1, 0])
    w = np.array([[0.4], [8.0]])
    assert nearest_neighbours(z, y, w, [0, 0], k=1) == 1
    assert nearest_neighbours(z, y, w, [1, 1], k=3) == 1
    # A class that training has not is missed.
    assert nearest_neighbours(z, y, w, [0, 7], k=1) == 0.5


Z, LABELS = classes(20, 0)


@pytest.mark.parametrize("probe", [linear_probe, nearest_neighbours])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((Z, LABELS[:9], Z, LABELS), "training labels .20,."),
        ((Z, LABELS, Z, LABELS[:, None]), "test labels .20,."),
        ((Z, LABELS, Z, LABELS * 1.5), "integers"),
        ((Z * np.nan, LABELS, Z, LABELS), "training codes.*NaN"),
        ((Z, LABELS, Z[:, :2], LABELS), "same dimension; received: 3 and 2"),
        ((Z[:, 0], LABELS, Z, LABELS), "training codes .n, d."),
    ],
)
def test_bad_codes_and_labels_are_refused(probe, given, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        probe(*given)
    assert error.match(f".*{why}")


@pytest.mark.parametrize("probe", [linear_probe, nearest_neighbours])
def test_examples_of_an_unknown_class_are_left_out(probe):
    (z, y), (w, v) = classes(60, 0), classes(40, 1)
    some, others = np.arange(60) % 4 == 0, np.arange(40) % 5 > 0
    found = probe(z, np.where(some, y, -1), w, np.where(others, v, -1))
    alone = probe(z[some], y[some], w[others], v[others])
    assert found == alone
    missing = {"unlabelled": 8, "unlabelled_train": 45}
    assert found.details == alone.details | missing
    with pytest.raises(ValueError, match="training labels of known.*received: -1"):
        probe(z, 0 * y - 1, w, v)
    with pytest.raises(ValueError, match="test labels as integers >= 0.*received: -2"):
        probe(z, y, w, v - 2)


@pytest.mark.parametrize("k", [0, 21])
def test_neighbours_that_are_not_there(k):
    with pytest.raises(ValueError, match="Expected k from 1 to 20"):
        nearest_neighbours(Z, LABELS, Z, LABELS, k=k)


def test_probes_that_cannot_be_trained():
    with pytest.raises(ValueError, match="two classes.*received: 1"):
        linear_probe(Z, 0 * LABELS, Z, LABELS)
    with pytest.raises(ValueError, match="strength to be finite and > 0"):
        linear_probe(Z, LABELS, Z, LABELS, strength=0)
    for wrong in ({"strength": "1"}, {"max_iter": 0.5}):
        with pytest.raises(ValueError, match=f"{[*wrong][0]} to be"):
            linear_probe(Z, LABELS, Z, LABELS, **wrong)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_by_loops(kernel, monkeypatch):
    x, y = RNG.normal(size=(7, 2)), RNG.normal(1, 2, (5, 2))

    def k(a, b):
        r = ((a - b) ** 2).sum()
        return 3 / (3 + r) if kernel == "imq" else np.exp(-r / 6)

    within_x = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    within_y = [k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    between = [k(a, b) for a in x for b in y]
    expected = np.mean(within_x) + np.mean(within_y) - 2 * np.mean(between)
    assert mmd(x, y, kernel=kernel, scale=3) == pytest.approx(expected)
    monkeypatch.setattr(kernels, "BLOCK", 2)
    assert mmd(x, y, kernel=kernel, scale=3) == pytest.approx(expected)


def test_the_kernel_does_not_depend_on_what_is_compared():
    x, y = RNG.normal(size=(50, 4)), RNG.normal(size=(60, 4))
    scale = np.median(scipy.spatial.distance.pdist(y) ** 2)
    for other in (x, 100 * x):
        assert mmd(other, y).details["scale"] == pytest.approx(scale)


def test_mmd_is_unbiased_and_sees_a_shift():
    found = [mmd(*RNG.normal(size=(2, 40, 2)), scale=4) for _ in range(300)]
    error = np.std(found) / np.sqrt(300)
    assert abs(np.mean(found)) < 4 * error and min(found) < 0
    # With a point's kernel with itself it would be above by about 2 (1 - E k) / 40.
    assert error < 0.002
    # 0.09 +- 0.008 and 0 +- 0.0004.
    x, y = RNG.normal(size=(2, 1600, 2))
    assert mmd(x + [1, 0], y) > 0.05 > 10 * abs(mmd(x, y))


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_codes_of_the_prior_and_others(prior):
    draw = RNG.normal if prior == "normal" else lambda size: RNG.uniform(-1, 1, size)
    width = 1 if prior == "normal" else 3**-0.5
    z = draw(size=(2000, 3))
    found = aggregate_posterior(z, prior)
    assert abs(found.mmd) < 0.005 and abs(found.mmd_of_prior) < 0.005
    # A mean's standard error: 0.022 at most.
    np.testing.assert_allclose(found.means, 0, atol=0.12)
    np.testing.assert_allclose(found.deviations, width, rtol=0.1)
    # Of three beyond it once in a million, 3 x 2 exp(-2 x 2.8^2).
    assert found.largest_ks == found.ks.max() < 2.8 / np.sqrt(2000)
    # One dimension narrower, another shifted.
    other = aggregate_posterior(z * [0.3, 1, 1] + [0, 0, width], prior)
    assert other.mmd > 0.03 and other.mmd > 10 * abs(other.mmd_of_prior)
    np.testing.assert_allclose(
        other.deviations, width * np.array([0.3, 1, 1]), rtol=0.1
    )
    np.testing.assert_allclose(other.means, [0, 0, width], atol=0.12)
    assert other.ks[0] > 0.15 and other.ks[2] > 0.2 > 3 * other.ks[1]


def test_kolmogorov_smirnov_by_hand():
    # The uniform law's distribution function at -.5, 0, .5 is .25, .5, .75.
    found = aggregate_posterior([[-0.5], [0.0], [0.5]], "uniform")
    assert found.ks == pytest.approx([0.25])


def test_seeds_of_the_prior():
    z = RNG.normal(size=(100, 2))
    first, again, other = (aggregate_posterior(z, seed=s).mmd for s in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: aggregate_posterior(Z, "cauchy"), "prior='cauchy'"),
        (lambda: aggregate_posterior(Z * np.nan), "NaN"),
        (lambda: aggregate_posterior(Z[:1]), "two or more"),
        (lambda: aggregate_posterior(Z[:, 0]), "codes .n, d."),
        (lambda: mmd(Z, Z[:, :2]), "3 and 2"),
        (lambda: mmd(Z, Z, kernel="cubic"), "kernel='cubic'"),
        (lambda: mmd(Z, 0 * Z), "varies"),
        (lambda: mmd(Z, Z, scale="a"), "scale > 0"),
        (lambda: evaluation.active_units(Z[:, 0]), "posterior means .n, d."),
        (lambda: evaluation.active_units(Z[:1]), "received: 1"),
        (lambda: evaluation.active_units(Z * np.nan), "NaN"),
        (lambda: evaluation.active_units(Z, threshold=-1), "threshold >= 0"),
        (lambda: evaluation.active_units(Z, threshold="x"), "threshold >= 0"),
        (lambda: evaluation.precision_recall(Z, Z, k=2.5), "k to be an integer"),
        (lambda: evaluation.precision_recall(Z, Z, k="3"), "k to be an integer"),
        (lambda: evaluation.density_coverage(Z, Z, k=None), "k to be an integer"),
        (
            lambda: evaluation.kernel_distance(Z, Z, subset_size=2.5),
            "subset_size to be an integer",
        ),
        (lambda: evaluation.kernel_distance(Z, Z, subsets="9"), "subsets to be an int"),
        (
            lambda: evaluation.inception_score(np.eye(4), splits=2.5),
            "splits to be an integer",
        ),
        (
            lambda: evaluation.nearest_neighbours(
                Z, [0] * len(Z), Z, [0] * len(Z), k=2.5
            ),
            "k to be an integer",
        ),
    ],
)
def test_what_is_refused(call, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        call()
    assert error.match(why)


def test_active_units_by_hand():
    # Far from zero, where a sum of squares in float32 would lose the variance.
    z = RNG.normal(size=(1000, 4)) * [1, 0.2, 0.05, 0] + [0, 1000, 0, 5]
    found = evaluation.active_units(z[i : i + 300] for i in range(0, 1000, 300))
    np.testing.assert_allclose(found.variances, z.var(0, ddof=1), rtol=1e-9, atol=1e-15)
    assert found.active == 2 and found.active.details["units"] == 4
    assert evaluation.active_units(z, threshold=0.001).active == 3
