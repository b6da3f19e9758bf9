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
    schedules,
)
from keras_svae.models import (
    AIM,
    ALI,
    ALICE,
    ASVAE,
    CGAN,
    CVAE,
    GAN,
    IJAE,
    IWCGAN,
    IWGAN,
    SVAE,
    VAE,
    VEEGAN,
    WGANGP,
    AdversarialVariationalBayes,
    Diverged,
    Game,
    Player,
    UnrolledGAN,
)

try:
    __version__ = version("keras_svae")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "AIM",
    "ALI",
    "ALICE",
    "ASVAE",
    "CGAN",
    "CVAE",
    "GAN",
    "IJAE",
    "IWCGAN",
    "IWGAN",
    "SVAE",
    "VAE",
    "VEEGAN",
    "WGANGP",
    "AdversarialVariationalBayes",
    "Diverged",
    "Game",
    "Player",
    "UnrolledGAN",
    "callbacks",
    "data",
    "distributions",
    "evaluation",
    "models",
    "networks",
    "noise",
    "ratios",
    "schedules",
]
