"""The Fréchet distance against closed forms and SciPy's root of the product."""

import warnings

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from keras_svae import evaluation
from keras_svae.evaluation import Moments, frechet_distance
from keras_svae.evaluation.samples import moments
from tests.evaluation import seeing

RNG = np.random.default_rng(0)
D = 12
X = RNG.normal(size=(300, D)) @ RNG.normal(size=(D, D)) + RNG.normal(size=D)
Y = RNG.normal(size=(200, D)) @ RNG.normal(size=(D, D))


def by_sqrtm(x, y):
    """Heusel et al.'s formula as their code has it."""
    x, y = x.astype("float64"), y.astype("float64")
    one, other = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(one @ other).real
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + np.trace(one + other - 2 * root)


def test_against_the_root_of_the_product():
    found = frechet_distance(X, Y)
    assert found == pytest.approx(by_sqrtm(X, Y), rel=1e-9)
    assert found == pytest.approx(frechet_distance(Y, X), rel=1e-9)
    assert found.details == {"n_real": 300, "n": 200, "dimensions": D}
    # In float32, as networks give them, and close together.
    near = (X + 0.1 * RNG.normal(size=X.shape)).astype("float32")
    assert frechet_distance(X, near) == pytest.approx(by_sqrtm(X, near), rel=1e-6)


def test_closed_forms():
    mean, other = RNG.normal(size=(2, D))
    same = np.cov(X.T)
    distance = frechet_distance(Moments(mean, same), Moments(other, same))
    assert distance == pytest.approx(((mean - other) ** 2).sum(), rel=1e-6)
    s, t = RNG.uniform(0.1, 3, size=(2, D))
    distance = frechet_distance(
        Moments(mean, np.diag(s**2)), Moments(mean, np.diag(t**2))
    )
    assert distance == pytest.approx(((s - t) ** 2).sum(), rel=1e-9)
    assert 0 <= frechet_distance(X, X) < 1e-10 * np.trace(same)


def test_singular_covariances():
    # The data's own factors: tr (S1 S2)^(1/2) = |X Y'|_* / sqrt((n - 1) (m - 1)).
    x, y = RNG.normal(size=(2, 9, 40))
    y[:, :30] *= 1e-3
    centred = [a - a.mean(0) for a in (x, y[:7])]
    roots = scipy.linalg.svdvals(centred[0] @ centred[1].T) / np.sqrt(8 * 6)
    squares = sum((a**2).sum() / (len(a) - 1) for a in centred)
    shift = x.mean(0) - y[:7].mean(0)
    want = shift @ shift + squares - 2 * roots.sum()
    with pytest.warns(UserWarning, match="Expected more examples than .* 40 .*: 7"):
        assert frechet_distance(x, y[:7]) == pytest.approx(want, rel=1e-9)
    # A feature that never moves, as dead units do.
    still = np.where(np.arange(D) == 3, 2.0, X)
    moved = np.where(np.arange(D) == 3, 2.5, X)
    assert frechet_distance(still, moved) == pytest.approx(0.25, rel=1e-6)
    assert frechet_distance(still, still * 0) == pytest.approx(
        (still.mean(0) ** 2).sum() + np.trace(np.cov(still.T)), rel=1e-9
    )


def test_warns_only_with_few():
    with pytest.warns(UserWarning, match="covariance"):
        frechet_distance(X, Y[:D])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(X, Y[: D + 1])


@pytest.mark.parametrize("least", [1e-3, 1e-6, 1e-12])
def test_both_ways_to_a_factor(least):
    # From variances that Cholesky's factor holds to such that it does not.
    rotation = np.linalg.qr(RNG.normal(size=(D, D)))[0]
    s, t = (np.geomspace(1, least, D)[RNG.permutation(D)] for _ in range(2))
    laws = [Moments(np.zeros(D), (rotation * a**2) @ rotation.T) for a in (s, t)]
    want = ((s - t) ** 2).sum()
    assert frechet_distance(*laws) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("size", [1, 64, 300])
