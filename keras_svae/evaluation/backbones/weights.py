"""Weights of published networks: which file they are, and the tensors in it."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping

import keras
import numpy as np

from keras_svae.digest import digest
from keras_svae.evaluation.backbones.state_dict import read_state_dict
from keras_svae.paths import cache_folder

__all__ = ["Published", "Tensors", "find_weights", "read_tensors"]

# Of a .safetensors file, whose description is JSON.
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}


@dataclasses.dataclass(frozen=True)
class Published:
    """A file of weights that others publish.

    Attributes:
        name: The name of the network, as scores give it.
        url: The address of the file.
        sha256: Its hash.
    """

    name: str
    url: str
    sha256: str

    def fetched(self) -> pathlib.Path:
        """The file in the cache, which is downloaded if it is not there.

        Raises:
            FileNotFoundError: If it cannot be downloaded.
            ValueError: If another file is in its place.
        """
        folder = cache_folder("weights")
        path = folder / self.url.rpartition("/")[2]
        if path.is_file():
            if (found := digest(path)) == self.sha256:
                return path
            # Keras would delete it.
            raise ValueError(
                f"Expected the published weights of {self.name} at {path}, SHA-256 "
                f"{self.sha256[:8]}...; received: another file, {found[:8]}.... Remove "
                "this file to download the published weights, or give a path"
            )
        try:
            # Where there is no such folder, Keras takes one of its own.
            folder.mkdir(parents=True, exist_ok=True)
            found = keras.utils.get_file(
                path.name,
                self.url,
                file_hash=self.sha256,
                cache_dir=str(folder.parent),
                cache_subdir=folder.name,
            )
        # Keras raises a bare Exception where there is no network.
        except Exception as error:
            path.unlink(missing_ok=True)  # it was not there, and is not the right one
            raise FileNotFoundError(
                f"Expected the published weights of {self.name}: fetch {self.url} "
                f"(SHA-256 {self.sha256[:8]}...) and put it at {path}, or give its "
                f"path; received: no such file, and no download ({error})"
            ) from error
        return pathlib.Path(found)


def find_weights(
    source: str | os.PathLike, network: str, *published: Published
) -> tuple[pathlib.Path, str]:
    """A file, and what scores call a network with its weights.

    It is the published name if it is a published file, by its hash; else the file's.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = pathlib.Path(source).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a file of weights for {network}; received: {path}, which is not "
            "a file"
        )
    found = digest(path)
    names = {one.sha256: one.name for one in published}
    own = f"{network} with the weights {path.name}, sha256 {found[:8]}"
    return path, names.get(found, own)


def read_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The named arrays of a `.pth`, `.pt`, `.safetensors` or `.npz` file.

    Nothing is unpickled.

    Raises:
        ValueError: If the file is of another kind, or has anything but arrays.
    """
    if path.suffix in (".pth", ".pt"):
        return read_state_dict(path)
    readers = {".safetensors": _safetensors, ".npz": _npz}
    if path.suffix not in readers:
        raise ValueError(
            "Expected weights as .pth, .pt, .safetensors or .npz; received: "
            f"{path.name}"
        )
    try:
        return readers[path.suffix](path)
    except OSError:
        raise
    # A damaged file can make JSON's and NumPy's readers raise almost anything.
    except Exception as error:
        raise ValueError(
            f"Expected a {path.suffix} file of named arrays; received: {path.name}: "
            f"{error}"
        ) from error


def _npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Eight bytes of length, a description in JSON, and the numbers."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, about in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        if about["dtype"] not in DTYPES:
            raise ValueError(f"numbers of type {about['dtype']}")
        first, last = about["data_offsets"]
        if not 0 <= first <= last <= len(data) - start:
            raise ValueError(f"the array {name}, which is not complete")
        numbers = np.frombuffer(
            data[start + first : start + last], DTYPES[about["dtype"]]
        )
        found[name] = numbers.reshape(about["shape"])
    return found


class Tensors:
    """Named arrays that a network takes one by one, each of a shape it expects.

    Args:
        arrays: The arrays by name, with the names and the axes that PyTorch gives them.
        network: What errors call the network.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], network: str):
        self._left, self._network = dict(arrays), network

    def __contains__(self, name: str) -> bool:
        """Whether it is left."""
        return name in self._left

    def take(self, name: str, *shape: int | None) -> np.ndarray:
        """An array in float64; None stands for any number.

        Raises:
            ValueError: If it is missing, of another shape, or has NaN or infinity.
        """
        array = self._left.pop(name, None)
        if array is None:
            raise ValueError(
                f"Expected the weights of {self._network}, with {name}; received: none "
                "of this name"
            )
        fits = len(shape) == array.ndim and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind != "f":
            said = ", ".join("any" if one is None else str(one) for one in shape)
            raise ValueError(
                f"Expected the weights of {self._network}, with {name} as floats of "
                f"shape ({said}); received: {array.dtype} of shape {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"Expected finite weights; received: NaN or infinity in {name}"
            )
        return array.astype(np.float64)

    def finish(self, *unused: str) -> None:
        """Raises a ValueError if arrays are left whose names do not end so."""
        left = [name for name in self._left if not name.endswith(unused)]
        if left:
            raise ValueError(
                f"Expected the weights of {self._network} and no others; received: "
                f"{', '.join(sorted(left)[:3])} too, {len(left)} in all"
            )
