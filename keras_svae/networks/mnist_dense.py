"""Fully connected networks for MNIST."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks.base import Networks, Options
from keras_svae.networks.dense import dense


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
    defaults = {
        "noise_dims": (32, 32),
        "noise_law": "normal",
        "batch_norm": False,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
    }
    given = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        **defaults | options,
    )
    return dense(given, (28, 28, 1), units=units, depth=depth, activation=activation)
