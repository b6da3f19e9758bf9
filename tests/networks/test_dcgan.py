"""Tables 3 and 4 of AIM, and DCGAN: sizes by hand, from the tables."""

import keras
import numpy as np
import pytest

import keras_svae as ks

SMALL = 1 / 16


def conv(inside, outside, kernel, batch_norm=True):
    """Weights of a (transposed) convolution; 4 a map for batch normalisation."""
    return inside * outside * kernel**2 + outside + 4 * outside * batch_norm


def fc(inside, outside, batch_norm=True):
    return conv(inside, outside, 1, batch_norm)


def test_aim_mnist_has_the_sizes_of_table_3():
    encoder, decoder, critic = ks.networks.aim_mnist()
    assert decoder.count_params() == (
        fc(32, 1024) + fc(1024, 6272) + conv(128, 64, 4) + conv(64, 1, 4, False)
    )
    features = conv(1, 64, 4, False) + conv(64, 128, 4)
    assert critic.count_params() == (
        features + fc(6272, 1024) + fc(1024, 64, False) + fc(64, 1, False)
    )
    branch = fc(576, 32) + fc(32, 32, False)
    assert encoder.count_params() == conv(128, 64, 4) + 2 * branch
    assert critic.get_layer("features").output.shape == (None, 7, 7, 128)
    assert encoder.input_shape == (None, 7, 7, 128)
    assert encoder.output_shape == (None, 64)
    assert decoder.output_shape == (None, 28, 28, 1)


def test_aim_images_has_the_sizes_of_table_4():
    width = 1 / 8
    encoder, decoder, critic = ks.networks.aim_images(width=width)
    maps = [int(n * width) for n in (1024, 512, 256, 128)]
    expected = conv(64, maps[0], 4)
    expected += sum(conv(a, b, 4) for a, b in zip(maps, maps[1:], strict=False))
    assert decoder.count_params() == expected + conv(maps[-1], 3, 4, False)
    maps = maps[::-1]
    expected = conv(3, maps[0], 4, False)
    expected += sum(conv(a, b, 4) for a, b in zip(maps, maps[1:], strict=False))
    assert critic.count_params() == expected + conv(maps[-1], 1, 4, False)
    # The 64 before mean and scale are as wide as the code at any width.
    head = [*(int(n * width) for n in (512, 512, 256, 128)), 64]
    expected = conv(maps[-1], head[0], 4, False) + conv(head[0], head[1], 4)
    expected += conv(head[1], head[2], 2) + conv(head[2], head[3], 1)
    branch = fc(head[3], head[4]) + fc(head[4], 64, False)
    assert encoder.count_params() == expected + 2 * branch
    assert decoder.output_shape == (None, 64, 64, 3)


NETS = {
    "aim_mnist": (28, 28, 1),
    "aim_images": (64, 64, 3),
    "dcgan": (64, 64, 3),
}


@pytest.mark.parametrize(
    "name",
    ["aim_mnist", pytest.param("aim_images", marks=pytest.mark.slow), "dcgan"],
)
@pytest.mark.parametrize(("joint", "shared"), [(0, 1), (0, 0), (1, 0)])
def test_they_fit_together(name, joint, shared):
    build, shape = getattr(ks.networks, name), NETS[name]
    joint, shared = bool(joint), bool(shared)
    encoder, decoder, critic = build(5, joint=joint, shared=shared, width=SMALL)
    x, z = np.zeros((2, *shape), "f"), np.zeros((2, 5), "f")
    assert decoder(z).shape == (2, *shape)
    assert critic([x, z] if joint else x).shape == (2, 1)
    if shared:
        features = keras.Model(critic.inputs[0], critic.get_layer("features").output)
        assert encoder(features(x)).shape == (2, 10)
    else:
        assert encoder(x).shape == (2, 10)
    assert build(5, shared=None, joint=joint, width=SMALL).encoder.input_shape == (
        (None, *shape)
        if joint
        else (None, *critic.get_layer("features").output.shape[1:])
    )


def test_kernels_start_from_a_small_normal_and_biases_from_zero():
    keras.utils.set_random_seed(0)
    for net in ks.networks.aim_mnist(width=0.5):
        for variable in net.trainable_variables:
            if variable.name == "kernel":
                assert np.abs(variable.numpy().mean()) < 0.02
                if np.prod(variable.shape) > 500:
                    assert variable.numpy().std() == pytest.approx(0.02, rel=0.15)
            elif variable.name == "bias":
                assert not variable.numpy().any()


def test_slopes_of_the_leaky_relu():
    slopes = [
        {
            layer.negative_slope
            for layer in build(width=SMALL).critic.layers
            if isinstance(layer, keras.layers.LeakyReLU)
        }
        for build in (ks.networks.aim_mnist, ks.networks.aim_images)
    ]
    assert slopes == [{0.1}, {0.2}]


def test_bad_arguments():
    with pytest.raises(ValueError, match="Expected width in .*received: width=0"):
        ks.networks.aim_mnist(width=0)
    with pytest.raises(ValueError, match="Expected shared=False with joint=True"):
        ks.networks.aim_images(joint=True, shared=True)
    with pytest.raises(ValueError, match="Expected latent_dim"):
        ks.networks.dcgan(0)
    with pytest.raises(ValueError, match="Expected shared=True only with joint=False"):
        ks.networks.toy(shared=True)


def test_toy_shares_the_critics_last_hidden_layer():
    nets = ks.networks.toy(3, joint=False, shared=True, units=7, depth=2)
    assert nets.critic.get_layer("features").output.shape == (None, 7)
    assert nets.encoder.input_shape == (None, 7)
    assert nets.encoder.count_params() == 7 * 7 + 7 + 7 * 6 + 6
    assert nets.encoder.output_shape == (None, 6)


@pytest.mark.parametrize("name", NETS)
def test_the_discriminator_alone_may_do_without_batch_normalisation(name):
    nets = getattr(ks.networks, name)(4, width=SMALL, critic_batch_norm=False)
    assert not nets.critic.non_trainable_variables
    assert nets.decoder.non_trainable_variables
