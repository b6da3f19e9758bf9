"""Times training steps beside the same steps in PyTorch, plain Keras and pythae.

Both sides have the same networks, losses, optimizer and batches, and two threads. Some
configurations of ours are timed twice: as TensorFlow starts, with as many threads for
an operation as there may be operations side by side, and with one thread for each. Each
library, and ours with one thread, has a process that lives through the whole benchmark
and times blocks of steps in turn, so that only one works at any time and a busy machine
slows all down.

A block of ours is a call of `fit` with everything it does: iterator, callbacks,
metrics, the look at data, the check for diverging losses. "our step alone" calls the
compiled step in a loop. A PyTorch block is a plain loop. "plain Keras" is a
`keras.Model` with a `train_step` as one writes it by hand, and Keras's own layers and
Adam. pythae's block is a call of its trainer. The floor is the time of a step's
floating-point operations at the rate of a product of two 2048 x 2048 matrices. "the
update alone" is Adam's kernel on one vector of as many weights: it does not depend on
the batch.

Blocks during which other work kept the machine busy are left out of the medians. If few
others remain, or blocks take multiples of a period, nothing is reported.
"""

import argparse
import contextlib
import json
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks.blocks import marks
from reproductions.benchmarks.cases import (
    CASES,
    FLOOR,
    STEPS,
    UPDATE,
    batches,
    order,
    usual,
)
from reproductions.benchmarks.chart import chart
from reproductions.benchmarks.sides import ROOT, TORCH, Worker, idle, torch_python
from reproductions.benchmarks.summaries import summary, table
from reproductions.engine.results import record

RESULT = ROOT / "reproductions" / "results" / "benchmark.json"


def measure(
    workers: dict[str, Worker], name: str, rounds: int, steps: int, threads: int = 2
) -> dict[str, list[dict]]:
    """All blocks by kind, in the order of time.

    Kinds that take three times as long as the fastest in a trial have only three
    blocks.

    Args:
        workers: By side, as the case needs them, see `order`.
        name: One of `CASES`.
        rounds: How often each kind has its block.
        steps: Of a block.
        threads: See `marks`.
    """
    case = CASES[name]
    turns = order(case)
    first, found = {}, {kind: [] for _, kind in turns}
    for side, kind in dict.fromkeys(turns):
        trial = 3 if kind in (FLOOR, UPDATE) else min(STEPS, case.steps)
        tracing = workers[side].time(f"{name}/{kind}", trial)[0]
        # Tracing and compiling are over; then first allocations.
        first[kind] = workers[side].time(f"{name}/{kind}", trial)[0]
        found[kind].append({"first s": round(tracing, 2)})
    rivals = {k: one for k, one in first.items() if k not in (FLOOR, UPDATE)}
    slow = {kind for kind, one in rivals.items() if one > 3 * min(rivals.values())}
    for number in range(rounds):
        print(f"\r{name}: round {number + 1} of {rounds}", end="", flush=True)
        for side, kind in turns:
            if kind in slow - {turns[0][1]} and number >= 3:
                continue
            count = 10 if kind in (FLOOR, UPDATE) else steps
            wall, cpu = workers[side].time(f"{name}/{kind}", count)
            load, others = psutil.getloadavg()[0], workers[side].others
            found[kind].append(
                {
                    "ms": round(1e3 * wall / count, 4),
                    "cpu_ms": round(1e3 * cpu / count, 4),
                    "seconds": round(wall, 4),
                    "load": round(load, 2),
                    "others": round(others, 2),
                    "marks": marks([], load, threads, others),
                }
            )
    print("\r", end="")
    return found


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=usual())
    parser.add_argument("--rounds", type=int, help="blocks per configuration")
    parser.add_argument("--steps", type=int, help=f"per block, a multiple of {STEPS}")
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        help="of each side; with 1, its CPU time is "
        "what it computes, on a busy machine too (default: %(default)s)",
    )
    parser.add_argument(
        "--torch-venv",
        type=pathlib.Path,
        default=ROOT / ".venv-torch",
        help=f"environment with {TORCH}, made if absent; pip's PIP_* variables count",
    )
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    parser.add_argument(
        "--patience",
        type=int,
        default=300,
        help="seconds to wait for an idle machine (default: %(default)s)",
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="measure on a busy machine, and write what cannot be believed",
    )
    given = parser.parse_args(argv)
    if given.rounds is not None and given.rounds < 2:
        parser.error(f"Expected --rounds >= 2; received: {given.rounds}")
    if given.steps is not None and (given.steps < STEPS or given.steps % STEPS):
        parser.error(f"Expected --steps a multiple of {STEPS}; received: {given.steps}")
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints the table, writes the JSON file."""
    given = arguments(argv)
    python = torch_python(given.torch_venv)
    sides = {
        "torch": (python, "torch_worker"),
        "pythae": (python, "pythae_worker"),
        "keras": (sys.executable, "keras_worker"),
        "keras_xla": (sys.executable, "keras_worker"),
        "keras_one": (sys.executable, "keras_worker", "1"),
    }
    load = (
        psutil.getloadavg()[0] if given.anyway else idle(given.threads, given.patience)
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data = os.path.join(folder, "batches.npz")
        np.savez(data, **{case: batches(case) for case in given.cases})
        needed = {side for name in given.cases for side, _ in order(CASES[name])}
        workers = {}
        for side in sorted(needed):
            interpreter, module, *more = sides[side]
            workers[side] = Worker(interpreter, module, data, given.threads, *more)
            stack.callback(workers[side].close)
        check_networks({side: one.about["parameters"] for side, one in workers.items()})
        results, blocks = {}, {}
        for name in given.cases:
            rounds = given.rounds or CASES[name].rounds
            steps = given.steps or CASES[name].steps
            blocks[name] = measure(workers, name, rounds, steps, given.threads)
            results[name] = {
                "batch": CASES[name].batch,
                "steps_per_block": steps,
                "parameters": workers["keras"].about["parameters"][name],
                **summary(blocks[name], CASES[name]),
            }
            print(table({name: results[name]}), flush=True)
    if not given.anyway and any(one["wrong"] for one in results.values()):
        sys.exit("Expected clean blocks; received: the above. Nothing is written")
    versions = {}
    for one in workers.values():
        versions |= one.about["versions"]
    report = record(
        load=round(load, 1),
        threads=given.threads,
        versions=versions,
        data="blobs like strokes, or five Gaussians, drawn: see `batches`",
        seconds=round(time.perf_counter() - start, 1),
        results=results,
        blocks=blocks,
    )
    text = json.dumps(report, indent=2)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text + "\n", encoding="utf-8")
    picture = given.output.with_suffix(".png")
    chart(results).savefig(picture, dpi=120)
    print(f"Written: {given.output}, {picture}")


def check_networks(parameters: dict[str, dict[str, list[int]]]) -> None:
    """Raises if the networks of a case have other sizes on another side."""
    ours = parameters.pop("keras")
    for side, cases in parameters.items():
        for name, count in cases.items():
            if count != ours[name]:
                raise AssertionError(
                    f"Expected equal networks; received: {count} in {side} and "
                    f"{ours[name]} here, for {name}"
                )


if __name__ == "__main__":
    main()
