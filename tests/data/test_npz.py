import warnings

import numpy as np
import pytest

from keras_svae.data import load
from tests.data.reading import batches, everything, pairs

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (40, 6, 5, 3), np.uint8)
IMAGES[0, 0, 0] = 0, 255, 128
LABELS = np.arange(40) % 4


def written(folder, **arrays):
    path = folder / "some.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y")])
def test_one_piece_has_a_tenth_held_out(tmp_path, keys):
    path = written(tmp_path, **dict(zip(keys, (IMAGES, LABELS), strict=True)))
    train, y = pairs(load(path, batch_size=1, labels=True))
    test, y_test = pairs(load(str(path), "test", labels=True))
    assert len(train) == 36 and len(test) == 4
    found = {x.tobytes(): label for x, label in zip(train, y, strict=True)}
    found |= {x.tobytes(): label for x, label in zip(test, y_test, strict=True)}
    expected = IMAGES.astype(np.float32) / 255
    assert found == {x.tobytes(): i for x, i in zip(expected, LABELS, strict=True)}


@pytest.mark.parametrize(
    "keys",
    [("x_train", "y_train", "x_test"), ("train_images", "train_labels", "test_images")],
)
def test_splits_as_they_are_named(tmp_path, keys):
    arrays = (IMAGES[:30], LABELS[:30], IMAGES[30:])
    path = written(tmp_path, **dict(zip(keys, arrays, strict=True)))
    x, y = pairs(load(path, batch_size=30, labels=True, shuffle=False))
    np.testing.assert_allclose(x, IMAGES[:30] / 255, rtol=1e-6)
    np.testing.assert_array_equal(y, LABELS[:30])
    np.testing.assert_allclose(everything(load(path, "test")), IMAGES[30:] / 255, 1e-6)
    with pytest.raises(ValueError, match="Expected data with a class.*labels=True"):
        load(path, "test", labels=True)


@pytest.mark.parametrize(
    "images, expected",
    [
        (IMAGES[..., 0], IMAGES[..., :1] / 255),
        (IMAGES.astype(np.int64), IMAGES / 255),
        ((IMAGES / 255).astype(np.float64), IMAGES / 255),
        (IMAGES > 127, IMAGES > 127),
        ((IMAGES > 127).astype(np.int32), IMAGES > 127),
    ],
    ids=["grey", "int64", "float64", "bool", "zeros and ones"],
)
def test_kinds_of_numbers(tmp_path, images, expected):
    path = written(tmp_path, x_train=images)
    x = everything(load(path, batch_size=40, shuffle=False))
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, expected, atol=1e-6)


def test_all_splits_have_one_scale(tmp_path):
    """Though one of them has no value above 1."""
    dark = (IMAGES[:8] > 127).astype(np.uint8)
    path = written(tmp_path, x_train=IMAGES, x_test=dark, x_val=IMAGES > 127)
    np.testing.assert_allclose(everything(load(path, "test")), dark / 255, 1e-6)
    # Truth values are no intensities.
    bits = everything(load(path, "validation", shuffle=False))
    np.testing.assert_array_equal(bits, IMAGES > 127)
    path = written(tmp_path, x_train=dark, x_test=dark)
    np.testing.assert_array_equal(everything(load(path, "test")), dark)


@pytest.mark.parametrize("other", [IMAGES[:, :5], IMAGES[..., 0], IMAGES[:, 0, 0]])
def test_splits_of_other_shapes_are_refused(tmp_path, other):
    path = written(tmp_path, x_train=IMAGES, x_test=other)
    for split in ("train", "test"):
        with pytest.raises(ValueError, match="one shape in all splits.*'x_test' of sh"):
            load(path, split, batch_size=1)
    if other.shape[1] == 5:
        assert everything(load(path, "test", size=4)).shape == (40, 4, 4, 3)
    path = written(tmp_path, x_train=IMAGES[..., 0], x_test=IMAGES[..., :1])
    assert everything(load(path, "test")).shape == (40, 6, 5, 1)


def test_points_keep_their_values(tmp_path):
    points = rng.normal(size=(30, 3)) * 100
    path = written(tmp_path, x_train=points)
    x = everything(load(path, batch_size=30, shuffle=False, scale=(-1, 1)))
    np.testing.assert_allclose(x, points, rtol=1e-6)
    with pytest.raises(ValueError, match="Expected images to crop or resize.*points"):
        load(path, size=4)


def test_size_and_crop(tmp_path):
    path = written(tmp_path, x_train=IMAGES)
    cut = everything(load(path, batch_size=40, crop=(1, 0, 3, 6), shuffle=False))
    np.testing.assert_allclose(cut, IMAGES[:, :, 1:3] / 255, rtol=1e-6)
    assert batches(load(path, size=(3, 4), batch_size=8))[0].shape == (8, 3, 4, 3)


