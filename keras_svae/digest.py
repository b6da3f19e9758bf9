"""The hash of what a path has."""

import hashlib
import os
import pathlib

__all__ = ["digest"]


def digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
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
