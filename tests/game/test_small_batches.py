"""Batches, and replicas' shares of them, that are too small or without examples."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.feeding.feed import Feed
from tests.game.still import still
from tests.models import tiny
from tests.replicas import two_replicas


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


def test_steps_per_epoch_of_data_with_a_small_batch_train_in_every_epoch():
    model = batch_norm_vae()
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=9)).batch(4)
    with pytest.warns(UserWarning, match="left out of training"):
        model.fit(data, steps_per_epoch=2, epochs=4, verbose=0)
    assert model.step == 8


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
