"""Arguments of the builders: which values are allowed, and errors for all others."""

import numbers
from typing import Any

import keras

from keras_svae import arguments


def check_width(width: Any) -> None:
    """Raises unless `width` can be a factor of hidden sizes."""
    if not (arguments.real(width) and 0 < width <= 4):
        raise ValueError(f"Expected width in (0, 4]; received: width={width!r}")


def check_activation(name: str, value: Any) -> None:
    """Raises unless `value` names a Keras activation."""
    try:
        known = isinstance(value, str) and callable(keras.activations.get(value))
    except ValueError:
        known = False
    if not known:
        raise ValueError(
            f'Expected {name} to name a Keras activation ("relu", "leaky_relu", '
            f'"tanh", ...); received: {name}={value!r}'
        )


def check_shape(shape: Any) -> tuple[int, ...]:
    """The shape of one example, as a tuple.

    Raises:
        ValueError: Unless it is a tuple or list of sizes, all at least 1.
    """
    sizes = sizes_of(shape)
    if not sizes:
        raise ValueError(
            "Expected shape to be the sizes of one example, each at least 1: (d,) for "
            "a table of d columns, (height, width, channels) for an image; "
            f"received: shape={shape!r}"
        )
    return sizes


def check_image(
    shape: Any,
    *,
    step: int = 1,
    least: int | None = None,
    most: int | None = None,
    sides: str | None = None,
) -> tuple[int, int, int]:
    """The shape of an image, as a tuple.

    Args:
        shape: What a user gave as (height, width, channels).
        step: Both sides are multiples of it.
        least: The smallest side; `step` if it is None.
        most: The largest side; None for no limit.
        sides: Says in words which sides are allowed, if the message needs more.

    Raises:
        ValueError: For any other shape. The message gives the nearest allowed one.
    """
    least = step if least is None else least
    sizes = sizes_of(shape)
    nearest = ""
    if len(sizes) == 3:
        allowed = [_nearest(side, step, least, most) for side in sizes[:2]]
        if tuple(allowed) == sizes[:2]:
            return sizes
        nearest = f" (the nearest is {(*allowed, sizes[2])})"
    if sides is None:
        kind = "sides" if step == 1 else f"sides that are multiples of {step},"
        sides = f"{kind} from {least} {'on' if most is None else f'to {most}'}"
    raise ValueError(
        f"Expected shape (height, width, channels) with {sides}{nearest}; "
        f"received: shape={shape!r}"
    )


def sizes_of(shape: Any) -> tuple[int, ...]:
    """The sizes of a shape; none if it is not a shape."""
    try:
        sizes = tuple(shape)
    except TypeError:
        return ()
    known = all(isinstance(size, numbers.Integral) and int(size) >= 1 for size in sizes)
    return tuple(map(int, sizes)) if known else ()


def _nearest(side: int, step: int, least: int, most: int | None) -> int:
    """The allowed side that is nearest to this one."""
    allowed = max(least, step * round(side / step))
    return allowed if most is None else min(allowed, most)
