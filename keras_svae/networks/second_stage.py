"""Networks for the second stage of a two-stage VAE (Dai & Wipf, 2019)."""

from typing import NamedTuple

import keras

from keras_svae import arguments

__all__ = ["SecondStage", "second_stage"]


class SecondStage(NamedTuple):
    """Two functional models, which unpack.

    Attributes:
        encoder: z -> raw output of a Gaussian q(u|z), (batch, 2 latent_dim).
        decoder: u (batch, latent_dim) -> z (batch, latent_dim).
    """

    encoder: keras.Model
    decoder: keras.Model


def second_stage(latent_dim: int, *, units: int = 1024, depth: int = 3) -> SecondStage:
    """Encoder and decoder of codes, for `TwoStageVAE`: u has z's dimension.

    Each has `depth` hidden layers with ReLU. The linear layer reads the last of these
    and the network's input, as in the authors' code.

    Args:
        latent_dim: The dimension of the first stage's code, at least 1.
        units: The units of each hidden layer, at least 1; 1024 in the authors' code.
        depth: How many hidden layers, at least 1; 3 in the authors' code.

    Raises:
        ValueError: For a value out of its range.
    """
    latent_dim = arguments.integer("latent_dim", latent_dim, at_least=1)
    units = arguments.integer("units", units, at_least=1)
    depth = arguments.integer("depth", depth, at_least=1)

    def network(outputs, name):
        inputs = x = keras.Input((latent_dim,))
        for _ in range(depth):
            x = keras.layers.Dense(units, activation="relu")(x)
        x = keras.layers.Concatenate()([inputs, x])
        return keras.Model(inputs, keras.layers.Dense(outputs)(x), name=name)

    return SecondStage(
        network(2 * latent_dim, "second_encoder"),
        network(latent_dim, "second_decoder"),
    )
