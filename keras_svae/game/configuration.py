"""Models record their constructors' arguments, and so have their configurations."""

import functools
import inspect
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras

from keras_svae.game.checks.networks import functional

__all__ = ["Configured"]

# The key in a saved file for the version that made it.
STAMP = "made_by"
# The key for arguments without a name.
_UNNAMED = "*"


class Configured:
    """Gives `get_config` and `from_config` to each subclass, with any arguments.

    It records the arguments of the constructor that the user called, under that
    constructor's names. It also records the defaults of all constructors: a saved model
    does not change when a default changes. A constructor may pass arguments to its base
    class (`ALI` passes a lam of 0). The user did not give these, and they are not
    recorded.

    The model may keep an argument as a plain value under its own name, `model.lam`.
    Then the value at the time of saving is saved: the user may have changed it.
    """

    name: str

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _recording(cls.__init__)

    def record(self, name: str, value) -> None:
        """Saves the value that the class chose for an argument without a value."""
        vars(self)["_arguments"][name] = value

    def check_made(self) -> None:
        """Raises a ValueError on parts that do not go together, once all are set."""

    def get_config(self) -> dict[str, Any]:
        """Plain values and serialised Keras objects, from which to make the model."""
        found: dict[str, Any] = {STAMP: made_by(), "name": self.name}
        arguments = vars(self)["_arguments"]
        if _UNNAMED in arguments:
            raise ValueError(
                f"Expected {type(self).__name__} to name the arguments of its "
                f"constructor, or to have a get_config; received: "
                f"*{arguments[_UNNAMED]}"
            )
        for name, given in arguments.items():
            now = vars(self).get(name)
            value = now if _plain(now) else given
            found[name] = keras.saving.serialize_keras_object(value)
        return found

    @classmethod
    def from_config(cls, config: dict[str, Any]):
        given = {name: one for name, one in config.items() if name != STAMP}
        return cls(
            **{
                name: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict) and "class_name" in value
                else value
                for name, value in given.items()
            }
        )


def made_by() -> str:
    """The package and its version."""
    try:
        return f"keras_svae {version('keras_svae')}"
    except PackageNotFoundError:  # it runs from a checkout that is not installed
        return "keras_svae 0+unknown"


def _recording(init):
    """The constructor, changed so that it records its arguments."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def recorded(self, *arguments, **named):
        outermost = "_arguments" not in vars(self)
        if outermost:
            arguments = tuple(map(_as_network, arguments))
            named = {name: _as_network(value) for name, value in named.items()}
        try:
            bound = signature.bind(self, *arguments, **named).arguments
        except TypeError:
            return init(self, *arguments, **named)  # Python raises its own error
        if outermost:
            # This bypasses Keras, which would track the networks a second time.
            object.__setattr__(self, "_arguments", {})
        found = vars(self)["_arguments"]
        for parameter in list(signature.parameters.values())[1:]:
            name = parameter.name
            if outermost and parameter.kind is parameter.VAR_KEYWORD:
                found.update(bound.get(name, {}))
            elif outermost and parameter.kind is parameter.VAR_POSITIONAL:
                if bound.get(name):  # arguments without names
                    found[_UNNAMED] = name
            elif outermost and name in bound:
                found[name] = bound[name]
            elif parameter.default is not parameter.empty and name not in bound:
                found.setdefault(name, parameter.default)
        made = init(self, *arguments, **named)
        if outermost:
            self.check_made()
        return made

    # Keras reads a constructor's signature and does not follow `__wrapped__`.
    setattr(recorded, "__signature__", signature)  # noqa: B010
    return recorded


def _as_network(value):
    """A subclassed network as a functional one; a model of this package as it is."""
    return value if isinstance(value, Configured) else functional(value)


def _plain(value) -> bool:
    """Whether it is a number, a text, or a tuple or dictionary of such."""
    if isinstance(value, tuple):
        return all(_plain(one) for one in value)
    if isinstance(value, dict):
        return all(_plain(one) for one in value.values())
    return isinstance(value, (bool, int, float, str))
