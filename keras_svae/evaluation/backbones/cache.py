"""The place for networks that were trained or converted on this machine."""

import hashlib
import os
import pathlib

__all__ = ["cache_folder", "digest"]


def cache_folder(kind: str) -> pathlib.Path:
    """The folder of one kind of them: below KERAS_SVAE_CACHE, if that is set."""
    root = os.environ.get("KERAS_SVAE_CACHE") or "~/.cache/keras_svae"
    return pathlib.Path(root).expanduser() / kind


def digest(path: pathlib.Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
