"""Every batch is looked at before its update, wherever it comes from."""

import numpy as np
import pytest
import tensorflow as tf

from tests.batches import BatchesOfTwo
from tests.models import tiny
from tests.replicas import two_replicas


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

    class Mixed(BatchesOfTwo):
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
