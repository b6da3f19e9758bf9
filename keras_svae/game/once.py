"""A property that is computed once, without a lock."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["once"]

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  reads as a decorator
    """`functools.cached_property` without the lock that it has before Python 3.12.

    That lock is one for all objects of a class. Replicas are traced in threads of their
    own, and a thread that meets a reduction over replicas waits for the other threads.
    If it has the lock, they wait for it, forever.
    """

    def __init__(self, function: Callable[[Any], Value]):
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "once[Value]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance, owner):
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
