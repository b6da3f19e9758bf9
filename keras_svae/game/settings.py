"""Settings of a model and its optimizers, which traced steps hold as constants."""

import zlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_svae.arguments import choice, integer
from keras_svae.distributions import Law
from keras_svae.game.player import Player
from keras_svae.owners import package_of
from keras_svae.recorded_values import OTHER, parts
from keras_svae.recording import Recorded, parameters

__all__ = [
    "add_own",
    "check_play",
    "complete",
    "names_of_optimizer",
    "of",
    "of_optimizers",
    "own",
    "turns_of",
]

# Longer lists and arrays of the user's own are data, and no settings.
_LONGEST = 100
# The packages whose classes' attributes are no settings of the user's own.
_OTHERS = {"abc", "builtins", "keras", "keras_svae", "tensorflow", "typing"}


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
    under their own names, as `model.lam`; `turns`, `seed` and `play`; the plain values
    of its laws, as `likelihood_law.scale`; and what `own` finds.
    """
    kept = vars(model)
    names = {*kept["_record"].arguments, "turns", "seed", "play"}
    found = {name: _plain(kept.get(name)) for name in names}
    for name in kept.get("_own_settings", ()):
        # The class's own value, where the model has none.
        found[name] = _plain(_value(model, name))
    laws = {name: one for name, one in kept.items() if isinstance(one, Law)}
    found |= {name: _of_law(one) for name, one in laws.items()}
    plain_ones = {name: one for name, one in found.items() if one is not OTHER}
    return tuple((name, repr(plain_ones[name])) for name in sorted(plain_ones))


def own(model) -> set[str]:
    """The names of plain values that a user's class sets: what a loss of it may read.

    It sets them in its constructor or in its body. Also the arguments of this package's
    constructors that it fixes, `super().__init__(lam=0.0)`. A container without
    anything in it is where the user notes something.
    """
    kept, classes = vars(model), type(model).__mro__
    names = {*kept} - kept["_record"].ours - {"_record"}
    for cls in classes:
        if package_of(cls) not in _OTHERS:
            names |= {name for name in vars(cls) if not name.startswith("__")}
        if issubclass(cls, Recorded) and "__init__" in vars(cls):
            names |= {one.name for one in parameters(cls.__init__) if one.name in kept}
    return {name for name in names if _may_change(_value(model, name))}


def add_own(model, names: set[str]) -> None:
    """Adds attributes that a user's own method sets to the model's settings."""
    found = {name for name in names if _may_change(vars(model)[name])}
    vars(model)["_own_settings"] = model._own_settings | found


def _value(model, name: str):
    return vars(model).get(name, getattr(type(model), name, None))


def _may_change(value) -> bool:
    """Whether it is a plain value that is short and has no empty container in it."""
    if isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, np.ndarray) or tf.is_tensor(value):
        return _plain(value) is not OTHER and np.size(value) <= _LONGEST
    if isinstance(value, (list, tuple)):
        return 0 < len(value) <= _LONGEST and all(map(_may_change, value))
    return _plain(value) is not OTHER


def _of_law(law: Law) -> dict:
    """The plain values of a law, and of the laws that it is made of."""
    values = {
        name: _of_law(one) if isinstance(one, Law) else _plain(one)
        for name, one in vars(law).items()
        if name != "_record"
    }
    return {name: one for name, one in values.items() if one is not OTHER}


def _plain(value):
    """Numbers and texts, None, or lists and dictionaries of such; else `OTHER`."""
    if value is None or type(value) in (bool, int, float, str):  # the most, and fast
        return value
    return parts(value, _leaf)


def _leaf(value):
    # A variable is read whenever a step runs: its value is no constant of the step.
    # (`tf.is_tensor` asks more, and takes 30 microseconds.)
    eager = isinstance(value, tf.Tensor) and hasattr(value, "numpy")
    if eager or isinstance(value, np.ndarray):
        value = np.asarray(value)
        if value.size <= _LONGEST or value.dtype.hasobject:
            return value.tolist()
        digest = zlib.crc32(np.ascontiguousarray(value))  # a text of it takes seconds
        return [list(value.shape), str(value.dtype), digest]
    known = value is None or isinstance(value, (bool, int, float, str))
    return value if known else OTHER


def names_of_optimizer(optimizer: keras.optimizers.Optimizer) -> tuple[str, ...]:
    """The attributes of an optimizer that are settings, such as "beta_1".

    A rate that is a number is none: it is a variable, which each step reads.
    """
    try:
        known = optimizer.get_config()
    # `get_config` of a schedule, or of an optimizer, may be the user's own.
    except Exception:
        known = vars(optimizer)
    return tuple(name for name in known if name in vars(optimizer) and name[0] != "_")


def of_optimizers(
    optimizers: dict, named: dict[str, tuple[str, ...]]
) -> tuple[tuple, ...]:
    """The settings of optimizers in a form to be compared: plain values and schedules.

    Args:
        optimizers: The optimizers by name.
        named: What `names_of_optimizer` gave for each.
    """
    plain = (bool, int, float, str, type(None))
    found: list[tuple] = []
    for name, one in optimizers.items():
        for key in named[name]:
            value = getattr(one, key, None)
            if isinstance(value, plain):
                found.append((name, key, value))
        # Keras calls a rate that is no variable: a schedule, or a function.
        found += [
            (name, key, value)
            for key, value in vars(one).items()
            if isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
            or (callable(value) and not isinstance(value, keras.Variable))
        ]
    return tuple(found)


def check_play(play, turns: Mapping[str, int]) -> None:
    """Raises a ValueError on a way to play that players of these turns cannot have."""
    choice("play", play, ("alternating", "simultaneous"))
    several = {name: n for name, n in turns.items() if n != 1}
    if play == "simultaneous" and several:
        raise ValueError(
            "Expected one turn per player in simultaneous play; received: "
            f"turns={several}"
        )


def complete(model) -> None:
    """Gives a changed model the turns of all players, and checks how it plays.

    Raises:
        ValueError: For turns, or a way to play, that it cannot have.
    """
    # Also of players that now do not play: see `TwoStageVAE`.
    model.turns = turns_of(model.turns, {**type(model).players, **model.players})
    check_play(model.play, model.turns)
