"""Models and samplers record their constructors' arguments, and who made them."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from keras_svae.game.checks.networks import functional
from keras_svae.game.critic import Critic
from keras_svae.game.player import Player, names_of
from keras_svae.recording import Recorded

__all__ = ["Configured"]

# The key in a saved file for the version that made it.
STAMP = "made_by"


class Configured(Recorded):
    """A `Recorded` Keras layer: its configuration has its name and the version, too."""

    name: str
    # A `from_config` of the user's own, as Keras writes it, leaves it in.
    notes = (STAMP,)

    def as_given(self, value, name=None):
        """A subclassed network as a functional one; a model of this package stays.

        A network that no player names may be called by methods of its own.
        """
        if isinstance(value, Configured):
            return value
        if name is not None and name not in _networks(type(self)):
            return value
        if isinstance(value, dict):
            made = {name: self.as_given(one) for name, one in value.items()}
            changed = any(made[name] is not value[name] for name in made)
            return made if changed else value
        if isinstance(value, (list, tuple)):
            several = [self.as_given(one) for one in value]
            changed = any(a is not b for a, b in zip(several, value, strict=True))
            # A named tuple takes its parts one by one.
            made = getattr(type(value), "_make", type(value))
            return made(several) if changed else value
        return functional(value)

    def get_config(self) -> dict[str, Any]:
        """Plain values and serialised Keras objects, from which to make the model."""
        found = {STAMP: made_by(), **super().get_config()}
        if found.get("name", "") is None:
            found["name"] = self.name  # the one that Keras chose
        return found

    @classmethod
    def from_config(cls, config: dict[str, Any]):
        given = {name: one for name, one in config.items() if name != STAMP}
        return super().from_config(given)


def _networks(cls: type) -> set[str]:
    """The names of the networks of players, as attributes and as arguments."""
    players = getattr(cls, "players", None)  # checked later
    known = players if isinstance(players, Mapping) else {}
    known = {name: one for name, one in known.items() if isinstance(one, Player)}
    found = set(names_of(known))
    held = (one for kind in cls.__mro__ for one in vars(kind).values())
    return found | {one.called for one in held if isinstance(one, Critic)}


def made_by() -> str:
    """The package and its version."""
    try:
        return f"keras_svae {version('keras_svae')}"
    except PackageNotFoundError:  # it runs from a checkout that is not installed
        return "keras_svae 0+unknown"
