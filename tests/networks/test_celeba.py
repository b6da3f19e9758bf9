"""Table 4, with 64 -> 32 -> 16 -> 8 -> 4 -> 2 pixels a side."""

import keras_svae as ks

# Weights and biases of a convolution, and 4 numbers of batch normalization.


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs + outputs + 4 * outputs


def test_counts():
    nets = ks.networks.celeba(latent_dim=64, posterior="implicit", noise=True)
    assert nets.encoder.count_params() == (
        conv(4, 3 + 1, 32)  # a channel of noise
        + conv(4, 32, 64)
        + conv(4, 64, 128)
        + conv(4, 128, 256)
        + conv(4, 256, 512)
        + (2 * 2 * 512 * 512 + 512)
        + (512 * 64 + 64)
    )
    assert nets.decoder.count_params() == (
        ((64 + 20) * 1024 + 1024 + 4 * 1024)  # 20 of noise
        + (1024 * 8192 + 8192 + 4 * 8192)
        + conv(5, 512, 256)
        + conv(5, 256, 128)
        + conv(5, 128, 64)
        + (5 * 5 * 64 * 3 + 3)
    )
    assert nets.critic.count_params() == (
        conv(5, 3, 64)
        + conv(5, 64, 128)
        + conv(5, 128, 256)
        + conv(5, 256, 512)
        + (64 * 2048 + 2048)  # z
        + (4 * 4 * 512 + 2048 + 1)
    )


def test_noise_is_the_released_codes():
    nets = ks.networks.celeba(posterior="implicit", noise=True, critic_noise=True)
    dims = [
        [(layer.dim, layer.law) for layer in net.layers if hasattr(layer, "dim")]
        for net in nets
    ]
    image, code = (1, "uniform"), (20, "uniform")
    assert [dims[0], dims[1], sorted(dims[2])] == [[image], [code], [image, code]]


def test_is_table_4(outline):
    nets = ks.networks.celeba(latent_dim=64, posterior="implicit", noise=True)
    assert outline(nets.encoder) == (
        "noise | "
        + "".join(f"conv4 {n} /2 | leaky_relu | bn | " for n in (32, 64, 128, 256, 512))
        + "flatten | dense 512 | leaky_relu | dense 64"
    )
    assert outline(nets.decoder) == (
        "noise | dense 1024 | leaky_relu | bn | dense 8192 | leaky_relu | bn | reshape"
        + "".join(f" | deconv5 {n} /2 | leaky_relu | bn" for n in (256, 128, 64))
        + " | deconv5 3 /2"
    )
    # Keras lists the branch of z beside the last layers of the branch of x.
    assert outline(nets.critic) == (
        "".join(f"conv5 {n} /2 | relu | bn | " for n in (64, 128, 256))
        + "conv5 512 /2 | relu | bn | dense 2048 | flatten | relu | concat | dense 1"
    )
