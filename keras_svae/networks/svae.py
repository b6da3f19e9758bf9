"""Tables 3, 4 and 5 of the sVAE paper (Chen et al., 2018)."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks.checks import check_image
from keras_svae.networks.convolutional import ConvNets
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks

__all__ = ["celeba", "cifar10", "mnist", "svae_table3", "svae_table4", "svae_table5"]


def svae_table3(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    width: float = 1.0,
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    **options: Any,
) -> Networks:
    """Networks for images (batch, 28, 28, 1), MNIST: sVAE's table 3. Also `mnist`.

    The table; convolutions have stride 2::

        encoder               decoder                critic
        28x28 gray image      z                      two 28x28 gray images
        5x5 conv 16 ReLU, BN  MLP 1024, BN           5x5 conv 32 ReLU, BN
        5x5 conv 32 ReLU, BN  MLP 3136, BN           5x5 conv 64 ReLU, BN
        MLP 784, BN           5x5 deconv 64 ReLU, BN 5x5 conv 128 ReLU, BN
        MLP dim of z          5x5 deconv 1 ReLU,     z: MLP 1024, ReLU
                              sigmoid                MLP 1

    Differences from the table:

    1. The critic's input "two 28x28 gray images" is taken as one image and the code z:
       x through the convolutions, z through the MLP 1024, the features concatenated.
    2. "MLP 784, BN", "MLP 1024, BN" and "MLP 3136, BN" have no activation there: a ReLU
       is put before BN, as in the other rows; else stacked layers would be one linear
       map.
    3. The decoder's last ReLU, before the sigmoid, is left out: with it no pixel could
       be below one half. The law applies the sigmoid.
    4. Padding is "same"; the table does not say it. It takes 28 to 14, 7 and, in the
       critic, 4, and the decoder from 3136 = 7 x 7 x 64 back to 28.
    5. The table gives no dimension of z: 32.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        width: Factor of all hidden layers' sizes, in (0, 4], for a smaller budget; 1 is
            the table's.
        shape: The shape of an image, (height, width, channels). The decoder doubles its
            first maps twice, so both sides are multiples of 4, from 4 on. "MLP 3136"
            has height / 4 x width / 4 x 64 units.
        **options: See `Options`. With sVAE-r on a Gaussian posterior, a setting that
            learns is critic_batch_norm=False, critic_activation="leaky_relu".

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.
        TypeError: For an unknown option.

    Example:
        encoder, decoder, critic = ks.networks.mnist(latent_dim=32)
        encoder.output_shape, decoder.output_shape     # (None, 64), (None, 28, 28, 1)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    nets = ConvNets(given, check_image(shape, step=4), width)
    return Networks(
        nets.encoder(
            kernel=5,
            filters=(16, 32),
            units=784,
            activation="relu",
            units_batch_norm=True,
        ),
        nets.decoder(
            kernel=5,
            units=(1024,),
            filters=(64, 64),
            activation="relu",
            units_activation="relu",
        ),
        nets.critic(kernel=5, filters=(32, 64, 128), units=1024),
    )


