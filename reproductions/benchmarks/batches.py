"""What a step costs by its batch: a part for each example, and a part that stays.

sVAE-r's step on MNIST's networks, with 16, 64 and 256 examples, in blocks that take
turns. A line through the medians gives milliseconds for each example, and those of a
step without any. Whatever the batch, a step reads and writes each weight several times:
the bytes of its graph, at the memory's rate in the same turns, are a bound for what
stays. Blocks on a busy machine are left out.
"""

import contextlib
import os
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks import keras_worker
from reproductions.benchmarks.blocks import block, parser_of, undisturbed
from reproductions.benchmarks.cases import LAM, LEARNING_RATE, batches
from reproductions.benchmarks.rates import GIGABYTES, memory
from reproductions.benchmarks.scaling import Group
from reproductions.benchmarks.sides import idle
from reproductions.benchmarks.traffic import traffic
from reproductions.engine.files import write_json
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "benchmark_batches.json"
CASE, CORES = "mnist", 2
# The turn of the memory, and how often its vectors are added in it.
MEMORY, SUMS = "memory", 10
# Steps of a block, by examples: a block takes seconds.
STEPS = {16: 96, 64: 40, 256: 12}


def line(medians: dict[int, float]) -> dict[str, float]:
    """The straight line through medians: milliseconds for each example, and fixed."""
    slope, fixed = np.polyfit(list(medians), list(medians.values()), 1)
    return {"ms an example": round(slope, 3), "ms fixed": round(fixed, 2)}


def weights(moved: dict[str, float], found: list[dict]) -> dict[str, float]:
    """What moving the weights takes: megabytes, the memory's rate, milliseconds.

    Args:
        moved: See `traffic`.
        found: Blocks of the memory.

    Raises:
        ValueError: If less than three are undisturbed.
    """
    rate = GIGABYTES / (np.median(undisturbed(found, MEMORY)) / 1e3)
    return {
        "MB": moved,
        "GB a second": round(float(rate), 2),
        "ms": round(moved["in all"] / float(rate), 1),
    }


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
    of_memory: list[dict] = []
    add = memory()
    add()  # tracing
    # A batch of the smallest size has no activation in the shape of a weight.
    few = arrays[f"{CASE}/{min(STEPS)}"][0]
    moved = traffic(keras_worker.build(CASE, LAM, LEARNING_RATE), few)

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
                blocks[size].append(block(ms, CORES, given.anyway))
            begun = time.perf_counter()
            for _ in range(SUMS):
                add()
            ms = 1e3 * (time.perf_counter() - begun) / SUMS
            of_memory.append(block(ms, CORES, given.anyway))
        versions = group.workers[0].about["versions"]
    found, of_weights = summary(blocks), weights(moved, of_memory)
    content = record(
        versions=versions,
        load=round(load, 1),
        anyway=given.anyway,
        rounds=given.rounds,
        steps={str(size): steps for size, steps in STEPS.items()},
        seconds=round(time.perf_counter() - start, 1),
        **found,
        weights=of_weights,
        blocks={str(one): ones for one, ones in {**blocks, MEMORY: of_memory}.items()},
    )
    write_json(given.output, content)
    for size, row in found["rows"].items():
        print(f"{size:>4} examples: {row['ms']:8.1f} ms a step")
    print(f"{found['ms an example']} ms an example, {found['ms fixed']} ms fixed")
    print(f"weights: {of_weights}")


if __name__ == "__main__":
    main()
