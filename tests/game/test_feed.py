"""Data of all kinds reach the step, each batch once, looked at before its update."""

import pathlib
import threading
import time
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import workers
from keras_svae.game.feeding.fed import Fed
from keras_svae.game.feeding.feed import Feed, set_up
from keras_svae.game.feeding.reader import Reader
from tests.game.test_terms import still
from tests.models import tiny
from tests.replicas import two_replicas

ROWS = 10


class Batches(keras.utils.PyDataset):
    def __init__(self, x, **kwargs):
        super().__init__(**kwargs)
        self.x = x

    def __len__(self):
        return len(self.x) // 2

    def __getitem__(self, i):
        return (self.x[2 * i : 2 * i + 2],)


def kinds(x):
    """The same batches of two, as everything that `fit` takes."""
    parts = [x[i : i + 2] for i in range(0, len(x), 2)]
    once = iter(parts)
    return {
        "array": x,
        "tensor": tf.constant(x),
        "data set": tf.data.Dataset.from_tensor_slices(x).batch(2),
        "tuples": tf.data.Dataset.from_tensor_slices((x,)).batch(2),
        "one-shot data set": tf.data.Dataset.from_generator(
            lambda: once, output_signature=tf.TensorSpec([None, tiny.DATA])
        ),
        "PyDataset": Batches(x),
        "PyDataset of threads": Batches(x, workers=3),
        "generator": ((part,) for part in parts),
    }


@pytest.fixture(scope="module")
def fixed():
    """A model that no step changes, and its loss."""
    model = still()
    model.optimizer.learning_rate = 0.0
    each = model.evaluate(tiny.data(n=ROWS), batch_size=2, verbose=0, return_dict=True)
    return model, each["autoencoder_loss"]


@pytest.mark.parametrize("kind", list(kinds(tiny.data(n=2))))
def test_every_batch_is_trained_on_once(kind, fixed):
    model, mean = fixed
    before = model.step
    fed = kinds(tiny.data(n=ROWS))[kind]
    options = {"batch_size": 2} if kind in ("array", "tensor") else {}
    with warnings.catch_warnings():
        # A generator cannot say that it ends, so Keras warns.
        warnings.simplefilter("ignore")
        logs = model.fit(fed, shuffle=False, verbose=0, **options).history
    assert model.step == int(model.optimizer.iterations) == before + 5
    assert logs["autoencoder_loss"][0] == pytest.approx(mean, rel=1e-5)


def test_data_of_unknown_length_train_as_many_steps_as_there_are():
    """TensorFlow sees their end in the step that finds no data."""
    x = tiny.data(n=20)
    model = tiny.build("gan", optimizer=lambda: keras.optimizers.Adam(0.01))
    data = tf.data.Dataset.from_tensor_slices(x).batch(4, drop_remainder=True)
    model.fit(data.filter(lambda x: True), epochs=3, verbose=0)
    counts = [int(one.iterations) for one in model.optimizers.values()]
    assert [model.step, *counts] == [15, 15, 15]


def test_data_without_end_want_a_number_of_steps():
    model = tiny.build("vae")
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=8)).batch(4).repeat()
    finite = tiny.data(n=8)
    calls = (
        lambda: model.fit(data, verbose=0),
        lambda: model.fit(finite, validation_data=data, verbose=0),
        lambda: model.evaluate(data, verbose=0),
        lambda: model.predict(data, verbose=0),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"Expected steps_per_epoch=.*have no end"):
            call()
    assert model.step == 0
    given = {"validation_data": data, "validation_steps": 1}
    model.fit(data, steps_per_epoch=2, verbose=0, **given)
    assert model.step == 2


def wrong_late():
    x = tiny.data(n=8)
    nan, far, whole = x.copy(), x.copy(), (255 * x).astype("uint8")
    nan[-1, 0], far[-1, 0] = np.nan, 255
    return {"nan": (nan, "NaN or infinity"), "far": (far, "255"), "type": (whole, "8")}


