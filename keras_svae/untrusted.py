"""Files that strangers may have made: looked at before they are read."""

import os
import pathlib
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import psutil

from keras_svae.paths import AnyPath, Remote, any_path, local

__all__ = [
    "Arrays",
    "check_memory",
    "check_unpacked",
    "folder",
    "plain_name",
    "regular",
]

T = TypeVar("T")

# The environment variable for the most bytes that a packed file may unpack to.
LIMIT = "KERAS_SVAE_MAX_UNPACKED"
_DEFAULT = 4_000_000_000
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def regular(path: str | os.PathLike, expected: str) -> AnyPath:
    """The path, if an ordinary file is there. It is not opened: a pipe would wait.

    Args:
        path: The file.
        expected: What it should be, for the error.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If it is a folder, a named pipe, a socket or a device.
    """
    path = any_path(path)
    if isinstance(path, Remote):  # such file systems have no pipes and devices
        if not path.exists():
            raise FileNotFoundError(
                f"Expected {expected}; received: {path}, which does not exist"
            )
        if path.is_dir():
            raise ValueError(f"Expected {expected}; received: {path}, a folder")
        return path
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected {expected}; received: {path}, which does not exist"
        ) from None
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise ValueError(f"Expected {expected}; received: {path}, which is {kind}")
    return path


def folder(path: str | os.PathLike) -> AnyPath:
    """The path, if a folder is there or nothing.

    Raises:
        FileExistsError: If it is something else.
    """
    path = any_path(path)
    there: AnyPath | None
    if isinstance(path, Remote):
        there = path if path.exists() else None
    else:  # a file may be where a folder above it is to be
        ways = (path, *path.absolute().parents)
        there = next(one for one in ways if os.path.lexists(one))
    if there is not None and not there.is_dir():
        raise FileExistsError(f"Expected a folder; received: the file {there}")
    return path


def plain_name(path: str | os.PathLike, what: str) -> None:
    """Raises if TensorFlow would take the path for a pattern, and find other files."""
    if found := sorted(set(os.fspath(path)) & (set("*?[\\") - {os.sep})):
        raise ValueError(
            f"Expected a path of {what} without {' '.join(found)}, as TensorFlow reads "
            f"this as a pattern and does not find the files; received: {path}"
        )


def check_unpacked(path: pathlib.Path, size: int) -> None:
    """Raises if a file unpacks to more bytes than the limit, and than it has itself."""
    given = os.environ.get(LIMIT) or str(_DEFAULT)
    try:
        limit = float(given)
    except ValueError:
        raise ValueError(
            f"Expected {LIMIT} as a number of bytes; received: {given!r}"
        ) from None
    if size > max(limit, path.stat().st_size):
        raise ValueError(
            f"Expected a file that unpacks to at most {limit:.3g} bytes; received: "
            f"{path} with {size:.3g}. If you trust it, set the environment variable "
            f"{LIMIT}={size}"
        )


def check_memory(size: int, what: str, instead: str) -> None:
    """Raises if so many bytes are more than the machine has."""
    have = psutil.virtual_memory().total
    if size > have:
        raise ValueError(
            f"Expected {what} that fit into {have / 1e9:.3g} GB of memory; received: "
            f"{size / 1e9:.3g} GB. Give {instead}"
        )


class Arrays(Mapping[str, np.ndarray]):
    """The arrays of an `.npz` file by name. An array is read when it is asked for.

    The sizes that the file claims are compared with the limit before anything is
    unpacked, and no more is unpacked than it claims.

    Args:
        path: The file.
        expected: What it should be, for errors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an .npz file, is damaged or is too large; when an array
            is read, if it is damaged or holds Python objects, which are never read.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        expected: str = "an .npz file as numpy.savez writes it",
    ):
        self._path = local(regular(path, expected), expected)
        try:
            with zipfile.ZipFile(self._path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"Expected {expected}; received: {self._path} ({error})"
            ) from None
        self._members = {
            one.filename.removesuffix(".npy"): one
            for one in members
            if one.filename.endswith(".npy")
        }
        sizes = [one.file_size for one in self._members.values()]
        check_unpacked(self._path, sum(sizes))

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, name: str) -> np.ndarray:
        def read(archive, member):
            _check_header(archive, member)
            # A member ends where the archive says, and its checksum must be right.
            with archive.open(member) as file:
                return np.lib.format.read_array(file, allow_pickle=False)

        return self._opened(name, read)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, which is not read."""
        return self._opened(name, _check_header)

    def _opened(
        self, name: str, read: Callable[[zipfile.ZipFile, zipfile.ZipInfo], T]
    ) -> T:
        member = self._members[name]
        try:
            with zipfile.ZipFile(self._path) as archive:
                return read(archive, member)
        # A damaged or hostile file can raise almost anything.
        except Exception as error:
            raise ValueError(
                f"Expected numbers; received: the array {name!r} in {self._path}, "
                "which holds Python objects (never read from a file) or is damaged "
                f"({error or type(error).__name__})"
            ) from None


def _check_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple:
    """The shape in an array's header; raises if it promises other numbers of bytes."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"an array of version {version}")
        shape, _, dtype = readers[version](file)
        there = member.file_size - file.tell()
    promised = dtype.itemsize
    for side in shape:
        promised *= max(side, 0)
    # `read_array` refuses objects.
    if promised != there and not dtype.hasobject:
        raise ValueError(f"shape {shape} of {dtype} in {there} bytes")
    return shape
