"""How much memory answers and long runs take.

`answers`: a process's peak after `generate`, `encode` and `reconstruct` of more and
more images, sVAE-r on MNIST's networks. Each has a process of its own. `steps`: memory
after every hundredth step of sVAE-r on the toy. `cycles`: memory after each cycle of
`ks.evaluation.evaluate`, `model.evaluate` and `model.export`, the toy's VAE. The
operating system says what a process takes, so other work on the machine does no harm.
"""

import argparse
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil

from reproductions.benchmarks.sides import ROOT
from reproductions.engine.files import write_json
from reproductions.engine.results import FOLDER, peak_bytes, record

RESULT = FOLDER / "benchmark_memory.json"
IMAGES = (250, 1000, 3000, 10_000)
STEPS, EACH, CYCLES = 2000, 100, 200
MEGABYTE = 2**20


def now() -> int:
    """Bytes of this process, without what Python can give back."""
    gc.collect()
    return psutil.Process().memory_info().rss


def answers(images: int) -> list[int]:
    """Peaks of this process: of the model, and after answers of so many images."""
    import keras_svae as ks

    model = ks.SVAE(*ks.networks.mnist())
    found = [peak_bytes()]
    x = model.generate(images, seed=1)
    model.encode(x)
    model.reconstruct(x)
    return [*found, peak_bytes()]


def steps(number: int) -> list[int]:
    """Memory after every hundredth step."""
    import tensorflow as tf

    import keras_svae as ks

    model = ks.SVAE(*ks.networks.toy())
    model.compile(
        optimizer=ks.optimizers.Adam(1e-3), critic_optimizer=ks.optimizers.Adam(1e-3)
    )
    x = np.random.default_rng(0).normal(size=(400, 2)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(4).repeat()
    found = []
    for _ in range(number // EACH):
        model.fit(data, steps_per_epoch=EACH, verbose=0)
        found.append(now())
    return found


def cycles(number: int) -> list[int]:
    """Memory after each cycle of measures, Keras's `evaluate` and `export`."""
    import keras_svae as ks

    nets = ks.networks.toy()
    model = ks.VAE(nets.encoder, nets.decoder)
    model.compile(optimizer=ks.optimizers.Adam(1e-3))
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    found = []
    for _ in range(number):
        ks.evaluation.evaluate(model, x, measures=["mse"], verbose=False)
        model.evaluate(x, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            model.export(os.path.join(folder, "model"))
        found.append(now())
    return found


PARTS = {"answers": answers, "steps": steps, "cycles": cycles}


def measured(part: str, number: int) -> list[int]:
    """What a part finds, in a process of its own.

    Raises:
        RuntimeError: If the process fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--part", part, "--number", str(number)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(
            f"Expected memory of {part}; received: {done.stderr[-3000:]}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def megabytes(numbers: list[int]) -> list[float]:
    """Bytes in MiB, for a reader."""
    return [round(one / MEGABYTE, 1) for one in numbers]


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record; or one part alone, in this process."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    given = parser.parse_args(argv)
    if given.cycles < 11:
        parser.error(f"Expected --cycles >= 11; received: {given.cycles}")
    if given.part:
        print(json.dumps(PARTS[given.part](given.number)))
        return
    start, rows = time.perf_counter(), {}
    for number in IMAGES:
        before, after = megabytes(measured("answers", number))
        rows[f"{number:,} images"] = {"from": before, "to": after}
    # The first calls build what later ones use.
    after_steps = megabytes(measured("steps", STEPS))
    rows[f"steps {EACH} to {STEPS:,}"] = {"from": after_steps[0], "to": after_steps[-1]}
    after_cycles = megabytes(measured("cycles", given.cycles))
    rows[f"cycles 10 to {given.cycles}"] = {
        "from": after_cycles[9],
        "to": after_cycles[-1],
    }
    for row in rows.values():
        row["more"] = round(row["to"] - row["from"], 1)
    content = record(
        seed=1,
        data="drawn: two Gaussian numbers for each example of the toy",
        N=max(IMAGES),
        seconds=round(time.perf_counter() - start, 1),
        rows=rows,
        steps=after_steps,
        cycles=after_cycles,
    )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.output, content)
    for name, row in rows.items():
        print(f"{name:20} {row['from']:8.1f} to {row['to']:8.1f} MiB")
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
