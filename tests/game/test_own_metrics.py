"""Metrics that a user's class, or a layer of a network, has as attributes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.models import over_data
from tests.models import tiny


@keras.saving.register_keras_serializable(package="tests")
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


@pytest.mark.parametrize("kind", [Tracked, Counted])
def test_a_metric_of_one_s_own_is_logged_and_begins_anew_each_epoch(kind):
    x = keras.Input((tiny.DATA,))
    encoder = keras.Model(x, tiny.dense([tiny.DATA], 4, "inner")(Watched()(x)))
    nets = encoder, tiny.dense([2], tiny.DATA, "decoder")
    model = kind(*nets, likelihood="gaussian")
    model.compile("sgd")
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
    nets = (
        tiny.dense([tiny.DATA], 4, "encoder"),
        tiny.dense([2], tiny.DATA, "decoder"),
    )
    model = Tracked(*nets, metric="autoencoder_kl", likelihood="gaussian")
    with pytest.raises(ValueError, match="'autoencoder_kl' for the term .* a metric"):
        model.compile("sgd")
