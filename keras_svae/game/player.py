"""A side of the game."""

import dataclasses
import inspect
from collections.abc import Mapping

import keras

from keras_svae.game.checks.values import integer
from keras_svae.owners import package_of

__all__ = [
    "Player",
    "check_parts",
    "check_players",
    "layers_of",
    "names_of",
    "single_weights",
    "trained_in",
]


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of the game.

    Attributes:
        networks: Names of the model's attributes whose weights it updates, separated by
            spaces: networks, other layers, or single weights (`keras.Variable`). A
            player updates only what it names, though gradients flow through the others.
            An attribute that is None is skipped: a variant of the method does not use
            it.
        optimizer: Name of the argument of `compile` that gives its optimizer.
        turns: Updates per training step. Each uses a draw of its own.

    Raises:
        ValueError: For names that are no names of attributes, a name that stands there
            twice, or turns that are no integer of at least 1.
    """

    networks: str
    optimizer: str = "optimizer"
    turns: int = 1

    def __post_init__(self):
        named = isinstance(self.networks, str) and self.networks.split()
        if not named or not all(name.isidentifier() for name in named):
            raise ValueError(
                "Expected networks as names of attributes, separated by spaces, "
                f'"encoder decoder"; received: networks={self.networks!r}'
            )
        twice = [name for name in named if named.count(name) > 1]
        if twice:
            raise ValueError(
                "Expected each of a player's networks once, as it is updated once a "
                f"turn; received: {twice[0]!r} twice in networks={self.networks!r}"
            )
        if not (isinstance(self.optimizer, str) and self.optimizer.isidentifier()):
            raise ValueError(
                "Expected optimizer as the name of an argument of compile; received: "
                f"optimizer={self.optimizer!r}"
            )
        integer("turns", self.turns, at_least=1)


def names_of(players: Mapping[str, Player]) -> list[str]:
    """The attributes that players name."""
    return [name for player in players.values() for name in player.networks.split()]


def layers_of(model, players: Mapping[str, Player]) -> dict[str, keras.layers.Layer]:
    """The networks and layers that players name, by attribute."""
    found = {name: getattr(model, name, None) for name in names_of(players)}
    layer = keras.layers.Layer
    return {name: one for name, one in found.items() if isinstance(one, layer)}


def trained_in(one) -> list[keras.Variable]:
    """The trainable weights of what a player names: of a layer, or a single one."""
    if one is None:
        return []
    if isinstance(one, keras.Variable):
        return [one] if one.trainable else []
    return one.trainable_variables


def single_weights(model) -> list[str]:
    """The names of single weights among what a model's players name."""
    found = names_of(type(model).players)
    return [n for n in found if isinstance(getattr(model, n, None), keras.Variable)]


def check_players(model) -> None:
    """Raises a ValueError unless `players` holds players by name."""
    players, kind = model.players, type(model).__name__
    if not isinstance(players, Mapping):
        raise ValueError(
            f'Expected players of {kind} as a dictionary, {{"critic": Player(...)}}; '
            f"received: {players!r}"
        )
    if not players:
        raise ValueError(f"Expected a player in players of {kind}; received: none")
    for name, one in players.items():
        named = isinstance(name, str) and name.isidentifier()
        if not (named and isinstance(one, Player)):
            raise ValueError(
                f"Expected a name and a keras_svae.Player in players of {kind}; "
                f"received: {name!r}: {one!r}"
            )
        if name == "val" or hasattr(keras.Model, f"{name}_loss"):
            owner = "the loss of validation" if name == "val" else "a method of Keras's"
            raise ValueError(
                f"Expected another name in players of {kind}; received: {name!r}, but "
                f"{name}_loss is {owner}"
            )
        if one.optimizer != "optimizer":
            _check_optimizer(type(model), name, one.optimizer)


def _check_optimizer(kind: type, player: str, name: str) -> None:
    """Raises if `compile` has an argument of this name, or a class an attribute.

    The optimizer becomes an attribute of the model, and would take its place.
    """
    # Of Keras and of this package. A user's `compile` may name its optimizers.
    taken = {
        one
        for cls in kind.__mro__
        if package_of(cls) in ("keras", "keras_svae") and "compile" in vars(cls)
        for one in inspect.signature(vars(cls)["compile"]).parameters
    }
    why = None
    if name in taken:
        why = "is an argument of compile already"
    elif getattr(kind, name, None) is not None:
        why = f"is an attribute of {kind.__name__} already"
    if why:
        raise _another_name(player, name, why)


def _another_name(player: str, optimizer: str, why: str) -> ValueError:
    """The error for an optimizer under a name that is taken."""
    return ValueError(
        f"Expected another name of the optimizer of the player {player!r}, as "
        f"{player}_optimizer; received: {optimizer!r}, which {why}"
    )


def check_parts(model) -> None:
    """Raises a ValueError unless a model has what its players need."""
    kind = type(model).__name__
    for name, player in model.players.items():
        # The constructor may have made an optimizer, or None in its place.
        held = getattr(model, player.optimizer, None)
        if not isinstance(held, (keras.optimizers.Optimizer, type(None))):
            why = f"is an attribute of the model already: {held!r}"
            raise _another_name(name, player.optimizer, why)
        if not callable(getattr(model, f"{name}_loss", None)):
            raise ValueError(
                f"Expected a method {name}_loss(draw) of {kind}, for its player "
                f"{name!r}; received: none"
            )
        for part in player.networks.split():
            where = f"the attribute {part!r} of {kind}, which the player {name!r} names"
            if not hasattr(model, part):
                raise ValueError(
                    f"Expected {where}; received: none. The constructor sets it, "
                    f"self.{part} = ..."
                )
            one = getattr(model, part)
            if not isinstance(one, (keras.layers.Layer, keras.Variable, type(None))):
                raise ValueError(
                    f"Expected {where}, to be a network, a layer or a keras.Variable; "
                    f"received: {one!r}"
                )
