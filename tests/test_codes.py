"""Ways through codes, against NumPy by hand."""

import numpy as np
import pytest

import keras_svae as ks
from tests.models import tiny
from tests.models.tiny import run

codes = ks.codes


def test_slerp_by_hand():
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 4, 16))
    found = codes.interpolate(start, end, 5)
    assert found.shape == (4, 5, 16) and found.dtype == np.float32
    for a, b, way in zip(start, end, found, strict=True):
        omega = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        for t, z in zip([0, 0.25, 0.5, 0.75, 1], way, strict=True):
            expected = np.sin((1 - t) * omega) * a + np.sin(t * omega) * b
            np.testing.assert_allclose(z, expected / np.sin(omega), atol=1e-5)


def test_a_spherical_way_turns_evenly_and_keeps_the_norm():
    way = codes.interpolate([[2.0, 0.0]], [[0.0, 2.0]], 4)[0]
    angles = np.arctan2(way[:, 1], way[:, 0])
    np.testing.assert_allclose(angles, np.linspace(0, np.pi / 2, 4), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 2, rtol=1e-6)


def test_a_linear_way_and_ways_without_an_arc():
    found = codes.interpolate([[1.0, 0.0]], [[0.0, 3.0]], 3, way="linear")
    np.testing.assert_allclose(found, [[[1, 0], [0.5, 1.5], [0, 3]]])
    # Parallel, opposite, and from zero.
    start, end = [[1, 1], [1, 0], [0, 0]], [[3, 3], [-1, 0], [0, 2]]
    found = codes.interpolate(start, end, 3)
    np.testing.assert_allclose(found[:, 1], [[2, 2], [0, 0], [0, 1]], atol=1e-6)


def test_traverse_sets_one_entry():
    found = codes.traverse([1.0, 2.0, 3.0], [2, 0], [-1.0, 5.0])
    expected = [[[1, 2, -1], [1, 2, 5]], [[-1, 2, 3], [5, 2, 3]]]
    np.testing.assert_array_equal(found, expected)


def test_attribute_arithmetic():
    z = np.array([[1.0, 0], [3, 0], [0, 5], [0, 7]])
    direction = codes.attribute(z, np.array([True, True, False, False]))
    np.testing.assert_allclose(direction, [2, -6])
    found = codes.along(z[:2], direction, [-1, 0, 0.5])
    expected = [[[-1, 6], [1, 0], [2, -3]], [[1, 6], [3, 0], [4, -3]]]
    np.testing.assert_allclose(found, expected)


def test_codes_of_any_shape_are_decoded():
    model = tiny.build("vae", compiled=False)
    z = np.random.default_rng(0).normal(size=(3, 100, 2)).astype("float32")
    found = codes.decode(model, z)
    expected = run(tiny.weights(model)["decoder"], z)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert codes.decode(model, z[0, 0]).shape == (tiny.DATA,)
    x = tiny.data(n=300)  # more than one part
    np.testing.assert_allclose(codes.encode(model, x), model.encode(x), rtol=1e-5)


def test_each_way_has_its_class():
    model = tiny.build("cvae", compiled=False)
    z = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    found = codes.decode(model, z, np.array([[0], [1]]))
    for row, y in enumerate([0, 1]):
        np.testing.assert_allclose(found[row], model.decode(z[row], y), rtol=1e-5)
    np.testing.assert_allclose(codes.decode(model, z, 1)[0], model.decode(z[0], 1))


Z = np.ones((4, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: codes.interpolate(Z, Z, 1), "steps to be an integer >= 2"),
        (lambda: codes.interpolate(Z, Z[:2], 3), r"end of start's shape \(4, 2\)"),
        (lambda: codes.interpolate(Z, Z, 3, way="arc"), "way to be one of"),
        (lambda: codes.interpolate(Z * np.nan, Z, 3), "start, finite codes"),
        (lambda: codes.traverse(Z, [0], [1]), r"one code \(latent_dim,\).*\(4, 2\)"),
        (lambda: codes.traverse(Z[0], [2], [1]), r"integers in 0\.\.1.*\[2\]"),
        (lambda: codes.traverse(Z[0], [-1], [1]), r"integers in 0\.\.1.*\[-1\]"),
        (lambda: codes.traverse(Z[0], [0.5], [1]), r"integers in 0\.\.1"),
        (lambda: codes.attribute(Z, np.ones(4)), "a boolean for each of 4.*float64"),
        (lambda: codes.attribute(Z, np.ones(4, bool)), "4 of 4 with it"),
        (lambda: codes.attribute(Z, np.zeros(3, bool)), r"shape \(3,\)"),
        (lambda: codes.along(Z, [1.0], [0]), r"direction \(2,\).*\(1,\)"),
        (lambda: codes.along(Z, [1.0, 1], 0.5), r"amounts \(steps,\)"),
        (
            lambda: codes.decode(tiny.build("vae", compiled=False), np.ones(3)),
            r"codes \(\.\.\., 2\).*\(3,\)",
        ),
        (
            lambda: codes.encode(tiny.build("gan", compiled=False), tiny.data()),
            "a model with an encoder; received: GAN",
        ),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match="Expected .*" + message):
        make()
