"""What a step is given: a batch with the weights of its examples."""

from typing import Any, NamedTuple

__all__ = ["Fed", "Share"]


class Fed(NamedTuple):
    """A batch in the form that a step takes.

    Attributes:
        batch: What `Game.unpack` makes of the user's element.
        weight: Weights of the examples, float32 (batch,), or () if there are none.
    """

    batch: Any
    weight: Any = ()


class Share(NamedTuple):
    """The part of a `Fed` that is one replica's: TensorFlow has shared the batch."""

    batch: Any
    weight: Any = ()
