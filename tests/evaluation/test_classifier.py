"""Classifiers: trained in seconds on digits, found again, never replaced unasked."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_svae import data, evaluation
from keras_svae.evaluation import train_classifier
from keras_svae.evaluation.backbones import training
from keras_svae.evaluation.backbones.classifier import Recipe, network
from tests.data.test_real import folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder of a cache with one classifier of digits."""
    root = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_SVAE_CACHE", str(root))
        train_classifier.main(["digits", "--epochs", "6", "--data-note", "digits, all"])
        yield root / "classifiers"


def test_it_classifies_and_says_how_well(cache):
    net = evaluation.classifier("digits")
    test = data.load("digits", "test", labels=True)
    y = np.concatenate([y for _, y in test])
    p = np.concatenate(list(net.probabilities(test)))
    assert net.accuracy == (p.argmax(1) == y).mean() > 0.9
    assert next(net.features(test)).shape[1] == 32
    score = evaluation.inception_score(test, 1, net)
    assert 7 < score < 10
    assert score.details["backbone"] == "residual classifier of digits, all"
    assert score.details["accuracy"] == net.accuracy


def test_two_files_say_where_it_comes_from(cache):
    assert sorted(file.name for file in cache.iterdir()) == [
        "digits.json",
        "digits.keras",
    ]
    about = json.loads((cache / "digits.json").read_text())
    assert (about["training images"], about["test images"]) == (1260, 358)
    assert about["seed"] == 0 and about["recipe"]["epochs"] == 6
    assert {"command", "date", "versions", "shape", "classes"} <= set(about)
    # Nothing but built-in layers, and no optimizer.
    model = keras.saving.load_model(cache / "digits.keras", safe_mode=True)
    assert getattr(model, "optimizer", None) is None


def test_by_path_as_by_name(cache):
    named, read = map(evaluation.classifier, ("digits", cache / "digits.keras"))
    x = next(iter(data.load("digits", "test")))
    for one, other in zip(named.both(x), read.both(x), strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_nothing_is_replaced_unasked(cache):
    before = (cache / "digits.keras").read_bytes()
    with pytest.raises(FileExistsError, match="Expected .*received"):
        train_classifier.train("digits")
    with pytest.raises(SystemExit, match="Expected .*overwrite; received"):
        train_classifier.main(["digits"])
    assert (cache / "digits.keras").read_bytes() == before


def test_what_is_not_there_says_how_to_make_it(cache):
    with pytest.raises(FileNotFoundError, match="train_classifier mnist"):
        evaluation.classifier("mnist")


def test_files_that_do_not_belong_together_are_refused(cache, tmp_path):
    for suffix in (".keras", ".json"):
        (tmp_path / f"net{suffix}").write_bytes(
            (cache / f"digits{suffix}").read_bytes()
        )
    evaluation.classifier(tmp_path / "net.keras")
    network((8, 8, 1), 10, Recipe(1, (4,), 1, 1)).save(tmp_path / "net.keras")
    with pytest.raises(ValueError, match="from one training; received"):
        evaluation.classifier(tmp_path / "net.keras")


@pytest.mark.parametrize(
    ("name", "options"),
    [("toy5", {}), ("digits", {"out": "model.h5"}), ("no such data", {})],
)
def test_bad_data_are_refused(name, options, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="Expected .*received"):
        train_classifier.train(name, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_mnist_is_classified_as_well_as_it_has_to_be(tmp_path):
    place = {"data_dir": tmp_path, "manual_dir": folder("mnist"), "download": False}
    path = train_classifier.train("mnist", out=tmp_path / "mnist.keras", **place)
    assert evaluation.classifier(path).accuracy >= 0.993


@pytest.mark.slow
def test_arrays_with_labels_and_a_seed(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = rng.random((60, 8, 8, 3)) * 0.2 + 0.6 * labels[:, None, None, None]
    np.savez(tmp_path / "bright.npz", images=images.astype("float32"), labels=labels)
    recipe = Recipe(4, (4,), blocks=1, stem_stride=1, batch_size=9)
    weights = []
    for run in ("a", "b"):
        path = train_classifier.train(
            tmp_path / "bright.npz",
            recipe=recipe,
            seed=3,
            out=tmp_path / f"{run}.keras",
        )
        weights.append(keras.saving.load_model(path).get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def saved_images(path, labels, **more):
    images = np.random.default_rng(0).random((len(labels), 8, 8, 1))
    np.savez(path, images=images.astype("float32"), labels=np.asarray(labels), **more)
    return path


def test_few_images_some_without_a_class_are_one_batch(tmp_path):
    path = saved_images(tmp_path / "few.npz", [0, 1, -1, 0, 1, -1, 0, 1, 1, 0])
    found = train_classifier.train(
        path, recipe=Recipe(1, (4,), blocks=1, stem_stride=1), out=tmp_path / "a.keras"
    )
    about = json.loads(found.with_suffix(".json").read_text())
    assert about["classes"] == 2 and about["recipe"]["batch_size"] <= 10
    assert about["training images"] == about["recipe"]["batch_size"]


@pytest.mark.parametrize("labels", [[0] * 20, [-1] * 20, [1, -1] * 10])
def test_fewer_than_two_classes_are_refused(labels, tmp_path):
    path = saved_images(tmp_path / "one.npz", labels)
    with pytest.raises(ValueError, match="Expected images of two classes or more"):
        train_classifier.train(path, out=tmp_path / "a.keras")


@pytest.mark.parametrize("flip", [False, True])
def test_images_are_shifted_and_mirrored(flip):
    """Each pixel's value is where it was: rows count tens, columns ones."""
    image = 10.0 * np.arange(10)[:, None] + np.arange(10)
    x = np.tile(image[None, :, :, None], (256, 1, 1, 1)).astype("float32")
    stream = tf.data.Dataset.from_tensors((x, np.arange(256))).repeat(3)
    seen = list(training._augmented(stream, (10, 10, 1), flip, seed=1))
    again = list(training._augmented(stream, (10, 10, 1), flip, seed=1))
    np.testing.assert_array_equal(seen[2][0], again[2][0])
    assert not np.array_equal(seen[0][0], seen[1][0])
    np.testing.assert_array_equal(seen[0][1], np.arange(256))
    kinds = set()
    for one in seen[0][0].numpy()[..., 0]:
        down, right = one[5, 5] // 10 - 5, one[5, 4:6] % 10
        mirrored = right[1] < right[0]
        # A shift of the edge-padded image, or of its mirror image.
        want = np.pad(image[:, ::-1] if mirrored else image, 1, "edge")
        across = int(right[1]) - (4 if mirrored else 5)
        across = -across if mirrored else across
        top, left = 1 + int(down), 1 + across
        np.testing.assert_array_equal(one, want[top : top + 10, left : left + 10])
        kinds.add((int(down), across, bool(mirrored)))
    assert len(kinds) == (18 if flip else 9)
