"""Other methods' networks from the blocks of lambda-IJAE, for comparisons with it."""

import keras

from keras_svae.distributions import Law
from keras_svae.networks.base import Networks, Options
from keras_svae.networks.residual import NOISE, ResNets

__all__ = ["code_critic", "resnet_cifar10", "resnet_mnist", "resnet_tiny_imagenet"]


def resnet_cifar10(
    latent_dim: int = 128,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "gaussian",
    *,
    joint: bool = True,
    noise: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 32, 32, 3): those of `ijae_cifar10`, for others.

    The encoder is table 3's, without its noise where the posterior draws by itself; the
    decoder is the generator of table 4; the critic of pairs is f_zeta of table 7, the
    critic of x f_psi of table 5. For a critic of codes alone see `code_critic`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`. For images in [-1, 1], as the paper has them,
            `ks.distributions.Laplace(activation="tanh", draw="mean")`, say.
        joint: Whether the critic reads [x, z], or x alone.
        noise: Whether noise is injected into the encoder. None: where the posterior
            draws nothing by itself ("implicit", or a law with `draw="mean"`).
        width: See `ijae_cifar10`.

    Raises:
        ValueError: For a value out of its range.

    Example:
        encoder, decoder, critic = ks.networks.resnet_cifar10(latent_dim=128)
        encoder.output_shape                     # (None, 256)
    """
    shape = (32, 32, 3)
    return _three(shape, latent_dim, posterior, likelihood, joint, noise, width)


def resnet_tiny_imagenet(
    latent_dim: int = 128,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "gaussian",
    *,
    joint: bool = True,
    noise: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 64, 64, 3): those of `ijae_tiny_imagenet`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `resnet_cifar10`.
        joint: See `resnet_cifar10`.
        noise: See `resnet_cifar10`.
        width: See `ijae_cifar10`.

    Raises:
        ValueError: For a value out of its range.
    """
    shape = (64, 64, 3)
    return _three(shape, latent_dim, posterior, likelihood, joint, noise, width)


def resnet_mnist(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    *,
    joint: bool = True,
    noise: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 28, 28, 1): those of `ijae_mnist`.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        joint: See `resnet_cifar10`.
        noise: See `resnet_cifar10`.
        width: See `ijae_cifar10`.

    Raises:
        ValueError: For a value out of its range.
    """
    shape = (28, 28, 1)
    return _three(shape, latent_dim, posterior, likelihood, joint, noise, width)


def code_critic(latent_dim: int = 128, *, width: float = 1.0) -> keras.Model:
    """A critic of codes alone, for WAE or AlphaGAN: table 7 without its image.

    Args:
        latent_dim: The code's dimension.
        width: See `ijae_cifar10`.

    Returns:
        z -> (batch, 1), unbounded: linear 512 and 256, leaky ReLU .2 after each, and
        a linear layer. Weights start from Xavier, as those of most networks that it
        goes with.

    Raises:
        ValueError: For a value out of its range.
    """
    options = Options.of(latent_dim=latent_dim)
    nets = ResNets(options, (32, 32, 3), width, keras.initializers.GlorotUniform)
    return nets.critic_of_codes("critic")


def _three(shape, latent_dim, posterior, likelihood, joint, noise, width) -> Networks:
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
