"""Table 3 of the sVAE paper."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks import base, convolutional
from keras_svae.networks.base import Networks, Options

SHAPE = (28, 28, 1)


def mnist(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    width: float = 1.0,
    **options: Any,
) -> Networks:
    """Networks for images (batch, 28, 28, 1): table 3 of Chen et al. (2018).

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
    3. The decoder's last ReLU, before the sigmoid, is left out: no pixel could be
       below one half. The sigmoid is the law's.
    4. Padding is "same", which takes 28 to 14, 7 and, in the critic, 4, and the
       decoder from 3136 = 7 x 7 x 64 back to 28; the table does not say.
    5. The dimension of z is not given: 32.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        width: Factor of all hidden layers' sizes, for a smaller budget; 1 is the
            table's.
        **options: See `Options`. With sVAE-r on a Gaussian posterior, what was seen
            to learn is critic_batch_norm=False, critic_activation="leaky_relu".

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        encoder, decoder, critic = ks.networks.mnist(latent_dim=32)
        encoder.output_shape, decoder.output_shape     # (None, 64), (None, 28, 28, 1)
    """
    given = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, **options
    )
    base.check_width(width)

    def scaled(*sizes: int) -> tuple[int, ...]:
        return tuple(base.scaled(size, width) for size in sizes)

    encoder = convolutional.encoder(
        given,
        SHAPE,
        kernel=5,
        filters=scaled(16, 32),
        units=scaled(784)[0],
        activation="relu",
        units_batch_norm=True,
    )
    decoder = convolutional.decoder(
        given,
        SHAPE,
        kernel=5,
        units=scaled(1024),
        start=(7, 7, *scaled(64)),
        filters=scaled(64),
        activation="relu",
        units_activation="relu",
    )
    critic = convolutional.critic(
        given, SHAPE, kernel=5, filters=scaled(32, 64, 128), units=scaled(1024)[0]
    )
    return Networks(encoder, decoder, critic)
