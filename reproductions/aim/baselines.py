"""The methods beside AIM: rows of its tables, and what each has of its own."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from reproductions import methods as of

__all__ = ["METHODS", "NAMES", "TABLE1", "TABLE2", "Row", "own"]

# WGAN-GP's penalty needs a critic that sees each example alone, and Unrolled GAN's
# look-ahead would change moving averages. So their critics have no batch norm.
NO_NORM = {"critic_batch_norm": False}


@dataclasses.dataclass(frozen=True)
class Row:
    """A method: a function of `reproductions/methods.py`, and its settings.

    Attributes:
        method: The function; its name is that of `--method`.
        tables: In which tables it is, unless --methods names others.
        settings: What it has of its own, of laws, of the method or of training.
        toy: Further ones of Gaussians in the plane.
        images: Further ones of images.
    """

    method: Callable
    tables: tuple[int, ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    toy: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    images: Mapping[str, Any] = dataclasses.field(default_factory=dict)


# Another baseline is another line.
ROWS = {
    "AIM": Row(of.aim, (1, 2)),
    "AIM-": Row(of.aim_minus, (1, 2), {"posterior": "unit_gaussian"}),
    "GAN": Row(of.gan, (1, 2)),
    "ALI": Row(of.ali, (1, 2)),
    # It has its own weight of codes, even if a budget gives AIM another one.
    "VEEGAN": Row(of.veegan, (2,), {"posterior": "implicit"}, {}, {"code_lam": 1.0}),
    "Unrolled GAN": Row(of.unrolled_gan, (2,), images=NO_NORM),
    "ALICE": Row(of.alice, (1,), {"lam": 1.0, "two_sided": False}),
    "WGAN-GP": Row(of.wgan_gp, settings={"critic_turns": 5}, images=NO_NORM),
    "VAE": Row(of.vae, toy={"likelihood": "learned_gaussian"}),
}
METHODS = tuple(row.method for row in ROWS.values())
NAMES = {row.method.__name__: name for name, row in ROWS.items()}
# The methods of a table, as --methods names them.
TABLE1, TABLE2 = (
    [row.method.__name__ for row in ROWS.values() if table in row.tables]
    for table in (1, 2)
)


def own(data: str) -> dict[str, dict[str, Any]]:
    """By method, its own settings on "toy" or on "images"."""
    return {
        one.method.__name__: {**one.settings, **getattr(one, data)}
        for one in ROWS.values()
    }
