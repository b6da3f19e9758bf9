"""Saving that replaces a file completely, or not at all, and loading likewise."""

import os
import warnings
from collections.abc import Callable

from keras_svae import files
from keras_svae.game.devices import workers
from keras_svae.game.keras_callbacks import rates
from keras_svae.game.saving import states, weights_file
from keras_svae.telling import warn
from keras_svae.untrusted import regular

__all__ = ["SavedAtOnce"]


class SavedAtOnce:
    """A Keras model that replaces a file in one step: a kill leaves the old file.

    The content is made in memory. Keras itself writes folders and shards. Of several
    workers that train a model, the first one writes; a path is the same for all.
    """

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Keras's `save`.

        Raises:
            ValueError: For an HDF5 file, which no model of this package is read from.
        """
        if zipped is not False and str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "Expected a path that ends in .keras; received: "
                f"{str(filepath)!r}. save_weights writes NAME.weights.h5"
            )
        if _is_left_to_first(self, filepath):
            return None
        given = {"zipped": zipped, **kwargs}
        save = super().save
        if zipped is False:  # a folder
            return save(filepath, overwrite, **given)
        return _at_once(save, filepath, ".keras", overwrite, given)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Keras's `save_weights`."""
        if _is_left_to_first(self, filepath):
            return None
        save = super().save_weights
        return _at_once(save, filepath, ".weights.h5", overwrite, kwargs)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Keras's `load_weights`. After an error, all weights are as they were.

        A network or a sampler in the file that the model does not have is left out,
        with a warning: an sVAE's file can be loaded into a VAE. Averages of weights are
        left out without one. The file has the optimizers' state, and a warning names
        each learning rate that it changes.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, lacks weights of this model, has them in
                other shapes, or has more weights of one of its networks. With
                `skip_mismatch`, only if it is damaged.
        """
        before = rates.current(self)
        self._load_weights(filepath, skip_mismatch, **kwargs)
        if before:
            way, of = "model.{name}.learning_rate = {rate}", f"the file {filepath}"
            rates.tell_of_changes(before, self, of, way)

    def _load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """`load_weights`, without a word about learning rates."""
        named, told = isinstance(filepath, (str, os.PathLike)), str(filepath)
        remote = named and not files.is_local(filepath)
        if named and not os.fspath(filepath).startswith("hf://"):
            regular(filepath, "a file of weights")
            if remote:  # HDF5 reads local files alone
                filepath = files.Memory(os.fspath(filepath), files.read(filepath))
        there = weights_file.shapes_in(filepath) if named else None
        here = weights_file.shapes_of(super().save_weights) if there else {}
        left_out = []
        if there and not skip_mismatch:
            left_out = weights_file.left_over(there, here, told)
        variables = [*self.variables]
        for one in self.optimizers.values():
            variables += one.variables
        before = [variable.numpy() for variable in variables]
        load = super().load_weights
        try:
            # Keras warns of each layer that it cannot load, and the error says it all.
            with warnings.catch_warnings(record=True) as warned:
                done = load(filepath, skip_mismatch, **kwargs)
        # A damaged file may let HDF5 or Keras raise almost anything. An interruption
        # must not leave weights of two models, either.
        except BaseException as error:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
            states.constants_anew(self)
            if not isinstance(error, Exception):
                raise
            why = weights_file.difference(there or {}, here) or error
            raise ValueError(
                f"Expected a whole file of weights of this model; received: {told} "
                f"({why})"
            ) from None
        states.constants_anew(self)
        for text in left_out:
            warn(text)
        for one in warned:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        return done


def _is_left_to_first(model, filepath) -> bool:
    """Whether another worker writes a path. What is no path belongs to this one."""
    named = isinstance(filepath, (str, os.PathLike))
    return named and not workers.is_first(model.distribute_strategy)


def _at_once(save: Callable, filepath, ending: str, overwrite: bool, given: dict):
    named = isinstance(filepath, (str, os.PathLike))
    path = os.fspath(filepath) if named else ""
    hub = path.startswith("hf://")  # Keras alone can write there
    shards = given.get("max_shard_size") is not None
    asks = not overwrite and named and files.exists(path)
    if hub or shards or asks or not path.endswith(ending):
        return save(filepath, overwrite, **given)
    memory = files.Memory(path)
    save(memory, True, **given)
    if files.is_local(path):
        files.remove_leftovers(*os.path.split(files.target(path)))
    return files.write(path, memory.getbuffer())
