"""Measures against hand calculations."""

import numpy as np
import pytest

from keras_svae import evaluation


def test_inception_score_by_hand():
    # Certain and balanced: the number of classes. All alike: 1.
    score = evaluation.inception_score(np.eye(4), splits=1)
    assert (score, score.deviation) == (pytest.approx(4), 0)
    assert evaluation.inception_score(np.full((6, 3), 1 / 3), 2) == pytest.approx(1)
    p = np.array([[0.9, 0.1], [0.4, 0.6]])
    marginal = [0.65, 0.35]
    kl = [
        sum(r * np.log(r / m) for r, m in zip(row, marginal, strict=True)) for row in p
    ]
    assert evaluation.inception_score(p, 1) == pytest.approx(np.exp(np.mean(kl)))


def test_inception_score_is_mean_and_deviation_over_splits():
    p = np.concatenate([np.eye(2)[[0, 1]], np.eye(2)[[0, 0]]])
    score = evaluation.inception_score(p, 2)
    assert (score, score.deviation) == (pytest.approx(1.5), pytest.approx(0.5))


@pytest.mark.parametrize(
    ("p", "splits"),
    [
        (np.ones((4, 2)), 1),
        (np.array([[1.5, -0.5]]), 1),
        (np.eye(3), 4),
        (np.eye(3), 0),
    ],
)
def test_inception_score_refuses(p, splits):
    with pytest.raises(ValueError, match="Expected .*received"):
        evaluation.inception_score(p, splits)


def test_mixture_score_of_true_samples_is_near_the_number_of_components():
    means = np.array([[0, 0], [2, 2], [2, -2], [-2, 2], [-2, -2]])
    rng = np.random.default_rng(0)
    x = means[rng.integers(5, size=4000)] + 0.2 * rng.normal(size=(4000, 2))
    assert evaluation.mixture_score(x, means, 0.2) == pytest.approx(4.99, abs=0.03)
    one = means[0] + 0.2 * rng.normal(size=(100, 2))
    assert evaluation.mixture_score(one, means, 0.2) == pytest.approx(1, abs=1e-3)


def test_mixture_posterior_by_hand():
    p = evaluation.mixture_posterior([[0.5]], [[0.0], [2.0]], 1.0, [0.2, 0.8])
    odds = 0.8 * np.exp(-(1.5**2) / 2) / (0.2 * np.exp(-(0.5**2) / 2))
    assert p[0, 1] / p[0, 0] == pytest.approx(odds)
