"""What a command took, from the record that it made."""

import functools
import pathlib
import shlex

from reproductions.engine.files import read_json
from reproductions.engine.results import FOLDER

__all__ = ["time_taken"]

# Options that do not change how much time of processors a command takes: most of them
# only say where something is.
NO_COST = (
    "--out --record --output --json --data-dir --manual-dir --data-note --lpips "
    "--report --mix-commits --verbose --workers --launcher --slurm --torch-python "
    "--torch-venv"
).split()


@functools.cache
def _records(folder: pathlib.Path) -> list[tuple[pathlib.Path, dict]]:
    """All records, by name: a list of commands asks for each command's."""
    return [(path, read_json(path, dict)) for path in sorted(folder.glob("*.json"))]


def time_taken(*words: str) -> str:
    """The seconds and the machine of a record; or "not timed".

    The words are the start of the record's command, after `python -m`. If several
    records have this start, the one with the fewest options counts; if several have as
    few, the last by name. The text names the options, because the time depends on them.
    """
    # Hyphens are as good as underscores.
    wanted = [word.replace("_", "-") for word in words]

    def typed(record: dict) -> list[str]:
        words = record.get("command", "").replace("_", "-").split()
        return words[2 : 2 + len(wanted)]

    def options(one: tuple[pathlib.Path, dict]) -> list[str]:
        return _options(shlex.split(one[1]["command"])[2 + len(wanted) :])

    found = [one for one in reversed(_records(FOLDER)) if typed(one[1]) == wanted]
    if not found:
        return "not timed"
    path, record = one = min(found, key=lambda one: len(options(one)))
    hours = record.get("processor hours")
    if "hours" in record:  # as the sweep wrote it before
        hours = record["hours"]["of processor time"]
    seconds = record.get("seconds") if hours is None else 3600 * hours
    if seconds is None:
        return "not timed"
    kind = "s" if hours is None else "s of processor time"
    with_ = f", with {shlex.join(kept)}" if (kept := options(one)) else ""
    return f"{seconds:.0f} {kind} on {record['machine']['cpu']}{with_} ({path.name})"


def _options(words: list[str]) -> list[str]:
    """Options of a command, without those that do not change the time it takes."""
    kept: list[str] = []
    left_out = False
    for word in words:
        if word.startswith("--"):
            left_out = word.split("=")[0] in NO_COST
        if not left_out:
            kept.append(word)
    return kept
