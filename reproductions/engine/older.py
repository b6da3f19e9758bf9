"""Records that were made under a default which has changed since: `older.toml`."""

import functools
import pathlib
import tomllib

__all__ = ["changes", "changes_of"]

FILE = pathlib.Path(__file__).resolve().parents[1] / "older.toml"


@functools.cache
def changes() -> dict[str, dict]:
    """By name: `says`, what the old default was; `page`, of docs; `records`, files.

    Where the change is a commit's, also `until`; and `date` of it.
    """
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def changes_of(record: str) -> dict[str, dict]:
    """The changes since a record was made, by name.

    Args:
        record: The name of a file of `reproductions/results`.
    """
    return {name: one for name, one in changes().items() if record in one["records"]}
