"""What holds for the networks of every data set."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks

SHAPES = {
    "toy": (2,),
    "digits": (8, 8, 1),
    "mnist": (28, 28, 1),
    "cifar10": (32, 32, 3),
    "celeba": (64, 64, 3),
}
LEARNED = ks.distributions.Laplace("learned")

every = pytest.mark.parametrize("name", SHAPES)
# CelebA's are the largest, and are built as CIFAR-10's are.
most = pytest.mark.parametrize(
    "name", [*list(SHAPES)[:-1], pytest.param("celeba", marks=pytest.mark.slow)]
)
# Where a property does not depend on the data set: one dense, one convolutional.
two = pytest.mark.parametrize("name", ["toy", "mnist"])


def build(name, latent_dim=5, **options):
    keras.utils.set_random_seed(0)
    return getattr(ks.networks, name)(latent_dim=latent_dim, **options)


def inputs(name, latent_dim=5, batch=3):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(batch, *SHAPES[name])).astype("float32")
    z = rng.normal(size=(batch, latent_dim)).astype("float32")
    return x, z


def outputs(nets, name, key=0, training=False):
    """Of encoder, decoder and critic, with the noise of `key`."""
    x, z = inputs(name)
    joint = len(nets.critic.inputs) == 2
    with ks.noise.scope(key):
        return [
            np.asarray(net(data, training=training))
            for net, data in zip(nets, (x, z, [x, z] if joint else x), strict=True)
        ]


@most
@pytest.mark.parametrize(
    "posterior, likelihood, codes, channels",
    [("gaussian", "bernoulli", 10, 1), ("implicit", LEARNED, 5, 2)],
)
@pytest.mark.parametrize("joint", [True, False])
def test_shapes(name, posterior, likelihood, codes, channels, joint):
    nets = build(name, posterior=posterior, likelihood=likelihood, joint=joint)
    assert [net.name for net in nets] == ["encoder", "decoder", "critic"]
    assert len(nets.critic.inputs) == (2 if joint else 1)
    shape = SHAPES[name]
    code, data, log_ratio = outputs(nets, name)
    assert code.shape == (3, codes)
    assert data.shape == (3, *shape[:-1], shape[-1] * channels)
    assert log_ratio.shape == (3, 1)
    assert nets.decoder.output_shape[1:] == data.shape[1:]


@most
def test_noise_follows_the_key_and_without_it_nothing_is_random(name):
    noisy = build(name, noise=True, critic_noise=True)
    first, again, other = (outputs(noisy, name, key) for key in (1, 1, 2))
    plain = build(name, noise=False)
    fixed, same = (outputs(plain, name, key) for key in (1, 2))
    for i in range(3):
        np.testing.assert_array_equal(first[i], again[i])
        assert np.abs(first[i] - other[i]).max() > 1e-6
        np.testing.assert_array_equal(fixed[i], same[i])


@two
@pytest.mark.parametrize(
    "posterior, noise, fed",
    [
        ("gaussian", None, (False, False)),
        ("implicit", None, (True, False)),
        (ks.distributions.Laplace(1.0, draw="mean"), None, (True, False)),
        ("gaussian", True, (True, True)),
        ("implicit", False, (False, False)),
    ],
)
def test_noise_by_default_is_what_the_posterior_needs(name, posterior, noise, fed):
    nets = build(name, posterior=posterior, noise=noise)
    has = [
        any(isinstance(layer, ks.networks.layers.AppendNoise) for layer in net.layers)
        for net in nets
    ]
    assert has == [*fed, False]


@most
def test_keras_file_gives_the_same_outputs(name, tmp_path):
    nets = build(name, noise=True, dropout=0.2)
    loaded = []
    for net in nets:
        net.save(tmp_path / f"{net.name}.keras")
        path = tmp_path / f"{net.name}.keras"
        loaded.append(keras.saving.load_model(path, safe_mode=True))
    for training in (False, True):
        before = outputs(nets, name, training=training)
        after = outputs(ks.networks.Networks(*loaded), name, training=training)
        for one, two in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, two)


@most
def test_every_trainable_variable_gets_a_gradient(name):
    nets = build(name, noise=True, dropout=0.1)
    x, z = inputs(name, batch=4)
    for net, data in zip(nets, (x, z, [x, z]), strict=True):
        before = [np.asarray(v) for v in net.trainable_variables]
        with ks.noise.scope(0), tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(net(data, training=True) - 1.0))
        gradients = tape.gradient(loss, [v.value for v in net.trainable_variables])
        for variable, gradient in zip(net.trainable_variables, gradients, strict=True):
            assert gradient is not None, variable.path
            assert np.isfinite(gradient).all(), variable.path
            assert np.abs(gradient).max() > 0, variable.path
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.apply(gradients, net.trainable_variables)
        for variable, old in zip(net.trainable_variables, before, strict=True):
            assert np.abs(variable - old).max() > 0, variable.path


@most
def test_bfloat16_computes_hidden_layers_and_gives_float32(name):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        nets = build(name, noise=True, dropout=0.1)
    finally:
        keras.config.set_dtype_policy(policy)
    for net in nets:
        hidden = [
            layer for layer in net.layers if isinstance(layer, keras.layers.Dense)
        ]
        assert hidden[0].compute_dtype == "bfloat16"
        assert all(v.dtype == "float32" for v in net.trainable_variables)
    for output in outputs(nets, name, training=True):
        assert output.dtype == np.float32
        assert np.isfinite(output).all()


@two
def test_dropout_is_in_every_network_and_only_in_training(name):
    nets = build(name, dropout=0.5, batch_norm=False, critic_batch_norm=False)
    first, again, other = (outputs(nets, name, key, True) for key in (1, 1, 2))
    still, same = (outputs(nets, name, key, False) for key in (1, 2))
    for i in range(3):
        np.testing.assert_array_equal(first[i], again[i])
        assert np.abs(first[i] - other[i]).max() > 1e-6
        np.testing.assert_array_equal(still[i], same[i])


@most
@pytest.mark.parametrize("switch", ["batch_norm", "critic_batch_norm"])
def test_batch_norm_can_be_switched_for_the_critic_alone(name, switch):
    has = {}
    for on in (True, False):
        options = {"batch_norm": True, "critic_batch_norm": True, switch: on}
        has[on] = [
            any(
                isinstance(layer, keras.layers.BatchNormalization) for layer in n.layers
            )
            for n in build(name, **options)
        ]
    assert has[True] == [True, True, True]
    critic = switch == "critic_batch_norm"
    assert has[False] == [critic, critic, not critic]


@two
def test_weights_start_from_xavier_but_those_of_a_learned_posterior(name):
    nets = build(name)
    for net in nets:
        for layer in net.layers:
            if hasattr(layer, "kernel_initializer") and layer.name != "code":
                kind = layer.kernel_initializer
                assert isinstance(kind, keras.initializers.GlorotUniform)
    units = 784 if name == "mnist" else 256
    stds = {"gaussian": 0.02, "implicit": np.sqrt(2 / (units + 50))}
    for posterior, std in stds.items():
        encoder = build(name, 50, posterior=posterior).encoder
        assert np.std(encoder.get_layer("code").kernel) == pytest.approx(std, rel=0.05)
    xavier = build(name, 50, code_stddev=None).encoder.get_layer("code").kernel
    assert np.std(xavier) == pytest.approx(np.sqrt(2 / (units + 100)), rel=0.05)


def test_seed_gives_the_weights():
    for one, two in zip(build("digits"), build("digits"), strict=True):
        for a, b in zip(one.weights, two.weights, strict=True):
            np.testing.assert_array_equal(a, b)


@two
@pytest.mark.parametrize(
    "options, message",
    [
        ({"latent_dim": 0}, "Expected latent_dim to be an integer >= 1; received: lat"),
        ({"latent_dim": 2.5}, "received: latent_dim=2.5"),
        ({"posterior": "gausian"}, "Expected posterior to be .*; received: 'gausian'"),
        ({"likelihood": "poisson"}, "Expected likelihood .*; received: 'poisson'"),
        ({"dropout": 1.0}, r"Expected dropout in \[0, 1\); received: dropout=1.0"),
        ({"dropout": -0.1}, r"received: dropout=-0.1"),
        ({"noise": 3}, "Expected noise to be None, True or False .*received: noise=3"),
        ({"noise_dims": 3}, "Expected noise_dims .*; received: noise_dims=3"),
        (
            {"noise_law": "cauchy"},
            "Expected noise_law .*; received: noise_law='cauchy'",
        ),
        ({"critic_activation": "swoosh"}, "Expected critic_activation to name a Keras"),
        ({"code_stddev": 0.0}, "Expected code_stddev .*; received: code_stddev=0.0"),
    ],
)
def test_wrong_values(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


@most
def test_unknown_option(name):
    with pytest.raises(TypeError, match=r"Expected options among \[.*received: drop$"):
        build(name, drop=0.1)


@pytest.mark.parametrize("option", ["units", "depth"])
def test_wrong_sizes_of_dense_networks(option):
    message = f"Expected {option} to be an integer >= 1; received: {option}=0"
    with pytest.raises(ValueError, match=message):
        ks.networks.toy(**{option: 0})
    with pytest.raises(ValueError, match="Expected activation .*'swoosh'"):
        ks.networks.digits(activation="swoosh")
