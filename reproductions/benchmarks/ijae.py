"""Seconds and memory of a training step of lambda-IJAE with its paper's networks.

Each case has a process of its own, which lives through the benchmark. The processes
time blocks of steps in turn (A B C A B C), so that only one works at any time and a
busy machine slows all down. Images are random: a step's cost does not depend on them.
"""

import argparse
import itertools
import multiprocessing
import pathlib
import statistics
import time

import numpy as np

from reproductions.engine import results
from reproductions.engine.command import experiments
from reproductions.engine.files import write_json

RESULT = results.FOLDER / "benchmark_ijae.json"
DTYPES = ("float32", "mixed_bfloat16")
STACKS = ("horizontal", "channels")


def serve(connection, experiment: str, options: dict) -> None:
    """Builds a model, then times the number of steps that it receives, until None.

    Answers are seconds per step and the most memory that its process has held, GB.
    """
    from reproductions.engine import build

    one = experiments("ijae")[experiment.replace("_", "-")]
    with build.policy(options["dtype"]):
        run = one(method="ijae", **options)
    model, training = run.model, run.training
    build.compile_model(model, training, 1)
    shape = (training.batch_size, *model.data_shape)
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    connection.send(None)
    while steps := connection.recv():
        start = time.perf_counter()
        for _ in range(steps):
            model.train_on_batch(x)
        seconds = (time.perf_counter() - start) / steps
        connection.send((seconds, results.peak_memory()))


def measure(cases: dict[str, tuple[str, dict]], rounds: int, steps: int) -> dict:
    """By case: median and range of seconds per step over blocks, and memory.

    Args:
        cases: By name, what `serve` takes.
        rounds: Blocks of each case.
        steps: Of a block.
    """
    spawn = multiprocessing.get_context("spawn")
    open_ones = {}
    for name, (experiment, options) in cases.items():
        ours, theirs = spawn.Pipe()
        arguments = theirs, experiment, options
        process = spawn.Process(target=serve, args=arguments, daemon=True)
        process.start()
        # If the process ends, the pipe closes, and recv() raises.
        theirs.close()
        ours.recv()
        open_ones[name] = ours
        ours.send(2)  # tracing; then first allocations
        ours.recv()
    times: dict[str, list[float]] = {name: [] for name in cases}
    memory = {}
    for _ in range(rounds):
        for name, one in open_ones.items():
            one.send(steps)
            seconds, memory[name] = one.recv()
            times[name].append(seconds)
    for one in open_ones.values():
        one.send(None)
    return {
        name: {
            "median seconds": round(statistics.median(found), 3),
            "range": [round(min(found), 3), round(max(found), 3)],
            "peak memory, GB": memory[name],
        }
        for name, found in times.items()
    }


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.ijae",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ("cifar10", "tiny_imagenet", "mnist")
    parser.add_argument(
        "--experiments", nargs="+", choices=names, default=["cifar10", "tiny_imagenet"]
    )
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=list(STACKS))
    positive = {"type": int, "metavar": "N"}
    parser.add_argument("--batch-size", default=16, **positive)
    parser.add_argument("--rounds", default=3, help="blocks of a case", **positive)
    parser.add_argument("--steps", default=2, help="of a block", **positive)
    parser.add_argument("--width", type=float, default=1.0, metavar="FLOAT")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    given = parser.parse_args(argv)
    for name in ("batch_size", "rounds", "steps"):
        if getattr(given, name) < 1:
            option = "--" + name.replace("_", "-")
            value = getattr(given, name)
            parser.error(f"Expected {option} >= 1; received: {value}")
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record."""
    given = arguments(argv)
    fixed = {"width": given.width, "batch_size": given.batch_size}
    found = {}
    for experiment in given.experiments:
        cases = {
            f"{dtype}, {stack}": (experiment, fixed | {"dtype": dtype, "stack": stack})
            for dtype, stack in itertools.product(given.dtypes, given.stacks)
        }
        found[experiment] = measure(cases, given.rounds, given.steps)
        print(f"{experiment}, batches of {given.batch_size}")
        for name, row in found[experiment].items():
            low, high = row["range"]
            print(
                f"  {name:28}{row['median seconds']:8.3f} s/step  [{low:.3f}, "
                f"{high:.3f}]{row['peak memory, GB']:7.2f} GB",
                flush=True,
            )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        given.output,
        results.record(**fixed, rounds=given.rounds, steps=given.steps, results=found),
    )


if __name__ == "__main__":
    main()
