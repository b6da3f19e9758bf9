"""An untrained network as a backbone: the same everywhere, and it orders laws."""

import hashlib

import keras
import numpy as np
import pytest

import keras_svae as ks
from keras_svae.evaluation.backbones.random_network import random_network


def features(x, seed=0):
    net = random_network(x.shape[1:], seed)
    return np.concatenate(list(net.features(x)))


def blobs(n, side, seed=0):
    """Bright discs of any place, size and colour on a dark ground, in [0, 1]."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, side)
    at, radius = rng.uniform(0.3, 0.7, (2, n, 1, 1)), rng.uniform(0.1, 0.3, (n, 1, 1))
    inside = (grid - at[0]) ** 2 + (grid[:, None] - at[1]) ** 2 < radius**2
    colours = rng.uniform(0.5, 1, (n, 1, 1, 3))
    return (inside[..., None] * colours).astype("float32")


def test_weights_are_the_same_on_every_machine():
    net = random_network((16, 16, 3))
    weights = net._model.get_weights()
    held = hashlib.sha256(b"".join(one.tobytes() for one in weights)).hexdigest()
    assert held == "1b0c7531608b3f251c0621992307c694be1bd6dd79de933c0001cd54970eb414"
    fan_in = np.prod(weights[-1].shape[:-1])
    error = weights[-1].size ** -0.5 * 0.9  # of the mean of squares of uniform numbers
    assert weights[-1].var() * fan_in / 2 == pytest.approx(1, abs=4 * error)


def test_features_depend_on_images_and_seed_alone():
    x = blobs(6, 24)
    first = features(x)
    assert first.shape == (6, 64)
    np.testing.assert_array_equal(features(x), first)
    # Other examples in the batch, grey in one channel or in three, another range.
    np.testing.assert_allclose(features(x[2:4]), first[2:4], rtol=1e-4, atol=1e-4)
    grey = x[..., :1]
    three = features(np.repeat(grey, 3, -1))
    np.testing.assert_allclose(features(grey), three, rtol=1e-4, atol=1e-4)
    net = random_network((24, 24))
    signed = np.concatenate(list(net.features(2 * x - 1, (-1, 1))))
    np.testing.assert_allclose(signed, first, rtol=1e-3, atol=1e-3)
    assert abs(features(x, seed=1) - first).max() > 0.1
    assert net.name == "random network, for 32x32" and not net.classifies
    assert random_network((8, 8), 3).name == "random network, seed 3, for 8x8"


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((4, 4), (8, 8)), ((28, 28, 1), (32, 32)), ((20, 70, 3), (32, 128))],
)
def test_any_side_is_taken(shape, taken):
    net = random_network(shape)
    assert net.input_shape[:2] == taken
    assert len(shape) == 2 or features(np.zeros((2, *shape))).shape == (2, 64)


def test_large_images_are_made_smaller():
    assert random_network((300, 257)).input_shape == (256, 256, 3)


@pytest.mark.parametrize("shape", [(8,), (8, 8, 2), (8, 0), (8.0, 8), (2, 8, 8, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="Expected the shape of images"):
        random_network(shape)


def test_features_do_not_depend_on_the_dtype_policy():
    x = np.random.default_rng(0).random((3, 8, 8, 1))
    expected = list(ks.evaluation.random_network((8, 8)).features(x))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        net = ks.evaluation.random_network((8, 8))
    finally:
        keras.config.set_dtype_policy(before)
    assert net.dtype == "float32"
    np.testing.assert_array_equal(list(net.features(x)), expected)


@pytest.mark.parametrize("side", [8, 32])
def test_what_differs_more_is_farther(side):
    x = blobs(400, side)
    one, other = features(x[:200]), features(x[200:])
    rng = np.random.default_rng(1)
    noisy = np.clip(x[200:] + 0.2 * rng.normal(size=x[200:].shape), 0, 1)
    noise = features(rng.random(x[200:].shape))
    few = np.repeat(other[:5], 40, 0)
    for measure in (ks.evaluation.frechet_distance, ks.evaluation.kernel_distance):
        halves = measure(one, other)
        assert 2 * max(halves, 0) < measure(one, features(noisy)) < measure(one, noise)
        assert 2 * max(halves, 0) < measure(one, few)
    found = ks.evaluation.density_coverage(one, other)
    assert found.density > 0.5 and found.coverage > 0.5
    assert ks.evaluation.density_coverage(one, few).coverage < 0.3
    assert ks.evaluation.density_coverage(one, noise).coverage < 0.1


def test_its_name_stands_in_the_names_of_numbers():
    x = blobs(20, 8)
    net = random_network(x.shape[1:])
    found = ks.evaluation.precision_recall(x[:10], x[10:], net)
    assert found.precision.name == "precision[random_network]"
    assert str(found.recall).startswith("recall[random_network] ")


def test_unlabelled_images_are_seen_through_it():
    nets = ks.networks.digits(latent_dim=2, units=8)
    model = ks.evaluation.Subject.of(ks.SVAE(*nets, seed=0))
    x = np.random.default_rng(0).random((12, 8, 8, 1), "float32")
    four = ["frechet_distance", "kernel_distance"]
    four += ["precision_recall", "density_coverage"]
    found = ks.evaluation.evaluate(model, x, measures=four, verbose=False)
    names = {name for name in found if "[random_network]" in name}
    assert names == {
        "frechet_distance[random_network]",
        "kernel_distance[random_network]",
        "precision_recall.precision[random_network]",
        "precision_recall.recall[random_network]",
        "density_coverage.density[random_network]",
        "density_coverage.coverage[random_network]",
    }
    samples = np.concatenate(list(model.generate(12)))
    direct = ks.evaluation.frechet_distance(x, samples, random_network((8, 8)))
    assert found["frechet_distance[random_network]"] == pytest.approx(direct, rel=1e-3)
    assert direct.name == "Fréchet distance[random_network]"
    assert any("only with numbers from" in note for note in found.notes)
    assert "only with numbers from" in str(found)
    few = "frechet_distance: Expected more examples than the features' 64 dimensions"
    assert any(note.startswith(few) for note in found.notes)
    # A classifier can be trained of labels, and no network stands in for it.
    y = np.arange(12) % 2
    given = {"measures": four, "strict": False, "verbose": False}
    labelled = ks.evaluation.evaluate(model, (x, y), **given)
    assert "'random'" in labelled.left_out["frechet_distance"]
    given = {"measures": "frechet_distance", "verbose": False}
    named = ks.evaluation.evaluate(model, (x, y), backbone="random", **given)
    assert list(named) == ["frechet_distance[random_network]"]
    with pytest.raises(ValueError, match='Expected backbone as a Backbone, "random"'):
        ks.evaluation.evaluate(model, x, backbone="inception", **given)


def test_samples_are_as_many_as_examples_unless_n_says_another_number():
    nets = ks.networks.digits(latent_dim=2, units=8)
    model = ks.evaluation.Subject.of(ks.SVAE(*nets, seed=0))
    x = np.random.default_rng(0).random((30, 8, 8, 1), "float32")
    given = {"measures": ["mse", "code_mse", "calibration"], "verbose": False}
    found = ks.evaluation.evaluate(model, x, **given)
    assert found["code_mse"].details["n"] == found["mse"].details["n"] == 30
    assert found["calibration.log_loss"].details["n_above"] == 30
    assert any(note.startswith("30 samples") for note in found.notes)
    found = ks.evaluation.evaluate(model, x, n=50, **given)
    assert found["code_mse"].details["n"] == 50 and not found.notes
    one = ks.evaluation.evaluate(model, x[:1], **given)
    assert one["code_mse"].details["n"] == 2 and not one.failed
