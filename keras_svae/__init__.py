"""Symmetric variational autoencoders and the methods around them, as Keras models."""

from importlib.metadata import PackageNotFoundError, version

from keras_svae import (
    callbacks,
    data,
    distributions,
    evaluation,
    models,
    networks,
    noise,
    ratios,
)
from keras_svae.models import (
    ALI,
    ALICE,
    GAN,
    SVAE,
    VAE,
    WGANGP,
    Diverged,
    Game,
    Player,
)

try:
    __version__ = version("keras_svae")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "ALI",
    "ALICE",
    "GAN",
    "SVAE",
    "VAE",
    "WGANGP",
    "Diverged",
    "Game",
    "Player",
    "callbacks",
    "data",
    "distributions",
    "evaluation",
    "models",
    "networks",
    "noise",
    "ratios",
]
