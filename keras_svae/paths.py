"""Paths of any file system that TensorFlow knows, "gs://bucket/run", used as pathlib's.

pathlib takes "gs://bucket" for a folder named "gs:". etils' epath knows a list of file
systems; this class takes all of `tf.io.gfile`, also those that a user has registered.
"""

import os
import pathlib
import re
from collections.abc import Iterator
from typing import TypeAlias

import tensorflow as tf

__all__ = [
    "AnyPath",
    "Remote",
    "any_path",
    "cache_folder",
    "is_device",
    "is_local",
    "local",
]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_local(path: str | os.PathLike) -> bool:
    """Whether a path is in the computer's own file system."""
    return not _SCHEME.match(os.fspath(path))


def is_device(path: str | os.PathLike) -> bool:
    """Whether a local path is something else than a file and a folder: not replaced."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


class Remote:
    """A path that is not local, with what this package needs of `pathlib.Path`.

    Errors of TensorFlow's file systems become OSErrors.
    """

    def __init__(self, path: str | os.PathLike):
        scheme, _, rest = os.fspath(path).partition("://")
        parts = [one for one in rest.split("/") if one]
        self._text = f"{scheme}://{'/'.join(parts)}"
        self.name = parts[-1] if parts else ""

    def __fspath__(self) -> str:
        return self._text

    __str__ = __fspath__

    def __repr__(self) -> str:
        return f"Remote({self._text!r})"

    def __eq__(self, other) -> bool:
        return isinstance(other, Remote) and self._text == other._text

    def __lt__(self, other: "Remote") -> bool:
        return self._text < other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __truediv__(self, name: str | os.PathLike) -> "Remote":
        return Remote(f"{self._text}/{os.fspath(name)}")

    @property
    def suffix(self) -> str:
        return pathlib.PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        return pathlib.PurePosixPath(self.name).stem

    @property
    def parent(self) -> "Remote":
        return Remote(self._text.removesuffix(self.name))

    def with_name(self, name: str) -> "Remote":
        return self.parent / name

    def exists(self) -> bool:
        return _asked(tf.io.gfile.exists, self._text)

    def is_dir(self) -> bool:
        return _asked(tf.io.gfile.isdir, self._text)

    def is_file(self) -> bool:
        return self.exists() and not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def expanduser(self) -> "Remote":
        return self

    def resolve(self) -> "Remote":
        return self

    def is_absolute(self) -> bool:
        return True

    def iterdir(self) -> Iterator["Remote"]:
        # Some file systems end the names of folders with a slash.
        names = _asked(tf.io.gfile.listdir, self._text)
        return iter(self / name for name in names if name.strip("/"))

    def walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """As `os.walk`."""
        entries = sorted(self.iterdir())
        folders = [one.name for one in entries if one.is_dir()]
        files = [one.name for one in entries if one.name not in folders]
        yield self._text, folders, files
        for name in folders:
            yield from (self / name).walk()

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        _asked(tf.io.gfile.makedirs, self._text)

    def read_bytes(self) -> bytes:
        def read(path):
            with tf.io.gfile.GFile(path, "rb") as file:
                return file.read()

        return _asked(read, self._text)

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self.read_bytes().decode(encoding, errors)

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok or self.exists():
            _asked(tf.io.gfile.remove, self._text)

    def remove_all(self) -> None:
        """Removes a folder with all that is in it, if it is there."""
        if self.exists():
            _asked(tf.io.gfile.rmtree, self._text)


AnyPath: TypeAlias = pathlib.Path | Remote


def any_path(path: str | os.PathLike) -> AnyPath:
    """A path as an object: pathlib's if it is local."""
    return pathlib.Path(path) if is_local(path) else Remote(path)


def local(path: str | os.PathLike, what: str) -> pathlib.Path:
    """The path, of something that only local file systems can hold.

    Raises:
        ValueError: If it is not local. Otherwise it would be a folder named "gs:".
    """
    if not is_local(path):
        raise ValueError(
            f"Expected {what} in the local file system; received: {os.fspath(path)}"
        )
    return pathlib.Path(path)


def cache_folder(kind: str) -> pathlib.Path:
    """The folder of one kind of what was made, trained or fetched on this computer.

    It is below KERAS_SVAE_CACHE, if that is set.
    """
    root = os.environ.get("KERAS_SVAE_CACHE") or "~/.cache/keras_svae"
    return pathlib.Path(root).expanduser() / kind


def _asked(function, path: str):
    try:
        return function(path)
    except tf.errors.NotFoundError:
        raise FileNotFoundError(
            f"Expected a file or folder; received: {path}, which is not there"
        ) from None
    except tf.errors.OpError as error:
        raise OSError(
            f"Expected a path that can be read and written; received: {path} "
            f"({error.message})"
        ) from None