def test_streams_give_what_the_whole_gives(size, monkeypatch):
    monkeypatch.setattr(moments, "ROWS", 50)
    found = Moments.of(X[i : i + size] for i in range(0, 300, size))
    assert found.n == 300
    np.testing.assert_allclose(found.mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(X.T), rtol=1e-10)


def test_parts_merge_to_the_whole():
    merged = Moments.of(X[:17]) + Moments.of(X[17:210]) + Moments.of(X[210:])
    assert merged.n == 300
    np.testing.assert_allclose(merged.mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(merged.covariance, np.cov(X.T), rtol=1e-10)


def test_float32_is_added_in_float64():
    x = (X + 100).astype("float32")
    found = Moments.of(x)
    np.testing.assert_allclose(found.mean, x.mean(0, dtype="float64"), rtol=1e-14)
    want = np.cov(x.T.astype("float64"))
    np.testing.assert_allclose(found.covariance, want, rtol=1e-10, atol=1e-11)


def test_far_from_zero_nothing_is_lost():
    found = Moments.of(X + 1e7)
    np.testing.assert_allclose(found.covariance, np.cov(X.T), rtol=1e-6, atol=1e-7)


def test_files(tmp_path):
    found = Moments.of(X)
    found.save(tmp_path / "x.npz")
    read = Moments.load(tmp_path / "x.npz")
    assert read.n == 300 and frechet_distance(read, Y) == frechet_distance(X, Y)
    assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
    # As pytorch-fid writes them: no n, which nothing then warns of, or can merge.
    np.savez(tmp_path / "other.npz", mu=X.mean(0), sigma=np.cov(X.T))
    other = Moments.load(tmp_path / "other.npz")
    distance = frechet_distance(other, Y)
    assert distance == pytest.approx(by_sqrtm(X, Y))
    assert distance.details["n_real"] is None
    with pytest.raises(ValueError, match="known n"):
        other + found
    np.savez(tmp_path / "bad.npz", mean=X)
    np.savez(tmp_path / "pickled.npz", mu=np.array([{}]), sigma=X)
    for bad in ("bad", "pickled"):
        with pytest.raises(ValueError):
            Moments.load(tmp_path / f"{bad}.npz")
    with pytest.raises(ValueError, match="Expected .*npz; received"):
        found.save(tmp_path / "x.npy")


def test_images_are_seen_through_the_backbone():
    x, y = seeing.images(50), seeing.images(40, seed=1) ** 2
    net = seeing.backbone()
    data = tf.data.Dataset.from_tensor_slices(2 * x - 1).batch(16)
    want = by_sqrtm(seeing.features(x), seeing.features(y))
    found = frechet_distance(x, y, net)
    assert found == pytest.approx(want, rel=1e-4)
    assert found.details["backbone"] == "tiny net" and found.details["n"] == 40
    known = Moments.of(net.features(data, (-1, 1)))
    assert frechet_distance(known, y, net) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(
    ("real", "generated"),
    [
        (X, Y[:, :5]),
        (X, np.where(np.eye(200, D) > 0, np.nan, Y)),
        (X[:1], Y),
        (seeing.images(5), seeing.images(5)),
        (X[:0], Y),
    ],
)
def test_bad_features_are_refused(real, generated):
    with pytest.raises(ValueError, match="Expected .*received"):
        frechet_distance(real, generated)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(2), np.eye(3)),
        (np.array([np.nan, 0]), np.eye(2)),
        (np.zeros(2), np.array([[1.0, 2], [3, 1]])),
        (np.zeros(2), np.eye(2), 1),
    ],
)
def test_bad_moments_are_refused(arguments):
    with pytest.raises(ValueError, match="Expected .*received"):
        Moments(*arguments)


def test_no_covariance_is_refused():
    bad = Moments(np.zeros(2), np.diag([1.0, -0.5]))
    with pytest.raises(ValueError, match="negative eigenvalues"):
        evaluation.frechet_distance(bad, bad)
