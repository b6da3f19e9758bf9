"""Other methods' networks from the blocks of lambda-IJAE, for comparisons with it."""

from typing import Any

import keras

from keras_svae import arguments
from keras_svae.distributions import Law
from keras_svae.networks.checks import check_width
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks, critic_model
from keras_svae.networks.residual import NOISE, ResNets, dense_blocks

__all__ = [
    "critic_code",
    "resnet",
    "resnet_cifar10",
    "resnet_mnist",
    "resnet_tiny_imagenet",
]


def resnet(
    latent_dim: int = 128,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "gaussian",
    *,
    shape: tuple[int, int, int] = (32, 32, 3),
    joint: bool = True,
    noise: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 32, 32, 3): `ijae_tables` for other methods.

    Also `resnet_cifar10`.

    The encoder is that of table 3, without its noise if the posterior draws by itself.
    The decoder is the generator of table 4. The critic of pairs is f_zeta of table 7,
    the critic of x is f_psi of table 5. For a critic of codes alone see `critic_code`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1], as the paper has them,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`, say.
        shape: See `ijae_tables`.
        joint: Whether the critic reads [x, z], or x alone.
        noise: Whether noise is injected into the encoder. None: if the posterior draws
            nothing by itself ("implicit", or a law with `draw="mean"`).
        width: See `ijae_tables`.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.

    Example:
        encoder, decoder, critic = ks.networks.resnet_cifar10(latent_dim=128)
        encoder.output_shape                     # (None, 256)
    """
    options = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        joint=joint,
        noise=noise,
        noise_dims=(NOISE, 0),
    )
    nets = ResNets(options, shape, width)
    critic = nets.critic_of_pairs if joint else nets.critic_of_x
    return Networks(nets.encoder(), nets.generator("decoder"), critic("critic"))


# By the name of the paper's data set.
resnet_cifar10 = resnet


def resnet_tiny_imagenet(
    latent_dim: int = 128,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "gaussian",
    **options: Any,
) -> Networks:
    """`resnet` for images (batch, 64, 64, 3): those of `ijae_tiny_imagenet`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `resnet`.
        **options: See `resnet`.
    """
    return resnet(latent_dim, posterior, likelihood, shape=(64, 64, 3), **options)


def resnet_mnist(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    **options: Any,
) -> Networks:
    """`resnet` for images (batch, 28, 28, 1): those of `ijae_mnist`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        **options: See `resnet`.
    """
    return resnet(latent_dim, posterior, likelihood, shape=(28, 28, 1), **options)


def critic_code(latent_dim: int = 128, *, width: float = 1.0) -> keras.Model:
    """A critic of codes alone, for WAE or AlphaGAN: table 7 without its image.

    Args:
        latent_dim: The code's dimension.
        width: See `ijae_tables`.

    Returns:
        z -> (batch, 1), unbounded: linear 512 and 256, leaky ReLU .2 after each, and
        a linear layer. Weights start from Xavier, as those of most networks that it
        goes with.

    Raises:
        ValueError: For a value out of its range.
    """
    latent_dim = arguments.integer("latent_dim", latent_dim, at_least=1)
    check_width(width)
    z = keras.Input((latent_dim,), name="z")
    h = dense_blocks(z, width, start=keras.initializers.GlorotUniform)
    return critic_model(z, h, kernel=keras.initializers.GlorotUniform())


code_critic = critic_code  # the name that it had before
