"""What was found: a JSON line for each try, and the record that is made of them."""

import datetime
import json
import os
import pathlib
import signal
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
            "oneDNN": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "as it comes"),
        }
        with self.lock, open(self.path, "a") as file:
            file.write(json.dumps({**found, **made}) + "\n")


def flat(one: dict) -> dict:
    """The plain values of a try."""
    return {k: v for k, v in one.items() if not isinstance(v, (list, dict))}


def write(root: pathlib.Path) -> None:
    """Makes reproductions/results/faults.json of the lines in a folder."""
    from reproductions.engine.files import write_json
    from reproductions.engine.results import FOLDER, machine

    chains = Lines(root / "kills.jsonl").all()
    others = {one["fault"]: one for one in Lines(root / "others.jsonl").all()}
    lines = [*chains, *others.values()]
    commands = {one["command"].replace(f" --root {root}", "") for one in lines}
    content = {
        "command": "; ".join(sorted(commands)),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": ", ".join(sorted({one["commit"] for one in lines})),
        "machine": machine(),
        "kills": [
            found
            for number in (signal.SIGKILL, signal.SIGINT)
            if (found := summary(chains, int(number)))["runs"]
        ],
        "by setting": by_setting(chains),
        "two whole runs differ": sum(bool(c["two whole runs differ"]) for c in chains),
        "others": [
            {"fault": name, "N": one["N"], "end": end, "count": count}
            | {key: one[key] for key in ("seed", "commit", "seconds of all")}
            for name, one in others.items()
            for end, count in one["ends"].items()
        ],
    }
    write_json(FOLDER / "faults.json", content)
    print(json.dumps({k: content[k] for k in ("kills", "by setting")}, indent=1))


def summary(chains: list[dict], number: int) -> dict:
    """Counts of the runs that got a signal."""
    chains = [one for one in chains if one.get("signal", signal.SIGKILL) == number]
    kills = [kill for one in chains for kill in one["kills"] if kill["killed"]]
    return {
        "signal": signal.Signals(number).name,
        "runs": len(chains),
        "equal runs": sum(one.get("differs") == [] for one in chains),
        "N": len(kills),
        "in runs that end equal": sum(
            kill["killed"]
            for one in chains
            if one.get("differs") == []
            for kill in one["kills"]
        ),
        "aimed at a backup": sum(kill["aim"] == "write" for kill in kills),
        "half a file was left": sum(kill["half a file"] for kill in kills),
        "weights without description": sum(kill["half a backup"] for kill in kills),
        "before the first step": sum(kill["aim"] == "start" for kill in kills),
        "each process anew": sum(one["fresh"] for one in chains),
        "seconds": round(sum(one["seconds"] for one in chains)),
    }


def by_setting(chains: list[dict]) -> list[dict]:
    """Counts by method, strategy and averages, of SIGKILL."""
    found: dict[tuple, dict] = {}
    for one in chains:
        if one.get("signal", signal.SIGKILL) != signal.SIGKILL:
            continue
        key = one["method"], one["replicas"], one["ema"]
        row = found.setdefault(key, dict.fromkeys(("runs", "equal", "kills"), 0))
        row["runs"] += 1
        row["equal"] += one.get("differs") == []
        row["kills"] += sum(kill["killed"] for kill in one["kills"])
    return [
        {
            "method": method,
            "strategy": "none" if replicas == 1 else "MirroredStrategy, two CPUs",
            "averages": "with" if ema else "without",
            **row,
        }
        for (method, replicas, ema), row in sorted(found.items())
    ]
