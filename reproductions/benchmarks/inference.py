"""Times what is deployed, and what comes before the second step of training.

For each case a process imports, compiles and trains for some steps, then saves and
exports. Three more run `decode`, `encode` and `reconstruct` at batches of 1 and of 256:
the model's own methods, its SavedModel with TensorFlow alone, its ONNX files with ONNX
Runtime alone. They take turns in blocks of calls, so that only one works at any time.
Each process tells its peak of memory: a server's, after calls of all endpoints.

    pip install "keras-svae[onnx]"
    python -m reproductions.benchmarks.inference --json FILE
"""

import argparse
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time

import psutil

from reproductions.benchmarks import sides
from reproductions.benchmarks.blocks import marks
from reproductions.benchmarks.inference_worker import BATCHES, ENDPOINTS, RUNTIMES
from reproductions.engine.files import write_json
from reproductions.engine.results import record

CASES = ("toy", "mnist", "vae")
# What a block should take at least, in seconds.
LONG = 0.5


def measure(case: str, blocks: int, threads: int) -> dict:
    """One case's figures."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def worker(what):
            more = (what, case)
            made = sides.Worker(
                sys.executable, "inference_worker", folder, threads, *more
            )
            stack.callback(made.close)
            return made

        trained = worker("training").about
        runtimes = {name: worker(name) for name in RUNTIMES}
        found: dict = {"training": trained, "runtimes": {}, "calls": {}}
        for name, one in runtimes.items():
            found["runtimes"][name] = one.about
        for endpoint in ENDPOINTS:
            for batch in BATCHES:
                block = f"{endpoint}/{batch}"
                found["calls"][block] = timed(runtimes, block, blocks, threads)
    return found


def timed(runtimes: dict, block: str, blocks: int, threads: int) -> dict:
    """Milliseconds of a call for each runtime: medians, ranges and all blocks."""
    times = {}
    for name, one in runtimes.items():
        seconds, _ = one.time(block, 5)
        times[name] = max(5, round(LONG * 5 / seconds))
    all_blocks: dict[str, list] = {name: [] for name in runtimes}
    for _ in range(blocks):
        for name, one in runtimes.items():
            seconds, _ = one.time(block, times[name])
            load = psutil.getloadavg()[0]
            all_blocks[name].append(
                {
                    "ms": round(1e3 * seconds / times[name], 4),
                    "calls": times[name],
                    "marks": marks([], load, threads, one.others),
                }
            )
    found = {}
    for name, rows in all_blocks.items():
        clean = [one["ms"] for one in rows if not one["marks"]]
        ms = clean or [one["ms"] for one in rows]
        found[name] = {
            "median ms": round(statistics.median(ms), 4),
            "range ms": [min(ms), max(ms)],
            "clean blocks": len(clean),
            "blocks": rows,
        }
    return found


def text(case: str, found: dict) -> str:
    """A case's figures as lines."""
    waits = ", ".join(f"{k} {v} s" for k, v in found["training"]["seconds"].items())
    lines = [f"{case}: {waits}"]
    memory = ", ".join(f"{k} {v}" for k, v in found["training"]["MiB"].items())
    servers = ", ".join(f"{k} {v['MiB']}" for k, v in found["runtimes"].items())
    lines.append(f"  peak MiB: {memory}; serving: {servers}")
    for block, row in found["calls"].items():
        each = "  ".join(f"{k} {v['median ms']:.3f}" for k, v in row.items())
        lines.append(f"  {block:18} ms: {each}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record if asked."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.inference",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--blocks", type=int, default=5, help="of each kind")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args(argv)
    for name in ("blocks", "threads"):
        if (value := getattr(given, name)) < 1:
            parser.error(f"Expected --{name} >= 1; received: {value}")
    start, results = time.perf_counter(), {}
    load = round(psutil.getloadavg()[0], 1)
    for case in given.cases:
        results[case] = measure(case, given.blocks, given.threads)
        print(text(case, results[case]), flush=True)
    if given.json is None:
        return
    report = record(
        seed=0,
        load=load,
        threads=given.threads,
        data="blobs like strokes, or five Gaussians, drawn: see `cases.batches`",
        N=max(BATCHES),
        seconds=round(time.perf_counter() - start, 1),
        results=results,
    )
    given.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.json, report)
    print(f"Written: {given.json}")


if __name__ == "__main__":
    main()
