import itertools

import numpy as np
import pytest

import keras_svae as ks
from keras_svae.data import load, mixture
from tests.data.reading import everything


@pytest.mark.parametrize(
    "name, count, sigma, train, test",
    [
        ("toy5", 5, 0.2, 2048, 1024),
        ("grid25", 25, 0.05, 100_000, 10_000),
        ("ring8", 8, 0.02, 100_000, 10_000),
    ],
)
def test_points_have_the_law_s_moments(name, count, sigma, train, test):
    law = mixture(name)
    assert law.means.shape == (count, 2) and law.sigma == sigma
    np.testing.assert_allclose(law.weights, 1 / count)
    points = everything(load(name, drop_remainder=False))
    assert points.shape == (train, 2) and points.dtype == np.float32
    assert everything(load(name, "test")).shape == (test, 2)
    nearest = np.linalg.norm(points[:, None] - law.means, axis=-1)
    owner = nearest.argmin(1)
    shares = np.bincount(owner, minlength=count) / len(points)
    np.testing.assert_allclose(shares, 1 / count, atol=6 / np.sqrt(count * len(points)))
    spread = (points - law.means[owner]).std()
    # toy5's components are ten sigma apart, so that the nearest is the owner.
    assert spread == pytest.approx(sigma, rel=0.05)


def test_the_places_of_the_means():
    toy = {tuple(m) for m in mixture("toy5").means}
    assert toy == {(0, 0), (-2, -2), (-2, 2), (2, -2), (2, 2)}
    grid = {tuple(m) for m in mixture("grid25").means}
    assert grid == set(itertools.product(range(-4, 5, 2), repeat=2))
    ring = mixture("ring8").means
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 2)
    chords = np.linalg.norm(ring - np.roll(ring, 1, 0), axis=1)
    np.testing.assert_allclose(chords, 4 * np.sin(np.pi / 8))


def test_labels_are_the_components():
    x, y = next(iter(load("toy5", "test", 1024, labels=True)))
    law = mixture("toy5")
    posterior = ks.evaluation.mixture_posterior(x, law.means, law.sigma)
    assert (posterior.argmax(1) == y.numpy()).mean() > 0.99


def test_splits_and_seeds_draw_different_points_and_the_same_again():
    def first(split, seed):
        return next(iter(load("toy5", split, 32, seed=seed, shuffle=False))).numpy()

    np.testing.assert_array_equal(first("train", 3), first("train", 3))
    assert not np.isin(first("train", 3), first("test", 3)).any()
    assert not np.isin(first("train", 3), first("validation", 3)).any()
    assert not np.isin(first("train", 3), first("train", 4)).any()


def test_n_sets_the_number_of_points():
    assert everything(load("grid25", n=100, batch_size=10)).shape == (100, 2)
    with pytest.raises(ValueError, match=r"Expected n to be an integer >= 1.*n=0"):
        load("grid25", n=0)


def test_unknown_mixture():
    with pytest.raises(ValueError, match="Expected a mixture among.*'toy6'"):
        mixture("toy6")


@pytest.mark.parametrize("name, value", [("size", 8), ("crop", 8), ("cache", False)])
def test_points_are_not_pictures(name, value):
    with pytest.raises(ValueError, match=f"Expected {name}=.*for points.*{value}"):
        load("toy5", **{name: value})


def test_points_are_not_binarized():
    with pytest.raises(ValueError, match="Expected images to binarize"):
        load("toy5", binarize="fixed")
