"""Times sVAE-r's training step before and after a change, and in mixed bfloat16.

Three processes live through the benchmark, on MNIST's networks and batches of 64: the
package of another checkout, this one's, and this one's in `mixed_bfloat16`. They run
blocks of steps in turn (A B C A B C), so that only one works at any time and a busy
machine slows all down. What a step is, and what it leaves out, says
`step_worker`.

A floor stands beside them: the time of a step's floating-point operations at the rate
of a product of two 2048 x 2048 matrices, in float32 and in bfloat16, measured in the
same turns. Blocks that other work may have disturbed are kept and marked; medians are
of the other blocks. "busy": the load average is high. "quantised": steps take multiples
of a scheduler's period, as under a processor's quota.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks import cases, sides
from reproductions.benchmarks.blocks import marks
from reproductions.benchmarks.step_worker import SIDE
from reproductions.engine.files import write_json
from reproductions.engine.results import commit, record

SEED = 0
# Of a step on MNIST's networks at a batch of 64, all passes of both players.
STEP_GFLOP = 17.5
PRODUCT_GFLOP = 2 * SIDE**3 / 1e9
POLICIES = {"before": "float32", "now": "float32", "now, bfloat16": "mixed_bfloat16"}
# A block's name, its worker, and what the worker runs.
TURNS = {
    **{name: (name, "step") for name in POLICIES},
    "product, float32": ("now", "product"),
    "product, bfloat16": ("now, bfloat16", "product"),
}
FLOORS = {"floor, float32": "product, float32", "floor, bfloat16": "product, bfloat16"}
# What is divided by what.
RATIOS = [
    ("now", "before"),
    ("now, bfloat16", "before"),
    ("now, bfloat16", "now"),
    ("before", "floor, float32"),
    ("now", "floor, float32"),
    ("now, bfloat16", "floor, bfloat16"),
]


def measure(workers: dict[str, sides.Worker], blocks: int, steps: int, threads=2):
    """All blocks by name, in the order of time.

    Args:
        workers: By the names of `POLICIES`.
        blocks: How many of each kind.
        steps: Of a block.
        threads: See `marks`.
    """
    found: dict[str, list[dict]] = {name: [] for name in TURNS}
    for name, what in TURNS.values():
        for _ in range(2):  # tracing; then first allocations
            workers[name].run(what, 2)
    for number in range(blocks):
        print(f"\rblock {number + 1} of {blocks}", end="", flush=True)
        for name, (worker, what) in TURNS.items():
            answer = workers[worker].run(what, steps)
            load, others = psutil.getloadavg()[0], workers[worker].others
            each = [round(1e3 * one, 3) for one in answer["each"]]
            found[name].append(
                {
                    "ms": round(1e3 * answer["seconds"] / steps, 3),
                    "cpu_ms": round(1e3 * answer["cpu_seconds"] / steps, 3),
                    "each_ms": each,
                    "load": round(load, 2),
                    "others": round(others, 2),
                    "marks": marks(answer["each"], load, threads, others),
                }
            )
    print("\r", end="")
    return found


def summary(found: dict[str, list[dict]]) -> dict:
    """Medians and spread of the blocks without a mark, floors, ratios of medians.

    If a kind has no such block, its numbers are of all, and "clean blocks" is 0.
    """
    rows = {}
    for name, blocks in found.items():
        clean = [one for one in blocks if not one["marks"]]
        ms = [one["ms"] for one in clean or blocks]
        rows[name] = {
            "median ms": round(statistics.median(ms), 3),
            "range ms": [min(ms), max(ms)],
            "clean blocks": len(clean),
            "blocks": len(blocks),
        }
    for name, source in FLOORS.items():
        rate = PRODUCT_GFLOP / (rows[source]["median ms"] / 1e3)
        rows[source]["GFLOP per second"] = round(rate, 1)
        rows[name] = {"median ms": round(1e3 * STEP_GFLOP / rate, 3)}
    ratios = {}
    for above, below in RATIOS:
        ratio = rows[above]["median ms"] / rows[below]["median ms"]
        ratios[f"{above} / {below}"] = {"of medians": round(ratio, 4)}
        if below in found:
            turns = zip(found[above], found[below], strict=True)
            each = [
                round(one["ms"] / other["ms"], 4)
                for one, other in turns
                if not one["marks"] + other["marks"]
            ]
            ratios[f"{above} / {below}"]["of each turn"] = each
    return {"rows": rows, "ratios": ratios}


def table(results: dict) -> str:
    """The results as text."""
    lines = []
    for name, row in results["rows"].items():
        text = f"  {name:20}{row['median ms']:10.2f} ms"
        if "blocks" in row:
            low, high = row["range ms"]
            text += f"  [{low:.2f}, {high:.2f}]  "
            text += f"{row['clean blocks']} of {row['blocks']} blocks clean"
        lines.append(text)
    for name, row in results["ratios"].items():
        lines.append(f"  {name:34}{row['of medians']:8.3f}")
    if not all(row.get("clean blocks", 1) for row in results["rows"].values()):
        lines.append("  No measurement: a kind has no undisturbed block.")
    return "\n".join(lines)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.step",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--before",
        type=pathlib.Path,
        required=True,
        metavar="CHECKOUT",
        help="the other checkout, a git worktree say",
    )
    positive = {"type": int, "metavar": "N"}
    parser.add_argument("--blocks", default=8, help="of each kind", **positive)
    parser.add_argument("--steps", default=20, help="of a block", **positive)
    parser.add_argument("--threads", default=2, help="of each process", **positive)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args(argv)
    for name in ("blocks", "steps", "threads"):
        if (value := getattr(given, name)) < 1:
            parser.error(f"Expected --{name} >= 1; received: {value}")
    if not (given.before / "keras_svae" / "__init__.py").is_file():
        parser.error(
            f"Expected --before a checkout with keras_svae; received: {given.before}"
        )
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record if asked."""
    given = arguments(argv)
    start = time.perf_counter()
    checkouts = {name: sides.ROOT for name in POLICIES}
    checkouts["before"] = given.before.resolve()
    load = [round(one, 1) for one in psutil.getloadavg()]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data = os.path.join(folder, "batches.npz")
        np.savez(data, mnist=cases.batches("mnist"))
        workers = {}
        for name, policy in POLICIES.items():
            more = (str(checkouts[name]), policy)
            workers[name] = sides.Worker(
                sys.executable, "step_worker", data, given.threads, *more
            )
            stack.callback(workers[name].close)
        found = measure(workers, given.blocks, given.steps, given.threads)
    results = summary(found)
    print(table(results))
    if given.json is None:
        return
    report = record(
        seed=SEED,
        before=commit(checkouts["before"]),
        data="blobs like strokes, drawn, see reproductions/benchmarks/training.py",
        N=cases.CASES["mnist"].batch,
        steps=given.steps,
        threads=given.threads,
        onednn=os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's choice"),
        **{"load before": load, "step GFLOP": STEP_GFLOP},
        seconds=round(time.perf_counter() - start, 1),
        **results,
        blocks=found,
    )
    given.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.json, report)
    print(f"Written: {given.json}")


if __name__ == "__main__":
    main()
