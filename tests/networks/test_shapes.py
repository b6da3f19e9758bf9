"""Images of other shapes than the papers': which work, and what is said of the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.ends import law_of

nets = ks.networks
D = 3  # the code's dimension
SMALL = {"width": 1 / 128}
WORKS = [
    (nets.svae_table3, (4, 12, 1), {}),
    (nets.svae_table3, (32, 32, 3), {}),
    (nets.svae_table4, (16, 48, 1), {}),
    (nets.svae_table4, (128, 128, 3), {}),
    (nets.svae_table5, (8, 24, 4), {}),
    (nets.svae_table5, (64, 64, 3), {}),
    (nets.aim_table3, (8, 12, 3), {"shared": False}),
    (nets.aim_table3, (32, 32, 1), {"joint": True}),
    (nets.aim_table4, (16, 48, 1), {"shared": False}),
    (nets.aim_table4, (128, 128, 3), {"joint": True}),
    (nets.resnet, (8, 12, 2), {}),
    (nets.resnet, (48, 40, 3), {}),
    (nets.resnet, (128, 64, 3), {"joint": False}),
    (nets.resnet, (256, 256, 1), {"joint": False}),
]
# From 8 to 256: both ends, odd sides, sides that differ, 1 to 4 channels.
DCGAN = [
    (8, 8, 1),
    (9, 15, 2),
    (8, 256, 1),
    (30, 30, 3),
    (37, 51, 4),
    (48, 48, 3),
    (100, 200, 1),
    (113, 127, 3),
    (256, 256, 3),
]
WORKS += [(nets.dcgan, shape, {"shared": False}) for shape in DCGAN]
WORKS += [(nets.dcgan, (37, 51, 4), {"joint": True})]


# The largest images, and every other of the rest.
SLOW = [one for i, one in enumerate(WORKS) if i % 2 or max(one[1]) > 100]
WORKS = [
    pytest.param(*one, marks=pytest.mark.slow if one in SLOW else []) for one in WORKS
]


def named(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("build", "shape", "more"), WORKS, ids=named)
def test_these_shapes_work(build, shape, more):
    made = build(D, "gaussian", "gaussian", shape=shape, **SMALL, **more)
    assert made.encoder.input_shape == (None, *shape)
    assert made.encoder.output_shape == (None, 2 * D)
    assert made.decoder.output_shape == (None, *shape)
    assert made.critic.output_shape == (None, 1)
    assert type(law_of(made.decoder)) is ks.distributions.Gaussian
    x, z = np.ones((1, *shape), "f"), np.ones((1, D), "f")
    assert made.decoder(z).shape == x.shape
    assert made.encoder(x).shape == (1, 2 * D)
    of_pairs = len(made.critic.inputs) == 2
    assert made.critic([x, z] if of_pairs else x).shape == (1, 1)


EVERY = "Expected shape .height, width, channels. with sides"
FOURS = "that are multiples of 4, of 8 where .* 32, of 16 above 64, of 32 above 128"


@pytest.mark.parametrize(
    ("build", "shape", "allowed", "nearest"),
    [
        (nets.svae_table3, (30, 41, 1), "that are multiples of 4, from 4", (32, 40, 1)),
        (nets.svae_table4, (48, 40, 3), "that are multiples of 16, from", (48, 32, 3)),
        (nets.svae_table5, (2, 33, 3), "that are multiples of 8, from 8", (8, 32, 3)),
        (nets.aim_table3, (4, 28, 1), "that are multiples of 4, from 8", (8, 28, 1)),
        (nets.aim_table4, (60, 64, 3), "that are multiples of 16, from", (64, 64, 3)),
        (nets.dcgan, (7, 300, 1), "from 8 to 256", (8, 256, 1)),
        (nets.resnet, (36, 36, 1), FOURS, (32, 32, 1)),
        (nets.ijae_tables, (8, 600, 3), FOURS, (32, 256, 3)),
        (nets.ijae_mnist_dense, (30, 28, 1), FOURS, (32, 28, 1)),
    ],
    ids=named,
)
def test_a_wrong_shape_says_what_is_allowed(build, shape, allowed, nearest):
    h, w, c = nearest
    message = (
        rf"{EVERY} .*{allowed}.* \(the nearest is \({h}, {w}, {c}\)\); received: shape"
    )
    with pytest.raises(ValueError, match=message):
        build(D, shape=shape)
    for none in ((28, 28), (28, 28, 0), 28, "28", (28.0, 28.0, 1), None):
        with pytest.raises(ValueError, match=f"{EVERY} .*received: shape="):
            build(D, shape=none)


def filters(network):
    return [one.filters for one in network.layers if hasattr(one, "filters")]


def test_large_images_do_not_get_more_maps_than_allowed():
    paper = [128, 256, 512, 1024]
    small = nets.dcgan(D, shape=(112, 112, 3), width=1 / 64)
    large = nets.dcgan(D, shape=(256, 256, 3), width=1 / 64)
    capped = nets.dcgan(D, shape=(256, 256, 3), width=1 / 64, max_maps=512)
    assert filters(small.critic) == [n // 64 for n in paper]
    assert filters(large.critic) == [n // 64 for n in (*paper, 2048, 2048)]
    assert filters(capped.critic) == [2, 4, 8, 8, 8, 8]
    assert filters(capped.decoder) == [8, 8, 8, 8, 4, 2, 3]
    with pytest.raises(ValueError, match="Expected max_maps .*received: max_maps=0"):
        nets.dcgan(D, max_maps=0)


def test_an_odd_side_is_cut_at_its_end_before_it_is_normalised():
    decoder = nets.dcgan(D, shape=(9, 15, 1), width=1 / 64).decoder
    outline = [type(layer).__name__ for layer in decoder.layers]
    # 9 x 15 comes from 5 x 8.
    assert outline[-2:] == ["Cropping2D", "RawOutput"]
    assert decoder.layers[-2].cropping == ((0, 1), (0, 1))
    deeper = nets.dcgan(D, shape=(30, 30, 1), width=1 / 64).decoder
    rows = [type(layer).__name__ for layer in deeper.layers]
    crop = rows.index("Cropping2D")
    assert rows[crop - 1 : crop + 2] == [
        "Conv2DTranspose",
        "Cropping2D",
        "BatchNormalization",
    ]
    assert deeper.layers[crop].output.shape == (None, 15, 15, 2)


def test_two_images_side_by_side_are_averaged_each_by_itself():
    made = nets.ijae_tables(D, shape=(16, 32, 3), **SMALL)
    assert made.critic_pair.get_layer("features").output.shape == (None, 1, 2, 1)
    channels = nets.ijae_tables(D, shape=(16, 32, 3), stack="channels", **SMALL)
    assert channels.critic_pair.get_layer("features").output.shape == (None, 1, 1, 1)
    assert made.generator.output_shape == (None, 16, 32, 3)


def test_data_sets_are_names_of_the_same_functions():
    assert nets.mnist is nets.svae_table3
    assert nets.celeba is nets.svae_table4
    assert nets.cifar10 is nets.svae_table5
    assert nets.aim_mnist is nets.aim_table3
    assert nets.aim_images is nets.aim_table4
    assert nets.ijae_cifar10 is nets.ijae_tables
    assert nets.resnet_cifar10 is nets.resnet


def test_every_weight_learns_at_odd_sides():
    shape = (15, 23, 1)
    made = nets.dcgan(D, shape=shape, joint=True, width=1 / 32)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *shape)).astype("f")
    z = rng.normal(size=(3, D)).astype("f")
    for net, given in zip(made, (x, z, [x, z]), strict=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(net(given, training=True) - x.mean()))
        variables = net.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            assert gradient is not None and np.abs(gradient).max() > 0, variable.path


def test_channels_first_are_refused():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels_last.*received: channels_first"):
            ks.networks.mnist(latent_dim=2, width=0.1)
    finally:
        keras.config.set_image_data_format(before)
