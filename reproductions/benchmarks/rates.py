"""What this machine does in a second: the rates that bound a step, input, evaluation.

The product of two 2048 x 2048 matrices gives floating-point operations, a sum of two
vectors of 256 MiB the memory's bytes, a chain of 2,000 sines of one number the nodes
that TensorFlow starts one after the other. Input is what `ks.data.load` gives, read to
its end: arrays of 28 x 28 from a file, and JPEG pictures of 178 x 218 that are resized
to 64 x 64 in each pass. Evaluation is sVAE-r's on MNIST's networks: `model.evaluate`,
and `ks.evaluation.evaluate` with all measures that need no backbone. All take turns.
"""

import pathlib
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import psutil
import tensorflow as tf
from PIL import Image

import keras_svae as ks
from reproductions.benchmarks import keras_worker
from reproductions.benchmarks.blocks import block, parser_of, undisturbed
from reproductions.benchmarks.cases import LAM, LEARNING_RATE, batches
from reproductions.benchmarks.sides import idle
from reproductions.benchmarks.step_worker import SIDE, product
from reproductions.benchmarks.summaries import PRODUCT_GFLOP
from reproductions.engine.files import write_json
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "benchmark_rates.json"
CORES = 2
# Numbers of a vector; a chain's nodes; pictures, and examples that are measured.
VECTOR, CHAIN, PICTURES, MEASURED = 2**26, 2000, 512, 1000
# What a sum of two vectors moves: it reads both and writes one.
GIGABYTES = 3 * 4 * VECTOR / 1e9
# A block takes about as long.
SECONDS = 1.0


def memory() -> Callable[[], None]:
    """Adds a vector to another, in its place."""
    total = tf.Variable(tf.zeros([VECTOR]))
    added = tf.ones([VECTOR])

    @tf.function(autograph=False)
    def run():
        total.assign_add(added)  # nothing is returned: that would be a copy

    return run


def chain() -> Callable[[], None]:
    """Nodes that wait for each other and compute next to nothing."""

    @tf.function(autograph=False)
    def run(x):
        for _ in range(CHAIN):
            x = tf.sin(x)
        return x

    one = tf.constant(0.5)
    return lambda: run(one).numpy()


def passed(data: tf.data.Dataset) -> Callable[[], None]:
    """A pass over data."""

    def run():
        for batch in data:
            del batch

    return run


def pictures(folder: pathlib.Path) -> tf.data.Dataset:
    """JPEG files of CelebA's size, read and resized in each pass."""
    noise = np.random.default_rng(0)
    for number in range(PICTURES):
        # Of low frequency, as photographs mostly are.
        small = noise.integers(256, size=(14, 11, 3), dtype=np.uint8)
        big = Image.fromarray(small).resize((178, 218), Image.Resampling.BICUBIC)
        big.save(folder / f"{number:04}.jpg", quality=90)
    return ks.data.load(folder, size=64, crop=148, cache=False)


def rows(folder: pathlib.Path) -> dict[str, tuple[str, float, Callable[[], None]]]:
    """By name: the unit, how much of it a call does, and the call."""
    images = batches("mnist", MEASURED // 64 + 1).reshape(-1, 28, 28, 1)[:MEASURED]
    path = folder / "images.npz"
    np.savez(path, images=np.tile(images, (10, 1, 1, 1)))
    (folder / "pictures").mkdir()
    photographs = pictures(folder / "pictures")
    arrays = ks.data.load(path)
    model = keras_worker.build("mnist", LAM, LEARNING_RATE)
    data = tf.data.Dataset.from_tensor_slices(images).batch(64)

    def measured():
        report = ks.evaluation.evaluate(model, data, n=MEASURED, seed=0, verbose=False)
        if report.failed:
            raise RuntimeError(f"Expected measures; received: {report.failed}")

    def evaluated():
        model.evaluate(data, verbose=0)

    def size(dataset):
        return sum(len(one) for one in dataset)

    return {
        "product, float32": ("GFLOP", PRODUCT_GFLOP, product("float32")),
        "product, bfloat16": ("GFLOP", PRODUCT_GFLOP, product("bfloat16")),
        "memory": ("GB", GIGABYTES, memory()),
        "nodes": ("1,000 nodes", CHAIN / 1e3, chain()),
        "input: arrays": ("examples", size(arrays), passed(arrays)),
        "input: pictures": ("examples", size(photographs), passed(photographs)),
        "model.evaluate": ("examples", MEASURED, evaluated),
        "measures": ("examples", MEASURED, measured),
    }


def summary(blocks: dict[str, list[dict]], units: dict[str, tuple]) -> dict:
    """By name: the rate's median, quartiles and unit.

    Raises:
        ValueError: If less than three blocks of a row are undisturbed.
    """
    found = {}
    for name, timed in blocks.items():
        unit, amount, _ = units[name]
        rates = [1e3 * amount / ms for ms in undisturbed(timed, name)]
        low, median, high = (
            float(f"{r:.4g}") for r in np.percentile(rates, [25, 50, 75])
        )
        found[name] = {"a second": median, "quartiles": [low, high], "unit": unit}
    return found


def main(argv: list[str] | None = None) -> None:
    """Measures, prints, and writes a record."""
    parser = parser_of("rates", __doc__, 7, RESULT)
    given = parser.parse_args(argv)
    if given.rounds < 3:
        parser.error(f"Expected --rounds >= 3; received: {given.rounds}")
    load = psutil.getloadavg()[0] if given.anyway else idle(CORES, given.patience)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        units = rows(pathlib.Path(folder))
        times, blocks = {}, {}
        for name, (_, _, call) in units.items():
            call()  # tracing
            begun = time.perf_counter()
            call()
            took = time.perf_counter() - begun
            times[name], blocks[name] = max(1, round(SECONDS / took)), []
        for _ in range(given.rounds):
            for name, (_, _, call) in units.items():
                begun = time.perf_counter()
                for _ in range(times[name]):
                    call()
                ms = 1e3 * (time.perf_counter() - begun) / times[name]
                blocks[name].append(block(ms, CORES, given.anyway))
    found = summary(blocks, units)
    content = record(
        seed=0,
        versions={"keras": keras.__version__, "tensorflow": tf.__version__},
        data=f"blobs like strokes, {PICTURES} pictures of noise: see `rows`",
        N=MEASURED,
        load=round(load, 1),
        anyway=given.anyway,
        rounds=given.rounds,
        side=SIDE,
        seconds=round(time.perf_counter() - start, 1),
        rows=found,
        calls=times,
        blocks=blocks,
    )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.output, content)
    for name, row in found.items():
        print(f"{name:20} {row['a second']:12,.6g} {row['unit']} a second")
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
