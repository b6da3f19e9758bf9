"""What a GPU does, figure by figure, each written as soon as it is there.

For a machine that is at hand for minutes. Each figure has a process of its own and a
limit of seconds; what fails or takes too long is written as that, and the next begins.
The figures that decide most come first; before them stand the command, the commit, the
machine and the seed. Their limits together are longer than --minutes, at whose end no
further figure begins: few take as long as their limit. Without a GPU everything runs on
the CPU, which tries the program and says nothing about speed: the line "device" names
what there is.

    python -m reproductions.benchmarks.gpu --out gpu.jsonl
    python -m reproductions.benchmarks.gpu --out gpu.jsonl --case cifar10 --figures ...
    python -m reproductions.benchmarks.gpu --out try.jsonl --case toy --steps 4
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType

import psutil

from reproductions.benchmarks import gpu_figures as figures
from reproductions.benchmarks.cases import STEPS
from reproductions.benchmarks.gpu_figures import (
    NO_GRAPHS,
    ROOT,
    SEED,
    TESTS,
    TORCH,
    TRAINING,
)
from reproductions.engine import results

FIGURES = {  # the limit of each, in seconds
    "device": 60,
    **{f"fit: {name}": 120 for name in list(TRAINING)[:5]},
    **{f"PyTorch: {name}": 90 for name in TORCH},
    "two runs": 90,
    "two runs, op determinism": 90,
    "resumed, op determinism": 90,
    "agreement with the CPU": 60,
    **{f"fit: {name}": 120 for name in list(TRAINING)[5:]},
    **{f"tests: {file}": 90 for file in TESTS},
}
# Of the cases of `training`, those with networks of images or points of a paper.
PAPERS = ["mnist", "toy", "cifar10", "aim_mnist", "ijae_cifar10"]


def in_a_process(name: str, given: argparse.Namespace, seconds: float) -> dict:
    """One figure in a process of its own, or how that ended."""
    command = [sys.executable, "-m", "reproductions.benchmarks.gpu", "--one", name]
    command += ["--case", given.case, "--steps", str(given.steps)]
    command += ["--torch-python", given.torch_python]
    more = NO_GRAPHS if name.endswith("no CUDA graphs") else {}
    code, out, said = ended(command, seconds, more)
    if code is None:
        return {"error": f"took more than {seconds:.0f} s"}
    if code:
        return {"error": " ".join(said.strip().splitlines()[-3:])}
    return json.loads(out.strip().splitlines()[-1])


def ended(
    command: list[str], seconds: float, more: Mapping[str, str] = MappingProxyType({})
) -> tuple[int | None, str, str]:
    """How a command ended, None for too late, and what it wrote to both outputs.

    What is too late is ended with all processes that it began: PyTorch, or the tests.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | dict(more),
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
    )
    try:
        out, said = process.communicate(timeout=seconds)
        return process.returncode, out, said
    except subprocess.TimeoutExpired:
        kill(psutil.Process(process.pid))
        return None, *process.communicate()


def kill(process: psutil.Process) -> None:
    """Ends a process and all that it began."""
    for one in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def main(argv: list[str] | None = None) -> None:
    """Writes a line of JSON for each figure."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=pathlib.Path, help="a file of JSON lines")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10,
        help="for all; setting up the machine is not among them [10]",
    )
    parser.add_argument("--case", choices=PAPERS, default="mnist")
    parser.add_argument("--steps", type=int, default=10 * STEPS, help="of a block")
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=list(FIGURES))
    parser.add_argument(
        "--torch-python", default=sys.executable, help="the interpreter with PyTorch"
    )
    parser.add_argument("--one", choices=FIGURES, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.one:
        found = figures.figure(given.one, given.case, given.steps, given.torch_python)
        print(json.dumps(found))
        return
    if given.out is None:
        parser.error("Expected --out FILE; received: none")
    until = time.monotonic() + 60 * given.minutes
    with given.out.open("a", encoding="utf-8") as file:
        about = results.record(seed=SEED, minutes=given.minutes)
        print(json.dumps({"figure": "about", **about}), file=file, flush=True)
        for name in given.figures:
            left = until - time.monotonic()
            if left < 5:
                found = {"error": "no time was left"}
            else:
                found = in_a_process(name, given, min(left, FIGURES[name]))
            line = {"figure": name, "case": given.case, **found}
            print(json.dumps(line), file=file, flush=True)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
