"""What a command has cost, by the records of reproductions/results."""

from reproductions.engine import results
from reproductions.engine.files import read_json

__all__ = ["cost_of"]


def cost_of(*words: str) -> str:
    """The seconds and the machine of the last record by name; or "not timed".

    Args:
        *words: How the command of the record starts, after `python -m`. Hyphens are
            as good as underscores.
    """
    wanted = [word.replace("_", "-") for word in words]
    best = None
    for path in sorted(results.FOLDER.glob("*.json")):
        typed = read_json(path).get("command", "").replace("_", "-").split()
        if typed[2 : 2 + len(wanted)] == wanted:
            best = path
    if best is None:
        return "not timed"
    record = read_json(best)
    hours = record.get("processor hours")
    if "hours" in record:  # as the sweep wrote it before
        hours = record["hours"]["of processor time"]
    seconds = record.get("seconds") if hours is None else 3600 * hours
    if seconds is None:
        return "not timed"
    kind = "s" if hours is None else "s of processor time"
    return f"{seconds:.0f} {kind} on {record['machine']['cpu']} ({best.name})"
