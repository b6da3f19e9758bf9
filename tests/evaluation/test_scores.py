"""Measures against hand calculations."""

import numpy as np
import pytest

from keras_svae import evaluation


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
