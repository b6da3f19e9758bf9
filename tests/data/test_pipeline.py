"""Order, resuming, bits: what a run that is killed and goes on relies on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.data import load
from tests.data.reading import batches, everything
from tests.replicas import two_replicas


@pytest.fixture
def counted(tmp_path):
    """A file of 50 points that tell who they are."""
    path = tmp_path / "counted.npz"
    np.savez(
        path, x_train=np.arange(50, dtype=np.float32)[:, None], y_train=np.arange(50)
    )
    return path


@pytest.mark.parametrize("step", [0, 1, 6, 7, 8, 29])
def test_starting_at_a_step_is_skipping_to_it(counted, step):
    whole = batches(load(counted, batch_size=7, seed=5, start=0), 50)
    resumed = batches(load(counted, batch_size=7, seed=5, start=step), 20)
    np.testing.assert_array_equal(resumed, whole[step : step + 20])


def test_starting_far_in_takes_no_time(counted):
    far = load(counted, batch_size=7, seed=5, start=7 * 10**12 + 3)
    assert batches(far, 1)[0].shape == (7, 1)


def test_every_epoch_of_the_stream_is_another_permutation(counted):
    stream = batches(load(counted, batch_size=10, seed=1, start=0), 15)
    epochs = np.concatenate(stream).reshape(3, 50)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(50))
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_every_pass_over_the_finite_data_is_another_permutation(counted):
    data = load(counted, batch_size=8, seed=1, drop_remainder=False)
    assert data.cardinality() == 7
    passes = [everything(data)[:, 0] for _ in range(3)]
    for one in passes:
        np.testing.assert_array_equal(np.sort(one), np.arange(50))
    assert len({tuple(one) for one in passes}) == 3
    again = load(counted, batch_size=8, seed=1, drop_remainder=False)
    np.testing.assert_array_equal(everything(again)[:, 0], passes[0])
    other = load(counted, batch_size=8, seed=2, drop_remainder=False)
    assert (everything(other)[:, 0] != passes[0]).any()


def test_cardinality(counted):
    assert load(counted, batch_size=8).cardinality() == 6
    assert (
        load(counted, batch_size=8, start=4).cardinality()
        == tf.data.INFINITE_CARDINALITY
    )


def test_unshuffled_is_in_order(counted):
    data = load(counted, batch_size=50, shuffle=False)
    np.testing.assert_array_equal(batches(data)[0][:, 0], np.arange(50))


def test_labels_follow_their_examples(counted):
    for x, y in load(counted, batch_size=9, labels=True):
        np.testing.assert_array_equal(x[:, 0], y)
        assert y.dtype == tf.int64


def test_shapes_are_known_beforehand():
    assert load("digits", batch_size=32).element_spec.shape == (32, 8, 8, 1)
    assert load("digits", "test").element_spec.shape.as_list() == [None, 8, 8, 1]


def test_bits_drawn_once():
    def bits(**kwargs):
        data = load("digits", "test", 400, binarize="fixed", **kwargs)
        return [batches(data)[0] for _ in range(2)]

    first, second = bits(seed=1)
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first)) == {0.0, 1.0}
    assert (bits(seed=2)[0] != first).any()
    np.testing.assert_array_equal(bits(seed=1, scale=(-1, 1))[0], 2 * first - 1)


@pytest.mark.parametrize("binarize", ["fixed", "epoch"])
def test_bits_are_one_with_the_pixel_s_probability(binarize):
    grey = batches(load("digits", "train", 1260, shuffle=False))[0]
    ones = batches(load("digits", "train", 1260, shuffle=False, binarize=binarize))[0]
    assert (ones[grey == 0] == 0).all() and (ones[grey == 1] == 1).all()
    for level in (0.25, 0.5, 0.75):
        assert ones[grey == level].mean() == pytest.approx(level, abs=0.05)


def test_bits_drawn_in_each_epoch():
    data = load("digits", "test", 400, binarize="epoch", seed=1)
    first, second = (batches(data)[0] for _ in range(2))
    assert 0.01 < (first != second).mean() < 0.5

    def stream(start):
        return load("digits", batch_size=600, binarize="epoch", seed=1, start=start)

    whole = batches(stream(0), 6)
    np.testing.assert_array_equal(batches(stream(3), 3), whole[3:])
    unshuffled = load(
        "digits", batch_size=600, binarize="epoch", shuffle=False, start=0
    )
    one, _, two = batches(unshuffled, 3)
    assert (one != two).any()


def test_replicas_share_the_batches_of_one_device(counted):
    """Both replicas together see what one device would, resumed or not."""
    strategy = two_replicas()
    for kwargs in ({"start": 3}, {}):
        alone = batches(load(counted, batch_size=10, seed=4, **kwargs), 5)
        spread = strategy.experimental_distribute_dataset(
            load(counted, batch_size=10, seed=4, **kwargs)
        )
        pieces = iter(spread)
        for expected in alone:
            parts = strategy.experimental_local_results(next(pieces))
            assert [part.shape[0] for part in parts] == [5, 5]
            np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_fit_goes_through_replicas(counted):
    """Keras trains and evaluates on it, finite and endless, with two replicas."""
    with two_replicas().scope():
        model = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
    train = {"batch_size": 252, "labels": True}
    quiet = {"epochs": 2, "shuffle": False, "verbose": 0}  # else Keras warns
    model.fit(load("digits", **train), **quiet)
    model.fit(load("digits", **train, start=2), steps_per_epoch=5, **quiet)
    assert model.optimizer.iterations == 20
    assert np.isfinite(
        model.evaluate(load("digits", "test", 100, labels=True), verbose=0)
    )


def test_a_resumed_run_ends_with_the_same_weights():
    def run(parts):
        nets = ks.networks.toy(latent_dim=2, units=8)
        model = ks.VAE(nets.encoder, nets.decoder, likelihood="gaussian", seed=0)
        keras.utils.set_random_seed(0)
        for w in model.trainable_variables:
            w.assign(np.random.default_rng(len(w.shape)).normal(size=w.shape) / 4)
        model.compile(optimizer=keras.optimizers.Adam(1e-2))
        for start, stop in parts:
            data = load("toy5", batch_size=512, start=start)
            model.fit(data, steps_per_epoch=stop - start, verbose=0)
        return model.get_weights()

    for one, two in zip(run([(0, 10)]), run([(0, 3), (3, 10)]), strict=True):
        np.testing.assert_array_equal(one, two)


def test_pipelines_of_the_same_data_share_one_copy():
    from keras_svae.data import examples

    before = set(examples._alive)
    train = load("toy5", seed=98765)  # points that no other test draws
    mine = set(examples._alive) - before
    stream = load("toy5", seed=98765, start=5).map(lambda x: x)
    assert set(examples._alive) - before == mine and len(mine) == 1
    del train
    assert mine <= set(examples._alive), "the stream still needs them"
    batches(stream, 2)
    del stream
    assert not mine & set(examples._alive), "nobody needs them"
