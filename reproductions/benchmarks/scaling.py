"""How much faster several devices are: two replicas, two workers, on two cores.

Each kind trains sVAE-r on a batch of B and on one of 2 B examples, of all its devices
together:

* one core: one process that keeps to one core, while the other is idle;
* two apart: two such processes at once, which know nothing of each other. It is what
  two cores give at most;
* two workers: two processes that keep to a core each (`MultiWorkerMirroredStrategy`
  over the loopback interface);
* two replicas: one process with two logical CPUs (`MirroredStrategy`);
* two cores: one process without a strategy, as TensorFlow starts on two cores.

No kind uses more than the first two cores of the machine.

Blocks of steps of each kind are timed in turn, so that only one works at any time.
Blocks on a busy machine are left out. Efficiency is the speed over twice that of one
core: of the same batch (strong scaling), or of twice the batch (weak scaling).
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import socket
import sys
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks.blocks import block, parser_of, undisturbed
from reproductions.benchmarks.cases import CASES, batches
from reproductions.benchmarks.sides import Worker, idle
from reproductions.engine.files import write_json
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "benchmark_scaling.json"
ONE, APART = "one core", "two apart"
# By kind: the worker's kind, and how many processes there are.
KINDS = {
    ONE: ("one core", 1),
    APART: ("one core", 2),
    "two workers": ("workers", 2),
    "two replicas": ("replicas", 1),
    "two cores": ("two cores", 1),
}
STEPS = {"mnist": 16, "toy": 320}  # of a block


class Group:
    """The processes of one kind, which run their blocks at the same time.

    Args:
        kind: One of `KINDS`.
        data: Path of the batches.
    """

    def __init__(self, kind: str, data: str):
        name, number = KINDS[kind]
        addresses = free_addresses(number) if name == "workers" else []
        self.pool = concurrent.futures.ThreadPoolExecutor(number)
        options = [
            json.dumps({"kind": name, "addresses": addresses, "index": index})
            for index in range(number)
        ]
        # Workers wait for each other: all are started before any has answered.
        self.workers = list(
            self.pool.map(
                lambda one: Worker(sys.executable, "scaling_worker", data, 2, one),
                options,
            )
        )

    def time(self, block: str, steps: int) -> float:
        """Seconds for this number of steps of each process: of the slowest."""
        return max(self.pool.map(lambda one: one.time(block, steps)[0], self.workers))

    def close(self) -> None:
        """Ends the processes."""
        list(self.pool.map(Worker.close, self.workers))
        self.pool.shutdown()


def free_addresses(number: int) -> list[str]:
    """Of ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def measure(groups: dict[str, Group], name: str, rounds: int, steps: int) -> dict:
    """Blocks by kind, in milliseconds a step, in the order of time."""
    found: dict[str, list[dict]] = {kind: [] for kind in groups}
    for group in groups.values():
        # Tracing; then first allocations.
        group.time(name, 2)
        group.time(name, steps)
    for _ in range(rounds):
        for kind, group in groups.items():
            ms = 1e3 * group.time(name, steps) / steps
            found[kind].append(block(ms, 2))
    return found


def summary(blocks: dict[str, dict[str, list[dict]]], case: str, batch: int) -> dict:
    """Medians, and efficiencies beside one core.

    Args:
        blocks: By "case/batch", what `measure` gives; of `batch` and of twice as many.
        case: The case.
        batch: Examples of the smaller batch.

    Raises:
        ValueError: If less than three blocks of a kind are undisturbed.
    """
    medians: dict[str, dict[int, float]] = {}
    for size in (batch, 2 * batch):
        for kind, found in blocks[f"{case}/{size}"].items():
            clean = undisturbed(found, f"{kind}, {case}/{size}")
            medians.setdefault(kind, {})[size] = float(np.median(clean))
    one = medians[ONE][batch]
    rows = {}
    for kind, ms in medians.items():
        rows[kind] = {"ms": {str(size): round(t, 2) for size, t in ms.items()}}
        if kind == ONE:
            continue
        if kind == APART:  # each process has its own batch: two batches in all
            weak = one / ms[batch]
            rows[kind] |= {"weak": round(weak, 3), "strong": None}
            continue
        rows[kind] |= {
            "weak": round(one / ms[2 * batch], 3),
            "strong": round(one / (2 * ms[batch]), 3),
        }
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of("scaling", __doc__, 5, RESULT)
    parser.add_argument("--cases", nargs="+", choices=STEPS, default=["mnist"])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    given = parser.parse_args(argv)
    if given.rounds < 3:
        parser.error(f"Expected --rounds >= 3; received: {given.rounds}")
    if ONE not in given.kinds:
        parser.error(f"Expected {ONE!r} among --kinds; received: {given.kinds}")
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        parser.error("Expected Linux and two cores; received: another machine")
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record."""
    given = arguments(argv)
    load = psutil.getloadavg()[0] if given.anyway else idle(2, given.patience)
    start = time.perf_counter()
    sizes = {name: CASES[name].batch for name in given.cases}
    arrays = {}
    for name, size in sizes.items():
        drawn = batches(name)
        for factor in (1, 2):
            arrays[f"{name}/{factor * size}"] = drawn.reshape(
                -1, factor * size, *drawn.shape[2:]
            )
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data = os.path.join(folder, "batches.npz")
        np.savez(data, **arrays)
        groups = {}
        for kind in given.kinds:
            groups[kind] = Group(kind, data)
            stack.callback(groups[kind].close)
        versions = groups[ONE].workers[0].about["versions"]
        blocks = {
            name: measure(groups, name, given.rounds, STEPS[name.split("/")[0]])
            for name in arrays
        }
    if given.anyway:
        for one in (block for kinds in blocks.values() for block in kinds.values()):
            for block in one:
                block["marks"] = []
    results = {name: summary(blocks, name, size) for name, size in sizes.items()}
    for name, rows in results.items():
        print(name)
        for kind, row in rows.items():
            ms = ", ".join(f"{t:.1f} ms at {size}" for size, t in row["ms"].items())
            weak = f"   weak {row['weak']:.2f}" if "weak" in row else ""
            strong = f"   strong {row['strong']:.2f}" if row.get("strong") else ""
            print(f"  {kind:13} {ms}{weak}{strong}", flush=True)
    found = record(
        load=round(load, 1),
        anyway=given.anyway,
        versions=versions,
        rounds=given.rounds,
        steps={name: STEPS[name] for name in given.cases},
        seconds=round(time.perf_counter() - start, 1),
        results=results,
        blocks=blocks,
    )
    write_json(given.output, found)


if __name__ == "__main__":
    main()
