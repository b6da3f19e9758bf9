"""Warnings that point at the user's line, however deep the code is that warns."""

import os
import pathlib
import sys
import warnings

import keras

__all__ = ["warn"]

# Whose lines are not the user's.
_INSIDE = tuple(
    f"{pathlib.Path(file).parent}{os.sep}" for file in (__file__, str(keras.__file__))
)


def warn(text: str) -> None:
    """Warns at the nearest line that is neither of this package nor of Keras.

    Args:
        text: The warning.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
