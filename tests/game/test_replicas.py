"""Two replicas do what one device does, with noise of their own."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise
from tests.models import tiny
from tests.replicas import losses_of, one_device, some_replicas, two_replicas

GLOBAL = 8


def dataset(n=16):
    return tf.data.Dataset.from_tensor_slices(tiny.data(n=n)).batch(GLOBAL)


# Losses of one critic, of two, of pairs within a batch; the rest have the same
# mechanisms.
QUICK = ["as_vae"]
SLOW = ["svae_r", "aim", "gan", "alice", "veegan", "avb"]
METHODS = [*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)]


@pytest.mark.fixed_seed
@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("aim", marks=pytest.mark.slow)]
)
def test_batch_normalisation_over_all_replicas_is_that_of_one_device(
    method, monkeypatch
):
    """By 50 steps, which move all averages, too."""
    monkeypatch.setattr(tiny, "dense", tiny.normalised)
    compare(method, monkeypatch, steps=50, rate=0.05, sync_batch_norm=True)


@pytest.mark.slow  # with moments over all replicas they stay, above
@pytest.mark.fixed_seed
@pytest.mark.parametrize("count", [2, 4])
def test_fifty_steps_of_replicas_are_those_of_one_device(count, monkeypatch):
    # At .05 the last steps' losses are steep enough to show roundings in the fourth
    # digit.
    compare("svae_r", monkeypatch, steps=50, rate=0.02, count=count, atol=1e-4)


@pytest.mark.slow
@pytest.mark.fixed_seed
def test_four_replicas_with_moments_over_all_are_one_device(monkeypatch):
    monkeypatch.setattr(tiny, "dense", tiny.normalised)
    compare("svae_r", monkeypatch, 50, 0.05, 4, 1e-4, sync_batch_norm=True)


@pytest.mark.fixed_seed
@pytest.mark.parametrize("method", METHODS)
def test_two_replicas_give_the_update_of_one_device(method, monkeypatch):
    compare(method, monkeypatch)


def compare(method, monkeypatch, steps=2, rate=1.0, count=2, atol=1e-5, **compiled):
    """Replicas, and one device that is given their draws and the same batches."""
    data = dataset(steps * GLOBAL)

    def optimizers(model):
        players = model.players.values()
        return {p.optimizer: keras.optimizers.SGD(rate) for p in players}

    def trained(model):
        logged = []
        seen = lambda batch, logs: logged.append(dict(logs))  # noqa: E731
        seen = keras.callbacks.LambdaCallback(on_train_batch_end=seen)
        model.fit(data, verbose=0, callbacks=[seen])
        return losses_of(logged)

    with some_replicas(count).scope():
        many = tiny.build(method, compiled=False)
        many.compile(**optimizers(many), **compiled)
    theirs = trained(many)
    with one_device(method, count, monkeypatch) as single:
        start = [v.numpy() for v in single.weights]
        single.compile(**optimizers(single))
        for name, losses in trained(single).items():
            np.testing.assert_allclose(theirs[name], losses, atol=1e-4, rtol=1e-4)
    assert many.step == single.step == steps
    for a, b, before in zip(many.weights, single.weights, start, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=atol)
        assert np.abs(a.numpy() - before).max() > 1e-4


def within_batch(name, **more):
    """A model whose losses look at several examples of a batch together."""
    if name == "age":
        encoder = tiny.dense([tiny.DATA], tiny.CODE, "encoder")
        decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
        more |= {"mu": 1.0, "lam": 1.0, "turns": {"generator": 1}}
        model = ks.AGE(encoder, decoder, **more)
    elif name == "wae_mmd":
        encoder = tiny.dense([tiny.DATA], tiny.CODE, "encoder")
        decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
        model = ks.WAEMMD(encoder, decoder, **more)
    else:
        return tiny.build(name, compiled=False, **more)
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(0.6 * rng.normal(size=variable.shape))
    return model


def update_of(model, x):
    """By one step of gradient descent."""
    before = [v.numpy() for v in model.trainable_weights]
    sgd = {p.optimizer: keras.optimizers.SGD(1.0) for p in model.players.values()}
    model.compile(**sgd)
    data = tf.data.Dataset.from_tensors(x)
    model.fit(data, verbose=0)
    after = [v.numpy() for v in model.trainable_weights]
    return [a - b for a, b in zip(after, before, strict=True)]


@pytest.mark.fixed_seed
@pytest.mark.parametrize(
    "name",
    [
        "iwgan",
        pytest.param("as_vae", marks=pytest.mark.slow),
        pytest.param("as_vae_g", marks=pytest.mark.slow),
        pytest.param("age", marks=pytest.mark.slow),
        pytest.param("wae_mmd", marks=pytest.mark.slow),
        pytest.param("unrolled_gan", marks=pytest.mark.slow),
    ],
)
def test_statistics_of_a_batch_are_those_of_each_share(name, monkeypatch):
    """The step is the mean of the steps that each share makes alone."""
    given = {"seed": 3, "play": "simultaneous"}
    x = tiny.data(n=GLOBAL)
    with two_replicas().scope():
        found = update_of(within_batch(name, **given), x)
    noise, alone = ks.Game._noise, []
    for i, share in enumerate(np.split(x, 2)):
        monkeypatch.setattr(
            ks.Game,
            "_noise",
            lambda self, purpose, i=i: Noise(self.seed).fold(purpose).fold(i),
        )
        alone.append(update_of(within_batch(name, **given), share))
    monkeypatch.setattr(ks.Game, "_noise", noise)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(*alone, strict=True))
    for one, several in zip(found, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(one, np.mean(several, 0), atol=2e-5)


def averages(**compiled):
    """Of a layer that normalises data, on both replicas, after one step."""
    strategy = two_replicas()
    with strategy.scope():
        x = keras.Input((tiny.DATA,))
        layer = ks.networks.BatchNormalization(momentum=0.9)
        encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(layer(x)))
        decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
        model = ks.VAE(encoder, decoder, likelihood="gaussian")
        model.compile(optimizer="sgd", **compiled)
    model.fit(dataset(GLOBAL), verbose=0)
    return [
        strategy.experimental_local_results(v.value)
        for v in (layer.moving_mean, layer.moving_variance)
    ]


def test_replicas_agree_on_their_averages():
    """The mean over the shares; by hand, as each replica normalises its own share."""
    means, variances = averages()
    shares = np.split(tiny.data(n=GLOBAL), 2)
    variance = np.mean([share.var(0) for share in shares], 0)
    for mean, found in zip(means, variances, strict=True):
        expected = 0.1 * np.mean([share.mean(0) for share in shares], 0)
        np.testing.assert_allclose(mean.numpy(), expected, atol=1e-6)
        np.testing.assert_allclose(found.numpy(), 0.9 + 0.1 * variance, atol=1e-6)


def test_moments_over_all_replicas_are_those_of_the_whole_batch():
    _, variances = averages(sync_batch_norm=True)
    expected = 0.9 + 0.1 * tiny.data(n=GLOBAL).var(0)
    shares = np.split(tiny.data(n=GLOBAL), 2)
    assert np.abs(expected - 0.9 - 0.1 * shares[0].var(0)).max() > 1e-3
    for found in variances:
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_moments_over_all_replicas_and_losses_of_layers_are_refused():
    with two_replicas().scope():
        x = keras.Input((tiny.DATA,))
        h = keras.layers.BatchNormalization()(x)
        last = keras.layers.Dense(2 * tiny.CODE, activity_regularizer="l2")
        decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
        model = ks.VAE(keras.Model(x, last(h)), decoder, likelihood="gaussian")
        model.compile(optimizer="sgd")
        with pytest.raises(ValueError, match="losses that layers add"):
            model.compile(optimizer="sgd", sync_batch_norm=True)


def test_each_replica_draws_noise_of_its_own():
    multi = two_replicas()
    with multi.scope():
        model = tiny.build("svae")

    @tf.function
    def draws():
        return multi.run(lambda: model._noise(1).normal([4], "z"))

    one, two = multi.experimental_local_results(draws())
    assert np.abs(one - two).min() > 1e-6
    again = multi.experimental_local_results(draws())
    np.testing.assert_array_equal(one, again[0])


def test_an_optimizer_of_another_strategy_is_refused():
    with two_replicas().scope():
        model = tiny.build("vae", compiled=False)
    with pytest.raises(ValueError, match=r"within the strategy.scope.*'optimizer'"):
        model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, keras.optimizers.Adam])
@pytest.mark.parametrize("made", ["networks", "model", "another"])
def test_what_was_made_outside_of_the_scope_is_refused(made, optimizer):
    """TensorFlow's error came at the first step: it had no text, or held weights."""
    strategy = two_replicas()
    nets = tiny.dense([tiny.DATA], 4, "e"), tiny.dense([2], tiny.DATA, "d")
    if made == "model":
        model = ks.VAE(*nets, likelihood="gaussian")
    elif made == "networks":
        with strategy.scope():
            model = ks.VAE(*nets, likelihood="gaussian")
    else:
        with two_replicas().scope():
            model = tiny.build("vae")
    with strategy.scope(), pytest.raises(ValueError, match=r"Expected .*scope\(\)"):
        model.compile(optimizer(1e-3))
    with strategy.scope():
        tiny.build("vae", optimizer=lambda: optimizer(1e-3))


