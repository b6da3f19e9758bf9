"""Sphinx: a directive that fills tables from `reproductions/results/*.json`.

    ```{results} svae_toy.json
    :rows: by_lam/*
    :published: data=toy5 method=alice lam={key}

    | $\\lambda$ | MSE | published |
    |---|---|---|
    | {key} | {ALICE[MSE mean]:.2f} ± {ALICE[MSE sd]:.2f} | {published[mse][value]} |
    ```

The lines below the rule are repeated for each row of the record.

* A file may also be in `docs/pictures`, where it has the numbers of its pictures.
* `rows` is a path into the record: a name, several (`a|b`), or all (`*`), which may be
  a list's. `a|b` gives the rows of both. (In `claims.toml` it is the first that there
  is.) Without `rows` the whole record is the one row. The last of the names that were
  chosen is `{key}`, all are `{keys[0]}`, ... A row that is no dictionary is `{value}`.
* A field is a name in the row, then names or numbers in brackets, then Python's format
  of a number. A list's entries are joined by commas, and so are a dictionary's, of
  which the format says how many. A list of numbers has `[mean]` and `[deviation]`.
* Where a value is missing or null the cell is empty; ` ± {...}` alone is left out. A
  field that no row has is an error, and so are unknown files and paths.
* `names` replace texts of the record: `gain = gain in nats, loss = loss in nats`. Those
  of `docs/names.toml`, of methods, hold for all tables; what `names` says comes before.
* `published` chooses from the papers' `published.toml`; fields are measures.
* Below the table stands what `reproductions/older.toml` says of its files: which
  defaults have changed since they were made.
* With several files a row has each file's row of this key under the file's name.
* `missing` is a text for as long as there is no such record. Without it, that is an
  error.
"""

import functools
import json
import pathlib
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from reproductions.engine.results import FOLDER, spread
from reproductions.engine.results import published as published_numbers
from reproductions.verdicts.evidence import OLDER, changed_defaults, changes

PICTURES = pathlib.Path(__file__).parent / "pictures"
NAMES = pathlib.Path(__file__).parent / "names.toml"
FIELD = re.compile(r"( ± )?\{([^{}\[:]+)((?:\[[^\]]*\])*)(?::([^{}]*))?\}")
UNKNOWN = object()


class ResultsError(ValueError):
    """A table asks for what is not there."""


class Empty(Exception):
    """A cell's value is missing."""


def place(name: str) -> pathlib.Path:
    """Says where a record is: among the results, if it is not beside the pictures."""
    picture = PICTURES / name
    return picture if picture.is_file() else FOLDER / name


def part(value: Any, name: str) -> Any:
    """Takes what a dictionary or list has under a name."""
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    if isinstance(value, list) and name in ("mean", "deviation"):
        return spread(value)[name]
    return value.get(name, UNKNOWN) if isinstance(value, dict) else UNKNOWN


