"""What a measure returns: a number with its description."""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Measurement", "by_name", "changed"]


class Measurement(float):
    """A float with its name, its spread, and all that it depends on.

    It adds, compares and formats like a float. Printed alone, it also shows what one
    must know to compare it with another number.

    Args:
        value: The number.
        name: What was measured, "inception score" say.
        deviation: A standard deviation; `details` say of what. None if there is none.
        **details: What the number depends on, in the order it should be read:
            `n=10_000`, `splits=10`, `backbone="..."`. Plain values.

    Example:
        score = ks.evaluation.inception_score(samples, backbone)
        print(score)         # inception score 9.41 +- 0.06 (n=10000, splits=10, ...)
        print(f"{score:.2f}", score.deviation, score.details["n"])
    """

    name: str
    deviation: float | None
    details: dict[str, Any]

    def __new__(
        cls, value: float, name: str, deviation: float | None = None, **details: Any
    ) -> "Measurement":
        made = super().__new__(cls, value)
        made.name = name
        made.deviation = None if deviation is None else float(deviation)
        made.details = details
        return made

    def __getnewargs_ex__(self):
        return (float(self), self.name, self.deviation), self.details

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        details = self.details_text()
        return f"{self.name} {self.value_text()}" + f" ({details})" * bool(details)

    def value_text(self) -> str:
        """The number, with its spread if it has one."""
        spread = "" if self.deviation is None else f" +- {self.deviation:.2g}"
        return f"{float(self):.6g}{spread}"

    def details_text(self) -> str:
        """What the number depends on, `name=value` each."""
        return ", ".join(f"{name}={value}" for name, value in self.details.items())

    def asdict(self) -> dict[str, Any]:
        """Plain values, as they go into a JSON file: "nan" and "inf" as text."""
        found: dict[str, Any] = {"value": float(self)}
        if self.deviation is not None:
            found["deviation"] = self.deviation
        return {name: _plain(value) for name, value in (found | self.details).items()}


def _plain(value: Any) -> Any:
    """A value as JSON knows it: NumPy's as Python's, "nan" and "inf" as text."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite else str(value)


def changed(one: Measurement, name: str | None = None, **details) -> Measurement:
    """The measurement, with another name or further details."""
    more = one.details | details
    return Measurement(one, name or one.name, one.deviation, **more)


def by_name(name: str, found: Any) -> dict[str, Measurement]:
    """What a measure gave, by name: `name`, or `name.part` for each of several.

    Args:
        name: The measure's.
        found: A `Measurement` or another number; or several of them by name, in a
            dictionary, a named tuple or a dataclass. What is no number is left out. The
            one that is called "mean" or "" is the measure's own.

    Raises:
        TypeError: On anything else.
    """
    if isinstance(found, Measurement):
        return {name: found}
    if isinstance(found, numbers.Real):
        return {name: Measurement(float(found), name)}
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        found = {
            one.name: getattr(found, one.name) for one in dataclasses.fields(found)
        }
    elif hasattr(found, "_asdict"):
        found = found._asdict()
    if not isinstance(found, Mapping):
        raise TypeError(
            f"Expected the measure {name} to give a Measurement or several by name; "
            f"received: {type(found).__name__}"
        )
    parts: dict[str, Measurement] = {}
    for part, one in found.items():
        if isinstance(one, numbers.Real):
            own = name if part in ("", "mean") else f"{name}.{part}"
            # A part without a name, but with the label of a backbone.
            own = name + part if part.startswith("[") else own
            parts |= by_name(own, one)
    return parts
