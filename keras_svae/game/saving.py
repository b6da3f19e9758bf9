"""Saving that replaces a file completely, or not at all, and loading likewise."""

import os
import pathlib
from collections.abc import Callable

from keras_svae.untrusted import regular

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

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Keras's `load_weights`. After an error, all weights are as they were.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, or has other weights.
        """
        if _is_local(filepath):
            regular(filepath, "a file of weights")
        optimizers = (getattr(self, "optimizers", None) or {}).values()
        variables = [*self.variables]
        for one in optimizers:
            variables += one.variables
        before = [variable.numpy() for variable in variables]
        try:
            return super().load_weights(filepath, skip_mismatch, **kwargs)
        # A damaged file may let HDF5 or Keras raise almost anything.
        except Exception as error:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
            raise ValueError(
                f"Expected a whole file of weights of this model; received: {filepath} "
                f"({error})"
            ) from None


def _is_local(filepath) -> bool:
    return isinstance(filepath, (str, os.PathLike)) and "://" not in str(filepath)


def _at_once(save: Callable, filepath, ending: str, overwrite: bool, given: dict):
    path = pathlib.Path(filepath) if _is_local(filepath) else None
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
