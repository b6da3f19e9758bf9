"""A side of the game."""

import dataclasses

__all__ = ["Player"]


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of the game.

    Attributes:
        networks: Names of the model's attributes whose weights it updates, separated by
            spaces. A player updates only the networks it names, though gradients flow
            through the others. A network that is None is skipped: a variant of the
            method does not use it.
        optimizer: Name of the argument of `compile` that gives its optimizer.
        turns: Updates per training step. Each uses a draw of its own.
    """

    networks: str
    optimizer: str = "optimizer"
    turns: int = 1
