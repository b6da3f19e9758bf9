"""Streams, what measures return, and the errors of reconstructions."""

import copy
import json
import pickle

import numpy as np
import pytest
import tensorflow as tf

from keras_svae import evaluation
from keras_svae.evaluation.reading.streams import batches, gather, has_labels, pairs
from tests.batches import Batches

X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")


def streams(x):
    """The same examples in each form that a measure takes."""
    labels = np.zeros(len(x))
    return {
        "array": x,
        "list": x.tolist(),
        "tensor": tf.constant(x),
        "dataset": tf.data.Dataset.from_tensor_slices(x).batch(4),
        "labelled": tf.data.Dataset.from_tensor_slices((x, labels)).batch(3),
        "iterable": (x[i : i + 7] for i in range(0, len(x), 7)),
        "tuples": ((x[i : i + 7],) for i in range(0, len(x), 7)),
        "pairs": ((x[i : i + 7], labels[i : i + 7]) for i in range(0, len(x), 7)),
        "lists": ([x[i : i + 7], labels[i : i + 7]] for i in range(0, len(x), 7)),
        "weighted": ((x[i : i + 5], 0, None) for i in range(0, len(x), 5)),
        "of examples": ([*x[i : i + 5]] for i in range(0, len(x), 5)),
        "PyDataset": Batches(x, labels),
        "a tuple of one": (x,),
    }


@pytest.mark.parametrize("kind", streams(X))
def test_every_form_gives_the_same(kind):
    np.testing.assert_array_equal(gather(streams(X)[kind]), X)
    error = evaluation.mse(streams(X)[kind], X + 0.5)
    assert error == pytest.approx(0.25) and error.details == {"n": 10}


def test_labels_of_batches_are_read_where_they_are_asked_for():
    y = np.arange(10)
    for data in (Batches(X, y), [[X[:7], y[:7]], [X[7:], y[7:]]].__iter__()):
        labelled = has_labels(data)
        assert labelled == isinstance(data, Batches)  # an iterator is not touched
        found = list(batches(data, labelled=True))
        np.testing.assert_array_equal(np.concatenate([one.y for one in found]), y)
    assert not has_labels(Batches(X))
    for data in ([X, y], X, {"x": X, "y": y}, tf.constant(X)):
        assert not has_labels(data)
    # A batch that is `Examples` keeps its labels.
    (one,) = batches(iter([evaluation.Examples(X, y)]))
    np.testing.assert_array_equal(one.y, y)


def test_pairs_are_of_the_same_examples_whatever_the_batches():
    found = list(pairs(streams(X)["dataset"], streams(2 * X)["labelled"]))
    assert [len(a) for a, _ in found] == [3, 1, 2, 2, 1, 1]
    for a, b in found:
        np.testing.assert_array_equal(2 * a, b)


def test_reading_holds_one_batch_at_a_time():
    seen = []

    def source():
        for i in range(5):
            seen.append(i)
            yield np.full((2, 3), float(i))

    stream = batches(source())
    next(stream)
    assert seen == [0]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([], "none at all"),
        (np.array([[np.nan]]), "NaN or infinity in 1 of 1"),
        (np.array([["a"]]), "numbers"),
        (3.0, "float"),
        (iter([X, X[:, :2]]), "shape"),
        (tf.data.Dataset.from_tensors(X).repeat(), "endless"),
        (Batches(X, endless=True), "endless"),
        ([X, X[:, 0]], "a list of 2 of several shapes. A pair .x, labels. is a tuple"),
        ({"x": X}, "dict"),
        ("x", "str"),
        ([{"x": X}, {"x": X}], "object"),
        (iter([{"x": X}]), "x as a dict"),
        (tf.data.Dataset.from_tensors({"x": X}), "x as a dict"),
        (iter([((X, X), X[:, 0])]), "x as a tuple"),
        (iter([1.0, 2.0]), "float64 of shape"),
    ],
)
def test_bad_streams_are_refused(bad, why):
    with pytest.raises(ValueError, match=f"Expected .*received: .*{why}|{why}"):
        gather(bad)


@pytest.mark.parametrize("other", [X[:, :2], X[:7], np.concatenate([X, X])])
def test_pairs_that_do_not_match_are_refused(other):
    with pytest.raises(ValueError, match="Expected .*received"):
        evaluation.mse(X, other)


def test_mse_and_rmse_by_hand():
    assert evaluation.mse([[0, 1]], [[0.5, 0]]) == pytest.approx(0.625)
    assert evaluation.rmse([[0, 1]], [[0.5, 0]]) == pytest.approx(0.625**0.5)
    # The mean is over pixels: a short last batch weighs no more than its pixels.
    assert evaluation.mse(streams(X)["dataset"], 0 * X) == pytest.approx((X**2).mean())


def test_a_measurement_is_a_number_that_says_what_it_is():
    score = evaluation.Measurement(2.5, "score", 0.25, n=10, backbone="net")
    assert score + 1 == 3.5 and f"{score:.2f}" == "2.50"
    assert str(score) == "score 2.5 +- 0.25 (n=10, backbone=net)"
    assert json.loads(json.dumps(score.asdict())) == {
        "value": 2.5,
        "deviation": 0.25,
        "n": 10,
        "backbone": "net",
    }
    endless = evaluation.Measurement(np.inf, "PSNR", np.nan)
    assert json.dumps(endless.asdict(), allow_nan=False)
    assert endless.asdict() == {"value": "inf", "deviation": "nan"}
    for same in (copy.deepcopy(score), pickle.loads(pickle.dumps(score))):
        assert same.asdict() == score.asdict() and same.name == "score"
