"""What arguments a model refuses."""

import os
import pathlib
from collections.abc import Collection

import numpy as np

from keras_svae import files
from keras_svae.arguments import choice, flag, fraction, integer, positive, weight
from keras_svae.noise import check_seed as seed
from keras_svae.paths import AnyPath, any_path

__all__ = [
    "all_finite",
    "choice",
    "counts",
    "flag",
    "fraction",
    "in_float32",
    "integer",
    "new_folder",
    "positive",
    "reads",
    "seed",
    "shapes",
    "weight",
    "weight_or_pair",
    "within",
]


def counts(at_least: int, **given) -> None:
    """Raises unless all of these arguments, as far as they are given, are counts."""
    for name, value in given.items():
        if value is not None:
            integer(name, value, at_least)


def counts_of(given: dict) -> None:
    """Raises unless the arguments that count something are counts."""
    batches = ("batch_size", "steps_per_epoch", "validation_batch_size")
    steps = ("validation_steps", "steps")
    counts(1, **{name: given.get(name) for name in (*batches, *steps)})
    each = given.get("validation_freq", 1)
    used = given.get("validation_data") is not None or given.get("validation_split")
    others = isinstance(each, Collection) and not isinstance(each, list)
    if others or (each is None and used):  # Keras would say so at an epoch's end
        raise ValueError(
            "Expected validation_freq as an integer >= 1, or as a list of epochs; "
            f"received: validation_freq={each!r}"
        )
    if not isinstance(each, list):
        counts(1, validation_freq=each)
    counts(0, **{name: given.get(name) for name in ("epochs", "initial_epoch")})


def trains_here(callback, model) -> None:
    """Raises unless a callback is used in `fit` of a model of this package."""
    if not hasattr(model, "check_data"):
        raise ValueError(
            f"Expected {type(callback).__name__} in the callbacks of fit of a "
            f"keras_svae model; received: {type(model).__name__}"
        )


def weight_or_pair(name: str, value) -> float | tuple[float, float]:
    """A weight, or two of them; raises unless each is finite and not negative."""
    if not isinstance(value, (tuple, list)):
        return weight(name, value)
    if len(value) != 2:
        raise ValueError(
            f"Expected {name} to be a number or a pair of them; received: "
            f"{name}={value!r}"
        )
    return weight(f"{name}[0]", value[0]), weight(f"{name}[1]", value[1])


def all_finite(value) -> bool:
    """Whether a tensor holds only finite numbers."""
    return bool(np.isfinite(np.asarray(value)).all())


def in_float32(values: np.ndarray) -> np.ndarray:
    """Values as float32, in which models compute: larger numbers become infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


# Values may leave their range by this share of it: rounding in float32, as after an
# image was resized. `keras_svae.evaluation` allows the same.
ROUNDING = 1e-5


def within(
    least: float, most: float, value_range: tuple[float, float], rounding: float
) -> bool:
    """Whether values from least to most lie in a range, or outside by this share."""
    low, high = value_range
    # A range with an infinite end has no share.
    slack = rounding * (high - low) if np.isfinite(high - low) else 0.0
    return bool(low - slack <= least and most <= high + slack)


def shapes(name: str, received, expected, why: str) -> None:
    """Raises unless two shapes without their batch dimensions agree."""
    received, expected = tuple(received), tuple(expected)
    if received != expected:
        raise ValueError(f"Expected {name} {expected}, {why}; received: {received}")


def reads(name: str, received, expected, why: str) -> None:
    """Raises unless a network of inputs like the first shape reads the second.

    None in the first one stands for any size.
    """
    received, expected = tuple(received), tuple(expected)
    alike = len(received) == len(expected) and all(
        one in (None, wanted) for one, wanted in zip(received, expected, strict=True)
    )
    if not alike:
        shapes(name, received, expected, why)


def new_folder(path) -> AnyPath:
    """The path; raises if something is there that would be overwritten."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"Expected a path of a folder; received: {path!r}")
    path = any_path(path)
    above = path.parents if isinstance(path, pathlib.Path) else ()
    parents = [one for one in above if one.exists()]
    if parents and not parents[0].is_dir():
        raise NotADirectoryError(
            f"Expected a new or empty folder; received: {path}, but {parents[0]} is a "
            "file"
        )
    if isinstance(path, pathlib.Path):
        place = files.target(path)
        files.remove_leftovers(place, os.path.basename(place))
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise FileExistsError(
            f"Expected a new or empty folder; received: {path}, which holds something"
        )
    return path
