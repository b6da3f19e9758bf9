"""Configurations write themselves: a model records what its constructor was given."""

import functools
import inspect
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras

__all__ = ["Configured"]

# Says in a saved file which version made it.
STAMP = "made_by"
# Stands among the arguments for those without a name.
_UNNAMED = "*"


class Configured:
    """Gives `get_config` and `from_config` to each subclass, whatever it takes.

    It records the arguments of the constructor that the user called, under the names
    which that constructor has for them, and the defaults of all constructors: a saved
    model does not change when a default does. What a constructor passes on to its
    base itself (`ALI` its lam of 0) is not the user's, and is not recorded.

    An argument that the model keeps as a plain value under its own name, `model.lam`,
    is saved as it is then: the user may have changed it.
    """

    name: str

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _recording(cls.__init__)

    def record(self, name: str, value) -> None:
        """Saves an argument that was left to the class with what it came to."""
        vars(self)["_arguments"][name] = value

    def get_config(self) -> dict[str, Any]:
        """What makes the model again: plain values and serialised Keras objects."""
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
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "keras_svae 0+unknown"


def _recording(init):
    """The constructor, which also records its arguments."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def recorded(self, *arguments, **named):
        try:
            bound = signature.bind(self, *arguments, **named).arguments
        except TypeError:
            return init(self, *arguments, **named)  # Python's own words for it
        outermost = "_arguments" not in vars(self)
        if outermost:
            # Past Keras, which would track the networks a second time.
            object.__setattr__(self, "_arguments", {})
        found = vars(self)["_arguments"]
        for parameter in list(signature.parameters.values())[1:]:
            name = parameter.name
            if outermost and parameter.kind is parameter.VAR_KEYWORD:
                found.update(bound.get(name, {}))
            elif outermost and parameter.kind is parameter.VAR_POSITIONAL:
                if bound.get(name):  # whose names nobody knows
                    found[_UNNAMED] = name
            elif outermost and name in bound:
                found[name] = bound[name]
            elif parameter.default is not parameter.empty and name not in bound:
                found.setdefault(name, parameter.default)
        return init(self, *arguments, **named)

    # Keras looks at a constructor without following what it wraps.
    setattr(recorded, "__signature__", signature)  # noqa: B010
    return recorded


def _plain(value) -> bool:
    """Whether it is a number, a text, or a dictionary of such."""
    if isinstance(value, dict):
        return all(_plain(one) for one in value.values())
    return isinstance(value, (bool, int, float, str))
