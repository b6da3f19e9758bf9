"""What a loss may return, and what its terms may be called."""

from typing import Any

from keras_svae.owners import owner_of, package_of
from keras_svae.telling import warn

__all__ = ["has_own_step", "observed", "own_name", "terms", "without_effect"]

# What the base class logs for each player, and what is said of it in an error.
_TAKEN = {
    "": "is the name of a loss that is no dictionary",
    "loss": "is the name of the sum of the terms",
    "regularization": "is the name of what layers and regularizers add",
}


def terms(player: str, loss) -> dict[str, Any]:
    """The terms of a player's loss by name; a loss that is no dictionary is named "".

    Args:
        player: The player's name.
        loss: What its loss returned.

    Raises:
        ValueError: For a dictionary without terms, or a name that no term can have.
    """
    if not isinstance(loss, dict):
        return {"": loss}
    if not loss:
        raise ValueError(
            f"Expected {player}_loss(draw) to return a term or a dictionary of terms; "
            "received: a dictionary without terms"
        )
    for name in loss:
        if not isinstance(name, str):
            raise ValueError(
                f"Expected texts as names of the terms of {player}_loss(draw); "
                f"received: {name!r}"
            )
        if name in _TAKEN:
            raise ValueError(
                f"Expected another name of a term of {player}_loss(draw); received: "
                f"{name!r}, which {_TAKEN[name]}"
            )
    return loss


def observed(found) -> dict[str, Any]:
    """What `observe` returned; raises unless it is a dictionary."""
    if not isinstance(found, dict):
        raise ValueError(
            "Expected observe(draw) to return a dictionary of terms; received: "
            f"{type(found).__name__}"
        )
    return found


def has_own_step(kind: type) -> bool:
    """Whether a class of the user's trains by a step of its own."""
    return _is_own(kind, "train_step")


def adds_columns(kind: type) -> bool:
    """Whether a class of the user's may put columns of its own into the log."""
    ways = ("train_step", "test_step", "evaluate", "get_metrics_result")
    return any(_is_own(kind, name) for name in ways)


def without_effect(kind: type) -> None:
    """Warns of what a class has for Keras's step, which the base class does not read.

    A class with a step of its own may read it there.
    """
    if has_own_step(kind):
        return
    for name in ("compute_loss", "compute_metrics", "metrics"):
        if _is_own(kind, name):
            place = "observe(draw)" if "metrics" in name else "NAME_loss(draw)"
            warn(
                f"Expected losses of {kind.__name__} in NAME_loss(draw) of its players,"
                f" and what else is logged in observe(draw); received: {name}, which "
                f"the step does not use. Put it into {place}, or give a function of "
                "your own another name."
            )


def _is_own(kind: type, name: str) -> bool:
    """Whether a class outside of Keras and this package defines an attribute."""
    return package_of(owner_of(kind, name)) not in ("keras", "keras_svae")


def own_name(name: str, owner: tuple[str, str], owners: dict) -> None:
    """Notes whose value is logged under a name; raises if another one's already is.

    Args:
        name: The name in the log.
        owner: The player and the term; no player for what is only logged, no term for
            the sum of a player's terms; a metric has neither.
        owners: The owners of the names so far. The new one is put in.
    """
    other = owners.setdefault(name, owner)
    if other != owner:
        raise ValueError(
            "Expected a name of its own for each value that is logged; received: "
            f"{name!r} for {_said(*other)} and for {_said(*owner)}"
        )


def _said(player: str, term: str) -> str:
    if not player and not term:
        return "a metric of the model or of a layer"
    if not player:
        return f"{term!r} of draw.log or observe(draw)"
    return (
        f"the term {term!r} of {player}_loss" if term else f"the sum of {player}_loss"
    )
