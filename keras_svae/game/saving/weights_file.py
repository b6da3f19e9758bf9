"""What weights a file holds, beside those of the model that is to load it."""

import contextlib
import io
import os
import zipfile
from collections.abc import Callable
from typing import Any

import h5py

from keras_svae import files

__all__ = ["left_over", "difference", "first_other", "shapes_in", "shapes_of"]

Shapes = dict[str, tuple[int, ...]]

# Where Keras puts a model's averages, and layers that are no attribute of it: samplers.
_AVERAGES, _LAYERS = "averages", "layers"


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


def left_over(there: Shapes, here: Shapes, path: str) -> list[str]:
    """Compares a file's weights with the model's. A whole network may be left over.

    Args:
        there: The weights in the file.
        here: The model's.
        path: The file's, for messages.

    Returns:
        What is left out, as warnings.

    Raises:
        ValueError: If the file has further weights of a network that the model has:
            the network would be another function.
    """
    known = {_part(name, here) for name in here}
    extra: dict[str, list[str]] = {}
    found = []
    for name in there:
        # Random states, as of dropout, are no part of the function.
        if name not in here and "seed_generator" not in name:
            extra.setdefault(_part(name, there), []).append(name)
    for part, names in extra.items():
        if part.endswith("optimizer") or part == _AVERAGES:
            continue
        if part in known:
            whose = "model itself" if part == "vars" else f"{part} of this model"
            raise ValueError(
                f"Expected the weights of the {whose}, and no others; "
                f"received: {path} with {len(names)} more, the first of them "
                f"{_shown(names[0], there)}"
            )
        what, hint = f"the network {part!r}", ""
        if _is_sampler(part, there):
            what = f"the sampler {part.removeprefix(f'{_LAYERS}/')!r}"
            hint = " A .keras file of the whole model has its samplers."
        found.append(
            f"{path} also has weights of {what}, which this model does not have. They "
            f"are left out.{hint}"
        )
    return found


def _part(name: str, shapes: Shapes) -> str:
    """The network that a weight belongs to, or the sampler, as Keras names them."""
    first, _, rest = name.partition("/")
    sampler = f"{first}/{rest.partition('/')[0]}"
    return sampler if _is_sampler(sampler, shapes) else first


def _is_sampler(part: str, shapes: Shapes) -> bool:
    """Whether weights are a sampler's: the first is a number, when it was fitted."""
    first = shapes.get(f"{part}/vars/0")
    return part.startswith(f"{_LAYERS}/") and first == ()


def difference(there: Shapes, here: Shapes) -> str:
    """The first weight that the file lacks or has in another shape; "" for none."""
    for name, shape in here.items():
        if name.partition("/")[0].endswith("optimizer"):
            continue
        if name not in there:
            part = _part(name, here)
            if part == _AVERAGES and not any(_part(n, there) == part for n in there):
                return (
                    "it has no averages of weights. Load it before compile(ema=...), "
                    "or compile without ema"
                )
            if _is_sampler(part, here) and not _is_sampler(part, there):
                called = part.removeprefix(f"{_LAYERS}/")
                return (
                    f"it has no weights of a sampler that the model keeps, {called}. "
                    "Call model.remove_sampler(name) before, and fit it again to the "
                    "codes of the loaded weights"
                )
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
