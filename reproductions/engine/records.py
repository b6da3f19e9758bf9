"""A run's record: whole, by which commits it was made, its numbers."""

import json
import os
from typing import Any

from reproductions.engine.files import read_json

__all__ = ["commits", "metric", "read", "short", "shown"]


def read(path: str | os.PathLike) -> dict[str, Any]:
    """The record of a finished run.

    Raises:
        ValueError: If the file is no JSON, or no record. The error names the file.
    """
    found = read_json(path, dict)
    parts = ("settings", "metrics")
    if missing := [name for name in parts if not isinstance(found.get(name), dict)]:
        raise ValueError(
            f"Expected the record of a run, with {' and '.join(missing)}; received: "
            f"{path} with {json.dumps(found)[:60]}"
        )
    return found


def shown(code: dict, digits: int | None = 10) -> str:
    """A commit, its first digits or all, and what is changed in it, in a message."""
    changed = f" with changes {code['changed']}" if code.get("changed") else ""
    return f"{str(code.get('commit'))[:digits]}{changed}"


def short(commit: str) -> str:
    """The text of `shown`, with ten digits of a commit in place of all forty."""
    return commit[:10] + commit[40:]


def commits(record: dict) -> list[str]:
    """All commits that a run was made by, whole: of several sessions there are some."""
    return record.get("commits") or [shown(record, None)]


def metric(record: dict, name: str) -> float:
    """A number among a run's metrics, for a summary that needs it of each run.

    Raises:
        ValueError: If it is not there, or was not finite.
    """
    found = record["metrics"].get(name)
    if found is None:
        measure = name.partition(".")[0].partition("[")[0]
        others = record.get("left_out", {}) | record.get("failed", {})
        why = others.get(measure, "there is no such number")
        raise ValueError(
            f"Expected {name} of each run; received: none ({why}) in the run with "
            f"{record['settings']}"
        )
    return found
