"""On Unifying Deep Generative Models.

Hu et al., 2018: GANs with weights, VAEs with an adversary, domain adaptation.
"""

from reproductions.unifying.adapt import adapt
from reproductions.unifying.gain import gain
from reproductions.unifying.images import cifar10, mnist, svhn
from reproductions.unifying.table import table
from reproductions.unifying.view import view

__all__ = ["adapt", "cifar10", "gain", "mnist", "svhn", "table", "view"]
