"""AIM: Adversarial Inference by Matching Priors and Conditionals.

AIM, AIM-, and the methods beside them.
"""

from reproductions.aim.grid import grid25, ring8, table2
from reproductions.aim.images import celeba, cifar10, mnist, mnist2d

__all__ = ["celeba", "cifar10", "grid25", "mnist", "mnist2d", "ring8", "table2"]
