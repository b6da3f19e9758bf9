"""Table 5 of the sVAE paper."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks import convolutional
from keras_svae.networks.base import Networks, Options

SHAPE = (32, 32, 3)


def cifar10(
    latent_dim: int = 256,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    **options: Any,
) -> Networks:
    """Networks for images (batch, 32, 32, 3): table 5 of Chen et al. (2018).

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

    1. Noise is fed where the laws need it, by default not at all; `noise=True` is the
       table's. Its size and law are not given there: U(-1, 1), one channel beside the
       image and 20 dimensions beside z, as in the authors' released code.
    2. Both tanh are the laws'.
    3. The decoder's "MP output 8192" is a misprint of MLP; 8192 = 4 x 4 x 512.
    4. The average pooling's window is not given: over the whole 2 x 2 maps, which
       leaves 512 features beside z's 512.
    5. The leaky ReLU's slope is not given: .2. Padding is "same".
    6. The caption's "Dim denotes the number of attributes" has no row; there are none.

    Args:
        latent_dim: The code's dimension; the authors' code has 256.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1] as in the table,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`.
        **options: See `Options`.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.cifar10(posterior="implicit", noise=True)
        nets.encoder.output_shape                # (None, 256)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    encoder = convolutional.encoder(
        given,
        SHAPE,
        kernel=5,
        filters=(32, 64, 128, 256),
        units=512,
        activation="leaky_relu",
        units_batch_norm=False,
    )
    decoder = convolutional.decoder(
        given,
        SHAPE,
        kernel=5,
        units=(),
        start=(4, 4, 512),
        filters=(256, 128),
        activation="relu",
        units_activation="leaky_relu",
    )
    critic = convolutional.critic(
        given, SHAPE, kernel=5, filters=(64, 128, 256, 512), units=512, average=True
    )
    return Networks(encoder, decoder, critic)
