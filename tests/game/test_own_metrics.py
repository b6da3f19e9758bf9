"""Metrics that a user's class, or a layer of a network, has as attributes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.models import over_data
from tests.callbacks.test_resuming import run
from tests.models import tiny
from tests.replicas import two_replicas


@keras.saving.register_keras_serializable(package="tests_own_metrics")
class Watched(keras.layers.Layer):
    """A layer that has a metric, as Keras's guides write them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = keras.metrics.Sum(name="calls")

    def call(self, inputs):
        self.calls.update_state(1.0)
        return inputs


class Tracked(ks.VAE):
    """A method that has a metric, and a loss that reads the step."""

    def __init__(self, *args, metric="kl", **kwargs):
        super().__init__(*args, **kwargs)
        self.tracker = keras.metrics.Mean(name=metric)

    def autoencoder_loss(self, draw):
        self.tracker.update_state(draw.kl)
        terms = super().autoencoder_loss(draw)
        return {**terms, "half": over_data(tf.ones_like(draw.kl)) * (self.step / 2)}


class Counted(Tracked):
    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "kl": self.tracker.result()}


def made(kind=Tracked, **kwargs):
    """A compiled model, whose encoder has a metric, too."""
    keras.utils.set_random_seed(0)
    x = keras.Input((tiny.DATA,))
    encoder = keras.Model(x, tiny.dense([tiny.DATA], 4, "inner")(Watched()(x)))
    nets = encoder, tiny.dense([2], tiny.DATA, "decoder")
    model = kind(*nets, likelihood="gaussian", **kwargs)
    model.compile("sgd")
    return model


@pytest.mark.parametrize("kind", [Tracked, Counted])
def test_a_metric_of_one_s_own_is_logged_and_begins_anew_each_epoch(kind):
    model = made(kind)
    kl = "autoencoder_kl"
    data = tiny.data(n=10)
    logs = model.fit(
        data, batch_size=5, epochs=2, validation_data=data, verbose=0
    ).history
    for prefix in ("", "val_"):
        np.testing.assert_allclose(logs[f"{prefix}kl"], logs[prefix + kl], rtol=1e-5)
    assert logs["calls"] == [2, 2]
    # Steps 0 and 1, then 2 and 3; after them 2 and 4 are done.
    np.testing.assert_allclose(logs["autoencoder_half"], [0.25, 1.25])
    np.testing.assert_allclose(logs["val_autoencoder_half"], [1, 2])
    assert model.step == 4 and isinstance(model.step, int)
    assert model.metrics_names[-2:] == ["kl", "calls"]
    listed = model.evaluate(data, verbose=0)
    named = model.evaluate(data, verbose=0, return_dict=True)
    assert listed == [named[name] for name in model.metrics_names]


def test_a_metric_has_a_name_of_its_own():
    name = "autoencoder_kl"
    with pytest.raises(ValueError, match=f"{name!r} for the term .* a metric"):
        made(metric=name)


def test_the_second_metric_of_a_name_has_a_number():
    model = made(metric="calls")
    logs = model.fit(tiny.data(n=10), batch_size=5, verbose=0).history
    assert {"calls", "calls_1"} <= {*logs} and {*logs} == {*model.columns(False)}
    assert sorted([logs["calls"], logs["calls_1"]])[1] == [2]  # the layer's


def test_a_metric_goes_on_within_an_epoch(tmp_path):
    """Killed after six steps, in the middle of the second epoch of four."""
    _, whole = run(tmp_path / "whole", model=made(), epochs=2)
    run(tmp_path / "part", model=made(), epochs=2, kill=6)
    model, rest = run(tmp_path / "part", model=made(), epochs=2)
    assert model.step == 8
    for name in ("calls", "kl"):
        assert rest.history[name][-1] == whole.history[name][-1]
    assert rest.history["calls"][-1] == 4


def test_replicas_share_a_metric():
    with two_replicas().scope():
        double = made()
    single = made()
    one, other = (
        model.fit(tiny.data(n=12), batch_size=4, shuffle=False, verbose=0).history
        for model in (single, double)
    )
    np.testing.assert_allclose(other["kl"], other["autoencoder_kl"], rtol=1e-5)
    assert (one["calls"], other["calls"]) == ([3], [6])  # each replica has a call
