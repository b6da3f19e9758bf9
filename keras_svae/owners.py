"""Whose a class is: this package's, Keras's, or the user's."""

from collections.abc import Callable

__all__ = ["owner_of", "package_of"]


def package_of(kind: type | Callable) -> str:
    """The package that a class, or a function, is from, such as "keras_svae"."""
    return kind.__module__.partition(".")[0]


def owner_of(kind: type, name: str) -> type:
    """The class that defines an attribute: this one, or the first of its bases."""
    return next(one for one in kind.__mro__ if name in vars(one))
