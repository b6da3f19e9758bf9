"""What records say: values at a path, samples of runs, texts with numbers in them."""

import functools
import pathlib
import re
import tomllib
from typing import Any

from reproductions.engine import results
from reproductions.engine.files import read_json
from reproductions.engine.statistics import Sample

__all__ = [
    "OLDER",
    "Absent",
    "NotRun",
    "Records",
    "at",
    "changed_defaults",
    "changes",
    "sample",
]

# Records that were made under a default which has changed since.
OLDER = results.ROOT / "reproductions" / "older.toml"

# {file.json#path!format} in a text.
FIELD = re.compile(r"\{([\w.-]+\.json)#([^{}!]+)(?:!([^{}]*))?\}")


@functools.cache
def changes() -> dict[str, dict]:
    """Reads `older.toml`, by name.

    A change has: `says`, what the old default was; `page`, of docs; `records`, files.
    Where it is a commit's, also `until`; and `date` of it. Where it is of one measure,
    also `measure`, its name.
    """
    return tomllib.loads(OLDER.read_text(encoding="utf-8"))


def changed_defaults(record: str, read: str | None = None) -> list[dict]:
    """The changes of defaults before which a record was made.

    Args:
        record: The file.
        read: The paths of what is read there; unset, all of it. A change of one measure
            is left out where this is not read.
    """
    return [
        one
        for one in changes().values()
        if record in one["records"] and (read is None or one.get("measure", "") in read)
    ]


class Absent(ValueError):
    """A record has nothing at a path."""


class NotRun(Absent):
    """A record has no such row, and says so."""


def _fits(row: dict, name: str, sign: str, text: str) -> bool:
    value = row.get(name)
    if sign == ">=":
        return value is not None and value >= float(text)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value) == text


def _step(found: Any, step: str) -> Any:
    for name in step.split("|"):
        if isinstance(found, dict) and name in found:
            return found[name]
    if isinstance(found, list) and step.isdigit() and int(step) < len(found):
        return found[int(step)]
    raise Absent(f"Expected {step!r} in a record; received: none")


def at(found: Any, path: str) -> Any:
    """What is at a path in a record.

    Args:
        found: A record, or a part.
        path: Names with "/" between; `one|other` is the first of them that is there.
            (In a `{results}` table of the pages it stands for all of them.)
            `[name=value,other>=value]` takes those rows of a list that fit, and the
            path goes on in each: the result is a list. A row of a run that diverged
            gives None there.

    Raises:
        Absent: If there is nothing, or no such row.
    """
    step, _, rest = path.partition("/")
    if not path:
        return found
    if not step.startswith("["):
        return at(_step(found, step), rest)
    if not isinstance(found, list):
        raise Absent(f"Expected a list for {step}; received: {type(found).__name__}")
    wanted = [re.fullmatch(r"(.*?)(>?=)(.*)", one) for one in step[1:-1].split(",")]
    rows = [row for row in found if all(_fits(row, *one.groups()) for one in wanted)]
    if not rows:
        raise Absent(f"Expected rows with {step}; received: none")
    made = []
    for row in rows:
        try:
            made.append(at(row, rest))
        except Absent:
            # A run that diverged says so, a cell of runs how many of them did.
            lost = row.get("diverged")
            if not lost or lost != row.get("runs", lost):
                raise
            made.append(None)
    return made


def sample(found: Any, n: int | None = None) -> Sample:
    """Runs of one method, from their numbers or from a summary of them.

    Args:
        found: A list of numbers, one number, or a dictionary with `values`, or with
            `mean` and `deviation` (or `sd`) and `n`. Of lists in a list, all.
        n: The number of runs, where a summary does not say it.
    """
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
        found = found[0]
    if isinstance(found, list):
        flat: list = []
        for one in found:
            flat += one if isinstance(one, list) else [one]
        return Sample.of(flat)
    if isinstance(found, dict):
        lost = found.get("diverged", 0)
        if "values" in found:
            return Sample.of(found["values"], lost)
        deviation = found.get("deviation", found.get("sd"))
        runs = found.get("n", n)
        if runs is None or "mean" not in found:
            raise Absent(
                "Expected a summary with mean and n; received: a summary without these"
            )
        return Sample(found["mean"], deviation, int(runs), lost)
    return Sample.of([found])


class Records:
    """The records in a folder, each read once.

    Args:
        folder: Where they are; unset, reproductions/results.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    def __init__(self, folder: str | pathlib.Path | None = None):
        self.folder = pathlib.Path(folder or results.FOLDER)
        if not self.folder.is_dir():  # all claims would be out of reach
            raise FileNotFoundError(
                f"Expected a folder of records; received: {self.folder}, which is none"
            )
        self._read: dict[str, Any] = {}

    def has(self, name: str) -> bool:
        """Whether there is this file."""
        return (self.folder / name).is_file()

    def get(self, name: str, path: str = "") -> Any:
        """What a record has at a path.

        Raises:
            Absent: If there is no such file, or nothing at the path.
            NotRun: If the record says that this row is not run.
        """
        if not self.has(name):
            raise Absent(f"Expected {self.folder / name}; received: no such file")
        if name not in self._read:
            self._read[name] = read_json(self.folder / name)
        record = self._read[name]
        try:
            return at(record, path)
        except Absent as error:
            not_run = record.get("not run", ()) if isinstance(record, dict) else ()
            kind = NotRun if {*not_run} & {*re.findall(r"\w+", path)} else Absent
            raise kind(f"{name}, {path}: {error}") from None

    def filled(self, text: str) -> str:
        """A text whose fields `{file.json#path!format}` are filled from records."""

        def one(field: re.Match) -> str:
            name, path, digits = field.groups()
            found = self.get(name, path)
            values = found if isinstance(found, list) else [found]
            return ", ".join(format(value, digits or "") for value in values)

        return FIELD.sub(one, text)
