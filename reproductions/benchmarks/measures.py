"""Compares the time of measures with that of other code, and their memory.

    python -m reproductions.benchmarks.measures fid
    python -m reproductions.benchmarks.measures ais

`fid`: the Fréchet distance of two sets of features, from the features on. Ours streams
moments and takes singular values; the other way gathers the features, takes `np.cov`
and `scipy.linalg.sqrtm` of the covariances' product, as most FID code does. The two
alternate, so that a busy machine slows both down. A process of its own streams features
that are made as they are read, and tells its largest memory.

`ais`: the throughput of annealed importance sampling, see `ais`.

Each subcommand writes its part of results/benchmark_measures.json.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil
import scipy.linalg

from reproductions.benchmarks import ais
from reproductions.engine.files import add_json
from reproductions.engine.results import FOLDER, peak_bytes, record

RESULT = FOLDER / "benchmark_measures.json"
BATCH = 500
# Directions in which features mostly vary.
RANK = 256


def features(n: int, dimensions: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of features (batch, dimensions), float32, >= 0 and correlated.

    The mixing is common to all seeds, the noise and a little shift are not.
    """
    mixing = np.random.default_rng(0).normal(size=(RANK, dimensions)).astype("float32")
    rng = np.random.default_rng([1, seed])
    for start in range(0, n, BATCH):
        size = min(BATCH, n - start)
        common = rng.standard_normal((size, RANK), np.float32) @ mixing
        own = rng.standard_normal((size, dimensions), np.float32)
        yield np.maximum(common / RANK**0.5 + 0.3 * own + 0.05 * seed, 0)


def streamed(first, second) -> tuple[float, dict[str, float]]:
    """Our distance, and the seconds of its two parts."""
    from keras_svae.evaluation import Moments, frechet_distance

    started = time.perf_counter()
    laws = [Moments.of(one) for one in (first, second)]
    middle = time.perf_counter()
    distance = frechet_distance(*laws)
    ended = time.perf_counter()
    return float(distance), {"moments": middle - started, "distance": ended - middle}


def rooted(first, second) -> tuple[float, dict[str, float]]:
    """The distance through the square root of the covariances' product."""
    started = time.perf_counter()
    means = [one.mean(0, dtype=np.float64) for one in (first, second)]
    one, other = (np.cov(x, rowvar=False) for x in (first, second))
    middle = time.perf_counter()
    root = scipy.linalg.sqrtm(one @ other)
    shift = means[0] - means[1]
    distance = shift @ shift + np.trace(one) + np.trace(other) - 2 * np.trace(root.real)
    ended = time.perf_counter()
    return float(distance), {"moments": middle - started, "distance": ended - middle}


def peak(n: int, dimensions: int) -> dict[str, float]:
    """The peak memory of a new process that streams features into the distance."""
    command = [sys.executable, "-m", __spec__.name, "stream"]
    command += ["--n", str(n), "--dimensions", str(dimensions)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def stream(given: argparse.Namespace) -> None:
    """That process: prints the distance and its largest resident memory."""
    import keras_svae.evaluation  # noqa: F401  (what is there before anything is read)

    def most() -> float:
        return round(peak_bytes() / 2**20, 1)

    found = {"after imports, MiB": most()}
    sets = (features(given.n, given.dimensions, seed) for seed in (0, 1))
    found["distance"] = streamed(*sets)[0]
    found["at most, MiB"] = most()
    print(json.dumps(found))


def fid(given: argparse.Namespace) -> dict:
    """The Fréchet distance: seconds of both ways, their ratio, and our memory."""
    # This comes first, while this process is small: a child's peak starts from its
    # parent's.
    memory = peak(given.n, given.dimensions)
    sets = [
        np.concatenate(list(features(given.n, given.dimensions, seed)))
        for seed in (0, 1)
    ]
    ways = {"ours": streamed, "SciPy's sqrtm": rooted}
    seconds: dict[str, dict[str, list[float]]] = {
        name: {"moments": [], "distance": [], "both": []} for name in ways
    }
    distances = {}
    for number in range(given.rounds):
        for name, way in ways.items():
            distances[name], parts = way(*sets)
            for part, value in {**parts, "both": sum(parts.values())}.items():
                seconds[name][part].append(round(value, 6))
            print(
                f"round {number + 1} of {given.rounds}, {name}: "
                f"{sum(parts.values()):.2f} s, distance {distances[name]:.9g}",
                flush=True,
            )
    medians = {
        name: {part: statistics.median(values) for part, values in parts.items()}
        for name, parts in seconds.items()
    }
    ours, other = (medians[name] for name in ways)
    ratio = {part: round(ours[part] / other[part], 4) for part in ours}
    apart = abs(distances["ours"] / distances["SciPy's sqrtm"] - 1)
    print(f"Ours takes {ratio['both']} of SciPy's time; at most {memory}.")
    return {
        "n": given.n,
        "dimensions": given.dimensions,
        "rounds": given.rounds,
        "distances": distances,
        "relative difference": apart,
        "median seconds": medians,
        "seconds": seconds,
        "ratio of medians": ratio,
        "memory of a streaming process": memory,
    }


# A subcommand: what it measures, and its own options with their defaults.
COMMANDS = {
    "fid": (fid, {"n": 50_000, "dimensions": 2048, "rounds": 3}),
    "ais": (ais.ais, ais.OPTIONS),
}
INNER = {"stream": (stream, {"n": 50_000, "dimensions": 2048})}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.measures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="measure", required=True, metavar="MEASURE")
    for name, (function, options) in {**COMMANDS, **INNER}.items():
        about = function.__doc__.splitlines()[0]
        one = commands.add_parser(
            name, description=about, **({"help": about} if name in COMMANDS else {})
        )
        for option, default in options.items():
            one.add_argument(
                f"--{option}", type=int, default=default, help="[%(default)s]"
            )
        if name in COMMANDS:
            one.add_argument("--output", type=pathlib.Path, default=RESULT)
    given = top.parse_args(argv)
    for option in {**COMMANDS, **INNER}[given.measure][1]:
        if getattr(given, option) < 1:
            top.error(f"Expected --{option} >= 1; received: {getattr(given, option)}")
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures and writes its part of the file."""
    given = arguments(argv)
    if given.measure in INNER:
        stream(given)
        return
    before = psutil.getloadavg()
    found = COMMANDS[given.measure][0](given)
    load = [round(one, 1) for one in before]
    add_json(given.output, given.measure, record(**{"load before": load}, **found))
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
