"""The place for networks that were trained or converted on this machine."""

import os
import pathlib

__all__ = ["cache_folder"]


def cache_folder(kind: str) -> pathlib.Path:
    """The folder of one kind of them: below KERAS_SVAE_CACHE, if that is set."""
    root = os.environ.get("KERAS_SVAE_CACHE") or "~/.cache/keras_svae"
    return pathlib.Path(root).expanduser() / kind