def svae_table4(
    latent_dim: int = 64,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    width: float = 1.0,
    *,
    shape: tuple[int, int, int] = (64, 64, 3),
    **options: Any,
) -> Networks:
    """Networks for images (batch, 64, 64, 3), CelebA: sVAE's table 4. Also `celeba`.

    The table; convolutions have stride 2, lReLU is the leaky ReLU::

        encoder                 decoder                  critic
        image, noise            z, noise                 image
        4x4 conv 32 lReLU, BN   MLP 1024, lReLU, BN      5x5 conv 64 ReLU, BN
        4x4 conv 64 lReLU, BN   MLP 8192, lReLU, BN      5x5 conv 128 ReLU, BN
        4x4 conv 128 lReLU, BN  5x5 deconv 256 lReLU, BN 5x5 conv 256 ReLU, BN
        4x4 conv 256 lReLU, BN  5x5 deconv 128 lReLU, BN 5x5 conv 512 ReLU, BN
        4x4 conv 512 lReLU, BN  5x5 deconv 64 lReLU, BN  z: MLP 2046, ReLU
        MLP 512, lReLU          5x5 deconv 3 tanh, BN    concatenate x's and z's
        MLP dim of z, tanh                               MLP 1

    Differences from the table:

    1. Noise is fed only if the laws need it, by default never; `noise=True` is the
       table's. The table gives neither its size nor its law: U(-1, 1), one channel
       beside the image and 20 dimensions beside z, as in the authors' released code.
       The decoder's column names the noise twice; it is concatenated once.
    2. The critic's "MLP 2046" is a misprint: 2048.
    3. The decoder's last BN, after the tanh, is left out: with it the outputs would
       leave the images' range. The laws apply both tanh.
    4. The table gives no slope of the leaky ReLU: .2.
    5. The table gives no size of the images: 64 x 64, which four doublings of
       8192 = 4 x 4 x 512 make. Padding is "same".

    Args:
        latent_dim: The code's dimension; the authors' code has 64.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1] as in the table,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`.
        width: See `svae_table3`.
        shape: The shape of an image, (height, width, channels). The decoder doubles its
            first maps four times, so both sides are multiples of 16, from 16 on. "MLP
            8192" has height / 16 x width / 16 x 512 units.
        **options: See `Options`.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.celeba(posterior="implicit", noise=True)
        nets.encoder.output_shape                # (None, 64)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    nets = ConvNets(given, check_image(shape, step=16), width)
    return Networks(
        nets.encoder(
            kernel=4,
            filters=(32, 64, 128, 256, 512),
            units=512,
            activation="leaky_relu",
            units_batch_norm=False,
        ),
        nets.decoder(
            kernel=5,
            units=(1024,),
            filters=(512, 256, 128, 64),
            activation="leaky_relu",
            units_activation="leaky_relu",
        ),
        nets.critic(kernel=5, filters=(64, 128, 256, 512), units=2048),
    )


def svae_table5(
    latent_dim: int = 256,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    width: float = 1.0,
    *,
    shape: tuple[int, int, int] = (32, 32, 3),
    **options: Any,
) -> Networks:
    """Networks for images (batch, 32, 32, 3), CIFAR-10: sVAE's table 5. Also `cifar10`.

    The table; convolutions have stride 2, lReLU is the leaky ReLU::

        encoder                 decoder                 critic
        image, noise            z, noise                image
        5x5 conv 32 lReLU, BN   MLP 8192, lReLU, BN     5x5 conv 64 ReLU, BN
        5x5 conv 64 lReLU, BN   5x5 deconv 256 ReLU, BN 5x5 conv 128 ReLU, BN
        5x5 conv 128 lReLU, BN  5x5 deconv 128 ReLU, BN 5x5 conv 256 ReLU, BN
        5x5 conv 256 lReLU, BN  5x5 deconv 3 tanh       5x5 conv 512 ReLU, BN,
        MLP 512, lReLU                                  average pooling
        MLP dim of z, tanh                              z: MLP 512, ReLU
                                                        concatenate x's and z's
                                                        MLP 1

    Differences from the table:

    1. Noise is fed only if the laws need it, by default never; `noise=True` is the
       table's. The table gives neither its size nor its law: U(-1, 1), one channel
       beside the image and 20 dimensions beside z, as in the authors' released code.
    2. The laws apply both tanh.
    3. The decoder's "MP output 8192" is a misprint of MLP; 8192 = 4 x 4 x 512.
    4. The table gives no window of the average pooling: it is the whole 2 x 2 map.
       This leaves 512 features beside z's 512.
    5. The table gives no slope of the leaky ReLU: .2. Padding is "same".
    6. The caption's "Dim denotes the number of attributes" has no row; there are none.

    Args:
        latent_dim: The code's dimension; the authors' code has 256.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1] as in the table,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`.
        width: See `svae_table3`.
        shape: The shape of an image, (height, width, channels). The decoder doubles its
            first maps three times, so both sides are multiples of 8, from 8 on. "MLP
            8192" has height / 8 x width / 8 x 512 units.
        **options: See `Options`.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.cifar10(posterior="implicit", noise=True)
        nets.encoder.output_shape                # (None, 256)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    nets = ConvNets(given, check_image(shape, step=8), width)
    return Networks(
        nets.encoder(
            kernel=5,
            filters=(32, 64, 128, 256),
            units=512,
            activation="leaky_relu",
            units_batch_norm=False,
        ),
        nets.decoder(
            kernel=5,
            units=(),
            filters=(512, 256, 128),
            activation="relu",
            units_activation="leaky_relu",
        ),
        nets.critic(kernel=5, filters=(64, 128, 256, 512), units=512, average=True),
    )


# The tables by the names of their data sets.
mnist, celeba, cifar10 = svae_table3, svae_table4, svae_table5
