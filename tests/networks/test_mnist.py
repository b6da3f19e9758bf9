"""Table 3, with 28 -> 14 -> 7 -> 4 pixels a side under "same" padding."""

import keras_svae as ks

# A convolution has kernel * kernel * in * out weights and `out` biases; batch
# normalization has 4 numbers per channel or unit, of which 2 are trained.


def test_counts():
    nets = ks.networks.mnist(latent_dim=32)
    assert nets.encoder.count_params() == (
        (5 * 5 * 1 * 16 + 16)
        + 4 * 16
        + (5 * 5 * 16 * 32 + 32)
        + 4 * 32
        + (7 * 7 * 32 * 784 + 784)
        + 4 * 784
        + (784 * 64 + 64)  # location and scale of 32
    )
    assert nets.decoder.count_params() == (
        (32 * 1024 + 1024)
        + 4 * 1024
        + (1024 * 3136 + 3136)
        + 4 * 3136
        + (5 * 5 * 64 * 64 + 64)
        + 4 * 64
        + (5 * 5 * 64 * 1 + 1)
    )
    assert nets.critic.count_params() == (
        (5 * 5 * 1 * 32 + 32)
        + 4 * 32
        + (5 * 5 * 32 * 64 + 64)
        + 4 * 64
        + (5 * 5 * 64 * 128 + 128)
        + 4 * 128
        + (32 * 1024 + 1024)  # z
        + (4 * 4 * 128 + 1024 + 1)
    )


def test_counts_of_what_is_trained():
    nets = ks.networks.mnist()
    moving = [2 * (16 + 32 + 784), 2 * (1024 + 3136 + 64), 2 * (32 + 64 + 128)]
    for net, number in zip(nets, moving, strict=True):
        assert sum(v.shape.num_elements() for v in net.non_trainable_variables) == (
            number
        )


def test_counts_of_other_laws():
    plain, other = (
        ks.networks.mnist(latent_dim=32),
        ks.networks.mnist(
            10, "implicit", ks.distributions.Gaussian("learned"), joint=False
        ),
    )
    # 22 codes fewer and one number each, but a channel of noise.
    assert plain.encoder.count_params() - other.encoder.count_params() == (
        (784 * 64 + 64) - (784 * 10 + 10) - 5 * 5 * 1 * 16
    )
    assert other.decoder.count_params() - plain.decoder.count_params() == (
        (5 * 5 * 64 * 1 + 1) - (32 - 10) * 1024
    )
    assert plain.critic.count_params() - other.critic.count_params() == (
        (32 * 1024 + 1024) + 1024
    )


def test_is_table_3(outline):
    nets = ks.networks.mnist(latent_dim=32)
    assert outline(nets.encoder) == (
        "conv5 16 /2 | relu | bn | conv5 32 /2 | relu | bn"
        " | flatten | dense 784 | relu | bn | dense 64"
    )
    assert outline(nets.decoder) == (
        "dense 1024 | relu | bn | dense 3136 | relu | bn | reshape"
        " | deconv5 64 /2 | relu | bn | deconv5 1 /2"
    )
    # Keras lists the branch of z beside the last layers of the branch of x.
    assert outline(nets.critic) == (
        "conv5 32 /2 | relu | bn | conv5 64 /2 | relu | bn | conv5 128 /2 | relu"
        " | bn | dense 1024 | flatten | relu | concat | dense 1"
    )


def test_counts_of_half_the_width():
    nets = ks.networks.mnist(latent_dim=32, width=0.5)
    assert nets.decoder.count_params() == (
        (32 * 512 + 512)
        + 4 * 512
        + (512 * 7 * 7 * 32 + 7 * 7 * 32)
        + 4 * 7 * 7 * 32
        + (5 * 5 * 32 * 32 + 32)
        + 4 * 32
        + (5 * 5 * 32 * 1 + 1)
    )
    hidden = [2 * (8 + 16 + 392), None, 2 * (16 + 32 + 64)]
    for net, number in zip(nets, hidden, strict=True):
        counted = sum(v.shape.num_elements() for v in net.non_trainable_variables)
        assert number in (None, counted)
