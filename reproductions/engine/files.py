"""Files that are complete or do not exist, and folders that one process uses alone."""

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from keras_svae import files
from keras_svae.paths import AnyPath, Remote, any_path
from keras_svae.untrusted import regular

# Folders that this process uses: `files.lock` keeps other processes out, not this one.
_MINE: set[str] = set()


def write_json(path: str | os.PathLike, content) -> None:
    """Writes JSON at once: a kill leaves the old file or the new one."""
    path = any_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain(content, _finite), indent=1, allow_nan=False) + "\n"
    files.write(path, text.encode())


def _finite(number: float) -> float | None:
    """The number for JSON, which has no NaN and no infinity."""
    return float(number) if math.isfinite(number) else None


def record_file(path: str | os.PathLike | None) -> AnyPath | None:
    """The file of a record: the name gets the end .json, whatever dots are in it.

    None is no file.

    Raises:
        OSError: If it could not be written: this is said before a long run.
    """
    if path is None:
        return None
    path = any_path(path)
    if path.name and not path.is_dir() and not path.name.endswith(".json"):
        path = path.with_name(f"{path.name}.json")
    if isinstance(path, Remote):
        return path
    above = next(one for one in path.absolute().parents if one.exists())
    why = "a folder" if path.is_dir() else f"{above} is no folder"
    if above.is_dir() and not path.is_dir():
        try:  # rights alone do not tell: a file system may take no files
            with tempfile.NamedTemporaryFile(dir=above, prefix=".writable-"):
                return path
        except OSError:
            why = f"{above} cannot be written"
    raise OSError(f"Expected a file that can be written; received: {path}: {why}")


def plain(value, of_float: Callable[[float], float | None] = float):
    """The same in JSON's types: numbers of NumPy and of tensors become Python's.

    Args:
        value: A value, or dictionaries and lists of values.
        of_float: What becomes of a float.

    Raises:
        TypeError: For what has none of these types.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one, of_float) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, of_float) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):  # NumPy's float64 and a measurement are floats
        return of_float(value)
    if hasattr(value, "__array__"):
        return plain(np.asarray(value).tolist(), of_float)
    raise TypeError(
        "Expected settings and results as numbers, texts, true, false or None, alone "
        f"or in lists and dictionaries; received: {value!r}"
    )


def read_json(path: str | os.PathLike, kind: type | None = None):
    """Reads what `write_json` wrote: a `dict` or a `list`, if the kind is given.

    Raises:
        ValueError: If the file is no JSON, or holds another kind than the given one.
            The error names the file.
    """
    path = regular(path, "a whole JSON file")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"Expected a whole JSON file; received: {path} ({error})"
        ) from error
    if kind is not None and not isinstance(found, kind):
        wanted = {dict: "names and values", list: "a list"}[kind]
        raise ValueError(
            f"Expected a JSON file with {wanted}; received: {path} with "
            f"{json.dumps(found)[:60]}"
        )
    return found


def add_json(path: str | os.PathLike, name: str, content) -> None:
    """Writes one part of a file with several parts. The others do not change."""
    found = read_json(path) if any_path(path).exists() else {}
    write_json(path, {**found, name: content})


@contextlib.contextmanager
def locked(folder: str | os.PathLike) -> Iterator[AnyPath]:
    """The folder, which nobody else uses meanwhile. It is made if needed.

    A folder that is not local has no lock, nor has Windows: nothing keeps other
    processes out.

    Raises:
        FileExistsError: If another process, or this one, uses it.
        OSError: If it cannot be made.
    """
    folder = any_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    place = os.path.realpath(folder)
    if place in _MINE:
        raise FileExistsError(
            f"Expected a folder that no other process works in; received: {folder}"
        )
    files.lock(folder)
    _MINE.add(place)
    try:
        yield folder
    finally:
        _MINE.remove(place)
        files.unlock(folder)
