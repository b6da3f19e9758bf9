"""What a step is given: a batch with the weights of its examples."""

from typing import Any, NamedTuple

__all__ = ["Fed", "Share", "of_one_batch"]


class Fed(NamedTuple):
    """A batch in the form that a step takes.

    Attributes:
        batch: What `UserData.unpack` makes of the user's element.
        weight: Weights of the examples, float32 (batch,), or () if there are none.
    """

    batch: Any
    weight: Any = ()


class Share(NamedTuple):
    """The part of a `Fed` that is one replica's: TensorFlow has shared the batch."""

    batch: Any
    weight: Any = ()


def of_one_batch(data):
    """Of the tuple in which Keras hands on a single batch, the `Fed` in it."""
    if isinstance(data, tuple) and data and isinstance(data[0], Fed):
        return data[0]
    return data
