"""Measures against hand calculations."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from keras_svae import evaluation


def test_mixture_score_of_true_samples_is_near_the_number_of_components():
    means = np.array([[0, 0], [2, 2], [2, -2], [-2, 2], [-2, -2]])
    rng = np.random.default_rng(0)
    x = means[rng.integers(5, size=4000)] + 0.2 * rng.normal(size=(4000, 2))
    score = evaluation.mixture_score(x, means, 0.2)
    assert score == pytest.approx(4.99, abs=0.03)
    assert score.deviation is None and "+-" not in str(score)  # of one split
    one = means[0] + 0.2 * rng.normal(size=(100, 2))
    assert evaluation.mixture_score(one, means, 0.2) == pytest.approx(1, abs=1e-3)


def test_mixture_posterior_by_hand():
    p = evaluation.mixture_posterior([[0.5]], [[0.0], [2.0]], 1.0, [0.2, 0.8])
    odds = 0.8 * np.exp(-(1.5**2) / 2) / (0.2 * np.exp(-(0.5**2) / 2))
    assert p[0, 1] / p[0, 0] == pytest.approx(odds)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"x": np.zeros((3, 1))}, r"points \(n, 2\).*received: shape \(3, 1\)"),
        ({"x": np.zeros(3)}, r"points \(n, 2\).*received: shape \(3,\)"),
        ({"x": [np.zeros((3, 4))] * 2}, r"points \(n, 2\)"),
        ({"x": np.full((3, 2), np.nan)}, "finite points.*NaN"),
        ({"means": np.eye(2)[0]}, r"means \(k, d\)"),
        ({"sigma": -0.1}, "sigma > 0; received: sigma=-0.1"),
        ({"sigma": np.nan}, "sigma > 0"),
        ({"sigma": [0.1, 0.1]}, "sigma > 0"),
        ({"weights": [1.0]}, r"weights \(2,\).*received: shape \(1,\)"),
        ({"weights": [1.0, -1.0]}, "weights.*>= 0"),
        ({"weights": [0.0, 0.0]}, "weights.*not all 0"),
        ({"weights": [1.0, np.inf]}, "weights.*finite"),
    ],
)
def test_what_a_mixture_score_refuses(changed, why):
    given = {"x": np.zeros((3, 2)), "means": np.eye(2), "sigma": 0.1}
    for measure in (evaluation.mixture_score, evaluation.mixture_posterior):
        with pytest.raises(ValueError, match=f"(?s)Expected .*{why}"):
            measure(**given | changed)


def test_a_mixture_score_of_streams_and_of_a_weight_of_0():
    x = np.random.default_rng(0).normal(size=(9, 2))
    whole = evaluation.mixture_posterior(x, np.eye(2), 0.5)
    parts = tf.data.Dataset.from_tensor_slices(x).batch(4)
    for stream in (parts, iter([x[:5], x[5:]])):
        found = evaluation.mixture_posterior(stream, np.eye(2), 0.5)
        np.testing.assert_array_equal(found, whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluation.mixture_posterior(x, np.eye(2), 0.5, [2.0, 0.0])
    np.testing.assert_array_equal(found, np.tile([1.0, 0.0], (9, 1)))
