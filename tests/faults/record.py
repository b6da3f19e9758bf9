"""What was found: a JSON line for each try, and the record that is made of them."""

import json
import pathlib
import platform
import subprocess
import sys
import threading


def commit() -> str:
    """The commit that runs, from git or from the file that an archive of it has."""
    root = pathlib.Path(__file__).resolve().parents[2]
    told = root / "COMMIT"
    if told.exists():
        return told.read_text().strip()
    git = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip()


class Lines:
    """A file with a JSON line for each try. A program that is stopped goes on after it.

    Args:
        path: The file.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.lock = threading.Lock()

    def all(self) -> list[dict]:
        """All tries so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def has(self, what: dict) -> bool:
        """Whether a try with these values is there."""
        return any(what.items() <= flat(one).items() for one in self.all())

    def add(self, found: dict) -> None:
        """Adds a try, with what made it."""
        made = {
            "command": " ".join(["python -m tests.faults", *sys.argv[1:]]),
            "commit": commit(),
            "machine": f"{platform.machine()}, {platform.processor() or 'Linux'}",
        }
        with self.lock, open(self.path, "a") as file:
            file.write(json.dumps({**found, **made}) + "\n")


def flat(one: dict) -> dict:
    """The plain values of a try."""
    return {k: v for k, v in one.items() if not isinstance(v, (list, dict))}
