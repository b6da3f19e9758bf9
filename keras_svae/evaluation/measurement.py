"""What a measure returns: a number with its description."""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_svae.evaluation.reading.streams import exact

__all__ = ["Measurement", "by_name", "changed"]


class Measurement(float):
    """A float with its name, its spread, and all that it depends on.

    It adds, compares and formats like a float. Printed alone, it also shows what one
    must know to compare it with another number.

    Args:
        value: The number.
        name: What was measured, "inception score" say.
        deviation: A standard deviation; `details` say which. None if there is no
            deviation.
        **details: What the number depends on, in the order it should be read:
            `n=10_000`, `splits=10`, `backbone="..."`. Plain values.

    Example:
        score = ks.evaluation.inception_score(samples, backbone=net)
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
        return f"{self.name} {self.described()}"

    def described(self) -> str:
        """The number with its spread, and in brackets what it depends on."""
        details = self.details_text()
        return self.value_text() + f" ({details})" * bool(details)

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
    """A value as JSON knows it: numbers as Python's, "nan" and "inf" as text.

    What JSON does not know (a path, a type) is its text.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(float(value))
    if hasattr(value, "__array__"):  # also tensors, and numbers such as bfloat16
        array = _array(value)
        if array.dtype.kind in "biuf":
            return _plain(array.item() if array.ndim == 0 else list(array))
        value = array.tolist()
        return _plain(value) if isinstance(value, list) else str(value)
    return str(value)


def _is_number(value: Any) -> bool:
    """Whether it is a number, also in an array or a tensor of rank 0."""
    if isinstance(value, numbers.Real):
        return True
    if not hasattr(value, "__array__"):
        return False
    array = _array(value)
    return array.ndim == 0 and array.dtype.kind in "biuf"


def _array(value: Any) -> np.ndarray:
    # NumPy cannot read a tensor of rank 0 in bfloat16 by itself.
    read = value.numpy() if hasattr(value, "numpy") else value
    return exact(np.asarray(read))


def changed(one: Measurement, name: str | None = None, **details) -> Measurement:
    """The measurement, with another name or further details."""
    more = one.details | details
    return Measurement(one, name or one.name, one.deviation, **more)


def by_name(name: str, found: Any) -> dict[str, Measurement]:
    """What a measure gave, by name: `name`, or `name.part` for each of several.

    Args:
        name: The name of the measure.
        found: A `Measurement` or another number; or several of them by name, in a
            dictionary, a named tuple or a dataclass. What is no number is left out. The
            one that is called "mean" or "" is the measure's own.

    Raises:
        TypeError: On anything else.
    """
    if isinstance(found, Measurement):
        return {name: found}
    if _is_number(found):
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
        if not isinstance(part, str):
            raise TypeError(
                f"Expected the measure {name} to give several by names in texts; "
                f"received: the name {part!r}"
            )
        if _is_number(one):
            own = name if part in ("", "mean") else f"{name}.{part}"
            # A part without a name, but with the label of a backbone.
            own = name + part if part.startswith("[") else own
            parts |= by_name(own, one)
    if not parts:
        raise TypeError(
            f"Expected the measure {name} to give a number at least; received: "
            f"{found!r}"
        )
    return parts
