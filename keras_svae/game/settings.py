"""Settings of a model, which its traced steps hold as constants."""

import numpy as np

__all__ = ["check", "of"]


def of(model) -> tuple[tuple[str, str], ...]:
    """The settings that may change while a model trains, in a form to be compared.

    These are the arguments of the constructor that the model keeps as plain values
    under their own names, as `model.lam`, and `turns`, `seed` and `play`.
    """
    names = {*vars(model)["_record"].arguments, "turns", "seed", "play"}
    found = {name: _plain(vars(model).get(name)) for name in sorted(names)}
    return tuple((name, repr(one)) for name, one in found.items() if one is not None)


def _plain(value):
    """A number, a text, or a tuple or dictionary of such; None for all else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (tuple, list)):
        parts = [_plain(one) for one in value]
        return None if None in parts else parts
    if isinstance(value, dict):
        parts = {name: _plain(one) for name, one in value.items()}
        return None if None in parts.values() else parts
    return value if isinstance(value, (bool, int, float, str)) else None


def check(model) -> None:
    """Raises a ValueError on a way to play that the model cannot have."""
    if model.play not in ("alternating", "simultaneous"):
        raise ValueError(
            "Expected play to be 'alternating' or 'simultaneous'; received: "
            f"play={model.play!r}"
        )
    bad = {name: n for name, n in model.turns.items() if n != 1}
    if model.play == "simultaneous" and bad:
        raise ValueError(
            f"Expected one turn per player in simultaneous play; received: turns={bad}"
        )
