"""Nats per example as bits per dimension."""

import math
import numbers
from collections.abc import Iterable

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.likelihood.quantisation import LEVELS
from keras_svae.evaluation.measurement import Measurement

__all__ = ["bits_per_dimension"]


def bits_per_dimension(
    nats: "Measurement | float | np.ndarray",
    shape: tuple[int, ...],
    value_range: tuple[float, float] = (0.0, 1.0),
    discrete: bool = False,
) -> "Measurement | np.ndarray":
    """Bits that a coder built on the model spends on each number of an 8-bit image.

    With D numbers per example and a density on [low, high],

        bits = -nats / (D log 2) + log2(256 / (high - low)):

    8 more than the density's own bits on [0, 1], 7 more on [-1, 1]. An image y of 256
    levels has the density of v = 256 (x - low) / (high - low) in [0, 256), integrated
    over the unit cube [y, y + 1): its log is at least the mean of log p(v) there, and
    log p(v) = log p(x) - D log(256 / (high - low)).

    Args:
        nats: log p(x) of dequantised data (see `dequantise`), summed over dimensions,
            in the units of `value_range`: one number, a `Measurement` or an array of
            them.
        shape: The shape of one example, such as (32, 32, 3).
        value_range: (low, high), where 8 bits were scaled to.
        discrete: The nats are log probabilities, as a Bernoulli law gives on binary
            data, and not densities: there is no constant.

    Returns:
        A `Measurement` with the details of the one given, its deviation scaled, or an
        array.

    Raises:
        ValueError: If there is a dimension below 1, or a measurement says that its data
            were not dequantised where a density is wanted.
    """
    low, high = arguments.value_range("value_range", value_range)
    if not isinstance(nats, (numbers.Real, np.ndarray)):  # a list, or a tensor
        found = np.asarray(nats)
        if found.dtype.kind not in "iuf":
            raise ValueError(
                "Expected nats as a number, a Measurement or an array of numbers; "
                f"received: {nats!r}"
            )
        nats = found
    shape = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    if not shape or not all(isinstance(n, numbers.Integral) and n >= 1 for n in shape):
        raise ValueError(
            f"Expected shape of one example, integers >= 1; received: {shape}"
        )
    details = dict(getattr(nats, "details", {}))
    if not discrete and details.get("dequantised") is False:
        raise ValueError(
            "Expected the density of dequantised data (dequantise=True), or "
            f"discrete=True for log probabilities; received: {nats}"
        )
    scale = 1 / (math.prod(shape) * math.log(2))
    constant = 0.0 if discrete else math.log2(LEVELS / (high - low))
    if isinstance(nats, np.ndarray) and nats.ndim:
        return constant - nats * scale
    deviation = getattr(nats, "deviation", None)
    of = getattr(nats, "name", "log p(x)")
    details.pop("unit", None)
    return Measurement(
        constant - float(nats) * scale,
        f"bits per dimension, {of}",
        None if deviation is None else deviation * scale,
        **details,
        value_range=(low, high),
        discrete=discrete,
    )
