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
    AACVAE,
    AAVAE,
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
    AASemiSupervisedVAE,
    AdversarialVariationalBayes,
    Diverged,
    Game,
    Player,
    SemiSupervisedVAE,
    UnrolledGAN,
)

try:
    __version__ = version("keras_svae")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "AACVAE",
    "AAVAE",
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
    "AASemiSupervisedVAE",
    "AdversarialVariationalBayes",
    "Diverged",
    "Game",
    "Player",
    "SemiSupervisedVAE",
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
