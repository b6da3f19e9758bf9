"""AIM: Adversarial Inference by Matching Priors and Conditionals.

AIM, AIM-, and the methods beside them: a further one is a line of `ROWS` in
baselines.py, and a function in reproductions/methods.py if it is not there yet.
"""

from reproductions.aim.images import celeba, cifar10, mnist, mnist2d
from reproductions.aim.table1 import table1
from reproductions.aim.toy import grid25, ring8, table2

__all__ = [
    "celeba",
    "cifar10",
    "grid25",
    "mnist",
    "mnist2d",
    "ring8",
    "table1",
    "table2",
]
