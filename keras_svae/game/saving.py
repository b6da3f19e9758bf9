"""Saving that replaces a file completely, or not at all."""

import os
import pathlib
from collections.abc import Callable

__all__ = ["SavedAtOnce"]


class SavedAtOnce:
    """A Keras model that replaces a file in one step: a kill leaves the old file.

    For the local disks, a new file is first written beside the old one and then
    renamed. Keras itself writes all other files.
    """

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Keras's `save`."""
        given = {"zipped": zipped, **kwargs}
        save = super().save
        if zipped is False:  # a folder
            return save(filepath, overwrite, **given)
        return _at_once(save, filepath, ".keras", overwrite, given)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Keras's `save_weights`."""
        save = super().save_weights
        return _at_once(save, filepath, ".weights.h5", overwrite, kwargs)


def _at_once(save: Callable, filepath, ending: str, overwrite: bool, given: dict):
    local = isinstance(filepath, (str, os.PathLike)) and "://" not in str(filepath)
    path = pathlib.Path(filepath) if local else None
    asks = path is not None and not overwrite and path.exists()
    if path is None or asks or not path.name.endswith(ending):
        return save(filepath, overwrite, **given)
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}{ending}")
    try:
        save(temporary, True, **given)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return None
