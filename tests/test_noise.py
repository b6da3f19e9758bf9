"""Noise is a function of its key, and layers draw from the scope."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae import philox
from keras_svae.noise import Noise


def test_named_draws():
    np.testing.assert_array_equal(Noise(3).normal([5], "z"), Noise(3).normal([5], "z"))
    others = [Noise(4).normal([5], "z"), Noise(3).normal([5], "x")]
    others += [Noise(3).fold(1).normal([5], "z")]
    for other in others:
        assert np.abs(Noise(3).normal([5], "z") - other).min() > 1e-6


def test_a_name_is_a_text():
    with pytest.raises(ValueError, match="Expected a text as name of a draw; rec.* 3"):
        Noise(0).normal([2], 3)


def test_unnamed_draws_differ_and_repeat_in_order():
    one, two = Noise(3), Noise(3)
    first = [one.normal([5]), one.normal([5])]
    assert np.abs(first[0] - first[1]).min() > 1e-6
    np.testing.assert_array_equal(first, [two.normal([5]), two.normal([5])])


# Normal and uniform draws called "z", and the key of `fold(5)`, taken on a CPU when
# they were `tf.random.stateless_*`'s own.
BEFORE = {
    0: [
        [0.61119, -0.0505892, 1.1614321],
        [0.8285681, 0.2631435, 0.313514],
        [-409271666, 5],
    ],
    3: [
        [-0.0965435, 0.0831716, 0.6055973],
        [0.9919138, 0.8631797, 0.5499758],
        [-1197927508, 5],
    ],
    2**31 - 1: [
        [-0.4235129, -0.7771451, 1.1082346],
        [0.6759347, 0.5794128, 0.435107],
        [-884153614, 5],
    ],
}


@pytest.mark.parametrize("seed", BEFORE)
@pytest.mark.fixed_seed
def test_draws_are_those_of_before(seed):
    noise = Noise(seed)
    found = noise.normal([3], "z"), noise.uniform([3], "z"), noise.fold(5).key
    for one, expected in zip(found, BEFORE[seed], strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-7)


def test_bits_and_floats_are_those_of_philox_in_tensorflow():
    key, kind = [-3, 7], {"seed": [-3, 7], "alg": "philox"}
    uniform = tf.random.stateless_uniform
    for shape in ([], [0], [1], [5], [3, 2, 5], [10_001]):
        np.testing.assert_array_equal(
            philox.bits(shape, key),
            uniform(shape, minval=None, maxval=None, dtype=tf.int32, **kind),
        )
        np.testing.assert_array_equal(
            philox.uniform(shape, key, -1.0, 2.5),
            uniform(shape, minval=-1.0, maxval=2.5, **kind),
        )
        np.testing.assert_array_equal(
            philox.uniform(shape, key, dtype=tf.float64),
            uniform(shape, dtype=tf.float64, **kind),
        )
        np.testing.assert_array_equal(
            philox.integers(shape, key, 7),
            uniform(shape, minval=0, maxval=7, dtype=tf.int32, **kind),
        )
        normal = philox.normal(shape, key)
        assert normal.shape == shape and normal.dtype == tf.float32
        np.testing.assert_allclose(
            normal, tf.random.stateless_normal(shape, **kind), rtol=1e-5, atol=2e-6
        )
    np.testing.assert_array_equal(philox.split(key), tfp.random.split_seed(key))


def test_the_same_numbers_under_xla():
    append = ks.networks.layers.AppendNoise(3, law="uniform")
    inject = ks.networks.layers.InjectNoise(8)
    x = tf.ones([4, 5])
    inject(x)

    # The seed is an argument: what constants give is computed before XLA sees it.
    def draws(seed):
        noise = Noise(seed).fold(2)
        with ks.noise.scope(noise.fold(seed)):
            layers = [
                append(x),
                inject(x),
                ks.networks.layers.Dropout(0.5)(x, training=True),
            ]
        return [
            noise.normal([301, 3], "a"),
            noise.normal([tf.size(x), 2], "b"),
            noise.uniform([1001], "c"),
            noise.uniform([5], minval=-2.0, maxval=noise.uniform([])),
            noise.seed("d"),
            noise.seed(),
            *layers,
        ]

    seed = tf.constant(3)
    eager, graph, compiled = (
        way(seed)
        for way in (draws, tf.function(draws), tf.function(draws, jit_compile=True))
    )
    for one, two, three in zip(eager, graph, compiled, strict=True):
        np.testing.assert_allclose(two, one, 1e-6, 1e-6)
        np.testing.assert_allclose(three, one, 1e-5, 1e-5)
    for one, two in zip(eager[:6], graph[:6], strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_a_graph_knows_is_folded_before_it_runs():
    @tf.function
    def key(step):
        return Noise(3).fold(1).fold(0).fold(step).key

    graph = key.get_concrete_function(tf.TensorSpec([], tf.int32)).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert "StatelessRandomUniformFullIntV2" not in kinds
    expected = Noise(3).fold(1).fold(0).fold(7).key
    np.testing.assert_array_equal(key(tf.constant(7)), expected)


def test_one_noise_in_several_graphs():
    noise = Noise(tf.constant([3, 4]))
    outer = noise.normal([3], "z")

    @tf.function
    def draws(key):
        own = Noise(key)
        inside = tf.cond(
            key[0] > 0, lambda: own.normal([3], "z"), lambda: tf.zeros([3])
        )
        return inside, own.normal([3], "z"), noise.normal([3], "z")

    for one in draws(tf.constant([3, 4])):
        np.testing.assert_array_equal(one, outer)
    np.testing.assert_array_equal(noise.normal([3], "z"), outer)


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 2**31, 2**40 + 1, 2**63 - 1])
@pytest.mark.fixed_seed
def test_integers_of_all_kinds_agree(seed):
    expected = Noise(seed).normal([3], "z")
    kinds = [np.uint64, np.int64] + ([np.int32, np.uint32] if seed < 2**31 else [])
    for kind in kinds:
        for one in (kind(seed), np.array(seed, kind), tf.constant(seed, kind)):
            np.testing.assert_array_equal(Noise(one).normal([3], "z"), expected)
        draw = tf.function(lambda one: Noise(one).normal([3], "z"))
        np.testing.assert_array_equal(draw(tf.constant(seed, kind)), expected)
    other = Noise(seed ^ (1 << 62)).normal([3], "z")
    assert np.abs(other - expected).min() > 0


@pytest.mark.parametrize(
    "seed",
    [-1, 2**63, True, 1.0, "1", None, np.int64(-1), np.uint64(2**63), np.float32(1)]
    + [np.bool_(True), tf.constant(-1), tf.constant(1.0), tf.constant(True)],
)
@pytest.mark.fixed_seed
def test_other_seeds_are_refused(seed):
    nets = ks.networks.toy(latent_dim=2, units=4)
    model = ks.VAE(nets.encoder, nets.decoder, likelihood="gaussian")
    x = np.zeros([4, 2], "float32")
    asked = [
        lambda: Noise(seed),
        lambda: ks.VAE(nets.encoder, nets.decoder, seed=seed),
        lambda: model.generate(3, seed=seed),
        lambda: model.decode(x, seed=seed),
        lambda: model.bound(x, seed=seed),
        lambda: ks.data.load("toy5", seed=seed),
        lambda: ks.evaluation.evaluate(model, x, seed=seed),
        lambda: ks.evaluation.aggregate_posterior(x, seed=seed),
        lambda: ks.evaluation.dequantise(x, seed),
    ]
    if seed is not None:
        asked.append(lambda: model.encode(x, seed=seed))
    for ask in asked:
        with pytest.raises(
            ValueError, match=r"Expected .* 0 <= seed < 2\*\*63; received"
        ):
            ask()


@pytest.mark.fixed_seed
def test_a_graph_refuses_what_is_no_integer():
    @tf.function
    def key(seed):
        return Noise(seed).key

    for seed in (tf.constant(1.0), tf.constant(True)):
        with pytest.raises(ValueError, match="Expected an integer 0 <= seed < 2"):
            key(seed)
    np.testing.assert_array_equal(key(tf.constant(-5)), [-5, 0])


def test_dropout_keeps_its_mean_and_only_drops_in_training():
    layer = ks.networks.layers.Dropout(0.25)
    x = tf.ones([200, 200])
    with ks.noise.scope(1):
        dropped = layer(x, training=True).numpy()
        np.testing.assert_array_equal(layer(x, training=False), x)
    assert abs((dropped == 0).mean() - 0.25) < 0.01
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.75, rtol=1e-6)


def test_scopes_nest_and_end():
    layer = ks.networks.layers.AppendNoise(1, law="uniform")
    x = tf.zeros([1000, 1])
    with ks.noise.scope(1):
        outer = layer(x)
        with ks.noise.scope(2):
            inner = layer(x)
    with ks.noise.scope(2):
        np.testing.assert_array_equal(inner, layer(x))
    assert np.abs(outer - inner).max() > 0.1
    sample = inner.numpy()[:, 1]
    assert sample.min() < -0.9 and sample.max() > 0.9 and abs(sample.mean()) < 0.1
    assert np.abs(layer(x) - layer(x)).max() > 0.1  # without a scope: fresh noise
