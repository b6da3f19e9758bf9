"""Data that lie in a model's range, but were made for another one."""

import numpy as np
import tensorflow as tf

from keras_svae.game.checks.values import ROUNDING, within
from keras_svae.telling import warn

__all__ = ["Seen", "bounded", "range_of_end", "with_ends"]

# What a network can give that ends in an activation; None for no bound.
_ENDS: dict[str, tuple[float, float]] = {
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "Softmax": (0, 1),
    "relu": (0, np.inf),
    "ReLU": (0, np.inf),
    "softplus": (0, np.inf),
    "exponential": (0, np.inf),
}
# So many values and examples decide: fewer may all be positive by chance. After so many
# examples nothing is looked at any more.
_VALUES, _EXAMPLES, _MOST = 1000, 8, 1024


def range_of_end(activation: str | None) -> tuple[float, float] | None:
    """The range of a network that ends in this activation; None for any value."""
    return _ENDS.get(activation or "")


def bounded(found: tuple[float, float] | None) -> tuple[float, float] | None:
    """A range of which both ends are finite: the values of black and white, say."""
    return found if found is not None and np.isfinite(found).all() else None


def with_ends(found: list[float | None] | None) -> tuple[float, float] | None:
    """A range from JSON, in which an infinite end is None."""
    if found is None:
        return None
    low, high = found
    return -np.inf if low is None else low, np.inf if high is None else high


class Seen:
    """Warns once of data that were made for another range than the model's.

    `checks.images` refuses values outside of the likelihood's range. This is about data
    that pass: of [0, 1] in a model of [-1, 1], 8-bit numbers where any value is
    allowed, or images whose values hardly differ. They would train without an error,
    and badly.

    Args:
        law: The range of the likelihood, or None for any value.
        end: The range of the decoder's end, where the likelihood has none.
        images: Whether an example is an image, (height, width, channels).
    """

    def __init__(
        self,
        law: tuple[float, float] | None,
        end: tuple[float, float] | None = None,
        images: bool = False,
    ):
        self.range, self.whose = law, "of the likelihood"
        if law is None and end is not None:
            self.range, self.whose = end, "of what the decoder can give"
        self.images = images
        self.settled = False
        self.low, self.high, self.whole = np.inf, -np.inf, True
        self.values = self.examples = 0

    def look(self, x) -> None:
        """Looks at a batch of floats, until there is nothing left to find."""
        if self.settled or tf.is_symbolic_tensor(x):
            return
        x = np.asarray(x)
        if not x.size:
            return
        self.values, self.examples = self.values + x.size, self.examples + len(x)
        self.low = min(self.low, float(x.min()))
        self.high = max(self.high, float(x.max()))
        if self.images and self.range is None and self.whole:
            # A part is enough, and needs little memory. NumPy cannot round bfloat16.
            part = x.reshape(-1)[: 10**6].astype(np.float32)
            self.whole = bool((part == np.round(part)).all())
        found = self._found()
        self.settled = found is not None or self.examples >= _MOST
        if found:
            warn(found)

    def _found(self) -> str | None:
        """What is wrong, or "" if nothing can be; None while it is not sure."""
        low, high = self.range or (-np.inf, np.inf)
        received = f"received: values from {self.low:g} to {self.high:g}"
        named = f"[{low:g}, {high:g}], the range {self.whose}"
        if not within(self.low, self.high, (low, high), ROUNDING):
            return f"Expected data in {named}; {received}, which the model never makes."
        if self.values < _VALUES or self.examples < _EXAMPLES:
            return None
        step = (high - low) / 255 if np.isfinite(high - low) else 0.0
        if self.images and 0 < self.high - self.low <= step * (1 + ROUNDING):
            return (
                f"Expected images that fill {named}; {received} in {self.examples} "
                "examples, as images have that were divided by 255 twice."
            )
        if (low, high) == (-1, 1):
            if self.low < -0.01:
                return ""
            # Data of [0, 1] have values near 0, and large ones.
            if self.low < 0.05 and self.high > 0.5:
                return (
                    f"Expected data that fill {named}; {received} in {self.examples} "
                    "examples, as data in [0, 1] have. Give 2 * x - 1 (of ks.data.load:"
                    ' scale=(-1, 1)), or take likelihood="bernoulli" or another law in '
                    "[0, 1]."
                )
        if self.images and self.range is None:
            if self.low < 0 or not self.whole:
                return ""
            if 15 < self.high < 256:
                return (
                    "Expected images in [0, 1], [-1, 1] or standardised, as the "
                    f"likelihood allows any value; {received}, all whole numbers, as "
                    "8-bit images have. Divide them by 255."
                )
        return None
