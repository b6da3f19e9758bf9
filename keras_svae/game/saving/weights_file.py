"""What weights a file holds, beside those of the model that is to load it."""

import contextlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import h5py

from keras_svae import files

__all__ = ["check_left_over", "difference", "first_other", "shapes_in", "shapes_of"]

Shapes = dict[str, tuple[int, ...]]

# What a model may have or not, while its networks are the same.
_COME_AND_GO = ("averages", "samplers")


def shapes_in(file: str | os.PathLike | io.BytesIO) -> Shapes | None:
    """Path and shape of each weight in a file of weights, or in a `.keras` file.

    None for another file, or a damaged one: Keras says what it is.
    """
    found: Shapes = {}
    content: Any = file
    if not str(file).endswith((".weights.h5", ".keras")):
        return None

    def see(name: str, one) -> None:
        if isinstance(one, h5py.Dataset):
            found[name] = tuple(one.shape)

    with contextlib.ExitStack() as opened:
        try:
            if str(file).endswith(".keras"):
                packed = opened.enter_context(zipfile.ZipFile(file))
                content = opened.enter_context(packed.open("model.weights.h5"))
            opened.enter_context(h5py.File(content, "r")).visititems(see)
        except Exception:  # h5py raises almost anything on a damaged file
            return None
    return found


def shapes_of(save_weights: Callable) -> Shapes:
    """Path and shape of each weight of a model, as it would save them."""
    memory = files.Memory("model.weights.h5")
    save_weights(memory)
    memory.seek(0)
    return shapes_in(memory) or {}


def check_left_over(there: Shapes, here: Shapes, path: str) -> None:
    """Compares a file's weights with the model's. A whole network may be left over.

    Args:
        there: The weights in the file.
        here: The model's.
        path: The file's, for messages.

    Raises:
        ValueError: If the file has further weights of a network that the model has:
            the network would be another function.
    """
    known = {name.partition("/")[0] for name in here}
    extra: dict[str, list[str]] = {}
    for name in there:
        network = name.partition("/")[0]
        # Random states, as of dropout, are no part of the function.
        if name not in here and "seed_generator" not in name:
            extra.setdefault(network, []).append(name)
    for network, names in extra.items():
        if network.endswith("optimizer") or network in _COME_AND_GO:
            continue
        if network in known:
            whose = "model itself" if network == "vars" else f"{network} of this model"
            raise ValueError(
                f"Expected the weights of the {whose}, and no others; "
                f"received: {path} with {len(names)} more, the first of them "
                f"{_shown(names[0], there)}"
            )
        warnings.warn(
            f"{path} also has weights of the network {network!r}, which this model "
            "does not have. They are left out.",
            stacklevel=3,
        )


def difference(there: Shapes, here: Shapes) -> str:
    """The first weight that the file lacks or has in another shape; "" for none."""
    for name, shape in here.items():
        if name.partition("/")[0].endswith("optimizer"):
            continue
        if name not in there:
            return f"it has no {_shown(name, here)}"
        if there[name] != shape:
            return f"it has {_shown(name, there)}, and the model {_shown(name, here)}"
    return ""


def first_other(file: io.BytesIO, whole: io.BytesIO) -> str:
    """The first weight of a file that another file lacks or has other values of.

    Args:
        file: A file of weights in memory.
        whole: Another one, which may have more weights.

    Returns:
        The weight, in words; "" if there is none.
    """
    for one in (file, whole):
        one.seek(0)
    here, there = shapes_in(file) or {}, shapes_in(whole) or {}
    with h5py.File(file, "r") as mine, h5py.File(whole, "r") as theirs:
        for name, shape in here.items():
            same = there.get(name) == shape
            # Bytes: also values that are no numbers are the same.
            if not same or mine[name][()].tobytes() != theirs[name][()].tobytes():
                return _shown(name, here)
    return ""


def _shown(name: str, shapes: Shapes) -> str:
    layer, _, number = name.rpartition("vars/")
    layer = layer.rstrip("/") or "the model itself"
    return f"weight {number} of {layer}, {shapes[name]}"
