"""`.keras` files, which are looked at before Keras loads them."""

import json
import os
import pathlib
import re
import zipfile

import keras

from keras_svae import files
from keras_svae.paths import Remote
from keras_svae.untrusted import check_unpacked, regular

__all__ = ["first_line", "load_keras", "of_keras"]


def load_keras(path: str | os.PathLike, **options) -> keras.Model:
    """Keras's `load_model` in safe mode, of a file that was checked before.

    Args:
        path: A `.keras` file.
        **options: Keras's own.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or of another kind, version or package.
    """
    expected = "a whole .keras file, as model.save writes it"
    if isinstance(found := regular(path, expected), Remote):
        with files.local_copy(found) as copy:
            return load_keras(copy, **options)
    path = found
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(path, sum(one.file_size for one in archive.infolist()))
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        damaged = first_line(error)
    if damaged:
        raise ValueError(
            f"Expected {expected}; received: {path}, which is truncated or damaged "
            f"({damaged})"
        )
    return of_keras(path, **options)


def of_keras(path: str | os.PathLike, **options) -> keras.Model:
    """Keras's `load_model` in safe mode, whose errors are one kind and short.

    Args:
        path: A `.keras` file, or a folder of Keras's.
        **options: Keras's own.

    Raises:
        ValueError: If it cannot be loaded.
    """
    try:
        return keras.saving.load_model(path, **{"safe_mode": True, **options})
    # What a file says may let Keras, or a constructor, raise almost anything.
    except Exception as error:
        raise ValueError(
            f"Expected a .keras file that this version can load; received: {path}"
            f"{_made_by(path)}: {_said(error)}"
        ) from None


def _made_by(path: str | os.PathLike) -> str:
    """Which version made a `.keras` file, as far as the file says it."""
    try:
        if os.path.isdir(path):
            config = json.loads(pathlib.Path(path, "config.json").read_bytes())
        else:
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
        return f", which {config['config']['made_by']} made"
    except Exception:
        return ""


def _said(error: Exception) -> str:
    """What Keras says, without the configuration, which it adds to many errors."""
    inner = str(error).rpartition("Exception encountered: ")[2]
    return inner.partition("Full object config")[0].strip().partition("\n\n")[0]


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its kind if it has none.

    Without what TensorFlow says of the node and the operation.
    """
    line = str(error).strip().partition("\n")[0]
    return re.sub(r"\{\{.*?\}\}|\[Op:\w+\]", "", line).strip() or type(error).__name__
