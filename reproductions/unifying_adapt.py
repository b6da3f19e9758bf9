"""Domain adaptation, (18) and (19): MNIST to MNIST with its colours shifted.

    python -m reproductions.unifying adapt --out runs/unifying-adapt

The target is made from MNIST as MNIST-M is (Ganin et al., 2016), x' = |b - x|, but for
the backgrounds b: smooth random fields of colour, where MNIST-M has patches of
photographs. Its training images come without labels, and are other digits than the
source's. Each seed has a run with the adversary and one without it (lam = 0).
"""

import argparse

ABOUT = "domain adaptation with and without the adversary, many seeds"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The experiment's options."""
    parser.add_argument(
        "--out", default="runs/unifying-adapt", help="folder of the runs [%(default)s]"
    )


def main(given: argparse.Namespace) -> None:
    """Runs what is missing, then writes `adapt.json`."""
    raise ValueError("Expected the adversary's model; received: none yet")
