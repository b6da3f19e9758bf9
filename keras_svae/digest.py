"""The hash of what a path has."""

import hashlib
import os
import pathlib

from keras_svae.paths import Remote, is_local

__all__ = ["digest"]


def digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    if not is_local(path):
        return _of_remote(Remote(path))
    path = pathlib.Path(path).expanduser()
    if not path.is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for one in sorted(path.rglob("*")):
        if one.is_file():
            total.update(os.fsencode(one.relative_to(path)))
            total.update(digest(one).encode())
    return total.hexdigest()


def _of_remote(path: Remote) -> str:
    """The same hash, where the same files are not local."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    found = {}
    for where, _, names in path.walk():
        for name in names:
            file = f"{where}/{name}"
            found[pathlib.PurePosixPath(file.removeprefix(f"{path}/"))] = file
    total = hashlib.sha256()
    for one in sorted(found):
        total.update(os.fsencode(one))
        total.update(_of_remote(Remote(found[one])).encode())
    return total.hexdigest()
