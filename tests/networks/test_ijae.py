"""Tables 3 to 7 of lambda-IJAE: the weights they count, and what the blocks compute."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.layers import InjectNoise
from keras_svae.networks.residual import down_block, up_block

WIDTH = 1 / 32  # of 128 maps 4
CODE = 3
SIDES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3), "tiny_imagenet": (64, 64, 3)}
TABLES = {
    "encoder": 6436224,
    "generator": 1154179,
    "critic_x": 1053825,
    "critic_pair": 1054081,
    "critic_code": 4526273,
}


def trained(net):
    return sum(int(np.prod(v.shape)) for v in net.trainable_variables)


def conv(inside, outside, kernel):
    return inside * outside * kernel**2 + outside


def dense(inside, outside):
    return conv(inside, outside, 1)


def small(name="mnist", kind="ijae", **options):
    keras.utils.set_random_seed(0)
    options = {"latent_dim": CODE, "width": WIDTH} | options
    return getattr(ks.networks, f"{kind}_{name}")(**options)


def data(name="mnist", batch=3):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, batch, *SIDES[name])).astype("f")
    return x, rng.normal(size=(batch, CODE)).astype("f"), y


def injections(net):
    return [layer for layer in net.layers if isinstance(layer, InjectNoise)]


@pytest.fixture(scope="module")
def full():
    return ks.networks.ijae_cifar10()


def test_kernels_start_as_pytorchs(full):
    """Uniform between -+ 1 / sqrt(fan_in), each layer drawn by itself."""
    kernels = [v for net in full for v in net.trainable_variables if v.name == "kernel"]
    assert len(kernels) > 40
    for kernel in kernels:
        bound = np.prod(kernel.shape[:-1]) ** -0.5
        assert 0.9 * bound < np.abs(kernel).max() <= bound * (1 + 1e-6)
        deviation = bound / np.sqrt(3)
        few = 4 / np.sqrt(kernel.numpy().size)
        assert np.std(kernel) == pytest.approx(deviation, rel=few)
    alike = [k.numpy() for k in kernels if k.shape == (3, 3, 128, 128)]
    assert len({one.tobytes() for one in alike}) == len(alike) > 10


@pytest.fixture(scope="module")
def nets():
    """MNIST's, small; biases and averages too are away from where they start."""
    nets = small()
    rng = np.random.default_rng(1)
    for net in nets:
        net.set_weights([w + rng.normal(0, 0.1, w.shape) for w in net.get_weights()])
    return nets


def test_the_tables_count_these_weights(full):
    assert {name: trained(net) for name, net in full._asdict().items()} == TABLES
    assert [net.name for net in full] == list(TABLES)
    # 128 numbers of noise for each pixel of 16 x 16, then 8 x 8, and map.
    noise = [layer.kernel.shape for layer in injections(full.encoder)]
    assert noise == [(128, 16 * 16 * 128), (128, 8 * 8 * 128)]
    assert not any(injections(net) for net in full[1:])
    assert full.critic_pair.get_layer("features").output.shape == (None, 1, 2, 128)


def test_shapes(full):
    assert full.encoder.output_shape == (None, 128)
    assert full.generator.output_shape == (None, 32, 32, 3)
    names = [[i.name for i in net.inputs] for net in full]
    assert names == [["x"], ["z"], ["x"], ["x", "z", "y"], ["x", "z"]]
    assert [net.output_shape for net in full[2:]] == [(None, 1)] * 3


def test_noise_of_the_critics_has_the_weights_that_are_not_counted(full):
    noisy = small("cifar10", latent_dim=128, width=1.0, critic_noise=True)
    noise = 129 * 128 * (16 * 16 + 8 * 8)
    more = [trained(a) - trained(b) for a, b in zip(noisy, full, strict=True)]
    assert more == [0, 0, noise, 2 * noise, 0]


