"""What one reading of all test data tells, before anything is measured."""

from typing import TYPE_CHECKING

import numpy as np

from keras_svae.evaluation.reading.elements import fields
from keras_svae.game import checks

if TYPE_CHECKING:
    from keras_svae.evaluation.subject import Subject

__all__ = ["Looked"]


class Looked:
    """Looks at each batch of the test data, and raises on what the model cannot read.

    Args:
        subject: The model.

    Attributes:
        first: The first batch of x.
        binary: Whether all values are 0 or 1.
    """

    def __init__(self, subject: "Subject"):
        self._subject = subject
        self._values: list[float] = []
        self.first = np.empty(0)
        self.binary = True

    def __call__(self, batch) -> None:
        """Looks at a batch x, or `Examples`."""
        x, y = fields(batch)
        self._subject.check(x)
        if self._subject.classes is not None and y is not None:
            checks.labels(y, self._subject.classes, len(x))
        if not self._values:
            self.first = x
        self._values += [float(x.min()), float(x.max())]
        self.binary = self.binary and bool(((x == 0) | (x == 1)).all())

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value of all."""
        return min(self._values), max(self._values)