@pytest.mark.parametrize(
    ("what", "mode"),
    [
        ("nan", {}),
        ("far", {"jit_compile": True}),
        ("nan", {"run_eagerly": True}),
        pytest.param("far", {}, marks=pytest.mark.slow),
        pytest.param("nan", {"jit_compile": True}, marks=pytest.mark.slow),
        pytest.param("far", {"run_eagerly": True}, marks=pytest.mark.slow),
    ],
)
def test_a_bad_batch_stops_before_its_update(what, mode):
    x, message = wrong_late()[what]
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    model.compile(optimizer="sgd", **mode)
    data = tf.data.Dataset.from_tensor_slices(x).batch(2)
    with pytest.raises(ValueError, match=message) as caught:
        model.fit(data, verbose=0)
    assert "Graph execution" not in str(caught.value)
    assert model.step == 3
    with pytest.raises(ValueError, match=message):
        model.evaluate(data, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.predict(data, verbose=0)


def test_two_replicas_are_told_of_a_bad_batch():
    x, message = wrong_late()["far"]
    with two_replicas().scope():
        model = tiny.build("vae", likelihood="bernoulli")
    with pytest.raises(ValueError, match=message):
        model.fit(tf.data.Dataset.from_tensor_slices(x).batch(4), verbose=0)


def test_a_late_batch_of_another_type_is_seen():
    x, late = tiny.data(n=4), (255 * tiny.data(n=2)).astype("uint8")

    class Mixed(Batches):
        def __getitem__(self, i):
            return (late,) if i == 1 else super().__getitem__(i)

    model = tiny.build("vae", likelihood="bernoulli")
    with pytest.raises(ValueError, match="uint8"):
        model.fit(Mixed(x), shuffle=False, verbose=0)
    assert model.step == 1


def test_single_batches_and_inputs_are_looked_at():
    model = tiny.build("vae", likelihood="bernoulli")
    bad = 255 * tiny.data()
    for call in (
        model.train_on_batch,
        model.test_on_batch,
        model.predict_on_batch,
        lambda x: model.predict(x, verbose=0),
        lambda x: model.evaluate(x, verbose=0),
    ):
        with pytest.raises(ValueError, match="range of the likelihood"):
            call(bad)
    with pytest.raises(ValueError, match="each example to have shape"):
        model.predict(np.zeros((2, tiny.DATA + 1), "f"), verbose=0)


def batch_norm_vae():
    x, z = keras.Input((tiny.DATA,)), keras.Input((tiny.CODE,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4)(x))
    encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(hidden))
    decoder = keras.Model(z, keras.layers.Dense(tiny.DATA)(z))
    model = ks.VAE(encoder, decoder, likelihood="gaussian")
    model.compile(optimizer="sgd")
    return model


def test_a_batch_too_small_is_left_out_with_one_warning():
    model = batch_norm_vae()
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=9)).batch(4)
    with pytest.warns(UserWarning, match="A batch of 1 .*at least 2 examples") as told:
        logs = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    assert len([one for one in told if "left out" in str(one.message)]) == 1
    assert model.step == 4
    assert np.isfinite([v for values in logs.values() for v in values]).all()
    with pytest.raises(ValueError, match="at least 2 examples per replica"):
        model.fit(tiny.data(n=9), batch_size=4, verbose=0)  # its sizes are known
    ones = tf.data.Dataset.from_tensor_slices(tiny.data(n=3)).batch(1)
    with pytest.raises(ValueError, match="received: a batch of 1 on 1"):
        model.fit(ones, verbose=0)
    with pytest.raises(ValueError, match="all too small"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(ones.filter(lambda x: True), verbose=0)  # of no known length


def test_the_smallest_share_is_the_least_that_a_replica_may_get():
    feed = Feed(lambda x: x, lambda x: None, (2, "two"), replicas=2)
    shares = {(8, 8): 4, (7, 8): 3, (5, 8): 2, (3, 8): 1, (2, 2): 1, (3, 3): 1}
    assert {one: feed.sizes.smallest_share(*one) for one in shares} == shares
    feed.sizes.even = False  # TensorFlow shares them, in one way or in another
    shares = {(8, 8): 4, (7, 8): 3, (5, 8): 1, (3, 8): 0, (2, 2): 1, (3, 3): 1}
    assert {one: feed.sizes.smallest_share(*one) for one in shares} == shares


@pytest.mark.parametrize("policy, even", [("AUTO", 1), ("DATA", 1), ("FILE", 0)])
def test_who_shares_batches_decides_what_is_too_small(policy, even):
    options = tf.data.Options()
    policy = getattr(tf.data.experimental.AutoShardPolicy, policy)
    options.experimental_distribute.auto_shard_policy = policy
    feed = batch_norm_vae()._feed(training=True)
    x = tf.data.Dataset.from_tensor_slices(tiny.data(n=8)).batch(4)
    feed.of(x.with_options(options))
    assert feed.sizes.even == bool(even)


def test_evaluation_on_replicas_counts_each_example_once():
    x = tiny.data(n=7) * np.array([1, 1, 1, 1, 1, 1, 9], "float32")[:, None]
    data = tf.data.Dataset.from_tensor_slices(x).batch(4)
    with two_replicas().scope():
        double = still()
        double.compile(optimizer="sgd")
    single = still()
    for a, b in zip(single.weights, double.weights, strict=True):
        a.assign(b.numpy())
    found, expected = (
        model.evaluate(data, verbose=0, return_dict=True) for model in (double, single)
    )
    assert found == pytest.approx(expected, rel=1e-5)


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
        given = Batches(x) if kind == "PyDataset" else model._arrays(x)
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


def test_steps_per_epoch_of_data_with_a_small_batch_train_in_every_epoch():
    model = batch_norm_vae()
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=9)).batch(4)
    with pytest.warns(UserWarning, match="left out of training"):
        model.fit(data, steps_per_epoch=2, epochs=4, verbose=0)
    assert model.step == 8


