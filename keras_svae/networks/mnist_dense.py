"""Fully connected networks for MNIST."""

from typing import Any

import keras

from keras_svae.distributions import Law
from keras_svae.networks.base import Networks, Options
from keras_svae.networks.dense import DenseNets, dense
from keras_svae.networks.ijae import IJAENetworks
from keras_svae.networks.residual import ResNets

__all__ = ["ijae_mnist_dense", "mnist_dense"]

SHAPE = (28, 28, 1)
PAIR_WIDTH = 0.25
# Unlike `Options`'s own.
DEFAULTS = {
    "noise_dims": (32, 32),
    "noise_law": "normal",
    "batch_norm": False,
    "critic_batch_norm": False,
    "critic_activation": "leaky_relu",
}


def mnist_dense(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    *,
    units: int = 500,
    depth: int = 2,
    activation: str = "relu",
    **options: Any,
) -> Networks:
    """Small networks for images (batch, 28, 28, 1): no paper's, quick on a CPU.

    With the default arguments::

        encoder             decoder             critic
        x, flat (784)       z (latent_dim)      x, flat, and z, concatenated
        MLP 500, ReLU       MLP 500, ReLU       MLP 500, leaky ReLU
        MLP 500, ReLU       MLP 500, ReLU       MLP 500, leaky ReLU
        MLP, code           MLP 784, as 28x28   MLP 1

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        units: Of each hidden layer of the three networks, at least 1.
        depth: How many hidden layers each network has, at least 1.
        activation: Of encoder and decoder, the name of a Keras activation.
        **options: See `Options`. Unlike there, noise_dims=(32, 32), noise_law="normal",
            critic_activation="leaky_relu" and no batch normalization.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.
    """
    given = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        **DEFAULTS | options,
    )
    return dense(given, SHAPE, units=units, depth=depth, activation=activation)


def ijae_mnist_dense(
    latent_dim: int = 32,
    *,
    units: int = 500,
    depth: int = 2,
    activation: str = "relu",
    **options: Any,
) -> IJAENetworks:
    """`mnist_dense`'s networks for `IJAE`: an implicit encoder and three critics.

    f_psi and f_zeta are its critics of x and of pairs. f_tau has to see that y is a
    shifted x, which a fully connected layer learns slowly: x and y are the channels of
    one image, and it is a quarter of the width of table 7 of lambda-IJAE, that is
    4x4 conv 16 /2, 4x4 conv 32 /2, beside z, MLP 128, MLP 64, leaky ReLU .2.

    Args:
        latent_dim: The code's dimension.
        units: See `mnist_dense`.
        depth: See `mnist_dense`.
        activation: See `mnist_dense`.
        **options: See `mnist_dense`; the law of codes is given.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        model = ks.IJAE(*ks.networks.ijae_mnist_dense(latent_dim=16), lam=0.3)
    """
    given = Options.of(
        latent_dim=latent_dim,
        posterior="implicit",
        # `IJAE` has its own.
        likelihood=None,
        **DEFAULTS | options,
    )
    nets = DenseNets(given, SHAPE, units, depth, activation)
    pairs = ResNets(given, SHAPE, PAIR_WIDTH, keras.initializers.GlorotUniform)
    return IJAENetworks(
        nets.encoder(),
        nets.decoder("generator"),
        nets.critic(False, "critic_x"),
        pairs.critic_of_pairs("critic_pair", stacked=True),
        nets.critic(True, "critic_code"),
    )
