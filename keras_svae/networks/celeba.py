"""Table 4 of the sVAE paper."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks import convolutional
from keras_svae.networks.base import Networks, Options

SHAPE = (64, 64, 3)


def celeba(
    latent_dim: int = 64,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    **options: Any,
) -> Networks:
    """Networks for images (batch, 64, 64, 3): table 4 of Chen et al. (2018).

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

    1. Noise is fed where the laws need it, by default not at all; `noise=True` is the
       table's. Its size and law are not given there: U(-1, 1), one channel beside the
       image and 20 dimensions beside z, as in the authors' released code. The decoder's
       column names the noise twice; it is concatenated once.
    2. The critic's "MLP 2046" is a misprint: 2048.
    3. The decoder's last BN, after the tanh, is left out: the outputs would not stay
       in the images' range. Both tanh are the laws'.
    4. The leaky ReLU's slope is not given: .2.
    5. The images' size is not given: 64 x 64, which four doublings of
       8192 = 4 x 4 x 512 make. Padding is "same".

    Args:
        latent_dim: The code's dimension; the authors' code has 64.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1] as in the table,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`.
        **options: See `Options`.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.celeba(posterior="implicit", noise=True)
        nets.encoder.output_shape                # (None, 64)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    encoder = convolutional.encoder(
        given,
        SHAPE,
        kernel=4,
        filters=(32, 64, 128, 256, 512),
        units=512,
        activation="leaky_relu",
        units_batch_norm=False,
    )
    decoder = convolutional.decoder(
        given,
        SHAPE,
        kernel=5,
        units=(1024,),
        start=(4, 4, 512),
        filters=(256, 128, 64),
        activation="leaky_relu",
        units_activation="leaky_relu",
    )
    critic = convolutional.critic(
        given, SHAPE, kernel=5, filters=(64, 128, 256, 512), units=2048
    )
    return Networks(encoder, decoder, critic)
