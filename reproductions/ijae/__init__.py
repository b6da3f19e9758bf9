"""Implicit lambda-Jeffreys Autoencoders: Taking the Best of Both Worlds.

IJAE, its explicit variants -L1 and -L2, and the methods beside them.
"""

from reproductions.ijae.draws import draws
from reproductions.ijae.figure1 import figure1
from reproductions.ijae.images import cifar10, mnist, tiny_imagenet
from reproductions.ijae.plane import plane

__all__ = ["cifar10", "draws", "figure1", "mnist", "plane", "tiny_imagenet"]
