"""Parts of the data, and partly labelled data: who is in them, and in what order."""

import numpy as np
import pytest
import tensorflow as tf

from keras_svae.data import load
from tests.data.reading import batches, everything, pairs
from tests.replicas import two_replicas

SIZES = (60, 40, 20)  # examples of each class in train


@pytest.fixture
def counted(tmp_path):
    """120 points of three classes for train, 30 for test, that tell who they are."""
    path = tmp_path / "counted.npz"
    points = np.arange(150, dtype=np.float32)[:, None]
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], SIZES))
    np.savez(
        path,
        x_train=points[:120],
        y_train=labels,
        x_test=points[120:],
        y_test=np.arange(30) % 3,
    )
    return path


@pytest.fixture
def owner(counted):
    """The class of each point of train."""
    with np.load(counted) as file:
        return file["y_train"]


def ids(x):
    return x[..., 0].astype(int)


def who(path, **kwargs):
    """The points of a load, in ascending order."""
    return np.sort(
        ids(everything(load(path, batch_size=40, drop_remainder=False, **kwargs)))
    )


def labelled_points(path, batch_size=2, **kwargs):
    """The points that tell their class, and their classes, of a finite pass or more."""
    x, y = pairs(load(path, batch_size=batch_size, **kwargs))
    return ids(x)[y >= 0], y[y >= 0]


@pytest.mark.parametrize(
    "examples, of_class",
    [
        (30, (10, 10, 10)),
        (0.25, (10, 10, 10)),
        (np.int64(31), (11, 10, 10)),
        (1, (1, 0, 0)),
        (90, (35, 35, 20)),  # the third has no more
        (120, SIZES),
    ],
)
def test_a_part_is_balanced_as_far_as_classes_go(counted, owner, examples, of_class):
    mine = who(counted, examples=examples, seed=3)
    assert len(mine) == len(set(mine)) == sum(of_class)
    found = np.bincount(owner[mine], minlength=3)
    assert sorted(found) == sorted(of_class)
    x, y = pairs(load(counted, batch_size=1, examples=examples, labels=True, seed=3))
    np.testing.assert_array_equal(np.sort(ids(x)), mine)
    np.testing.assert_array_equal(owner[ids(x)], y)


def test_the_part_is_decided_by_seed_and_smaller_ones_lie_within(counted):
    ten, thirty = who(counted, examples=10, seed=1), who(counted, examples=30, seed=1)
    assert set(ten) < set(thirty)
    np.testing.assert_array_equal(who(counted, examples=10, seed=1, shuffle=False), ten)
    assert set(who(counted, examples=10, seed=2)) != set(ten)


def test_a_part_of_data_without_classes(tmp_path):
    np.savez(tmp_path / "plain.npz", x_train=np.arange(40.0)[:, None])
    mine = who(tmp_path / "plain.npz", examples=0.1)
    assert len(set(mine)) == 4
    assert set(who(tmp_path / "plain.npz", examples=0.1, seed=1)) != set(mine)


@pytest.mark.parametrize("part", [{"examples": 0.5}, {"labelled": 30}])
def test_parts_of_train_never_reach_into_validation_or_test(counted, part):
    def points(split, seed, **kwargs):
        data = load(counted, split, 10, validation=20, seed=seed, labels=True, **kwargs)
        return set(ids(pairs(data)[0]))

    held = points("validation", 0)
    assert len(held) == 20
    for seed in range(2):
        train = points("train", seed, **part)
        assert not train & held and max(train) < 120
        assert points("validation", seed) == held


@pytest.mark.parametrize(
    "labelled, of_class",
    [(30, (10, 10, 10)), (0.25, (10, 10, 10)), (31, (11, 10, 10)), (3, (1, 1, 1))],
)
def test_labelled_examples_are_balanced_and_the_others_keep_silent(
    counted, owner, labelled, of_class
):
    mixed = {"labelled": labelled, "drop_remainder": False, "seed": 1}
    x, y = pairs(load(counted, batch_size=10, **mixed))
    told = np.unique(ids(x)[y >= 0])
    assert sorted(np.bincount(owner[told])) == sorted(of_class)
    np.testing.assert_array_equal(owner[ids(x)[y >= 0]], y[y >= 0])
    # One pass over the unlabelled ones, and they are all the others.
    silent = ids(x)[y == -1]
    np.testing.assert_array_equal(np.sort(silent), np.setdiff1d(np.arange(120), told))