def at_path(record: Any, path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields what is at a path, with the names that were chosen on the way."""
    if not path:
        yield (), record
        return
    step, _, rest = path.partition("/")
    names = step.split("|")
    if step == "*":
        names = record if isinstance(record, dict) else map(str, range(len(record)))
    for name in names:
        if (found := part(record, name)) is UNKNOWN:
            raise ResultsError(f"The record has no {name!r} at {path!r}.")
        chosen = (name,) if step == "*" or "|" in step else ()
        for keys, row in at_path(found, rest):
            yield chosen + keys, row


def joined(files: Sequence[str], path: str) -> list[dict]:
    """Reads the rows; of several files, those with the same names are one."""
    found: dict[tuple, dict] = {}
    for name in files:
        file = place(name)
        if not file.is_file():
            raise ResultsError(f"There is no {file}.")
        for keys, row in at_path(json.loads(file.read_text(encoding="utf-8")), path):
            row = row if isinstance(row, dict) else {"value": row}
            one = found.setdefault(keys, {})
            one |= row if len(files) == 1 else {file.stem: row}
            one |= {"keys": list(keys), "key": keys[-1] if keys else None}
    return list(found.values())


def beside(row: dict, choice: str) -> dict[str, dict]:
    """Finds a row's published numbers, by measure; none where the choice is empty."""
    if not (chosen := fill(choice, row, {}, {}).strip()):
        return {}
    fixed = dict(word.split("=", 1) for word in shlex.split(chosen))
    found: dict[str, dict] = {}
    for number in published_numbers(**fixed):
        if number["measure"] in found:
            raise ResultsError(f"Several numbers agree with {chosen}, one is {number}.")
        found[number["measure"]] = number
    return found


def text_of(value: Any, digits: str, names: dict[str, str]) -> str:
    """Formats a value of a record."""
    if isinstance(value, dict):
        first = list(value.items())[: int(digits) if digits else None]
        return ", ".join(f"{names.get(k, k)} {text_of(v, '', names)}" for k, v in first)
    if isinstance(value, list):
        return ", ".join(text_of(one, digits, names) for one in value)
    if isinstance(value, str):
        return format(names.get(value, value), digits)
    return format(value, digits).replace("-", "−")


def fill(cell: str, row: dict, names: dict[str, str], seen: dict[str, bool]) -> str:
    """Fills a cell from a row, and notes in `seen` which fields were there."""

    def one(field: re.Match) -> str:
        sign, first, more, digits = field.groups()
        value = row
        for name in [first, *re.findall(r"\[([^\]]*)\]", more)]:
            if value is None:  # Nobody knows what a null's parts are.
                break
            value = part(value, name)
        else:
            seen[field[0]] = seen.get(field[0], False) or value is not UNKNOWN
        if value is not UNKNOWN and value is not None:
            return (sign or "") + text_of(value, digits or "", names)
        if sign:
            return ""
        raise Empty

    try:
        filled = FIELD.sub(one, cell)
    except Empty:
        return " "
    if re.search("[{}]", filled):
        raise ResultsError(f"{cell.strip()!r} has a brace of no field.")
    return filled


def table(
    files: Sequence[str],
    lines: Sequence[str],
    rows: str = "",
    names: str = "",
    published: str = "",
    missing: str = "",
) -> list[str]:
    """Makes a Markdown table: the directive's lines, filled."""
    if missing and not any(place(name).is_file() for name in files):
        return [missing]
    rule = [i for i, line in enumerate(lines) if re.match(r"\|\s*:?--", line)]
    if not rule:
        raise ResultsError("A table begins with a head and a rule.")
    head, body = lines[: rule[0] + 1], lines[rule[0] + 1 :]
    shown = dict(pair.split(" = ") for pair in names.split(", ") if pair)
    made, seen = list(head), {}
    for row in joined(files, rows):
        if published:
            row["published"] = beside(row, published)
        for line in body:
            cells = re.split(r"(?<!\\)\|", line)
            made.append("|".join(fill(cell, row, shown, seen) for cell in cells))
    if len(made) == len(head):
        raise ResultsError(f"There is no row at {rows!r}, or no line for it.")
    if unknown := [field for field, known in seen.items() if not known]:
        raise ResultsError(f"No row has {', '.join(unknown)}.")
    return made


@functools.cache
def of_methods() -> str:
    """The names that hold for all tables, as `names` has them."""
    read = tomllib.loads(NAMES.read_text(encoding="utf-8"))
    return ", ".join(f"{short} = {name}" for short, name in read.items())


def notes(files: Sequence[str], shown: str | None = None) -> list[str]:
    """What is to be said of records that were made under older defaults.

    Args:
        files: The records.
        shown: What a table shows of them, as it is written; unset, all.
    """
    said: dict[str, list[str]] = {}
    for name in files:
        for one in changed_defaults(name, shown):
            said.setdefault(one["says"], []).append(name)
    several = len(files) > 1
    found = []
    for says, names in said.items():
        which = f"Of {', '.join(names)}: made" if several else "Made"
        found.append(f"*{which} under an older default: {says}.*")
    return found


def listed() -> list[str]:
    """All of `older.toml` as a Markdown table."""
    lines = ["| until | what was the default | records |", "|---|---|---|"]
    for one in changes().values():
        day = str(one["date"])[:10]
        until = f"{day}, before {one['until']}" if "until" in one else day
        records = ", ".join(f"`{name}`" for name in one["records"])
        lines.append(f"| {until} | [{one['says']}]({one['page']}) | {records} |")
    return lines


class Older(SphinxDirective):
    """The records that were made under older defaults."""

    def run(self) -> list[nodes.Node]:
        """Makes the table."""
        self.env.note_dependency(str(OLDER))
        return self.parse_text_to_nodes("\n".join(listed()))


class Results(SphinxDirective):
    """A table of results."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = dict.fromkeys(
        ("rows", "names", "published", "missing"), directives.unchanged
    )

    def run(self) -> list[nodes.Node]:
        """Makes the table, and has it made anew when a record changes."""
        files = self.arguments[0].split()
        for path in (*map(place, files), OLDER, NAMES):
            self.env.note_dependency(str(path))
        names = ", ".join(filter(None, (of_methods(), self.options.get("names"))))
        try:
            lines = table(files, list(self.content), **self.options | {"names": names})
        except (ValueError, TypeError) as error:
            raise self.error(f"{files}: {error}") from error
        for note in notes(files, "\n".join(self.content)):
            lines += ["", note]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app):
    """Adds the directive."""
    app.add_directive("results", Results)
    app.add_directive("older", Older)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