def test_a_file_written_anew_is_read_anew(tmp_path):
    path = written(tmp_path, x_train=np.zeros((9, 2)))
    old = load(path, batch_size=9)
    written(tmp_path, x_train=np.ones((12, 2)))
    assert len(everything(load(path, batch_size=12))) == 12
    assert len(everything(old)) == 9


def test_object_arrays_are_never_unpickled(tmp_path):
    path = written(tmp_path, x_train=np.array([{"a": 1}, None], object))
    with pytest.raises(
        ValueError, match="Expected numbers; rec.*'x_train'.*Python objec"
    ):
        load(path)


BAD = np.zeros((8, 4, 4, 1), np.float32)
BAD[3, 2, 2] = np.nan


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x": BAD}, "Expected finite data; received: NaN .* in 1 of 8 examples"),
        ({"x": np.full((8, 2), np.inf)}, "Expected finite data; .* in 8 of 8 examples"),
        ({"x": IMAGES * 2.0}, r"floats in \[0, 1\] or .*; received: floats from 0 to"),
        ({"x": IMAGES / 127.5 - 1}, r"floats in \[0, 1\] or .*: floats from -1 to 1"),
        ({"x": IMAGES * np.int32(2)}, "received: integers from 0 to 510"),
        ({"x": IMAGES.transpose(0, 3, 1, 2)}, "channels last.*shape"),
        ({"x": np.zeros(8)}, r"Expected images .* or points .*: shape \(8,\)"),
        (
            {"x": np.zeros((0, 4, 4, 1))},
            "Expected data; received: an empty array in 'x'",
        ),
        ({"x": np.array([["a", "b"]])}, "Expected numbers; received: <U1"),
        ({"pixels": IMAGES}, r"Expected arrays named images.*received: \['pixels'\]"),
        ({}, "Expected arrays named images and labels.*received: no arrays"),
        ({"x": IMAGES, "y": LABELS[:3]}, "Expected one integer label for each of 40"),
        ({"x": IMAGES, "y": LABELS / 2}, "Expected one integer label.*float64"),
    ],
)
def test_arrays_that_are_no_data(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load(written(tmp_path, **arrays), batch_size=1)


def test_labels_in_a_column_are_labels(tmp_path):
    path = written(tmp_path, x_train=IMAGES, y_train=LABELS[:, None])
    assert len(everything(load(path, batch_size=8))) == 40
    _, y = pairs(load(path, batch_size=40, labels=True, shuffle=False))
    np.testing.assert_array_equal(y, LABELS)


def test_pictures_may_have_many_channels(tmp_path):
    bands = rng.uniform(size=(40, 6, 5, 13)).astype("float32")
    path = written(tmp_path, x_train=bands)
    found = everything(load(path, batch_size=40, shuffle=False))
    np.testing.assert_array_equal(found, bands)
    assert everything(load(path, batch_size=40, size=4)).shape == (40, 4, 4, 13)


def test_a_rounding_error_beyond_the_range_is_none(tmp_path):
    pictures = (IMAGES / 255).astype("float32")
    pictures[0, 0, 0] = -1e-7, np.nextafter(np.float32(1), np.float32(2)), 0.5
    path = written(tmp_path, x_train=pictures)
    found = everything(load(path, batch_size=40, shuffle=False))
    np.testing.assert_array_equal(found, np.clip(pictures, 0, 1))
    path = written(tmp_path, x_train=pictures * 1.001)
    with pytest.raises(ValueError, match=r"floats in \[0, 1\].*floats from"):
        load(path, batch_size=40)


def test_files_that_are_no_npz(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.npz', which does not exist"):
        load("absent.npz")
    other = tmp_path / "data.csv"
    other.write_text("1,2")
    with pytest.raises(ValueError, match="Expected a folder of images or an .npz file"):
        load(other)
    damaged = written(tmp_path, x=IMAGES)
    damaged.write_bytes(damaged.read_bytes()[:500])
    with pytest.raises(ValueError, match="Expected an .npz file as numpy.savez writes"):
        load(damaged)
    np.save(tmp_path / "single.npy", IMAGES)
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    with pytest.raises(ValueError, match="Expected an .npz file as numpy.savez writes"):
        load(tmp_path / "single.npz")


def test_flattened_8_bit_images_are_noticed(tmp_path):
    path = written(tmp_path, x_train=IMAGES.reshape(40, -1))
    with pytest.warns(
        UserWarning, match=r"8-bit integers \(40, 90\).*never scaled.*res"
    ):
        x = everything(load(path, batch_size=40, scale=(-1, 1)))
    assert x.max() == 255
    # Zeros and ones, and other integers, are points without a word.
    for number, points in enumerate((IMAGES > 127, IMAGES.astype(np.int16))):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = written(folder, x_train=points.reshape(40, -1).astype(points.dtype))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load(path)
