"""Symmetric Variational Autoencoder and Connections to Adversarial Learning.

Chen et al., 2018: sVAE, sVAE-r, and the methods beside it.
"""

from reproductions.svae.images import celeba, cifar10, digits, mnist
from reproductions.svae.mnist_settings import mnist_settings
from reproductions.svae.saturation import saturation
from reproductions.svae.sweep import sweep
from reproductions.svae.table1 import table1
from reproductions.svae.toy import toy, toy_sample, toy_sweep

__all__ = [
    "celeba",
    "cifar10",
    "digits",
    "mnist",
    "mnist_settings",
    "saturation",
    "sweep",
    "table1",
    "toy",
    "toy_sample",
    "toy_sweep",
]
