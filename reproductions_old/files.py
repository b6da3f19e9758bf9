"""Files that are there whole or not at all."""

import json
import os
import pathlib


def write_json(path: str | os.PathLike, content) -> None:
    """Writes JSON at once: a kill leaves the old file or the new one."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_json(path: str | os.PathLike):
    """What `write_json` wrote."""
    return json.loads(pathlib.Path(path).read_text())


def add_json(path: str | os.PathLike, name: str, content) -> None:
    """Writes one part of a file of several; the others stay."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = read_json(path) if path.exists() else {}
    write_json(path, {**found, name: content})
