"""The processes that a benchmark times in turn, and the machine that they need."""

import json
import os
import pathlib
import subprocess
import time
import venv

import psutil

from reproductions.benchmarks.blocks import worked
from reproductions.benchmarks.cases import LAM, LEARNING_RATE

__all__ = ["ROOT", "TORCH", "Worker", "idle", "torch_python"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
TORCH = ("torch==2.13.0", "pythae==0.1.2")


class Worker:
    """A process that times blocks of steps, see `worker.serve`.

    Args:
        python: The interpreter.
        module: Of `reproductions.benchmarks`.
        data: Path of the batches, a `.npz`.
        threads: How many each operation may use.
        *more: Further arguments of the module.

    Attributes:
        others: How many processors others kept busy while the last block ran.
    """

    def __init__(self, python: str, module: str, data: str, threads: int, *more: str):
        arguments = [data, str(LAM), str(LEARNING_RATE), str(threads), *more]
        self.process = subprocess.Popen(
            [python, "-m", f"reproductions.benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(threads), "TQDM_DISABLE": "1"},
        )
        self.about, self.others = self._answer(), 0.0

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
        before, start = worked(), time.perf_counter()
        print(json.dumps({"block": block, "steps": steps}), file=self.process.stdin)
        self.process.stdin.flush()
        found = self._answer()
        theirs = worked() - before - found["cpu_seconds"]
        self.others = max(0.0, theirs / (time.perf_counter() - start))
        return found

    def time(self, block: str, steps: int) -> tuple[float, float]:
        """Seconds for this number of steps of the block: on the wall, and of CPU."""
        answer = self.run(block, steps)
        return answer["seconds"], answer["cpu_seconds"]

    def close(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait(60)


def torch_python(folder: pathlib.Path, packages: tuple[str, ...] = TORCH) -> str:
    """The interpreter of an environment with PyTorch, made where there is none."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text(encoding="utf-8") != " ".join(packages):
        print(f"Installing {', '.join(packages)} into {folder}: once", flush=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *packages, "numpy"]
        subprocess.run(command, check=True)
        ready.write_text(" ".join(packages), encoding="utf-8")
    return str(python)


def idle(threads: int, patience: int) -> float:
    """Waits until the machine is idle; the load average then.

    Raises:
        RuntimeError: If it is not, after `patience` seconds.
    """
    until = time.monotonic() + patience
    while (load := psutil.getloadavg()[0]) > 0.5 * threads:
        if time.monotonic() > until:
            raise RuntimeError(
                f"Expected an idle machine, a load of {0.5 * threads} at most; "
                f"received: {load:.1f}"
            )
        time.sleep(5)
    return load
