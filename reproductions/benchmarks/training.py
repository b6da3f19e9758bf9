"""Times the training step of sVAE-r beside the same step in PyTorch eager.

Both sides have the same networks, losses, optimizer and batches, and two threads. Two
processes live through the whole benchmark and time blocks of steps in alternation, so
that only one works at any time and a busy machine slows both down. A Keras block is a
call of `fit` with everything it does: iterator, callbacks, metrics, the check for
diverging losses. A PyTorch block is a plain loop.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import venv

import numpy as np
import psutil

from reproductions.engine.results import record

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULT = ROOT / "reproductions" / "results" / "benchmark.json"
TORCH = "torch==2.13.0"
PLAIN = "eager"
REFERENCES = (PLAIN, "eager, fused Adam")
LAM, LEARNING_RATE = 0.1, 1e-4

# Steps per call of the graph, in the configurations that have several.
STEPS = 16
# What `compile` is given.
CONFIGURATIONS = {
    "graph": {},
    "XLA": {"jit_compile": True},
    f"graph, {STEPS} steps per execution": {"steps_per_execution": STEPS},
    f"XLA, {STEPS} steps per execution": dict(
        jit_compile=True, steps_per_execution=STEPS
    ),
}

# What to time: batch, steps of a block, rounds, largest accepted ratio of medians.
CASES = {
    "mnist": {"batch": 64, "steps": STEPS, "rounds": 9, "goal": 1.0},
    "toy": {"batch": 128, "steps": 20 * STEPS, "rounds": 15, "goal": 0.5},
}


def batches(case: str, number: int = 16) -> np.ndarray:
    """Batches (number, batch, ...) float32: blobs like strokes, or five Gaussians."""
    generator = np.random.default_rng(0)
    batch = CASES[case]["batch"]
    if case == "toy":
        centers = np.array([[0, 0], [2, 2], [2, -2], [-2, 2], [-2, -2]])
        chosen = centers[generator.integers(5, size=(number, batch))]
        return (chosen + 0.2 * generator.normal(size=chosen.shape)).astype("float32")
    rows, columns = np.mgrid[:28, :28]
    centers = generator.uniform(8, 20, size=(number, batch, 2, 1, 1))
    squares = (rows - centers[:, :, 0]) ** 2 + (columns - centers[:, :, 1]) ** 2
    return np.exp(-squares / 18)[..., None].astype("float32")


class Worker:
    """A process that times blocks of steps, see `worker.serve`.

    Args:
        python: The interpreter.
        module: Of `reproductions.benchmarks`.
        data: Path of the batches, a `.npz`.
        threads: How many each operation may use.
        *more: Further arguments of the module.
    """

    def __init__(self, python: str, module: str, data: str, threads: int, *more: str):
        arguments = [data, str(LAM), str(LEARNING_RATE), str(threads), *more]
        self.process = subprocess.Popen(
            [python, "-m", f"reproductions.benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        )
        self.about = self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                "Expected an answer of the worker; received: the end of its process "
                f"(code {self.process.wait()}). Its own message is above."
            )
        return json.loads(line)

    def run(self, block: str, steps: int) -> dict:
        """The worker's answer after this number of steps of the block."""
        print(json.dumps({"block": block, "steps": steps}), file=self.process.stdin)
        self.process.stdin.flush()
        return self._answer()

    def time(self, block: str, steps: int) -> tuple[float, float]:
        """Seconds for this number of steps of the block: on the wall, and of CPU."""
        answer = self.run(block, steps)
        return answer["seconds"], answer["cpu_seconds"]

    def close(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait(60)


def torch_python(folder: pathlib.Path) -> str:
    """The interpreter of an environment with PyTorch, made where there is none."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"Installing {TORCH} into {folder}: once", flush=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", TORCH, "numpy"]
        subprocess.run(command, check=True)
        ready.touch()
    return str(python)


def measure(workers: dict[str, Worker], case: str, rounds: int, steps: int) -> dict:
    """Milliseconds per step, on the wall and of CPU: per configuration and block.

    Configurations that take three times as long as the fastest in a trial have only
    three blocks.

    Args:
        workers: "torch" and "keras".
        case: One of `CASES`.
        rounds: How often each configuration has its block.
        steps: Of a block.
    """
    order = [("torch", name) for name in REFERENCES]
    order += [("keras", name) for name in CONFIGURATIONS]
    # PyTorch before each of ours: A B A B.
    order = [turn for one in order[1:] for turn in (order[0], one)]
    times: dict[str, list[tuple[float, float]]] = {name: [] for _, name in order}
    first = {}
    for side, name in dict.fromkeys(order):
        for _ in range(2):  # tracing, compiling; then first allocations
            first[name] = workers[side].time(f"{case}/{name}", STEPS)[0]
    hopeless = {name for name in first if first[name] > 3 * min(first.values())}
    for number in range(rounds):
        print(f"\r{case}: round {number + 1} of {rounds}", end="", flush=True)
        for side, name in order:
            if name in hopeless - {PLAIN} and number >= 3:
                continue
            wall, cpu = workers[side].time(f"{case}/{name}", steps)
            times[name].append((1e3 * wall / steps, 1e3 * cpu / steps))
    print("\r", end="")
    return times


def summary(times: dict[str, list[tuple[float, float]]], goal: float) -> dict:
    """Medians, quartiles and ratios of one case, and which configuration is best."""
    plain, plain_cpu = map(statistics.median, zip(*times[PLAIN], strict=True))
    rows = {}
    for name, values in times.items():
        walls, cpus = zip(*values, strict=True)
        low, median, high = statistics.quantiles(walls, n=4, method="inclusive")
        rows[name] = {
            "median_ms": round(median, 4),
            "quartiles_ms": [round(low, 4), round(high, 4)],
            "median_cpu_ms": round(statistics.median(cpus), 4),
            "blocks": len(values),
            "ratio_to_pytorch_eager": round(median / plain, 4),
            "cpu_ratio_to_pytorch_eager": round(statistics.median(cpus) / plain_cpu, 4),
        }
    best = min(CONFIGURATIONS, key=lambda name: rows[name]["median_ms"])
    ratio = rows[best]["ratio_to_pytorch_eager"]
    return {
        "best": best,
        "ratio": ratio,
        "goal": goal,
        "reached": ratio <= goal,
        "configurations": rows,
    }


def table(results: dict) -> str:
    """The results as text."""
    lines = []
    for case, result in results.items():
        lines.append(f"{case}, batch {CASES[case]['batch']}")
        for name, row in result["configurations"].items():
            low, high = row["quartiles_ms"]
            lines.append(
                f"  {name:34}{row['median_ms']:9.3f} ms/step  "
                f"[{low:.3f}, {high:.3f}]  x {row['ratio_to_pytorch_eager']:.3f}"
                f"   CPU {row['median_cpu_ms']:.3f}"
                f"  x {row['cpu_ratio_to_pytorch_eager']:.3f}"
            )
        lines.append(
            f"  best: {result['best']}, {result['ratio']:.3f} of PyTorch's time; "
            f"goal {result['goal']}: {'reached' if result['reached'] else 'missed'}"
        )
    return "\n".join(lines)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
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
    given = parser.parse_args(argv)
    if given.rounds is not None and given.rounds < 2:
        parser.error(f"Expected --rounds >= 2; received: {given.rounds}")
    if given.steps is not None and (given.steps < STEPS or given.steps % STEPS):
        parser.error(f"Expected --steps a multiple of {STEPS}; received: {given.steps}")
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints the table, writes the JSON file."""
    given = arguments(argv)
    pythons = {"torch": torch_python(given.torch_venv), "keras": sys.executable}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data = os.path.join(folder, "batches.npz")
        np.savez(data, **{case: batches(case) for case in given.cases})
        workers = {}
        for side, python in pythons.items():
            workers[side] = Worker(python, f"{side}_worker", data, given.threads)
            stack.callback(workers[side].close)
        parameters = {side: one.about["parameters"] for side, one in workers.items()}
        if parameters["torch"] != parameters["keras"]:
            raise AssertionError(f"Expected equal networks; received: {parameters}")
        print("Parameters of encoder, decoder, critic on both sides:")
        print(*(f"  {case}: {n}" for case, n in parameters["keras"].items()), sep="\n")
        results = {}
        for case in given.cases:
            rounds = given.rounds or CASES[case]["rounds"]
            steps = given.steps or CASES[case]["steps"]
            times = measure(workers, case, rounds, steps)
            results[case] = {
                "batch": CASES[case]["batch"],
                "steps_per_block": steps,
                "parameters": parameters["keras"][case],
                **summary(times, CASES[case]["goal"]),
            }
    print(table(results))
    versions = {}
    for one in workers.values():
        versions |= one.about["versions"]
    report = record(
        load=[round(load, 1) for load in psutil.getloadavg()],
        threads=given.threads,
        versions=versions,
        results=results,
    )
    text = json.dumps(report, indent=2)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text + "\n", encoding="utf-8")
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