def test_others_nets_are_the_same_tables():
    pairs = ks.networks.resnet_cifar10()
    noise, linear = 129 * 128 * (16 * 16 + 8 * 8), dense(512, 128)
    assert trained(pairs.encoder) == TABLES["encoder"] - noise + linear
    assert trained(pairs.decoder) == TABLES["generator"]
    assert trained(pairs.critic) == TABLES["critic_code"]
    assert [net.name for net in pairs] == ["encoder", "decoder", "critic"]
    alone = ks.networks.resnet_cifar10(
        64, "implicit", ks.distributions.Laplace("learned"), joint=False
    )
    assert trained(alone.encoder) == TABLES["encoder"] - 64 * 513
    assert trained(alone.decoder) == (
        TABLES["generator"] - 64 * 2048 + conv(128, 3, 3)  # a scale beside each mean
    )
    assert trained(alone.critic) == TABLES["critic_x"]
    assert trained(ks.networks.critic_code(32)) == (
        dense(32, 512) + dense(512, 256) + dense(256, 1)
    )


def test_larger_images_have_one_more_block_and_else_the_tables_sizes():
    m, n = 4, 2  # maps of the blocks, and of f_zeta's first convolutions
    nets, tables = small("tiny_imagenet"), small("cifar10")
    more = [trained(a) - trained(b) for a, b in zip(nets, tables, strict=True)]
    block = conv(3, m, 3) + conv(3, m, 1) + conv(m, m, 3)
    # The table's first block reads maps now, not the image.
    block += (m - 3) * m * (9 + 1)
    assert more == [block, 2 * (9 * m * m + 2 * m), block, block, conv(n, n, 4)]
    assert nets.generator.output_shape == (None, 64, 64, 3)
    noise = [[i.kernel.shape for i in injections(a.encoder)] for a in (nets, tables)]
    assert noise[0] == noise[1] == [(128, 16 * 16 * m), (128, 8 * 8 * m)]


def test_mnist_goes_from_28_to_7_and_back(nets):
    m = 4
    blocks = conv(1, m, 3) + conv(1, m, 1) + 7 * conv(m, m, 3) + conv(m, m, 1)
    noise = 129 * m * (14 * 14 + 7 * 7)
    assert trained(nets.encoder) == (
        blocks + 2 * conv(m, m, 1) + noise + dense(2 * 2 * m, CODE)
    )
    assert trained(nets.generator) == (
        dense(CODE, 7 * 7 * m)
        + 2 * (2 * 9 * m * m + 2 * 2 * m)
        + (2 * m + conv(m, 1, 3))
    )
    assert trained(nets.critic_x) == blocks + dense(m, 1)
    assert trained(nets.critic_pair) == blocks + dense(2 * m + CODE, 1)
    assert trained(nets.critic_code) == (
        conv(1, 2, 4)
        + conv(2, 4, 4)
        + dense(7 * 7 * 4 + CODE, 16)
        + dense(16, 8)
        + dense(8, 1)
    )
    assert nets.generator.output_shape == (None, 28, 28, 1)


def filtered(x, layer, stride=1):
    kernel, *bias = layer.get_weights()
    return tf.nn.conv2d(x, kernel, stride, "SAME") + sum(bias)


@pytest.mark.parametrize(("stride", "first"), [(1, False), (2, False), (2, True)])
def test_a_block_is_pre_activated_and_adds_to_what_it_was_given(stride, first):
    channels = 3 if first else 4
    x = np.random.default_rng(0).normal(size=(2, 6, 6, channels)).astype("f")
    inputs = keras.Input(x.shape[1:])
    net = keras.Model(inputs, down_block(inputs, 4, stride, first=first))
    net.set_weights([w + 0.1 for w in net.get_weights()])
    kernels = [one for one in net.layers if isinstance(one, keras.layers.Conv2D)]
    shortcut = [one for one in kernels if one.kernel_size == (1, 1)]
    one, two = (one for one in kernels if one.kernel_size == (3, 3))
    h = filtered(x if first else tf.nn.relu(x), one, stride)
    h = filtered(tf.nn.relu(h), two)
    assert len(shortcut) == (stride == 2)
    kept = filtered(x, shortcut[0], stride) if shortcut else x
    np.testing.assert_allclose(net(x), kept + h, rtol=1e-4, atol=1e-5)


