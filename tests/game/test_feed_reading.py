"""How data are read: in parallel, without autotuning, and alike in all workers."""

import pathlib
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import workers
from keras_svae.game.feeding.fed import Fed
from keras_svae.game.feeding.feed import Feed, set_up
from keras_svae.game.feeding.reader import Reader
from tests.batches import BatchesOfTwo, kinds
from tests.game.still import still
from tests.models import tiny


@pytest.mark.parametrize("kind", list(kinds(tiny.data(n=2))))
def test_no_iterator_waits_for_autotuning(kind):
    model = still()
    feed = model._feed(training=True)
    data = feed.of(model._arrays(kinds(tiny.data(n=4))[kind]), batch_size=2)
    assert data.options().autotune.enabled is False


def test_the_users_own_autotuning_is_kept():
    options = tf.data.Options()
    options.autotune.enabled = True
    data = tf.data.Dataset.range(3).with_options(options)
    assert set_up(data).options().autotune.enabled is True


def test_workers_share_each_batch_unless_the_user_says_otherwise():
    shard = tf.data.experimental.AutoShardPolicy

    def policy(data):
        return set_up(data).options().experimental_distribute.auto_shard_policy

    assert policy(tf.data.Dataset.range(3)) == shard.DATA
    for mine in (shard.OFF, shard.FILE):
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = mine
        assert policy(tf.data.Dataset.range(3).with_options(options)) == mine


@pytest.mark.parametrize("kind", ["array", "batches", "PyDataset"])
def test_workers_shuffle_alike(kind, monkeypatch):
    """Otherwise their shares would be of different batches."""
    x = np.arange(64, dtype="float32")[:, None] / 64 * np.ones(tiny.DATA, "float32")
    monkeypatch.setattr(workers, "are_several", lambda strategy: True)

    def orders(model):
        feed = model._feed(training=True)
        given = BatchesOfTwo(x) if kind == "PyDataset" else model._arrays(x)
        shuffle = "batch" if kind == "batches" else True
        data = feed.of(given, batch_size=2, shuffle=shuffle)
        for _ in range(2):
            yield np.concatenate([one.batch[:, 0] for one in data]).tolist()

    model = still()
    (one, two), (same, again) = orders(model), orders(model)
    assert one == same and two == again
    assert one != x[:, 0].tolist()
    if kind != "batches":  # there, a seed gives each pass the same order
        assert one != two
    assert sorted(one) == sorted(two) == x[:, 0].tolist()


def test_loaded_data_are_without_autotuning_and_read_in_parallel():
    data = ks.data.load("digits")
    assert data.options().autotune.enabled is False
    seen, both = set(), threading.Barrier(2, timeout=20)

    def meet(i):
        both.wait()  # two calls at once, or an error
        seen.add(threading.get_ident())
        return i

    parallel = tf.data.Dataset.range(2).map(
        lambda i: tf.numpy_function(meet, [i], tf.int64),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    assert sorted(set_up(parallel).as_numpy_iterator()) == [0, 1]


def tuning_threads() -> int:
    names = pathlib.Path("/proc/self/task").glob("*/comm")
    return sum("tf_data_model" in one.read_text() for one in names)


@pytest.mark.skipif(not pathlib.Path("/proc/self/task").exists(), reason="of Linux")
def test_training_has_no_thread_that_tunes():
    counts = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            counts.append(tuning_threads())

    start = tuning_threads()
    x = tiny.data(n=6)
    model = tiny.build("vae")
    for data in (x, tf.data.Dataset.from_tensor_slices(x).batch(2)):
        model.fit(data, validation_data=(x,), callbacks=[Look()], verbose=0)
    assert set(counts) == {start}


def test_a_pydataset_is_read_by_processes_without_being_pickled():
    class Local(BatchesOfTwo):
        key = staticmethod(lambda x: x)  # what cannot be pickled

        def __init__(self, x, **kwargs):
            super().__init__(x, **kwargs)
            self.lock = threading.Lock()

    x = tiny.data(n=8)
    data = Local(x, workers=2, use_multiprocessing=True)
    read = [batch[0] for batch in Reader(data, shuffle=False)]
    np.testing.assert_array_equal(np.concatenate(read), x)


def counting(n=40):
    """Examples, and a list with an entry for each that was read."""
    read = []

    def note(one):
        read.append(0)
        return one

    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=n)).map(
        lambda one: tf.ensure_shape(
            tf.numpy_function(note, [one], tf.float32), (tiny.DATA,)
        )
    )
    return data, read


def test_caches_are_filled_in_the_first_pass(tmp_path):
    """A cache is complete when the end of the data was read. Keras reads no end."""
    for cached in (
        lambda data: data.cache().batch(12, drop_remainder=True),
        lambda data: data.cache(str(tmp_path / "rows")).batch(10),
    ):
        data, read = counting()
        feed = Feed(Fed, lambda fed: None, (1, "one"))
        data = feed.of(cached(data))
        iterators = []  # of one pass while that of another is still there
        for _ in range(2):
            iterators.append(iter(data))
            for _ in range(int(data.cardinality())):
                next(iterators[-1])
                time.sleep(0.05)  # the next batch is read while a step runs
        # All once, and the first batch before, to look at it.
        assert 40 < len(read) <= 40 + 12
