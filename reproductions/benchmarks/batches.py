"""What a step costs by its batch: a part for each example, and a part that stays.

sVAE-r's step on MNIST's networks, with 16, 64 and 256 examples, in blocks that take
turns. A line through the medians gives milliseconds for each example, and those of a
step without any. Blocks on a busy machine are left out.
"""

import contextlib
import os
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks.blocks import marks, parser_of, undisturbed
from reproductions.benchmarks.cases import batches
from reproductions.benchmarks.scaling import Group
from reproductions.benchmarks.training import idle
from reproductions.engine.files import write_json
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "benchmark_batches.json"
CASE, CORES = "mnist", 2
# Steps of a block, by examples: a block takes seconds.
STEPS = {16: 96, 64: 40, 256: 12}


def line(medians: dict[int, float]) -> dict[str, float]:
    """The straight line through medians: milliseconds for each example, and fixed."""
    slope, fixed = np.polyfit(list(medians), list(medians.values()), 1)
    return {"ms an example": round(slope, 3), "ms fixed": round(fixed, 2)}


def summary(blocks: dict[int, list[dict]]) -> dict:
    """Medians, quartiles and the line.

    Raises:
        ValueError: If less than three blocks of a batch are undisturbed.
    """
    rows, medians = {}, {}
    for size, found in blocks.items():
        clean = undisturbed(found, f"{size} examples")
        low, medians[size], high = np.percentile(clean, [25, 50, 75]).tolist()
        quartiles = [round(low, 2), round(high, 2)]
        rows[str(size)] = {"ms": round(medians[size], 2), "quartiles": quartiles}
    return {"rows": rows, **line(medians)}


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record."""
    parser = parser_of("batches", __doc__, 7, RESULT)
    given = parser.parse_args(argv)
    if given.rounds < 3:
        parser.error(f"Expected --rounds >= 3; received: {given.rounds}")
    load = psutil.getloadavg()[0] if given.anyway else idle(CORES, given.patience)
    start = time.perf_counter()
    rows = np.concatenate(list(batches(CASE)))
    arrays = {
        f"{CASE}/{size}": np.resize(rows, (4, size, *rows.shape[1:])) for size in STEPS
    }
    blocks: dict[int, list[dict]] = {size: [] for size in STEPS}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data = os.path.join(folder, "batches.npz")
        np.savez(data, **arrays)
        group = Group("two cores", data)
        stack.callback(group.close)
        for size, steps in STEPS.items():
            # Tracing; then first allocations.
            group.time(f"{CASE}/{size}", 2)
            group.time(f"{CASE}/{size}", steps)
        for _ in range(given.rounds):
            for size, steps in STEPS.items():
                ms = 1e3 * group.time(f"{CASE}/{size}", steps) / steps
                disturbed = marks([], psutil.getloadavg()[0], CORES)
                disturbed = [] if given.anyway else disturbed
                blocks[size].append({"ms": round(ms, 3), "marks": disturbed})
        versions = group.workers[0].about["versions"]
    found = summary(blocks)
    content = record(
        versions=versions,
        load=round(load, 1),
        anyway=given.anyway,
        rounds=given.rounds,
        steps={str(size): steps for size, steps in STEPS.items()},
        seconds=round(time.perf_counter() - start, 1),
        **found,
        blocks={str(size): ones for size, ones in blocks.items()},
    )
    write_json(given.output, content)
    for size, row in found["rows"].items():
        print(f"{size:>4} examples: {row['ms']:8.1f} ms a step")
    print(f"{found['ms an example']} ms an example, {found['ms fixed']} ms fixed")


if __name__ == "__main__":
    main()