def test_an_up_block_doubles_pixels_before_it_filters_them():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("f")
    inputs = keras.Input(x.shape[1:])
    net = keras.Model(inputs, up_block(inputs))
    rng = np.random.default_rng(1)
    net.set_weights([rng.uniform(0.1, 1, w.shape) for w in net.get_weights()])
    kernels = [one for one in net.layers if isinstance(one, keras.layers.Conv2D)]
    norms = [o for o in net.layers if isinstance(o, keras.layers.BatchNormalization)]

    def normalised_relu(x, layer):
        gamma, beta, mean, variance = layer.get_weights()
        scale = gamma / np.sqrt(variance + layer.epsilon)
        return tf.nn.relu((x - mean) * scale + beta)

    def doubled(x):
        return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)

    h = filtered(doubled(normalised_relu(x, norms[0])), kernels[0])
    h = filtered(normalised_relu(h, norms[1]), kernels[1])
    np.testing.assert_allclose(net(x), doubled(x) + h, rtol=1e-4, atol=1e-4)


def test_noise_makes_the_encoder_implicit(nets):
    x, *_ = data()
    x = np.repeat(x[:1], 3, axis=0)
    codes = []
    for key in (1, 1, 2):
        with ks.noise.scope(key):
            codes.append(np.asarray(nets.encoder(x)))
    np.testing.assert_array_equal(codes[0], codes[1])
    assert np.abs(codes[0] - codes[2]).min() > 1e-3
    # Each example its own, and all of the code's dimensions by themselves.
    assert np.abs(codes[0] - codes[0][::-1])[[0, 2]].min() > 1e-3
    with ks.noise.scope(3):
        many = np.asarray(nets.encoder(np.repeat(x[:1], 200, axis=0)))
    assert np.linalg.matrix_rank(np.cov(many.T), tol=1e-3) == CODE
    fed = ks.networks.layers.noise_layers
    assert [len(fed(net)) for net in nets] == [2, 0, 0, 0, 0]
    gaussian, implicit = (
        small("mnist", "resnet", posterior=law) for law in ("gaussian", "implicit")
    )
    assert [len(fed(gaussian.encoder)), len(fed(implicit.encoder))] == [0, 2]


def test_critic_of_triples_tells_the_images_apart_and_adds_the_code(nets):
    x, z, y = data()
    for f in (nets.critic_pair, small(stack="channels").critic_pair):
        for other in ([y, z, x], [x, z, x], [y, z, y]):
            assert np.abs(f([x, z, y]) - f(other)).min() > 1e-5
        *_, w = (v.numpy()[-CODE:] for v in f.weights[:-1])
        np.testing.assert_allclose(
            f([x, z, y]) - f([x, 0 * z, y]), z @ w, rtol=1e-3, atol=1e-4
        )


def test_every_weight_gets_a_gradient(nets):
    x, z, y = data()
    read = [x, z, x, [x, z, y], [x, z]]
    for net, given in zip(nets, read, strict=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(net(given, training=True) - 1))
        variables = net.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            assert gradient is not None and np.abs(gradient).max() > 0, variable.path


def test_saved_nets_give_the_same_outputs(nets, tmp_path):
    x, *_ = data()
    nets.encoder.save(tmp_path / "encoder.keras")
    same = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
    with ks.noise.scope(1):
        before = nets.encoder(x)
    with ks.noise.scope(1):
        np.testing.assert_array_equal(same(x), before)


def test_bfloat16_computes_hidden_layers_and_gives_float32():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        nets = small()
    finally:
        keras.config.set_dtype_policy(policy)
    x, z, y = data()
    assert injections(nets.encoder)[0].output.dtype == "bfloat16"
    for net, given in zip(nets, [x, z, x, [x, z, y], [x, z]], strict=True):
        output = net(given)
        assert output.dtype == "float32"
        assert np.isfinite(output).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"latent_dim": 0}, "Expected latent_dim to be an integer >= 1; received: lat"),
        ({"width": 0}, r"Expected width in \(0, 4\]; received: width=0"),
        ({"noise_dim": 0}, "Expected noise_dim to be .*; received: noise_dim=0"),
        ({"stack": "depth"}, "Expected stack .*'channels'.*received: stack='depth'"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        small(**given)


def test_bad_laws():
    with pytest.raises(ValueError, match="Expected posterior to be .*'gausian'"):
        small("mnist", "resnet", posterior="gausian")
    with pytest.raises(ValueError, match="Expected likelihood to be .*'poisson'"):
        small("mnist", "resnet", likelihood="poisson")