def test_fewer_examples_than_replicas_train_alike_in_arrays_and_data_sets():
    """Five examples in batches of four: a replica has none of the last one."""
    found = []
    x = tiny.data(n=5)
    for data, size in ((x, {"batch_size": 4, "shuffle": False}), (of(x, 4), {})):
        with two_replicas().scope():
            model = tiny.build("vae", optimizer=lambda: keras.optimizers.SGD(1e-3))
        model.fit(data, epochs=2, verbose=0, **size)
        assert model.step == 4
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def of(x, size):
    return tf.data.Dataset.from_tensor_slices(x).batch(size)


def test_nan_on_the_second_replica_alone_stops_training():
    class Breaks(ks.SVAE):
        def critic_loss(self, draw):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            bad = tf.logical_and(self._step.value == 1, tf.equal(replica, 1))
            return super().critic_loss(draw) * tf.where(bad, np.nan, 1.0)

    with two_replicas().scope():
        nets = tiny.build("svae", compiled=False)
        model = Breaks(nets.encoder, nets.decoder, nets.critic, likelihood="gaussian")
        # The dry run is on no replica.
        Breaks.critic_loss, breaks = ks.SVAE.critic_loss, Breaks.critic_loss
        model.compile(optimizer="sgd", critic_optimizer="sgd")
        Breaks.critic_loss = breaks
    with pytest.raises(ks.Diverged, match="player 'critic' at step 1"):
        model.fit(dataset(32), verbose=0)