def test_which_are_labelled_is_decided_by_seed_alone(counted):
    def told(**kwargs):
        return set(labelled_points(counted, **kwargs)[0])

    nine = told(labelled=9, seed=1)
    assert nine == told(labelled=9, seed=1, shuffle=False, batch_size=20)
    assert nine < told(labelled=30, seed=1) and nine != told(labelled=9, seed=2)
    stream = load(counted, batch_size=20, labelled=9, seed=1, start=123)
    x, y = map(np.concatenate, zip(*batches(stream, 2), strict=True))
    assert set(ids(x)[y >= 0]) == nine


def test_labelled_examples_among_a_part(counted, owner):
    """A share is of the part, and nobody else is there."""
    both = {"examples": 60, "labelled": 0.2, "seed": 4}
    x, y = pairs(load(counted, batch_size=4, **both))
    assert set(ids(x)) == set(who(counted, examples=60, seed=4))
    np.testing.assert_array_equal(
        np.bincount(owner[np.unique(ids(x)[y >= 0])]), [4] * 3
    )


@pytest.mark.parametrize(
    "batch_size, labelled_batch, places",
    [
        (8, None, [0, 2, 4, 6]),
        (9, None, [0, 3, 5, 7]),
        (8, 2, [0, 4]),
        (8, 1, [0]),
        (4, 3, [0, 2, 3]),
    ],
)
def test_every_batch_has_its_labelled_ones_spread(
    counted, batch_size, labelled_batch, places
):
    data = load(
        counted, batch_size=batch_size, labelled=6, labelled_batch=labelled_batch
    )
    assert data.element_spec[1].shape == (batch_size,)
    assert data.cardinality() == 114 // (batch_size - len(places))
    for _, y in data:
        assert y.dtype == tf.int64
        np.testing.assert_array_equal(np.flatnonzero(y >= 0), places)


def test_the_last_batch_is_mixed_too(counted):
    data = load(counted, batch_size=20, labelled=6, drop_remainder=False)
    *_, (x, y) = batches(data)
    assert data.cardinality() == 12 and len(x) == 114 % 10 + 10
    assert (y >= 0).sum() == 10


def test_replicas_have_equal_shares(counted):
    strategy = two_replicas()
    data = load(counted, batch_size=12, labelled=6, labelled_batch=4, start=0)
    pieces = strategy.experimental_distribute_dataset(data)
    _, y = next(iter(pieces))
    for part in strategy.experimental_local_results(y):
        assert (part.numpy() >= 0).sum() == 2


