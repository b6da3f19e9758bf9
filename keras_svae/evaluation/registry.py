"""The table of measures. `register` adds to it."""

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keras_svae.evaluation.needs import ASK_ABOUT_DATA, NEEDS, Need

__all__ = ["MEASURES", "Measure", "check_known", "options_of", "register"]

# The command line's JSON file has these beside the measures.
RESERVED = ("model", "left_out", "failed", "notes")


@dataclasses.dataclass(frozen=True)
class Measure:
    """One measure, as `evaluate` runs it.

    Attributes:
        compute: The function that takes a `Material` and options, and returns the
            result, see `register`.
        needs: What the measure needs.
        costly: Whether it runs only if it is named.
        options: The names of its options; None if it takes any.
    """

    compute: Callable[..., Any]
    needs: tuple[str | Need, ...]
    costly: bool
    options: tuple[str, ...] | None = None

    def missing(self, material, options: Mapping[str, Any]) -> list[str]:
        """Which of its needs are not met, in words."""
        named = [need for need in self.needs if isinstance(need, str)]
        if ASK_ABOUT_DATA.intersection(named):
            named.append("classes")
        found = [NEEDS[need](material, options) for need in named]
        # The other needs may assume that the named ones are met.
        if not any(found):
            others = [need for need in self.needs if not isinstance(need, str)]
            found = [need(material, options) for need in others]
            for one in found:
                if one is not None and not isinstance(one, str):
                    raise TypeError(
                        "Expected a need of one's own to return None, or in words what "
                        f"is missing; received: {one!r}"
                    )
        return [one for one in found if one]


# Measures by name, in the order in which they run and are reported.
MEASURES: dict[str, Measure] = {}


def register(
    name: str,
    *,
    needs: str | Need | Iterable[str | Need] = (),
    costly: bool = False,
    options: Iterable[str] | None = None,
) -> Callable[[Callable], Callable]:
    """Adds a measure, which `evaluate` and `python -m keras_svae.evaluate` then know.

    Args:
        name: What options, reports and files call it: letters, digits and underscores.
        needs: What it cannot be computed without: names in `NEEDS`; or functions of the
            `Material` and the measure's options, a dictionary, that say in words what
            is missing, and give None where nothing is. Where a need is not met, the
            measure is left out, and the report says why.
        costly: Whether it runs only if it is named, or with `measures="all"`.
        options: The names of its options, where the function takes `**options` and
            passes them on; None for the names of the function's own arguments after the
            `Material`. Others are refused before anything is measured.

    Returns:
        A decorator of the function that computes it, from a `Material` and the
        measure's options as keyword arguments. The function gives a `Measurement` or
        another number; or several by name, as a dictionary, a named tuple or a
        dataclass, which are reported as `name.part`.

    Raises:
        ValueError: On a name that has another form or is in use, and on unknown needs.
            A function of the same module and name replaces itself: a notebook's cell
            may be run again, and what a notebook defines may get another name.

    Example:
        @ks.evaluation.register("spread", needs="encoder")
        def spread(material, *, axis=0):
            return ks.evaluation.Measurement(
                material.codes.std(axis).mean(), "spread of codes", n=material.count)
    """
    if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
        raise ValueError(
            "Expected a measure's name of letters, digits and underscores, and none of "
            f"{list(RESERVED)}; received: {name!r}"
        )
    each: tuple[str | Need, ...]
    if isinstance(needs, Iterable) and not isinstance(needs, str):
        each = tuple(needs)
    else:
        each = (needs,)
    for need in each:
        if not callable(need):
            check_known([str(need)], NEEDS, "needs, names or functions,")

    def add(compute: Callable) -> Callable:
        if not callable(compute):
            raise ValueError(
                f"Expected a function of a Material for {name}; received: {compute!r}"
            )
        known = MEASURES.get(name)
        if known is not None and not _replaces(
            _origin(compute), _origin(known.compute)
        ):
            raise ValueError(
                f"Expected a name that is not in use; received: {name!r}, which is "
                f"{'.'.join(_origin(known.compute))}"
            )
        names = options_of(compute, 1) if options is None else tuple(options)
        MEASURES[name] = Measure(compute, each, bool(costly), names)
        return compute

    return add


def options_of(function: Callable, passed: int) -> tuple[str, ...] | None:
    """The names of a function's arguments after the first ones, which are passed.

    None if it takes any, or does not tell.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(one.name for one in [*parameters][passed:] if one.kind in by_name)


def _origin(function: Callable) -> tuple[str, str]:
    """A function's module and name."""
    kind = type(function)
    return (
        getattr(function, "__module__", kind.__module__),
        getattr(function, "__qualname__", kind.__qualname__),
    )


def _replaces(new: tuple[str, str], known: tuple[str, str]) -> bool:
    """Whether a function may take the place of a known one."""
    return new == known or new[0] == known[0] == "__main__"


def check_known(names: Iterable, known: Mapping[str, Any], what: str) -> None:
    """Raises on an unknown name, and gives the nearest known name."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"Expected {what} among {list(known)}; received: {name!r}.{hint}"
            )
