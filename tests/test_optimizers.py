"""Our Adam beside Keras's, step by step."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.replicas import two_replicas

THEIRS, OURS = keras.optimizers.Adam, ks.optimizers.Adam
STEPS = 20
# 1 - beta_2 without rounding: the kernel takes it in float32, Keras in float64.
EXACT = 1 - 2**-10


def net():
    """A small network, the same at each call."""
    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


def words():
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(7, 4)]
    )
    model.set_weights([np.random.default_rng(0).normal(size=(7, 4))])
    return model


def batch(i, model):
    rng = np.random.default_rng(i)
    if model.inputs[0].dtype == "int32":
        return tf.constant(rng.integers(0, 7, (5, 3)), "int32")
    return tf.constant(rng.normal(size=(5, 3)), "float32")


def stepping(model, optimizer):
    """A step, as a function of a batch."""
    weights = model.trainable_variables

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.exp(model(x)))
        gradients = tape.gradient(loss, [v.value for v in weights])
        optimizer.apply(gradients, weights)

    return step


def train(model, optimizer, steps=STEPS, start=0, compiled=tf.function):
    optimizer.build(model.trainable_variables)
    step = compiled(stepping(model, optimizer))
    for i in range(start, start + steps):
        step(batch(i, model))


def check_equal(found, wanted, rtol=1e-6):
    for one, other in zip(found, wanted, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        # Relative to the largest of a tensor: a sum of what cancels has lost digits.
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=rtol * scale + 1e-12)


def check_same(make=net, compiled=tf.function, rtol=1e-6, **config):
    config = {"learning_rate": 0.01, "beta_2": EXACT, **config}
    states = []
    for kind in (OURS, THEIRS):
        model, optimizer = make(), kind(**config)
        train(model, optimizer, compiled=compiled)
        states.append([*model.weights, *optimizer.variables])
    check_equal(*states, rtol=rtol)
    moved = np.abs(np.asarray(states[0][0]) - make().get_weights()[0]).max()
    assert moved > 0.01


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": ks.schedules.InverseSqrtEpoch(0.02, 3)},
        {"clipnorm": 0.1},
        {"global_clipnorm": 0.1},
        {"clipvalue": 0.05},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 8.0},
        {"use_ema": True, "ema_overwrite_frequency": 5},
        {"amsgrad": True},
    ],
    ids=lambda config: " ".join(config) or "plain",
)
def test_twenty_steps_are_keras_s(config):
    check_same(**config)


@pytest.mark.parametrize(
    "compiled", [lambda step: step, lambda step: tf.function(step, jit_compile=True)]
)
def test_eagerly_and_in_xla(compiled):
    check_same(compiled=compiled)


def test_the_usual_betas():
    check_same(beta_2=0.999, rtol=2e-5)


def test_accumulation_eagerly():
    check_same(compiled=lambda step: step, gradient_accumulation_steps=2)


def test_sparse_gradients():
    check_same(words)


def test_other_types_of_variables():
    found = []
    for optimizer in (OURS(0.1), THEIRS(0.1)):
        weights = [keras.Variable([1.0, 2.0], dtype=d) for d in ("float64", "float16")]
        optimizer.apply([tf.ones(2, v.dtype) for v in weights], weights)
        found.append(weights)
    check_equal(*found, rtol=0)


def test_a_loss_scale_around_it():
    states = []
    for kind in (OURS, THEIRS):
        model = net()
        train(
            model,
            keras.optimizers.LossScaleOptimizer(
                kind(0.01, beta_2=EXACT), initial_scale=1.0
            ),
        )
        states.append(model.get_weights())
    check_equal(*states)


@pytest.mark.parametrize(
    ("config", "early"),
    [
        ({}, True),
        ({"weight_decay": 0.1}, True),
        ({"clipnorm": 0.1}, True),
        pytest.param({}, False, marks=pytest.mark.slow),
        pytest.param({"weight_decay": 0.1}, False, marks=pytest.mark.slow),
        pytest.param({"clipnorm": 0.1}, False, marks=pytest.mark.slow),
    ],
)
def test_two_replicas(config, early):
    strategy = two_replicas()
    states = []
    for kind in (OURS, THEIRS):
        with strategy.scope():
            model, optimizer = net(), kind(0.01, beta_2=EXACT, **config)
            if early:
                optimizer.build(model.trainable_variables)
        step = stepping(model, optimizer)

        @tf.function
        def run(x, step=step):
            strategy.run(step, (x,))
            strategy.run(step, (x,))

        for i in range(STEPS // 2):
            values = [batch(2 * i + j, model) for j in range(2)]
            run(
                strategy.experimental_distribute_values_from_function(
                    lambda c, values=values: values[c.replica_id_in_sync_group]
                )
            )
        variables = [*model.weights, *optimizer.variables]
        states.append(
            [
                copy
                for v in variables
                for copy in strategy.experimental_local_results(v.value)
            ]
        )
        if kind is OURS:
            graph = run.get_concrete_function(
                strategy.experimental_distribute_values_from_function(
                    lambda c, values=values: values[c.replica_id_in_sync_group]
                )
            ).graph
            types = collections.Counter(op.type for op in graph.get_operations())
            # Two steps of four variables on two replicas.
            assert types["ResourceApplyAdam"] == 2 * 4 * 2
    # Every copy: Keras mirrors the moments, too.
    assert len(states[0]) == len(states[1]) > 12
    check_equal(*states)


@pytest.mark.parametrize("kinds", [(OURS, THEIRS), (THEIRS, OURS)])
def test_state_moves_both_ways(kinds, tmp_path):
    """Ten steps of one and ten of the other are twenty of either."""
    first, second = net(), net()
    one, other = (kind(0.01, beta_2=EXACT) for kind in kinds)
    for model, optimizer in ((first, one), (second, other)):
        model.compile(optimizer=optimizer)
    train(first, one, 10)
    first.save_weights(tmp_path / "state.weights.h5")
    other.build(second.trainable_variables)
    suffixes = [[v.name.split("_")[-1] for v in o.variables] for o in (one, other)]
    assert suffixes[0] == suffixes[1]
    second.load_weights(tmp_path / "state.weights.h5")
    assert int(other.iterations) == 10
    train(second, other, 10, start=10)
    whole, optimizer = net(), THEIRS(0.01, beta_2=EXACT)
    train(whole, optimizer)
    check_equal(
        [*second.weights, *other.variables], [*whole.weights, *optimizer.variables]
    )


def test_names_of_the_state_are_keras_s():
    weights = [keras.Variable([1.0], name=name) for name in ("a", "b_momentum")]
    optimizers = [
        kind(use_ema=True, amsgrad=True, name="adam") for kind in (OURS, THEIRS)
    ]
    for optimizer in optimizers:
        optimizer.build(weights)
    paths = [[v.path for v in optimizer.variables] for optimizer in optimizers]
    assert paths[0] == paths[1]


@pytest.mark.parametrize("kind", [OURS, THEIRS])
def test_a_keras_file_keeps_the_class_and_its_state(kind, tmp_path):
    model = net()
    model.compile(optimizer=kind(0.01, beta_1=0.5, clipnorm=1.0), loss="mse")
    x = batch(0, model)
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / "one.keras")
    loaded = keras.saving.load_model(tmp_path / "one.keras")
    assert type(loaded.optimizer) is kind
    for one in (model, loaded):
        one.fit(x, x[:, :2], verbose=0)
    check_equal(loaded.weights, model.weights)
    check_equal(loaded.optimizer.variables, model.optimizer.variables)


def test_configuration():
    rate = ks.schedules.InverseSqrtEpoch(0.2, steps_per_epoch=3)
    adam = OURS(rate, beta_1=0.5, weight_decay=0.1, name="adam")
    assert (
        adam.get_config()
        == THEIRS(rate, beta_1=0.5, weight_decay=0.1, name="adam").get_config()
    )
    for write, read in (
        (keras.saving.serialize_keras_object, keras.saving.deserialize_keras_object),
        (keras.optimizers.serialize, keras.optimizers.deserialize),
        (keras.optimizers.serialize, ks.optimizers.get),
    ):
        again = read(write(adam))
        assert type(again) is OURS
        assert again.get_config() == adam.get_config()


def test_get():
    assert type(ks.optimizers.get("adam")) is type(ks.optimizers.get("Adam")) is OURS
    assert isinstance(ks.optimizers.get("sgd"), keras.optimizers.SGD)
    assert type(ks.optimizers.get("adamw")) is keras.optimizers.AdamW
    theirs = THEIRS()
    assert ks.optimizers.get(theirs) is theirs
    assert ks.optimizers.get(None) is keras.optimizers.get(None)
    with pytest.raises(ValueError):
        ks.optimizers.get("no such optimizer")


@pytest.mark.parametrize("kind", [OURS, THEIRS])
@pytest.mark.parametrize("config", [{}, {"amsgrad": True, "use_ema": True}])
def test_moments(kind, config):
    weights = [keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])]
    adam = kind(0.1, beta_1=0.5, beta_2=0.75, **config)
    adam.build(weights)
    adam.apply([tf.constant([1.0, -4.0]), tf.constant([[2.0]])], weights)
    momentums, velocities = ks.optimizers.adam_moments(adam, weights)
    check_equal(momentums, [[0.5, -2.0], [[1.0]]])
    check_equal(velocities, [[0.25, 4.0], [[1.0]]])


def test_moments_of_other_variables():
    weights = [keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])]
    adam = OURS()
    for others in (weights[:1], weights[::-1]):
        with pytest.raises(ValueError, match="Expected the variables .*; received: "):
            ks.optimizers.adam_moments(adam, weights)
        built = OURS()
        built.build(weights)
        with pytest.raises(ValueError, match="Expected the variables .*; received: "):
            ks.optimizers.adam_moments(built, others)


@pytest.mark.parametrize("config", [{}, {"gradient_accumulation_steps": 3}])
def test_one_kernel_a_variable(config):
    model, adam = net(), OURS(0.1, **config)
    adam.build(model.trainable_variables)
    gradients = [tf.TensorSpec(v.shape) for v in model.trainable_variables]
    step = tf.function(lambda *g: adam.apply(list(g))).get_concrete_function(*gradients)
    types = collections.Counter(op.type for op in step.graph.get_operations())
    assert types["Pow"] == 2
    if not config:
        assert types["ResourceApplyAdam"] == len(gradients) == 4
        assert types["Sqrt"] == 0
        # The rate, and the counter: for the powers, and to add to it.
        assert types["ReadVariableOp"] == 3
        assert types["AssignVariableOp"] + types["AssignAddVariableOp"] == 1


def test_an_update_by_itself_is_keras_s():
    weights = [keras.Variable([1.0, 2.0])]
    adam = OURS(0.1)
    adam.build(weights)
    adam.update_step(tf.constant([1.0, -1.0]), weights[0], 0.1)
    check_equal(weights, [[0.9, 2.1]], rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"learning_rate": -1.0}, "learning_rate >= 0; received: -1"),
        ({"learning_rate": float("nan")}, "learning_rate >= 0; received: nan"),
        ({"beta_1": 1.0}, r"beta_1 in \[0, 1\); received: 1"),
        ({"beta_2": -0.1}, r"beta_2 in \[0, 1\)"),
        ({"clipnorm": -1.0}, "clipnorm > 0; received: -1"),
        ({"global_clipnorm": 0.0}, "global_clipnorm > 0"),
        ({"clipvalue": -2.0}, "clipvalue > 0"),
    ],
)
def test_values_that_mean_nothing(given, expected):
    with pytest.raises(ValueError, match=f"Expected {expected}"):
        OURS(**given)
    OURS(0.0, beta_1=0.0)
    OURS(keras.optimizers.schedules.CosineDecay(0.1, 10))
