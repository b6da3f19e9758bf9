"""The inception score against the formula, and through a classifier."""

import numpy as np
import pytest
import scipy.special

from keras_svae import evaluation
from tests.evaluation import seeing

RNG = np.random.default_rng(0)


def by_entropies(p):
    """exp(H(y) - H(y|x)), another way to write the score."""
    marginal = p.mean(0)
    conditional = -scipy.special.xlogy(p, p).sum(1).mean()
    return np.exp(-scipy.special.xlogy(marginal, marginal).sum() - conditional)


def test_by_hand():
    # Certain and balanced: the number of classes. All alike: 1.
    score = evaluation.inception_score(np.eye(4), splits=1)
    assert (score, score.deviation) == (pytest.approx(4), None)
    assert evaluation.inception_score(np.full((6, 3), 1 / 3), 2) == pytest.approx(1)
    p = np.array([[0.9, 0.1], [0.4, 0.6]])
    marginal = [0.65, 0.35]
    kl = [
        sum(r * np.log(r / m) for r, m in zip(row, marginal, strict=True)) for row in p
    ]
    assert evaluation.inception_score(p, 1) == pytest.approx(np.exp(np.mean(kl)))


def test_is_mean_and_deviation_over_splits():
    p = np.concatenate([np.eye(2)[[0, 1]], np.eye(2)[[0, 0]]])
    score = evaluation.inception_score(p, 2)
    assert (score, score.deviation) == (pytest.approx(1.5), pytest.approx(0.5))


def test_against_entropies():
    p = RNG.dirichlet(np.full(10, 0.1), size=103)
    p[0] = np.eye(10)[3]
    score = evaluation.inception_score(p, 10)
    parts = [by_entropies(part) for part in np.array_split(p, 10)]
    assert score == pytest.approx(np.mean(parts), rel=1e-9)
    assert score.deviation == pytest.approx(np.std(parts), rel=1e-6)


def test_a_probability_whose_mean_is_zero_counts_nothing():
    """The exact posterior of points far from all but one mode has such."""
    p = np.array([[1.0, 5e-324], [1.0, 0.0]])
    assert p.mean(0)[1] == 0
    assert evaluation.inception_score(p, 1) == 1


def test_images_are_seen_through_the_backbone():
    images = seeing.images(30)
    score = evaluation.inception_score(images, 3, seeing.backbone(), (0, 1))
    p = scipy.special.softmax(seeing.logits(images), 1)
    assert score == pytest.approx(evaluation.inception_score(p, 3), rel=1e-5)
    assert score.details == {
        "n": 30,
        "splits": 3,
        "backbone": "tiny net",
        "accuracy": 0.75,
        "resize": "none",
        "dtype": "float32",
    }


@pytest.mark.parametrize(
    ("p", "splits"),
    [
        (np.ones((4, 2)), 1),
        (np.array([[1.5, -0.5]]), 1),
        (np.array([[np.nan, 1.0]]), 1),
        (np.eye(3), 4),
        (np.eye(3), 0),
        (seeing.images(4), 1),
    ],
)
def test_refuses(p, splits):
    with pytest.raises(ValueError, match="Expected .*received"):
        evaluation.inception_score(p, splits)


def test_says_what_is_no_distribution():
    """Such as what a softmax in half precision gives."""
    p = np.array([[0.5, 0.499], [0.5, 0.501]])
    with pytest.raises(ValueError, match=r"sums from 0\.999 to 1\.001"):
        evaluation.inception_score(p, 1)
