"""Pictures and labels from TensorFlow Datasets, by split and by name."""

import numpy as np
import pytest

from keras_svae.data import load
from tests.data.reading import batches, everything, pairs
from tests.data.tiny_builders import PIXELS


def test_splits_labels_and_pixels(place):
    x, y = pairs(load("tiny", batch_size=1, labels=True, **place))
    owner = {(p / np.float32(255)).tobytes(): i for i, p in enumerate(PIXELS)}
    rows = [owner[image.tobytes()] for image in x]
    assert sorted(rows) == list(range(20))
    np.testing.assert_array_equal(np.array(rows) % 4, y)
    test = everything(load("tiny", "test", **place))
    assert sorted(owner[image.tobytes()] for image in test) == list(range(20, 28))
    half = everything(load("tiny", "validation", validation=0.5, **place))
    rest = everything(load("tiny", batch_size=1, validation=0.5, **place))
    rows = {owner[image.tobytes()] for image in np.concatenate([half, rest])}
    assert rows == set(range(20)) and len(half) == 10


def test_unknown_split_and_missing_validation(place):
    with pytest.raises(ValueError, match=r"one of \['train', 'test'\], or validation"):
        load("tiny", "extra", **place)
    with pytest.raises(ValueError, match="Expected validation=<share"):
        load("tiny", "validation", **place)


def test_order_is_resumable(place):
    whole = batches(load("tiny", batch_size=6, start=0, **place), 8)
    np.testing.assert_array_equal(
        batches(load("tiny", batch_size=6, start=4, **place), 4), whole[4:]
    )


def test_pictures_of_differing_sizes(place):
    with pytest.raises(ValueError, match="Expected pictures of one size.*example"):
        load("tiny_ragged", batch_size=1, **place)
    assert everything(load("tiny_ragged", batch_size=20, size=4, **place)).shape == (
        20,
        4,
        4,
        3,
    )
    with pytest.raises(ValueError, match="Expected data with a class.*'tiny_ragged'"):
        load("tiny_ragged", batch_size=1, size=4, labels=True, **place)


def test_data_that_are_no_images(place):
    with pytest.raises(
        ValueError,
        match=r"Expected a data set of images.*'tiny_words', which has \['text'\]",
    ):
        load("tiny_words", **place)


@pytest.mark.parametrize(
    "name, near",
    [
        ("mnistt", "'mnist'"),
        ("cifar-10", "'cifar10'"),
        ("Toy 5", "'toy5'"),
        ("fashion mnist", "'fashion_mnist'"),
        ("digit", "'digits'"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(name, near, place):
    with pytest.raises(ValueError, match=f"received: '{name}'.*Did you mean .*{near}"):
        load(name, **place)


def test_a_name_like_no_other(place):
    with pytest.raises(ValueError, match=r"'qqqqzzzz', which is none of these\.$"):
        load("qqqqzzzz", **place)
    with pytest.raises(ValueError, match="'some/where/else'.* no such file"):
        load("some/where/else", **place)


def test_a_wrong_configuration_is_not_an_unknown_name(place):
    with pytest.raises(ValueError, match="nope"):
        load("cycle_gan/nope", **place)