def test_labelled_examples_repeat_each_pass_in_a_new_order(counted):
    stream = load(counted, batch_size=10, labelled=6, seed=2, start=0)
    per_epoch = 114 // 5  # batches
    x, y = map(np.concatenate, zip(*batches(stream, 2 * per_epoch), strict=True))
    told = ids(x)[y >= 0].reshape(2, -1)  # by epoch
    passes = told[:, : told.shape[1] // 6 * 6].reshape(-1, 6)
    for one in passes:
        np.testing.assert_array_equal(np.sort(one), np.sort(passes[0]))
    assert len(passes) == 36 and len({tuple(one) for one in passes}) > 30


def test_labelled_examples_that_are_many_occur_once_an_epoch(counted):
    data = load(counted, batch_size=10, labelled=60, labelled_batch=2)
    passes = [labelled_points(counted, 10, labelled=60, labelled_batch=2)[0]]
    for _ in range(2):
        x, y = pairs(data)
        passes.append(ids(x)[y >= 0])
    for one in passes:
        assert len(one) == len(set(one)) == 2 * (60 // 8)
    np.testing.assert_array_equal(passes[0], passes[1])  # the first passes of two loads
    assert set(passes[1]) != set(passes[2])


@pytest.mark.parametrize("step", [11, 30])
@pytest.mark.parametrize("shuffle", [True, False])
def test_starting_at_a_step_is_skipping_to_it(counted, step, shuffle):
    same = {"batch_size": 14, "labelled": 30, "labelled_batch": 6, "shuffle": shuffle}
    same |= {"examples": 110, "seed": 5}
    whole = batches(load(counted, start=0, **same), step + 12)
    resumed = batches(load(counted, start=step, **same), 12)
    for (x, y), (u, v) in zip(whole[step:], resumed, strict=True):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)


def test_digits_at_one_in_ten():
    x, y = pairs(load("digits", batch_size=36, labelled=0.1, binarize="epoch"))
    assert x.shape[1:] == (8, 8, 1) and set(np.unique(x)) == {0.0, 1.0}
    # 1,260 - 126 unlabelled ones, 18 in each batch; 126 labelled ones nine times.
    np.testing.assert_array_equal(np.unique(y), np.arange(-1, 10))
    assert len(y) == 2 * 1134
    assert set(np.bincount(y[y >= 0]) // 9) <= {12, 13}


def test_unlabelled_data_among_the_data(tmp_path):
    """Examples that came without a class are unlabelled, and none of the chosen."""
    labels = np.where(np.arange(40) < 20, -1, np.arange(40) % 2)
    np.savez(tmp_path / "own.npz", x_train=np.arange(40.0)[:, None], y_train=labels)
    points, classes = labelled_points(tmp_path / "own.npz", labelled=6)
    assert min(points) >= 20 and len(set(points)) == 6
    np.testing.assert_array_equal(points % 2, classes)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"examples": 0}, r"examples as a share in \(0, 1\) or a number .*examples=0"),
        ({"examples": 1.0}, "Expected examples as a share .*received: examples=1.0"),
        ({"examples": True}, "Expected examples as a share"),
        ({"examples": -0.1}, "Expected examples as a share"),
        ({"labelled": 0}, "Expected labelled as a share .*received: labelled=0"),
        ({"labelled": 2.5}, "Expected labelled as a share"),
        ({"labelled": True}, "Expected labelled as a share"),
        ({"labelled": np.nan}, "Expected labelled as a share"),
        ({"labelled": "600"}, "Expected labelled as a share"),
        ({"labelled": [600]}, "Expected labelled as a share"),
        ({"labelled": 6, "split": "test"}, "split='train', .*labelled=6 for 'test'"),
        ({"labelled": 6, "split": "validation"}, "labelled=None except for split"),
        ({"labelled": 6, "batch_size": 1}, "Expected batch_size >= 2 with labelled"),
        ({"labelled": 6, "labelled_batch": 0}, "integer from 1 to 63, .*_batch=0"),
        ({"labelled": 6, "labelled_batch": 64}, "integer from 1 to 63, .*_batch=64"),
        ({"labelled": 6, "labelled_batch": 0.5}, "integer from 1 to 63"),
        ({"labelled": 6, "labelled_batch": True}, "integer from 1 to 63"),
        ({"labelled_batch": 8}, "Expected labelled=<share .*labelled_batch=8"),
    ],
)
def test_refused_before_anything_is_opened(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("./absent.npz", **arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"examples": 121}, "number up to 120, .*received: examples=121"),
        ({"examples": 101, "validation": 20}, "number up to 100, .*examples=101"),
        ({"labelled": 120}, "number below 120, .*received: labelled=120"),
        ({"labelled": 30, "examples": 30}, "number below 30"),
        ({"labelled": 2}, "labelled >= 3, one of each class; received: labelled=2"),
        ({"labelled": 0.01}, "received: labelled=0.01, 1 of 120 examples"),
        ({"labelled": 64}, "labelled examples for each of 3 .*=64, .*class 2 has 20"),
        ({"labelled": 63, "batch_size": 10}, "=63, 63 in all, but class 2 has 20"),
        ({"labelled": 6, "batch_size": 240}, "<= 234, the number of unlabelled"),
    ],
)
def test_more_than_there_are(counted, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(counted, **arguments)


def test_as_many_as_there_are(counted, owner):
    points, _ = labelled_points(counted, labelled=62, batch_size=20, labelled_batch=19)
    assert sorted(np.bincount(owner[np.unique(points)])) == [20, 21, 21]
    assert len(who(counted, examples=120)) == 120


def test_labelled_data_without_labels(tmp_path):
    np.savez(tmp_path / "plain.npz", x_train=np.arange(40.0)[:, None])
    with pytest.raises(
        ValueError, match="a class for each example, as labelled=4 asks"
    ):
        load(tmp_path / "plain.npz", labelled=4)
