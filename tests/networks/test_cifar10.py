"""Table 5, with 32 -> 16 -> 8 -> 4 -> 2 pixels a side."""

import keras_svae as ks

# Weights and biases of a convolution, and 4 numbers of batch normalization.


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs + outputs + 4 * outputs


def test_counts():
    nets = ks.networks.cifar10(latent_dim=256, posterior="implicit", noise=True)
    assert nets.encoder.count_params() == (
        conv(5, 3 + 1, 32)  # a channel of noise
        + conv(5, 32, 64)
        + conv(5, 64, 128)
        + conv(5, 128, 256)
        + (2 * 2 * 256 * 512 + 512)
        + (512 * 256 + 256)
    )
    assert nets.decoder.count_params() == (
        ((256 + 20) * 8192 + 8192 + 4 * 8192)  # 20 of noise
        + conv(5, 512, 256)
        + conv(5, 256, 128)
        + (5 * 5 * 128 * 3 + 3)
    )
    assert nets.critic.count_params() == (
        conv(5, 3, 64)
        + conv(5, 64, 128)
        + conv(5, 128, 256)
        + conv(5, 256, 512)
        + (256 * 512 + 512)  # z
        + (512 + 512 + 1)
    )


def test_is_table_5(outline):
    nets = ks.networks.cifar10(latent_dim=256, posterior="implicit", noise=True)
    assert outline(nets.encoder) == (
        "noise | "
        + "".join(f"conv5 {n} /2 | leaky_relu | bn | " for n in (32, 64, 128, 256))
        + "flatten | dense 512 | leaky_relu | dense 256"
    )
    assert outline(nets.decoder) == (
        "noise | dense 8192 | leaky_relu | bn | reshape"
        " | deconv5 256 /2 | relu | bn | deconv5 128 /2 | relu | bn | deconv5 3 /2"
    )
    # Keras lists the branch of z beside the last layers of the branch of x.
    assert outline(nets.critic) == (
        "".join(f"conv5 {n} /2 | relu | bn | " for n in (64, 128, 256))
        + "conv5 512 /2 | relu | bn | dense 512 | mean | relu | concat | dense 1"
    )
