"""Settings of a model, which its traced steps hold as constants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_svae.arguments import choice, integer
from keras_svae.game.player import Player
from keras_svae.recorded_values import plain

__all__ = ["check", "of", "turns_of"]

# Not a plain value.
_OTHER = object()


def turns_of(given: Any, players: Mapping[str, Player]) -> dict[str, int]:
    """The turns of all players.

    Args:
        given: Counts by player, as far as they are not the players' own; or None.
        players: The players by name.

    Raises:
        ValueError: For what is no dictionary of counts of these players.
    """
    if given is not None and not isinstance(given, dict):
        raise ValueError(
            "Expected turns as a dictionary of counts by player, "
            f'{{"critic": 5}}; received: turns={given!r}'
        )
    given = dict(given or {})
    for name in given:
        choice("turns", name, tuple(players))
    return {
        name: integer(f"turns[{name!r}]", given.get(name, player.turns), at_least=1)
        for name, player in players.items()
    }


def of(model) -> tuple[tuple[str, str], ...]:
    """The settings that may change while a model trains, in a form to be compared.

    These are the arguments of the constructor that the model keeps as plain values
    under their own names, as `model.lam`, and `turns`, `seed` and `play`.
    """
    names = {*vars(model)["_record"].arguments, "turns", "seed", "play"}
    found = {name: _plain(vars(model).get(name)) for name in sorted(names)}
    return tuple((name, repr(one)) for name, one in found.items() if one is not _OTHER)


def _plain(value):
    """Numbers and texts, None, or lists and dictionaries of such; else `_OTHER`."""
    value = plain(value)
    # A variable is read whenever a step runs: its value is no constant of the step.
    eager = tf.is_tensor(value) and hasattr(value, "numpy")
    if eager and not isinstance(value, tf.Variable) or isinstance(value, np.ndarray):
        return np.asarray(value).tolist()
    if isinstance(value, (tuple, list)):
        parts = [_plain(one) for one in value]
        return _OTHER if any(one is _OTHER for one in parts) else parts
    if isinstance(value, dict):
        named = {name: _plain(one) for name, one in value.items()}
        return _OTHER if any(one is _OTHER for one in named.values()) else named
    known = value is None or isinstance(value, (bool, int, float, str))
    return value if known else _OTHER


def check(model) -> None:
    """Raises a ValueError on a way to play that the model cannot have."""
    model.turns = turns_of(model.turns, model.players)
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
