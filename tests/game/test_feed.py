"""Data of all kinds reach the step, each batch once."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.batches import BatchesOfTwo, kinds
from tests.game.still import still
from tests.models import tiny

ROWS = 10


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
    class Endless(BatchesOfTwo):
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

    class Hooked(BatchesOfTwo):
        def on_epoch_begin(self):
            called.append("begin")

        def on_epoch_end(self):
            called.append("end")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three steps of four: data run out
        data = Hooked(tiny.data(n=8))
        still().fit(data, steps_per_epoch=steps, epochs=3, verbose=0)
    assert called == ["begin", "end"] * 3
