"""Replicas share the rows of each batch, and TensorFlow makes no iterators for them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import replicas, workers
from keras_svae.game.feeding.fed import Fed, Share
from tests.models import tiny
from tests.replicas import two_replicas

GLOBAL = 8


def rows_of(x, strategy):
    """Which examples each replica sees: their first values."""
    seen: list = [[] for _ in range(strategy.num_replicas_in_sync)]

    class Seen(ks.VAE):
        def draw(self, batch, noise, training):
            context = tf.distribute.get_replica_context()
            if context is not None:
                i = tf.get_static_value(context.replica_id_in_sync_group)
                rows = seen[int(i)]
                tf.py_function(lambda b: rows.extend(b[:, 0].numpy()), [batch], [])
            return super().draw(batch, noise, training)

    with strategy.scope():
        nets = tiny.build("vae", compiled=False)
        model = Seen(nets.encoder, nets.decoder, likelihood="gaussian")
        model.compile(optimizer="sgd")
    seen[0].clear()  # compile draws once
    return model, seen


@pytest.mark.parametrize("size, shares", [(8, [4, 4]), (7, [3, 4]), (1, [0, 1])])
@pytest.mark.parametrize("known", [True, False])
def test_each_replica_has_its_rows_of_a_batch(size, shares, known):
    """All of them once, in order, in shares that differ by one at most."""
    x = tiny.data(n=size)
    model, seen = rows_of(x, two_replicas())
    data = tf.data.Dataset.from_tensors(x)
    if not known:
        data = tf.data.Dataset.from_tensor_slices(x).batch(GLOBAL)
    model.evaluate(data, verbose=0)
    assert [len(rows) for rows in seen] == shares
    np.testing.assert_array_equal(np.concatenate(seen), x[:, 0])


def test_pieces_are_in_the_order_in_which_keras_joins_predictions():
    """Two workers of two devices each: first the first device of each worker."""
    assert [replicas.piece(i, 4, 2) for i in range(4)] == [0, 2, 1, 3]
    assert [replicas.piece(i, 3, 3) for i in range(3)] == [0, 1, 2]
    assert [replicas.piece(i, 3, 1) for i in range(3)] == [0, 1, 2]


def test_predictions_on_replicas_are_those_of_one_device():
    x, still = tiny.data(n=7), tiny.build("vae").encoder
    with two_replicas().scope():
        model = tiny.build("vae")
    model.encoder.set_weights(still.get_weights())
    model.call = lambda inputs, training=None: model.encoder(inputs)
    expected = still(x).numpy()
    for found in (model.predict(x, batch_size=4, verbose=0), model.predict_on_batch(x)):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("mode", [{}, {"run_eagerly": True}])
def test_a_single_batch_is_shared_too(mode):
    """As one step of `fit` on the same batch."""
    x, moved = tiny.data(n=GLOBAL), []
    for call in (
        lambda model: model.train_on_batch(x),
        lambda model: model.fit(x, batch_size=GLOBAL, shuffle=False, verbose=0),
    ):
        with two_replicas().scope():
            model = tiny.build("vae", compiled=False)
            model.compile(optimizer=keras.optimizers.SGD(1.0), **mode)
        call(model)
        moved.append([v.numpy() for v in model.weights])
    for one, other in zip(*moved, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_read_through_iterators_of_devices(monkeypatch):
    """Their tuning threads would hold up the process when they are freed."""
    strategy, x = two_replicas(), tiny.data(n=7)
    with strategy.scope():
        model = tiny.build("vae")
    monkeypatch.setattr(strategy, "experimental_distribute_dataset", None)
    model.fit(x, batch_size=4, validation_data=x, verbose=0)
    assert model.step == 2
    model.evaluate(x, verbose=0)
    found = model.predict(x, batch_size=5, verbose=0)
    assert found.shape == x.shape


def test_data_that_the_user_distributed_train_as_ours_do():
    strategies, moved = [two_replicas(), two_replicas()], []
    for strategy, theirs in zip(strategies, (False, True), strict=True):
        with strategy.scope():
            model = tiny.build("svae_r")
        data = tf.data.Dataset.from_tensor_slices(tiny.data(n=24)).batch(GLOBAL)
        if theirs:
            data = strategy.experimental_distribute_dataset(data)
        model.fit(data, validation_data=data, epochs=2, verbose=0)
        assert model.step == 6
        moved.append([v.numpy() for v in model.weights])
    for one, other in zip(*moved, strict=True):
        np.testing.assert_array_equal(one, other)


def test_workers_with_files_of_their_own_leave_the_sharing_to_tensorflow(monkeypatch):
    monkeypatch.setattr(workers, "are_several", lambda strategy: True)
    strategy = two_replicas()
    shard = tf.data.experimental.AutoShardPolicy
    given = tf.data.Dataset.from_tensors(tiny.data(n=4)).map(lambda x: Fed(x))
    for policy, shared in ((shard.FILE, Share), (shard.OFF, Share), (shard.DATA, Fed)):
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = policy
        data = replicas.undistributed(given.with_options(options), strategy)
        assert isinstance(data, replicas.Whole) == (shared is Fed)
        assert data.options().experimental_distribute.auto_shard_policy == policy
        (one,) = data
        assert type(one) is shared
        with strategy.scope():
            model = tiny.build("vae")
        taken = strategy.experimental_local_results(strategy.run(model._fed, (one,)))
        rows = [fed.batch.shape[0] for fed in taken]
        assert rows == ([4, 4] if shared is Share else [2, 2])
