"""Adversarial Symmetric Variational Autoencoder.

Pu et al., 2017: AS-VAE, its halves AS-VAE-r and AS-VAE-g, and the methods beside them.
"""

from reproductions.as_vae.contrast import contrast
from reproductions.as_vae.images import cifar10, imagenet64, mnist
from reproductions.as_vae.table import table

__all__ = ["cifar10", "contrast", "imagenet64", "mnist", "table"]
