"""Variance of reconstructions over that of data, and what it tells of an MSE."""

import numpy as np
import pytest

from keras_svae import evaluation


def test_by_hand():
    x = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]])  # variances 8/3 and 8
    made = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 8.0]])  # 2/3 and 2
    found = evaluation.variance_ratio(x, made)
    assert found == pytest.approx((2 / 3 + 2) / (8 / 3 + 8))
    assert found.details == {
        "n": 3,
        "variance": pytest.approx(16 / 3),
        "variance_of_reconstructions": pytest.approx(4 / 3),
    }


def test_batches_and_a_large_mean_change_nothing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4, 4, 1)).astype("float32")
    made = 0.5 * x + 1000
    parts = lambda one: (one[i : i + 7] for i in range(0, 300, 7))  # noqa: E731
    found = evaluation.variance_ratio(parts(x), parts(made))
    assert found == pytest.approx(made.astype(float).var(0).sum() / x.var(0).sum())
    assert found == pytest.approx(0.25, rel=1e-3)


def test_a_mean_and_a_draw_have_the_values_that_the_docstring_says():
    """x = z + e, z in 0, 1, e ~ N(0, 1): var(x|z) is 1, var(x) 1.25."""
    rng = np.random.default_rng(1)
    n = 40_000
    z = rng.integers(2, size=(n, 1))
    x, draw = z + rng.normal(size=(n, 1)), z + rng.normal(size=(n, 1))
    # Standard errors are below .01: see a sum of squares of 40,000.
    assert evaluation.mse(x, z) == pytest.approx(1, abs=0.04)
    assert evaluation.mse(x, draw) == pytest.approx(2, abs=0.08)
    assert evaluation.variance_ratio(x, z) == pytest.approx(1 - 1 / 1.25, abs=0.01)
    assert evaluation.variance_ratio(x, draw) == pytest.approx(1, abs=0.04)


def test_equal_examples_have_no_variance():
    with pytest.raises(ValueError, match="received: 3 equal examples"):
        evaluation.variance_ratio(np.full((3, 2), 0.1), np.zeros((3, 2)))


def test_of_a_model():
    import keras_svae as ks

    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)).astype("float32")
    model = ks.SVAE(*ks.networks.toy(), seed=0)
    found = evaluation.evaluate(model, x, measures=["variance_ratio", "mse"])
    own = evaluation.variance_ratio(x, model.reconstruct(x))
    assert found["variance_ratio"] == pytest.approx(own)
    one = evaluation.evaluate(model, x[:1], measures=["variance_ratio"], strict=False)
    assert "two test examples" in one.left_out["variance_ratio"]
