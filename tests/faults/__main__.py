"""Faults on purpose, counted.

python -m tests.faults kills      SIGKILL or Ctrl-C at random moments (--help)
python -m tests.faults flips      a bit of a backup or of a .keras file
python -m tests.faults full       a full disk (as root: it mounts one in memory)
python -m tests.faults shown      a full disk while pictures and logs are written
python -m tests.faults places     folders that change, pictures that raise
python -m tests.faults replaced   SIGKILL in `model.save` and `export`
python -m tests.faults beside     two processes in one folder
python -m tests.faults record     the record for reproductions/results
"""

import argparse
import json
import os
import pathlib
import random
import sys
import tempfile
import time
from collections import Counter


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("command")
    add("--root", type=pathlib.Path, default=pathlib.Path("/tmp/faults"))
    add("--seed", type=int, default=0, help="of all but kills [%(default)s]")
    return made


def main() -> None:
    """Runs one command."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command == "session":  # one process of `kills --fresh`
        from tests.faults import session

        session.run(**json.loads(sys.argv[2]))
        return
    if command == "kills":
        from tests.faults import kills

        kills.main(sys.argv[2:])
        return
    given = parser().parse_args()
    given.root.mkdir(parents=True, exist_ok=True)
    from tests.faults import bits, disks, places, processes, record

    if command == "record":
        record.write(given.root)
        return
    known = {**bits.ALL, **disks.ALL, **places.ALL, **processes.ALL}
    if command not in known:
        sys.exit(f"Expected kills, record or one of {[*known]}; received: {command}")
    if command in processes.ALL and len(os.listdir("/proc/self/task")) > 1:
        sys.exit("Expected one thread, to fork; received: several")
    counted(known[command], given.root, given.seed)


def counted(faults, root: pathlib.Path, seed: int) -> None:
    """Tries faults, counts how they end, and writes that down."""
    from tests.faults import record

    began = time.monotonic()
    counts: dict[str, Counter] = {}
    with tempfile.TemporaryDirectory(dir=root) as folder:
        for fault, end in faults(pathlib.Path(folder), random.Random(seed)):
            counts.setdefault(fault, Counter())[end] += 1
            if end.startswith("bad"):
                print(fault, end, flush=True)
    seconds = round(time.monotonic() - began, 1)
    lines = record.Lines(root / "others.jsonl")
    for fault, ends in counts.items():
        print(fault, json.dumps(ends, indent=1), flush=True)
        found = {"fault": fault, "N": sum(ends.values()), "ends": dict(ends)}
        lines.add({**found, "seed": seed, "seconds of all": seconds})


if __name__ == "__main__":
    main()
