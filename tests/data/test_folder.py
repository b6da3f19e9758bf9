import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_svae.data import load, picture_files
from tests.data.reading import batches, everything, pairs

rng = np.random.default_rng(0)


def write(path, height=6, width=5, channels=3):
    """A picture whose pixels it returns."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    pixels = rng.integers(0, 256, shape, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels.reshape(height, width, channels) / np.float32(255)


def test_loose_pictures_and_their_held_out_tenth(tmp_path):
    written = {write(tmp_path / f"{i:02}.png").tobytes() for i in range(20)}
    train = everything(load(tmp_path, batch_size=1))
    test = everything(load(tmp_path, "test"))
    assert len(train) == 18 and len(test) == 2
    assert {x.tobytes() for x in np.concatenate([train, test])} == written
    with pytest.raises(ValueError, match="Expected data with a class"):
        load(tmp_path, labels=True, batch_size=1)


def test_subfolders_are_classes_in_order_of_name(tmp_path):
    owner = {}
    for number, name in enumerate(("apple", "pear", "quince")):
        for i in range(4):
            # As deep as TinyImageNet's.
            pixels = write(tmp_path / "train" / name / "images" / f"{i}.png")
            owner[pixels.tobytes()] = number
    x, y = pairs(load(tmp_path, labels=True, batch_size=12))
    assert [owner[image.tobytes()] for image in x] == list(y)
    # They take turns, so that the first few pictures are of all classes.
    y = pairs(load(tmp_path, labels=True, batch_size=12, shuffle=False))[1]
    assert list(y) == 4 * [0, 1, 2]
    write(tmp_path / "val" / "pear" / "1.png")
    write(tmp_path / "val" / "pear" / "2.png")
    write(tmp_path / "val" / "quince" / "1.png")
    _, y = pairs(load(tmp_path, "validation", labels=True))
    assert list(y) == [1, 2, 1]
    with pytest.raises(ValueError, match=r"one of \['train', 'validation'\]; .*'test'"):
        load(tmp_path, "test")


@pytest.mark.parametrize("cache", [True, False])
def test_files_written_anew_are_read_anew(tmp_path, cache):
    """Though a data set of the same names is alive."""
    for i in range(3):
        write(tmp_path / "train" / "a" / f"{i}.png")
    given = {"batch_size": 3, "shuffle": False, "cache": cache}
    old = load(tmp_path, **given)
    changed = [write(tmp_path / "train" / "a" / f"{i}.png") for i in range(3)]
    again = load(tmp_path, **given)
    np.testing.assert_array_equal(everything(again), changed)
    del old


def test_annotations_written_anew_are_read_anew(tmp_path):
    for i in range(2):
        write(tmp_path / "val" / "images" / f"{i}.png")
    lists = tmp_path / "val" / "val_annotations.txt"
    found = []
    for classes in ("a b", "b a"):
        first, second = classes.split()
        lists.write_text(f"0.png\t{first}\n1.png\t{second}\n")
        found.append(load(tmp_path, "validation", labels=True))  # it stays alive
    assert [list(pairs(one)[1]) for one in found] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("train, test", [("Training", "Testing"), ("train", "test")])
def test_other_names_of_splits(tmp_path, train, test):
    for split, count in ((train, 3), (test, 2)):
        for name in ("cat", "dog"):
            for i in range(count):
                write(tmp_path / split / name / f"{i}.png")
    assert len(pairs(load(tmp_path, labels=True, batch_size=6))[1]) == 6
    _, y = pairs(load(tmp_path, "test", labels=True))
    assert list(y) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "folders, message",
    [
        ("train_images test_images", "called train, validation and test; received: "),
        ("seg_train seg_val other", "received: seg_train/ and seg_val/ in .*Rename"),
        ("archive/train archive/test", "received: test/ in .*archive. Give this fold"),
        ("a/b/Train a/b/c", "received: Train/ in .*a/b. Give this folder, '.*a/b'"),
        ("cat/train cat/test dog/test", "received: test/ in .*cat. Give this folder"),
        ("train/archive/test train/archive/b", "received: test/ in .*train/archive"),
    ],
)
@pytest.mark.parametrize("labels", [True, False])
def test_splits_that_would_be_taken_for_classes(tmp_path, folders, message, labels):
    for one in folders.split():
        for name in ("cat", "dog"):
            for i in range(2):
                write(tmp_path / one / name / f"{i}.png")
    with pytest.raises(ValueError, match=message):
        load(tmp_path, labels=labels, batch_size=1)


def test_names_that_only_look_like_those_of_splits(tmp_path):
    for name in ("train_station", "test_tube", "valid", "value", "Training_day"):
        write(tmp_path / "train" / name / "0.png")
    _, y = pairs(load(tmp_path, labels=True, batch_size=5))
    assert sorted(y) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "folders, classes",
    [
        ("running training walking", 3),
        ("testing running", 2),
        ("vehicle/train vehicle/bus animal/cat animal/dog", 2),
        ("real/val fake/gen", 2),
        # One split alone among folders with pictures.
        ("bus car train", 3),
        ("valid invalid", 2),
        ("control test", 2),
    ],
)
def test_a_word_of_splits_may_be_a_class(tmp_path, folders, classes):
    for one in folders.split():
        for i in range(4):
            write(tmp_path / one / f"{i}.png")
    found = [pairs(load(tmp_path, s, labels=True))[1] for s in ("train", "test")]
    assert {*np.concatenate(found)} == {*range(classes)}
    assert sum(map(len, found)) == 4 * len(folders.split())


def test_a_split_alone_that_is_read_as_a_class_is_told(tmp_path):
    for one in ("train", "masks"):
        write(tmp_path / one / "0.png")
    with pytest.warns(
        UserWarning, match="train/ to be a class, as masks/ .* give this"
    ):
        load(tmp_path, labels=True, batch_size=1)


@pytest.mark.parametrize("more", ["notes", "train/cat train/dog extra", "test/0 extra"])
def test_a_split_alone_stays_one_beside_notes_or_with_classes_in_it(tmp_path, more):
    for one in more.split()[: -1 if " " in more else 0] or ["train"]:
        write(tmp_path / one / "0.png")
        write(tmp_path / one / "1.png")
    last = tmp_path / more.split()[-1]
    last.mkdir(parents=True)
    (last / "wnids.txt").write_text("n01")
    if last.name == "extra":
        write(last / "0.png")
    split = "test" if "test" in more else "train"
    with pytest.warns(UserWarning, match=f"as not in {split}: {last.name}"):
        found = everything(load(tmp_path, split, batch_size=1))
    assert len(found) == len([*(tmp_path / split).rglob("*.png")])


@pytest.mark.parametrize("split, advice", [("", "give '.*data'"), ("train", "move th")])
def test_a_single_folder_of_folders_is_no_class(tmp_path, split, advice):
    for name in ("cat", "dog"):
        for i in range(4):
            write(tmp_path / split / "data" / name / f"{i}.png")
    assert len(everything(load(tmp_path, batch_size=1))) >= 7
    assert isinstance(load(tmp_path, labels=None).element_spec, tf.TensorSpec)
    with pytest.raises(ValueError, match=f"none: all pictures .* data/.*{advice}"):
        load(tmp_path, labels=True, batch_size=1)


def test_classes_may_have_folders(tmp_path):
    for path in ("a/monday", "a/friday", "b/monday", "c"):
        write(tmp_path / path / "0.png")
    _, y = pairs(load(tmp_path / ".", labels=True, shuffle=False, batch_size=3))
    assert len(y) == 3 and set(y) <= {0, 1, 2}


def test_train_and_test_folders_are_kept(tmp_path):
    train = {write(tmp_path / "train" / f"{i}.png").tobytes() for i in range(7)}
    test = write(tmp_path / "test" / "0.png")
    found = everything(load(tmp_path, batch_size=1))
    assert {x.tobytes() for x in found} == train and len(found) == 7
    np.testing.assert_array_equal(everything(load(tmp_path, "test")), test[None])
    held = everything(load(tmp_path, "validation", validation=2))
    rest = everything(load(tmp_path, batch_size=1, validation=2))
    assert {x.tobytes() for x in np.concatenate([held, rest])} == train


@pytest.mark.parametrize("cache", [True, False])
def test_grey_pictures_have_one_channel_unless_some_have_colours(tmp_path, cache):
    grey = write(tmp_path / "train" / "0.png", channels=1)
    one = everything(load(tmp_path, batch_size=1, cache=cache))
    np.testing.assert_array_equal(one, grey[None])
    colour = write(tmp_path / "train" / "1.png", channels=3)
    two = everything(load(tmp_path, batch_size=2, shuffle=False, cache=cache))
    np.testing.assert_array_equal(two, [np.repeat(grey, 3, -1), colour])


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("places", ["train test", "test train", "train/a test/b", ""])
def test_splits_of_one_folder_have_the_same_channels(tmp_path, cache, places):
    for i in range(40):
        place = (places.split() or ["."])[i * len(places.split()) // 40]
        write(tmp_path / place / f"{i:02}.png", channels=3 if i == 0 else 1)
    for split in ("train", "test"):
        found = everything(load(tmp_path, split, batch_size=1, cache=cache))
        assert found.shape[1:] == (6, 5, 3), split


def test_headers_are_not_read_again_for_the_other_split(tmp_path, monkeypatch):
    for i in range(6):
        write(tmp_path / ("train" if i % 2 else "test") / f"{i}.png", channels=1)
    (tmp_path / "test" / "0.png").write_bytes(b"")
    read, header = [], picture_files.header
    monkeypatch.setattr(
        picture_files, "header", lambda path: (read.append(path), header(path))[1]
    )
    kept = load(tmp_path, batch_size=1, cache=False)
    assert len(read) == len(set(read)) == 6 and everything(kept).shape == (3, 6, 5, 1)
    with pytest.raises(ValueError, match=r"decoded; received: .*0\.png"):
        load(tmp_path, "test")  # a broken file stops its own split alone
    assert len(read) == 9


def test_jpegs_are_decoded_as_pillow_does(tmp_path):
    # TensorFlow's default is a level off on average.
    waves = np.sin(np.arange(32) / 5)[:, None] * [1, -0.5, 0.2]
    pixels = np.broadcast_to(128 + 100 * waves, (32, 32, 3)).astype(np.uint8)
    path = tmp_path / "train" / "a.jpg"
    path.parent.mkdir()
    Image.fromarray(pixels).save(path, quality=75)
    fast = tf.io.decode_image(path.read_bytes()).numpy()
    expected = np.asarray(Image.open(path))
    assert (fast != expected).any(), "else this shows nothing"
    found = everything(load(tmp_path, batch_size=1))[0]
    np.testing.assert_array_equal(found, expected / np.float32(255))


def test_jpeg_bmp_and_gif(tmp_path):
    for suffix in ("jpg", "JPEG", "bmp", "gif", "png"):
        write(tmp_path / "train" / f"{suffix}.{suffix}")
    (tmp_path / "train" / "notes.txt").write_text("not a picture")
    with pytest.warns(UserWarning, match="Left out of .*as no pictures: notes.txt"):
        assert everything(load(tmp_path, batch_size=5)).shape == (5, 6, 5, 3)


@pytest.mark.parametrize("cache", [True, False])
def test_crop_and_size(tmp_path, cache):
    pixels = write(tmp_path / "train" / "0.png", 40, 30)
    one = {"batch_size": 1, "cache": cache}
    box = everything(load(tmp_path, crop=(3, 5, 20, 25), **one))
    np.testing.assert_array_equal(box, pixels[None, 5:25, 3:20])
    square = everything(load(tmp_path, crop=20, **one))
    np.testing.assert_array_equal(square, pixels[None, 10:30, 5:25])
    small = everything(load(tmp_path, crop=20, size=10, **one))
    assert small.shape == (1, 10, 10, 3)
    # Antialiased: near the means of 2 x 2 pixels, whose own spread is larger.
    means = square[0].reshape(10, 2, 10, 2, 3).mean((1, 3))
    assert np.corrcoef(small[0].ravel(), means.ravel())[0, 1] > 0.85
    assert np.array_equal(np.round(small * 255), small * np.float32(255))
    with pytest.raises(
        ValueError, match="inside pictures 30 wide and 40 high.*crop=31"
    ):
        load(tmp_path, crop=31, **one)


@pytest.mark.parametrize("kwargs", [{}, {"size": 4}, {"crop": 3}])
def test_reading_when_needed_gives_what_memory_would(tmp_path, kwargs):
    for i in range(12):
        write(tmp_path / "ab"[i % 2] / f"{i}.png")
    same = {"batch_size": 3, "labels": True, "start": 2, "seed": 1, **kwargs}
    kept = batches(load(tmp_path, **same), 6)
    read = batches(load(tmp_path, cache=False, **same), 6)
    for (x, y), (u, v) in zip(kept, read, strict=True):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)


def test_differing_sizes(tmp_path):
    write(tmp_path / "train" / "a.png")
    write(tmp_path / "train" / "b.png", 7, 5)
    message = (
        r"Expected pictures of one size, or size=\(height, width\).*a.png of 6 x 5 "
        r"\(height x width\) and .*b.png of 7 x 5"
    )
    for cache in (True, False):
        with pytest.raises(ValueError, match=message):
            load(tmp_path, batch_size=1, cache=cache)
    assert everything(load(tmp_path, batch_size=2, size=8)).shape == (2, 8, 8, 3)
    assert everything(load(tmp_path, batch_size=2, crop=4)).shape == (2, 4, 4, 3)
    write(tmp_path / "train" / "b.png")
    streamed = load(tmp_path, batch_size=2, cache=False)
    write(tmp_path / "train" / "b.png", 7, 5)  # it changes meanwhile
    with pytest.raises(tf.errors.InvalidArgumentError, match="pictures of.*b.png"):
        everything(streamed)


def test_a_file_that_is_no_picture_is_named(tmp_path):
    for i in range(3):
        write(tmp_path / "train" / f"{i}.png")
    (tmp_path / "train" / "1.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match="can be decoded; received: .*1.png"):
        load(tmp_path, batch_size=1)


def test_folders_without_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="'./absent', which does not exist"):
        load("./absent")
    with pytest.raises(ValueError, match="Expected pictures .* which has none"):
        load(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match="train, which has none"):
        load(tmp_path)
    write(tmp_path / "train" / "a.png")
    write(tmp_path / "train" / "class" / "b.png")
    with pytest.raises(ValueError, match="both, a.png and class/.* Move"):
        load(tmp_path)


def test_a_single_picture_cannot_be_held_out(tmp_path):
    write(tmp_path / "a.png")
    with pytest.raises(
        ValueError, match="Expected at least 2 pictures to hold one out"
    ):
        load(tmp_path, "test")


def test_bits_are_not_kept_of_what_is_not_in_memory(tmp_path):
    write(tmp_path / "train" / "a.png")
    with pytest.raises(ValueError, match="Expected cache=True for binarize='fixed'"):
        load(tmp_path, batch_size=1, binarize="fixed", cache=False)
    x = everything(load(tmp_path, batch_size=1, binarize="epoch", cache=False))
    assert set(np.unique(x)) == {0.0, 1.0}


def test_names_come_before_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("digits", "mine"):
        write(tmp_path / name / "train" / "a.png")
    assert load("digits").element_spec.shape == (64, 8, 8, 1)
    assert load("./digits", batch_size=1).element_spec.shape == (1, 6, 5, 3)
    assert load("mine", batch_size=1).element_spec.shape == (1, 6, 5, 3)


@pytest.mark.parametrize("cache", [True, False])
def test_the_largest_square_of_pictures_of_mixed_sizes(tmp_path, cache):
    given = {"batch_size": 1, "cache": cache, "crop": "square", "shuffle": False}
    for i, (height, width) in enumerate([(8, 8), (9, 16), (20, 8)]):
        pixels = np.zeros((height, width, 3), np.uint8)
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        pixels[top : top + side, left : left + side] = 10 * (i + 1)
        (tmp_path / "train").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "train" / f"{i}.png")
    # What is outside of the square is black, and would darken the edges.
    found = everything(load(tmp_path, size=4, **given))
    assert found.shape == (3, 4, 4, 3)
    for i, one in enumerate(found):
        np.testing.assert_allclose(255 * one, 10 * (i + 1), rtol=1e-6)
    sides = r"0.png of 8 x 8 \(height x width\) and .*1.png of 9 x 9 \("
    with pytest.raises(ValueError, match=f"Expected pictures of one size.*{sides}"):
        load(tmp_path, **given)


def test_small_folders_make_one_batch_unless_batch_size_is_given(tmp_path):
    for i in range(20):
        write(tmp_path / f"{i}.png")
    (x,) = load(tmp_path)
    assert x.shape[0] == 18
    with pytest.raises(ValueError, match="Expected batch_size <= 18"):
        load(tmp_path, batch_size=64)


def test_what_is_left_out_is_said_once_and_where(tmp_path, recwarn):
    write(tmp_path / "train" / "a.png")
    (tmp_path / "train" / "notes.txt").write_text("not a picture")
    load(tmp_path)
    load(tmp_path, size=3)
    (told,) = [one for one in recwarn if "Left out" in str(one.message)]
    assert told.filename == __file__
