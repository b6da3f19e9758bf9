"""The tensors of a PyTorch state dict, read without PyTorch and without unpickling."""

import io
import math
import os
import pathlib
import zipfile
from typing import Any, BinaryIO

import numpy as np

from keras_svae.evaluation.backbones.described import (
    Refused,
    StorageOf,
    TensorOf,
    described,
)

__all__ = ["read_state_dict"]

# What a file starts with that was written before PyTorch 1.6, or without its zip.
MAGIC = 0x1950A86A20F9469CFC6C
# Bytes that a description may have; the published ones have under a hundred thousand.
LARGEST = 10_000_000


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The tensors of a state dict by name, as `torch.save` wrote it.

    Both of PyTorch's formats are read: the zip, and the older one, until PyTorch 1.5.
    The pickle in it is not loaded, see `described`.

    Args:
        path: A `.pth` or `.pt` file of one dictionary of tensors.

    Raises:
        ValueError: If the file has anything but names and tensors, or is damaged.
        OSError: If it cannot be read.
    """
    path = pathlib.Path(path)
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path)
        with open(path, "rb") as file:
            return _from_stream(file)
    except OSError:
        raise
    # A damaged or hostile file can raise almost anything.
    except Exception as error:
        known = isinstance(error, Refused)
        said = error if known else "a damaged file, or one of another kind"
        raise ValueError(
            "Expected a state dict, a PyTorch file of named tensors only; received: "
            f"{path.name}, with {said}"
        ) from error


def _from_zip(path: pathlib.Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        found = [name for name in names if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise Refused("a zip without one data.pkl")
        top = found[0].removesuffix("data.pkl")

        def read(name: str, size: int | None = None) -> bytes:
            info = archive.getinfo(top + name)
            # PyTorch compresses nothing: so nothing is larger than the file.
            if info.compress_type != zipfile.ZIP_STORED:
                raise Refused(f"{name}, which is compressed")
            if info.file_size > LARGEST if size is None else info.file_size != size:
                raise Refused(f"{name} of {info.file_size} bytes")
            return archive.read(info)

        if top + "byteorder" in names and read("byteorder") != b"little":
            raise Refused("numbers that are not little-endian")
        tensors = _tensors(described(io.BytesIO(read("data.pkl"))))
        data = {
            one.key: np.frombuffer(read(f"data/{one.key}", _size(one)), one.dtype)
            for one in _storages(tensors)
        }
    return {name: _view(one, data[one.storage.key]) for name, one in tensors.items()}


def _from_stream(file: BinaryIO) -> dict[str, np.ndarray]:
    """The old format: five pickles, and then each storage's count and numbers."""
    if described(file) != MAGIC:
        raise Refused("a start that no PyTorch file has")
    described(file)  # the format's version
    about = described(file)
    if not isinstance(about, dict) or about.get("little_endian") is not True:
        raise Refused("numbers that are not little-endian")
    tensors = _tensors(described(file))
    known = {one.key: one for one in _storages(tensors)}
    data = {}
    for key in described(file):
        if not isinstance(key, str) or key not in known:
            raise Refused("numbers of no tensor")
        if int.from_bytes(file.read(8), "little") != known[key].count:
            raise Refused(f"another count of the numbers {key[:80]}")
        # `read` gives what there is, so a false count reserves nothing.
        numbers = file.read(_size(known[key]))
        if len(numbers) != _size(known[key]):
            raise Refused("a file that ends too early")
        data[key] = np.frombuffer(numbers, known[key].dtype)
    return {name: _view(one, data[one.storage.key]) for name, one in tensors.items()}


def _size(storage: StorageOf) -> int:
    return storage.count * storage.dtype.itemsize


def _storages(tensors: dict[str, TensorOf]) -> set[StorageOf]:
    found = {one.storage for one in tensors.values()}
    if len({one.key for one in found}) != len(found):
        raise Refused("the same numbers in two types")
    return found


def _tensors(found: Any) -> dict[str, TensorOf]:
    """The named tensors that a pickle describes, if it describes nothing else."""
    if not isinstance(found, dict) or not found:
        raise Refused("no dictionary of tensors")
    for name, one in found.items():
        if not isinstance(one, TensorOf):
            raise Refused(f"{name[:80]}, which is no tensor")
    return found


def _view(tensor: TensorOf, numbers: np.ndarray) -> np.ndarray:
    """A tensor of these numbers; raises unless they have all of it."""
    size = math.prod(tensor.shape)
    sides = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((side - 1) * stride for side, stride in sides)
    # With strides of zero, it could be larger than its numbers.
    if size > len(numbers) or (size and last >= len(numbers)):
        raise Refused("a tensor that is larger than its numbers")
    if not size:
        return np.zeros(tensor.shape, numbers.dtype)
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        tensor.shape,
        [stride * numbers.itemsize for stride in tensor.strides],
        writeable=False,
    )
