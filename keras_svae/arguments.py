"""What arguments may be: checks of numbers, words and switches, for all of the package.

Each check returns the value in Python's own type, and the error names the argument.
"""

import numbers

import numpy as np

__all__ = [
    "choice",
    "flag",
    "fraction",
    "integer",
    "positive",
    "real",
    "scale",
    "value_range",
    "weight",
    "whole",
]


def choice(name: str, value, choices: tuple) -> None:
    """Raises unless the value is one of the choices."""
    # An array or a tensor would be compared number by number.
    plain = value is None or isinstance(value, (str, numbers.Number, np.bool_))
    if not plain or value not in choices:
        raise ValueError(
            f"Expected {name} to be one of {list(choices)}; received: {value!r}"
        )


def flag(name: str, value) -> bool:
    """The value as a bool; raises unless it is True or False, of Python or NumPy."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(
            f"Expected {name} to be True or False; received: {name}={value!r}"
        )
    return bool(value)


def real(value) -> bool:
    """Whether the value is a number, of Python or NumPy, and no bool."""
    return _is(numbers.Real, value)


def whole(value) -> bool:
    """Whether the value is a whole number, of Python or NumPy, and no bool."""
    return _is(numbers.Integral, value)


def integer(name: str, value, at_least: int, at_most: int | None = None) -> int:
    """The value as an int; raises unless it is a whole number, and in the range."""
    bound = f">= {at_least}"
    if whole(value) and at_most is not None and value > at_most:
        bound = f"<= {at_most}"
    elif whole(value) and value >= at_least:
        return int(value)
    raise ValueError(
        f"Expected {name} to be an integer {bound}; received: {name}={value!r}"
    )


def value_range(name: str, value) -> tuple[float, float]:
    """(low, high) as floats; raises unless both are finite, and low < high."""
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            f"Expected {name} as two numbers (low, high), low < high; received: "
            f"{value!r}"
        )
    return low, high


def weight(name: str, value) -> float:
    """The value as a float; raises unless it is finite and not negative."""
    if not _is(numbers.Real, value) or not np.isfinite(value) or value < 0:
        raise ValueError(
            f"Expected {name} to be finite and >= 0; received: {name}={value!r}"
        )
    return float(value)


def fraction(name: str, value) -> float:
    """The value as a float; raises unless it is in [0, 1]."""
    if not _is(numbers.Real, value) or not 0 <= value <= 1:
        raise ValueError(f"Expected {name} in [0, 1]; received: {name}={value!r}")
    return float(value)


def positive(name: str, value, otherwise: str = "") -> float:
    """The value as a float; raises unless it is finite and positive.

    Args:
        name: The argument's name in messages.
        value: The value.
        otherwise: What else the argument may be, for messages.
    """
    if not _is(numbers.Real, value) or not np.isfinite(value) or value <= 0:
        raise ValueError(
            f"Expected {name} to be finite and > 0{otherwise}; received: "
            f"{name}={value!r}"
        )
    return float(value)


def scale(value, otherwise: str = "") -> float:
    """The scale of a law as a float; raises unless it is positive, in float32, too.

    Laws compute in float32. There a smaller number is 0, or becomes 0, and a larger one
    is infinite: densities would be NaN, or 0 everywhere.
    """
    value = positive("scale", value, otherwise)
    # Python's own numbers: NumPy would round the value to float32 to compare it.
    least, most = map(float, (np.finfo(np.float32).tiny, np.finfo(np.float32).max))
    if not least <= value <= most:
        raise ValueError(
            f"Expected scale from {least:.3g} to {most:.3g}, the numbers of "
            f"float32{otherwise}; received: scale={value!r}"
        )
    return value


def _is(kind, value) -> bool:
    # Python takes True for 1.
    return isinstance(value, kind) and not isinstance(value, bool)
