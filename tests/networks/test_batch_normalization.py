import collections
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks import BatchNormalization, moving_averages
from tests.replicas import two_replicas

SHAPES = {2: (6, 5), 4: (3, 4, 2, 5)}


def batch(shape, seed=0):
    values = np.random.default_rng(seed).normal(1.0, 2.0, size=shape)
    return tf.constant(values, "float32")


def pair(shape, **kwargs):
    """Ours and Keras's, with the same weights, none of them as they start."""
    layers = [
        one(**kwargs) for one in (BatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.build((None, *shape[1:]))
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.5, 2.0, w.shape) for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def stepping(layer, shape, training=True, dynamic=False, jit_compile=False):
    """A step: output, and gradients of some function of it, and the averages after."""

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(tf.sin(tf.cast(y, tf.float32) * 3))
        wanted = [x, *(v.value for v in layer.trainable_variables)]
        return y, tape.gradient(loss, wanted)

    spec = tf.TensorSpec([None] * (len(shape) - 1) + [5] if dynamic else shape)
    return tf.function(step, input_signature=[spec], jit_compile=jit_compile)


def check_steps(layers, shape, tolerance=1e-5, steps=4, eager=False, **kwargs):
    ours, theirs = (
        stepping(layer, shape, **kwargs)
        if not eager
        else stepping(layer, shape, **kwargs).python_function
        for layer in layers
    )
    for i in range(steps):
        x = batch(shape, i)
        found, wanted = ours(x), theirs(x)
        for one, other in zip(
            tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True
        ):
            assert one.dtype == other.dtype and one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=10 * tolerance)
        for one, other in zip(layers[0].weights, layers[1].weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("dynamic", [False, True])
def test_the_numbers_are_keras_s(rank, dynamic, training):
    layers = pair(SHAPES[rank], momentum=0.9)
    before = layers[0].get_weights()
    check_steps(layers, SHAPES[rank], dynamic=dynamic, training=training)
    moved = [
        np.abs(a - b).max()
        for a, b in zip(before, layers[0].get_weights(), strict=True)
    ]
    assert (min(moved[2:]) > 0.01) == training


@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("kind", [{"eager": True}, {"jit_compile": True}])
@pytest.mark.parametrize("training", [True, False])
def test_eagerly_and_in_xla(rank, kind, training):
    check_steps(
        pair(SHAPES[rank], momentum=0.7), SHAPES[rank], training=training, **kind
    )


@pytest.mark.parametrize(
    "config",
    [
        {"center": False},
        {"scale": False},
        {"center": False, "scale": False},
        {"momentum": 0.0},
        {"momentum": 1.0},
        {"epsilon": 0.1, "axis": 3},
        {"axis": 1},  # from here on Keras's own path
        {"renorm": True},
        {"synchronized": True},
        {"dtype": "float64"},
    ],
)
def test_arguments(config):
    shape = (3, 5, 5, 5)
    check_steps(pair(shape, **config), shape)


@pytest.mark.parametrize("shape", [(1, 5), (1, 1, 1, 5)])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_value_of_a_channel_has_no_variance(shape, dynamic, jit_compile):
    layers = pair(shape, momentum=0.9)
    check_steps(layers, shape, dynamic=dynamic, jit_compile=jit_compile)
    assert all(np.isfinite(w).all() for w in layers[0].get_weights())


@pytest.mark.parametrize("rank", [2, 4])
def test_second_derivatives(rank):
    found = []
    for layer in pair(SHAPES[rank]):
        x = batch(SHAPES[rank])
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(layer(x, training=True) ** 3)
            slope = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        found.append(outer.gradient(slope, [x, layer.gamma.value]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("rank", [2, 4])
def test_mixed_precision(rank, policy):
    # The averages are of float32 moments, of inputs in bfloat16.
    shape = SHAPES[rank]
    layers = pair(shape, dtype=policy)
    check_steps(layers, shape, tolerance=0.05, training=False)
    outputs = []
    for layer in layers:
        y = layer(batch(shape), training=True)
        assert y.dtype.name == policy.removeprefix("mixed_")
        assert layer.moving_mean.dtype == layer.gamma.dtype == "float32"
        outputs.append(tf.cast(y, "float32"))
    np.testing.assert_allclose(*outputs, rtol=0.02, atol=0.02)
    for one, other in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_frozen_layer_runs_as_in_inference():
    layers = pair((6, 5))
    for layer in layers:
        layer.trainable = False
    before = layers[0].get_weights()
    check_steps(layers, (6, 5), training=True)
    for one, other in zip(before, layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        layers[0](batch((6, 5)), training=True), layers[0](batch((6, 5)))
    )


def test_a_mask_counts():
    mask = tf.constant([[True, False, True], [True, True, False]])
    x = batch((2, 3, 5))
    layers = pair(x.shape)
    outputs = [layer(x, training=True, mask=mask) for layer in layers]
    np.testing.assert_array_equal(*outputs)
    for one, other in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("config", [{}, {"renorm": True}])
@pytest.mark.parametrize("graph", [False, True])
def test_averages_can_be_left_alone(config, graph):
    ours, theirs = pair((6, 5), **config)
    before = ours.get_weights()
    call = tf.function(ours.__call__) if graph else ours
    with moving_averages(False):
        y = call(batch((6, 5)), training=True)
        with moving_averages(True):
            ours(batch((6, 5)), training=False)
    np.testing.assert_allclose(y, theirs(batch((6, 5)), training=True), atol=1e-5)
    for one, other in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    ours(batch((6, 5)), training=True)
    assert np.abs(ours.moving_mean - before[2]).max() > 1e-3


def test_averages_are_left_alone_in_one_thread():
    layer, _ = pair((6, 5))
    before = layer.moving_mean.numpy()
    with moving_averages(False):
        other = threading.Thread(target=lambda: layer(batch((6, 5)), training=True))
        other.start()
        other.join()
    assert np.abs(layer.moving_mean - before).max() > 1e-3


def test_each_replica_normalises_by_its_own_batch():
    strategy = two_replicas()
    with strategy.scope():
        layers = pair((6, 5), momentum=0.8)
    values = [batch((6, 5), 0), batch((6, 5), 1)]
    found = []
    for layer in layers:

        @tf.function
        def step(x, layer=layer):
            def replica(x):
                return layer(x, training=True), layer(x)

            return strategy.run(replica, (x,))

        x = strategy.experimental_distribute_values_from_function(
            lambda context: values[context.replica_id_in_sync_group]
        )
        outputs = [strategy.experimental_local_results(y) for y in step(x)]
        # Each replica's averages.
        copies = [
            strategy.experimental_local_results(v.value) for v in layer.weights[2:]
        ]
        found.append(tf.nest.flatten([outputs, copies]))
    assert len(found[0]) == 8
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.mean(found[0][0], 0), layers[0].beta, atol=1e-5)


def net(layer):
    x = keras.Input((4, 4, 3))
    h = layer(momentum=0.9)(keras.layers.Conv2D(5, 3)(x))
    h = layer(momentum=0.9)(keras.layers.Dense(4)(keras.layers.Flatten()(h)))
    return keras.Model(x, h)


def test_weights_load_both_ways(tmp_path):
    path = tmp_path / "one.weights.h5"
    classes = [BatchNormalization, keras.layers.BatchNormalization]
    x = batch((3, 4, 4, 3))
    for mine, other in [classes, classes[::-1]]:
        saved = net(mine)
        saved(x, training=True)
        saved.save_weights(path)
        loaded = net(other)
        loaded.load_weights(path)
        names = [[v.name for v in one.weights] for one in (saved, loaded)]
        assert names[0] == names[1]
        for one, two in zip(saved.weights, loaded.weights, strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(saved(x), loaded(x), atol=1e-5)


def test_a_file_names_the_class_it_was_saved_with(tmp_path):
    path = tmp_path / "one.keras"
    for one in (BatchNormalization, keras.layers.BatchNormalization):
        model = net(one)
        model.save(path)
        loaded = keras.saving.load_model(path)
        norms = [layer for layer in loaded.layers if "batch_norm" in layer.name]
        assert [type(layer) for layer in norms] == [one, one]
        x = batch((3, 4, 4, 3))
        np.testing.assert_array_equal(model(x), loaded(x))


def test_config_is_keras_s():
    ours, theirs = (
        BatchNormalization(name="n"),
        keras.layers.BatchNormalization(name="n"),
    )
    assert ours.get_config() == theirs.get_config()
    assert isinstance(ours, keras.layers.BatchNormalization)
    assert ours.name != BatchNormalization().name


def test_networks_have_it():
    for nets in (ks.networks.digits(latent_dim=2), ks.networks.dcgan(latent_dim=2)):
        norms = [
            layer
            for one in (nets.encoder, nets.decoder)
            if one is not None
            for layer in one.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert norms
        assert {type(layer) for layer in norms} == {BatchNormalization}


def nodes(function, *specs):
    graph = tf.function(function).get_concrete_function(*specs).graph
    return collections.Counter(op.type for op in graph.get_operations())


@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("training", [True, False])
def test_one_kernel_forward_and_one_back(rank, training):
    layer, _ = pair(SHAPES[rank])

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
        wanted = [x, *(v.value for v in layer.trainable_variables)]
        return tape.gradient(y, wanted, output_gradients=x)

    found = nodes(step, tf.TensorSpec(SHAPES[rank]))
    assert found["FusedBatchNormV3"] == found["FusedBatchNormGradV3"] == 1
    assert found["Rsqrt"] == found["Mean"] == found["SquaredDifference"] == 0
    # Of the static batch; the two averages' correction is a division and a product.
    assert found["Mul"] == found["RealDiv"] == int(training)
    assert found["AssignVariableOp"] == 2 * training
    assert found["ReadVariableOp"] == 4
    with moving_averages(False):
        found = nodes(step, tf.TensorSpec(SHAPES[rank]))
    assert found["AssignVariableOp"] == 0
    assert found["ReadVariableOp"] == (2 if training else 4)
