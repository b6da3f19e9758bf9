"""Captured modes and the quality of samples, by hand."""

import numpy as np
import pytest

from keras_svae import evaluation

MEANS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
# Three near the first mode, one near the second, one between, one far beyond the third,
# one that is within 3 sigma along each axis and not in distance.
POINTS = np.array(
    [[0, 0], [0.1, 0], [0, -0.29], [2.2, 0.1], [1, 0], [0, 3], [0.25, 0.25]]
)


def test_by_hand():
    found = evaluation.modes(POINTS, MEANS, 0.1)
    np.testing.assert_array_equal(found.counts, [3, 1, 0])
    assert found.captured == 2 and found.high_quality == pytest.approx(4 / 7)
    kl = 0.75 * np.log(0.75 * 3) + 0.25 * np.log(0.25 * 3)
    assert found.kl_to_uniform == pytest.approx(kl)
    assert found.kl_to_uniform.details["n"] == 4
    wider = evaluation.modes(POINTS, MEANS, 0.1, within=11)
    np.testing.assert_array_equal(wider.counts, [5, 1, 1])


def test_even_collapsed_and_lost_samples():
    even = evaluation.modes(np.repeat(MEANS, 5, 0), MEANS, 0.1)
    assert (even.captured, even.high_quality) == (3, 1)
    assert even.kl_to_uniform == pytest.approx(0, abs=1e-12)
    one = evaluation.modes(np.repeat(MEANS[:1], 5, 0), MEANS, 0.1)
    assert one.captured == 1 and one.kl_to_uniform == pytest.approx(np.log(3))
    lost = evaluation.modes(MEANS + 9, MEANS, 0.1)
    assert (lost.captured, lost.high_quality) == (0, 0)
    assert np.isnan(lost.kl_to_uniform)


def test_true_samples_and_streams():
    rng = np.random.default_rng(0)
    x = MEANS[rng.integers(3, size=9000)] + 0.1 * rng.normal(size=(9000, 2))
    found = evaluation.modes((x[i : i + 700] for i in range(0, 9000, 700)), MEANS, 0.1)
    assert found.captured == 3 and found.counts.sum() == found.high_quality * 9000
    assert found.high_quality == pytest.approx(1 - np.exp(-9 / 2), abs=0.005)
    # As many nats as chance gives, (k - 1) / 2n in the mean; this once in a million.
    assert found.kl_to_uniform < 0.0015


@pytest.mark.parametrize(
    ("x", "means", "options", "why"),
    [
        (POINTS[:, :1], MEANS, {}, "points .n, 2"),
        (POINTS * np.nan, MEANS, {}, "NaN"),
        (POINTS, MEANS[0], {}, "means .k, d"),
        (POINTS, MEANS * np.nan, {}, "finite means"),
        (POINTS, MEANS, {"sigma": 0}, "sigma > 0"),
        (POINTS, MEANS, {"sigma": "1"}, "sigma > 0; received: sigma='1'"),
        (POINTS, MEANS, {"within": -1}, "within > 0"),
    ],
)
def test_what_is_refused(x, means, options, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        evaluation.modes(x, means, **{"sigma": 0.1} | options)
    assert error.match(why)
