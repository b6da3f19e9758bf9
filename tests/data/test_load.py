import subprocess
import sys

import numpy as np
import pytest

from keras_svae.data import load, names
from tests.data.reading import everything, pairs


def who(images):
    return {image.tobytes() for image in images}


def test_names():
    assert names() == ["digits", "grid25", "ring8", "tiny_imagenet", "toy5"]
    assert {"mnist", "cifar10", "celeb_a", "digits"} <= set(names(published=True))


def test_heavy_packages_are_imported_when_needed():
    """Asking for the mixtures does not load TensorFlow Datasets."""
    code = (
        "import sys; from keras_svae.data import load; load('toy5'); "
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_digits_splits_are_disjoint_and_complete():
    parts = {
        split: pairs(load("digits", split, drop_remainder=False, labels=True))
        for split in ("train", "validation", "test")
    }
    assert {split: len(x) for split, (x, _) in parts.items()} == {
        "train": 1260,
        "validation": 179,
        "test": 358,
    }
    seen = [who(x) for x, _ in parts.values()]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    for _, y in parts.values():
        shares = np.bincount(y, minlength=10) / len(y)
        np.testing.assert_allclose(shares, 0.1, atol=0.015)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16).astype(np.float32)
    labels = {x.tobytes(): y for x, y in zip(images, bunch.target, strict=True)}
    x, y = pairs(load("digits", "test", labels=True))
    assert [labels[image.tobytes()] for image in x] == list(y)


@pytest.mark.parametrize("scale", [(0, 1), (-1, 1), (0.0, 255.0)])
def test_scale_is_reached_exactly_at_both_ends(scale):
    x = everything(load("digits", scale=scale))
    assert x.dtype == np.float32 and x.min() == scale[0] and x.max() == scale[1]
    unit = everything(load("digits"))
    np.testing.assert_allclose(x, scale[0] + (scale[1] - scale[0]) * unit, rtol=1e-6)


def test_size_and_crop_frame_the_digits():
    def test(**kwargs):
        return everything(load("digits", "test", **kwargs))

    plain = test()
    np.testing.assert_array_equal(test(crop=(1, 2, 5, 8)), plain[:, 2:8, 1:5])
    np.testing.assert_array_equal(test(crop=4), plain[:, 2:6, 2:6])
    half = test(size=(4, 8))
    assert half.shape[1:] == (4, 8, 1) and half.min() >= 0 and half.max() <= 1
    np.testing.assert_allclose(half.mean(), plain.mean(), atol=0.01)
    assert test(size=5, crop=6).shape[1:] == (5, 5, 1)
    np.testing.assert_array_equal(test(crop="square"), plain)


@pytest.fixture
def numbered(tmp_path):
    """A hundred train and ten test points without a validation split."""
    path = tmp_path / "numbered.npz"
    points = np.arange(110.0)[:, None]
    np.savez(path, x_train=points[:100], x_test=points[100:])
    return path


@pytest.mark.parametrize("validation, count", [(0.2, 20), (7, 7), (np.int64(3), 3)])
def test_validation_is_taken_out_of_train_for_all_seeds(numbered, validation, count):
    def numbers(split, seed):
        data = load(numbered, split, 1, seed=seed, validation=validation)
        return set(everything(data)[:, 0])

    train, held = numbers("train", 1), numbers("validation", 2)
    assert len(held) == count and not train & held
    assert train | held == set(range(100))
    assert numbers("validation", 5) == held
    assert numbers("test", 1) == set(range(100, 110))


def test_train_is_whole_unless_validation_is_asked_for(numbered):
    assert len(everything(load(numbered, batch_size=1))) == 100
    with pytest.raises(ValueError, match="Expected validation=<share.*both for split"):
        load(numbered, "validation")


@pytest.mark.parametrize("validation", [0, 1.0, -0.1, 100, True, "1/10", np.nan])
def test_validation_out_of_range(numbered, validation):
    with pytest.raises(ValueError, match=r"Expected validation as a share in \(0, 1\)"):
        load(numbered, validation=validation)


def test_validation_beside_a_split_of_its_own():
    with pytest.raises(ValueError, match="Expected validation=None for 'digits'"):
        load("digits", validation=0.1)


def test_unknown_split(numbered):
    own = r"Expected split to be one of \['train', 'validation', 'test'\]; rec.*'tset'"
    with pytest.raises(ValueError, match=own):
        load("digits", "tset")
    carved = r"one of \['train', 'test'\], or validation with validation=<share>.*'dev'"
    with pytest.raises(ValueError, match=carved):
        load(numbered, "dev")


@pytest.mark.parametrize(
    "argument, message",
    [
        (
            {"batch_size": 0},
            "Expected batch_size .* >= 1; received: batch_size=0",
        ),
        ({"batch_size": -3}, "Expected batch_size to be an integer >= 1"),
        ({"batch_size": 2.5}, "Expected batch_size to be an integer >= 1"),
        ({"batch_size": True}, "Expected batch_size to be an integer >= 1"),
        (
            {"batch_size": 1261},
            "Expected batch_size <= 1260, the number of examples in",
        ),
        ({"seed": 1.5}, "Expected an integer 0 <= seed .*; received: seed=1.5"),
        ({"seed": 2**63}, "Expected an integer 0 <= seed < 2"),
        ({"seed": -1}, "Expected an integer 0 <= seed .*; received: seed=-1"),
        ({"start": -1}, "Expected start to be an integer >= 0; received: start=-1"),
        (
            {"start": 1, "drop_remainder": False},
            "Expected drop_remainder=True with start",
        ),
        ({"scale": (1, 0)}, r"Expected scale as two numbers .*received: \(1, 0\)"),
        ({"scale": 255}, "Expected scale as two numbers"),
        ({"scale": (0, 1, 2)}, "Expected scale as two numbers"),
        ({"scale": (0, float("inf"))}, "Expected scale as two numbers"),
        ({"scale": "ab"}, "Expected scale as two numbers"),
        ({"binarize": "static"}, "Expected binarize to be None, 'fixed' or 'epoch'"),
        ({"size": 0}, "Expected size as a positive integer"),
        ({"size": (8, 8, 1)}, "Expected size as a positive integer"),
        (
            {"crop": (5, 0, 2, 8)},
            r"Expected crop as a box \(left, top, ",
        ),
        (
            {"crop": 9},
            "Expected a crop inside pictures 8 wide .*: crop=9",
        ),
        ({"crop": (0, 0, 8, 9)}, "Expected a crop inside pictures 8 wide and 8 high"),
        ({"n": 5}, "Expected n=None except for mixtures; received: n=5"),
        ({"cache": False}, "Expected cache=True except for a folder"),
    ],
)
def test_arguments_out_of_range(argument, message):
    with pytest.raises(ValueError, match=message):
        load("digits", **argument)


def test_a_large_batch_is_no_mistake_where_remainders_stay():
    assert everything(load("digits", "test", 10_000)).shape[0] == 358


@pytest.mark.parametrize("seed", [2**40, 2**63 - 1, np.int64(7)])
def test_any_integer_is_a_seed(seed):
    a, b = (next(iter(load("toy5", seed=seed, start=0))) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    everything(load("digits", seed=seed, binarize="fixed"))


def test_a_name_that_is_no_text():
    with pytest.raises(TypeError, match="Expected a name or a path; received: 5"):
        load(5)
    with pytest.raises(ValueError, match="Expected a name or a path; received: ''"):
        load("")
