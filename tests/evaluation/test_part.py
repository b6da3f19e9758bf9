"""Measures of n examples take a random part, and say so."""

import json
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation.reading.part import Part, at_random
from keras_svae.evaluation.reading.streams import Examples
from tests.batches import Batches, rows
from tests.models import tiny

# Sorted by class, as many files are.
Y = np.repeat(np.arange(3), 60)
X = np.linspace(0.01, 0.99, 180 * tiny.DATA, dtype="float32").reshape(180, tiny.DATA)


def dataset(*arrays, size=16):
    given = arrays if len(arrays) > 1 else arrays[0]
    return tf.data.Dataset.from_tensor_slices(given).batch(size)


def test_every_example_is_chosen_as_often_as_any_other():
    counts = np.zeros(12)
    times = 3000
    for seed in range(times):
        found = rows(12, 4, seed)
        assert list(found) == sorted(set(found)) and len(found) == 4
        counts[found] += 1
    # Of a binomial with probability 1/3.
    assert np.abs(counts - times / 3).max() < 4.5 * np.sqrt(times * 2 / 9)
    np.testing.assert_array_equal(rows(3, 4, 0), [0, 1, 2])


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_the_choice_does_not_depend_on_batches(size):
    found, count = at_random([X[i : i + size] for i in range(0, 180, size)], 40, seed=5)
    assert count == 180
    np.testing.assert_array_equal(found, X[rows(180, 40, 5)])
    assert (rows(180, 40, 5) != rows(180, 40, 6)).any()


def test_a_part_is_the_same_of_arrays_and_data_sets_and_labels_go_along():
    wanted = rows(180, 30, 2)
    unknown = dataset(X, Y).filter(lambda x, y: True)
    for data in ((X, Y), dataset(X, Y), dataset(X, Y, size=50), unknown):
        part = Part(data, 30, 2)
        assert isinstance(part.data, Examples) and (part.count, part.of) == (30, 180)
        np.testing.assert_array_equal(part.data.x, X[wanted])
        np.testing.assert_array_equal(part.data.y, Y[wanted])
    np.testing.assert_array_equal(Part((X, None), 30, 2).data, X[wanted])
    assert set(Y[wanted]) == {0, 1, 2}
    assert str(part) == "30 of 180, drawn at random with seed 2"
    whole = Part(X, 180, 2)
    assert whole.data is X and whole.whole


@pytest.mark.parametrize("n", [30, 180, 10_000])
def test_no_more_than_the_part_is_in_memory(n):
    """Of many examples n are held, once; of n examples or fewer none."""
    count, size = 180, 40_000
    read = []

    class Wide:
        def __iter__(self):
            for i in range(0, count, 20):
                read.append(i)
                yield np.full((20, size), i, np.float32)

    tracemalloc.start()
    try:
        part = Part(Wide(), n, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    batch = 20 * size * 4
    held = part.count * size * 4 * (not part.whole)
    assert peak < held + 4 * batch
    assert (part.count, part.of) == (min(n, count), count)
    assert len(read) == (9 if part.whole else 18)


def test_batches_of_other_types_are_kept_whole():
    names = [np.array(["cat", "dog"]), np.array(["horse", "mule"])] * 20
    numbers = [np.array([[1], [2]]), np.array([[0.5], [1.5]])] * 20

    class Mixed:
        def __iter__(self):
            return iter([Examples(*one) for one in zip(numbers, names, strict=True)])

    part = Part(Mixed(), 50, 0)
    assert set(part.data.y) == {"cat", "dog", "horse", "mule"}
    assert set(part.data.x.ravel()) == {0.5, 1, 1.5, 2}


def test_data_that_shrink_are_refused():
    class Shrinks:
        left = 9

        def __iter__(self):
            self.left -= 3
            return iter([X[:20]] * self.left)

    with pytest.raises(ValueError, match="as many examples at each reading"):
        Part(Shrinks(), 50, 0)


def test_what_can_be_read_only_once_is_refused():
    with pytest.raises(ValueError, match="more than once.*received: generator"):
        Part((X[i : i + 9] for i in range(0, 180, 9)), 5, 0)


def measure(data, n, train=None, **given):
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    return model, ks.evaluation.evaluate(
        model, data, n=n, train=train, verbose=False, **given
    )


@pytest.mark.parametrize("form", ["arrays", "dataset", "shuffled"])
def test_measures_are_of_a_random_part_and_say_so(form):
    data = (X, Y) if form == "arrays" else dataset(X, Y)
    if form == "shuffled":  # of which a part is kept, so that pairs are compared
        data = dataset(X, Y).shuffle(20)
    model, found = measure(data, 50, train=dataset(X, Y), seed=4)
    if form != "shuffled":
        x = X[rows(180, 50, 4)]
        own = ks.evaluation.mse(x, model.reconstruct(x))
        assert found["mse"] == pytest.approx(own)
    said = "50 of 180, drawn at random with seed 4"
    assert found["mse"].details["test_examples"] == said
    assert f"test_examples={said}" in str(found["mse"])
    probe = found["linear_probe"].details
    assert probe["train_examples"] == probe["test_examples"] == said
    assert probe["n"] == 50
    # Samples and codes of the prior are no examples.
    assert "test_examples" not in found["code_mse"].details
    assert "test_examples" in found["frechet_distance"].details
    assert json.loads(json.dumps(found.asdict()))["mse"]["test_examples"] == said


def test_all_of_few_examples_are_used_in_their_order_and_nothing_is_said():
    model, found = measure(X, 180)
    own = ks.evaluation.mse(X, model.reconstruct(X))
    assert found["mse"] == pytest.approx(own)
    assert set(found["mse"].details) == {"n"}


def test_batches_of_pairs_are_measured_as_arrays_are():
    """As a `PyDataset` or a `DataLoader` of torch gives them."""
    x, y = tiny.data(n=60), np.arange(60) % 3
    names = ["mse", "linear_probe"]
    _, expected = measure((x, y), 60, (x, y), measures=names)
    for data in (Batches(x, y), Loader([[x[:40], y[:40]], [x[40:], y[40:]]])):
        _, found = measure(data, 60, data, measures=names)
        for name in names:
            assert found[name] == pytest.approx(expected[name], abs=1e-6)
    with pytest.raises(ValueError, match="Expected labelled data"):
        measure(Batches(x), 60, Batches(x, y), measures=names)
    with pytest.raises(ValueError, match="received: a list of 2"):
        measure([x, y], 60)


class Loader:
    """What gives lists [x, y], and can be read again."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def test_a_conditional_model_is_measured_on_pairs_of_the_part():
    model = tiny.build("cvae", likelihood="bernoulli", compiled=False)
    given = {"n": 40, "seed": 1, "measures": "mse", "verbose": False}
    found = ks.evaluation.evaluate(model, dataset(X, Y), **given)
    numbers = rows(180, 40, 1)
    again = model.reconstruct(X[numbers], Y[numbers])
    assert found["mse"] == pytest.approx(ks.evaluation.mse(X[numbers], again))
    with pytest.raises(ValueError, match="Expected classes as integers in 0..2"):
        ks.evaluation.evaluate(model, (X, Y + 1), **given)