def test_replicas_save_and_restore(tmp_path):
    def build():
        with two_replicas().scope():
            return tiny.build("svae_r", optimizer=lambda: keras.optimizers.Adam(0.01))

    model = build()
    model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
    again = build()
    assert ks.callbacks.restore(again, tmp_path) == 2
    for one in (model, again):
        one.fit(dataset(24), verbose=0)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@functools.cache
def critic_s_step(**options):
    with two_replicas().scope():
        model = tiny.build("gan", compiled=False)
        model.compile(
            optimizer=keras.optimizers.SGD(1.0),
            critic_optimizer=keras.optimizers.SGD(1.0, **options),
        )
    before = [v.numpy() for v in model.critic.weights]
    model.fit(dataset(GLOBAL), verbose=0)
    return [a - v.numpy() for a, v in zip(before, model.critic.weights, strict=True)]


@pytest.mark.parametrize(
    "clip", [{"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.02}]
)
def test_the_gradient_of_the_global_batch_is_clipped(clip):
    """By hand, from the step that is not clipped."""
    free, found = critic_s_step(), critic_s_step(**clip)
    (kind, limit), *_ = clip.items()
    norms = [np.linalg.norm(g) for g in free]
    if kind == "global_clipnorm":
        norms = [np.linalg.norm(norms)] * len(free)
    for gradient, norm, one in zip(free, norms, found, strict=True):
        if kind == "clipvalue":
            expected = np.clip(gradient, -limit, limit)
        else:
            expected = gradient * min(1, limit / norm)
        np.testing.assert_allclose(one, expected, atol=1e-6)
    assert not np.allclose(free[0], found[0], atol=1e-3)


def test_accumulation_is_refused_where_keras_cannot():
    sgd = keras.optimizers.SGD(gradient_accumulation_steps=2)
    with two_replicas().scope():
        model = tiny.build("svae", compiled=False)
        with pytest.raises(ValueError, match="gradient_accumulation_steps=None under"):
            model.compile(optimizer=sgd, critic_optimizer="sgd")


def test_a_penalty_counts_once_on_replicas():
    moved = []
    for strength in (0.0, 0.25):
        with two_replicas().scope():
            keras.utils.set_random_seed(0)
            x = keras.Input((tiny.DATA,))
            penalty = keras.regularizers.L2(strength) if strength else None
            layer = keras.layers.Dense(2 * tiny.CODE, kernel_regularizer=penalty)
            decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
            encoder = keras.Model(x, layer(x))
            model = ks.VAE(encoder, decoder, likelihood="gaussian")
            model.compile(optimizer=keras.optimizers.SGD(1.0))
        before = layer.kernel.numpy()
        model.fit(dataset(GLOBAL), verbose=0)
        moved.append(before - layer.kernel.numpy())
    np.testing.assert_allclose(moved[1] - moved[0], 2 * 0.25 * before, atol=1e-5)
