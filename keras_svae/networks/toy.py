"""Networks for mixtures in the plane."""

from typing import Any

from keras_svae.distributions import Law
from keras_svae.networks.base import Networks, Options
from keras_svae.networks.dense import dense


def toy(
    latent_dim: int = 2,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "gaussian",
    *,
    units: int = 256,
    depth: int = 2,
    activation: str = "relu",
    shared: bool = False,
    **options: Any,
) -> Networks:
    """Networks for points (batch, 2), as in ALICE's toy experiment (Li et al., 2017).

    That of section 6.1 of Chen et al. (2018) is "designed in the same manner", without
    a table of its own. With the default arguments::

        encoder           decoder           critic
        x (2)             z (latent_dim)    x and z, concatenated
        MLP 256, ReLU     MLP 256, ReLU     MLP 256, ReLU
        MLP 256, ReLU     MLP 256, ReLU     MLP 256, ReLU
        MLP, code         MLP 2             MLP 1

    Differences from ALICE's released code:

    1. There N(0, I_2) noise is concatenated to the inputs of encoder and decoder;
       here with `noise=True`, or for the encoder alone with `posterior="implicit"`.
       By default the posterior is explicit and draws by itself.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        units: Of each hidden layer of the three networks, at least 1.
        depth: How many hidden layers each network has, at least 1.
        activation: Name of a Keras activation, for the three networks.
        shared: Whether the encoder reads the critic's last hidden layer instead of x,
            as AIM's does, and has one hidden layer of its own; only with `joint=False`.
        **options: See `Options`. Unlike there, noise_law="normal",
            noise_dims=(2, 2), critic_activation=activation and no batch
            normalization.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.toy(posterior="implicit", noise=True)     # ALICE's
        nets.encoder.output_shape                                    # (None, 2)
    """
    defaults = {
        "noise_law": "normal",
        "noise_dims": (2, 2),
        "batch_norm": False,
        "critic_batch_norm": False,
        "critic_activation": activation,
    }
    given = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        **defaults | options,
    )
    shape = {"units": units, "depth": depth, "activation": activation}
    # Averages of .9 would wander with the batch by a grid25 component's sigma.
    return dense(given, (2,), shared=shared, momentum=0.99, **shape)