def test_a_pydataset_is_read_by_processes_without_being_pickled():
    class Local(Batches):
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


def masked(keep):
    """Four batches of ten rows, of which some are kept."""
    rows = tf.data.Dataset.from_tensor_slices((tiny.data(n=40), keep)).batch(10)
    return rows.map(lambda x, kept: tf.boolean_mask(x, kept))


@pytest.mark.parametrize("kind", ["data set", "first", "generator"])
def test_a_batch_without_examples_is_left_out(kind):
    model, x = still(), tiny.data(n=40)
    kept = np.arange(40) >= 30 if kind == "first" else np.arange(40) < 10
    wanted = model.evaluate(x[kept], verbose=0, return_dict=True)

    def data():
        return iter([x[kept], x[:0]]) if kind == "generator" else masked(kept)

    with pytest.warns(UserWarning, match="of 0 .*left out of evaluation.*at least 1"):
        found = model.evaluate(data(), verbose=0, return_dict=True)
    assert found == pytest.approx(wanted)
    with pytest.warns(UserWarning, match="A batch of 0 .*left out of training"):
        model.fit(data(), verbose=0)
    assert model.step == 1
    with pytest.raises(ValueError, match="Expected at least 1 example; received"):
        model.test_on_batch(x[:0])


def test_data_of_known_length_end_without_kerass_warning():
    """It advises to repeat data, though all batches were read."""
    x = tiny.data(n=16)
    model, shown = batch_norm_vae(), []
    told = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: shown.append(told.params["steps"])
    )
    for rows, message in ((x, None), (x[:13], "left out of training")):
        data = tf.data.Dataset.from_tensor_slices(rows).batch(4)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            given = {"validation_data": masked(np.arange(40) < 10), "epochs": 2}
            model.fit(data, callbacks=[told], verbose=0, **given)
        found = [str(one.message) for one in caught]
        assert not any("ran out of data" in one for one in found)
        assert any("left out of evaluation" in one for one in found)
        assert message is None or any(message in one for one in found)
    assert shown == [4, 4] and model.step == 8 + 6


def test_an_epoch_of_fewer_steps_loses_no_batch():
    """The next batch, which is read meanwhile, is the first of the next epoch."""
    model, seen = still(), []
    step = model.train_step

    def noted(data):
        seen.append(float(data.batch[0, 0]))
        return step(data)

    model.train_step = noted
    rows = np.arange(6, dtype="float32")[:, None] * np.ones(tiny.DATA, "float32")
    data = tf.data.Dataset.from_tensor_slices(rows).batch(1)
    model.fit(data, steps_per_epoch=2, epochs=4, verbose=0)
    assert seen == [0, 1, 2, 3, 4, 5, 0, 1]


class Stream:
    """A loader of PyTorch over a stream: its length raises."""

    def __init__(self, parts):
        self.parts = parts

    def __len__(self):
        raise TypeError("object of type 'Stream' has no len()")

    def __iter__(self):
        return iter(self.parts)


def test_loaders_that_do_not_know_their_length():
    x = tiny.data(n=8)
    model = still()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of data of unknown length
        model.fit(Stream([[x[:4]], [x[4:]]]), epochs=2, verbose=0)
    assert model.step == 4


def test_loaders_with_a_wrong_length_are_refused():
    class Short(Stream):
        def __len__(self):
            return 3

    with pytest.raises(ValueError, match="Expected 3 batches, .*; received: 2"):
        still().fit(Short([tiny.data(n=4)] * 2), verbose=0)


def test_an_endless_pydataset_wants_a_number_of_steps():
    class Endless(Batches):
        num_batches = None

    x = tiny.data(n=4)
    data = Endless(x)
    model = still()
    for call in (
        lambda: model.fit(data, verbose=0),
        lambda: model.fit(x, validation_data=data, verbose=0),
        lambda: model.evaluate(data, verbose=0),
        lambda: model.predict(data, verbose=0),
    ):
        with pytest.raises(ValueError, match=r"Expected steps_per_epoch=.*have no end"):
            call()
    assert model.step == 0


@pytest.mark.parametrize("steps", [None, 2, 3])
def test_hooks_of_a_pydataset_are_called_in_each_epoch(steps):
    called = []

    class Hooked(Batches):
        def on_epoch_begin(self):
            called.append("begin")

        def on_epoch_end(self):
            called.append("end")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three steps of four: data run out
        data = Hooked(tiny.data(n=8))
        still().fit(data, steps_per_epoch=steps, epochs=3, verbose=0)
    assert called == ["begin", "end"] * 3
