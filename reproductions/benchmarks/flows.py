"""Times draws and densities of flow posteriors beside the Gaussian's.

Each flow alternates with the Gaussian, block by block (A B A B), so that a busy machine
slows both down. Only the law is timed. It is compiled to a graph and reads fixed raw
outputs of an encoder; the encoder does not run:

    draw             z ~ q(z|x)
    own density      z ~ q(z|x) and log q(z|x), as a VAE needs them
    given density    log q(z|x) of codes from elsewhere: through the inverse
    each, gradient   the same, and the gradient with respect to raw outputs
"""

import argparse
import json
import os
import pathlib
import statistics
import time

import numpy as np
import psutil
import tensorflow as tf

import keras_svae as ks
from reproductions.engine.results import FOLDER, record

RESULT = FOLDER / "benchmark_flows.json"
PLAIN = "gaussian"
FLOWS = ("planar", "coupling", "autoregressive")


def laws(names: list[str], length: int) -> dict[str, ks.distributions.Law]:
    """The Gaussian, and flows of these names; a planar one has this length."""
    found = {name: ks.distributions.get(name, "posterior") for name in [PLAIN, *names]}
    if "planar" in found:
        found["planar"] = ks.distributions.PlanarFlow(length)
    return {
        f"{name}, {law.length}" if name in FLOWS else name: law
        for name, law in found.items()
    }


def works(law: ks.distributions.Law, batch: int, dim: int, jit: bool) -> dict:
    """The timed functions by name. They take no arguments and return a tensor."""
    generator = np.random.default_rng(0)
    values = 0.5 * generator.normal(size=(batch, law.outputs(dim)))
    raw = tf.constant(values, tf.float32)
    z = tf.constant(generator.normal(size=(batch, dim)), tf.float32)
    seed = tf.constant([1, 2])

    def draw(raw):
        return law(raw).sample(seed=seed)

    def own_density(raw):
        q = law(raw)
        return q.log_prob(q.sample(seed=seed))

    def given_density(raw):
        return law(raw).log_prob(z)

    def gradient(function):
        def both(raw):
            with tf.GradientTape() as tape:
                tape.watch(raw)
                value = tf.reduce_sum(function(raw))
            return value, tape.gradient(value, raw)

        return both

    found = {}
    for name, one in (
        ("draw", draw),
        ("own density", own_density),
        ("given density", given_density),
    ):
        for title, function in ((name, one), (f"{name}, gradient", gradient(one))):
            graph = tf.function(function, jit_compile=jit)
            found[title] = lambda graph=graph: graph(raw)
    return found


def block(work, calls: int) -> float:
    """Milliseconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        result = work()
    tf.nest.map_structure(lambda tensor: tensor.numpy(), result)
    return 1e3 * (time.perf_counter() - start) / calls


def measure(timed: dict[str, dict], rounds: int, calls: int) -> dict:
    """Medians, quartiles and ratios of medians, by law and work.

    Args:
        timed: By law what `works` gives; one of them is `PLAIN`.
        rounds: Blocks of each flow; before each one is a block of the Gaussian.
        calls: Of a block.
    """
    results: dict[str, dict] = {name: {} for name in timed if name != PLAIN}
    for flow, found in results.items():
        for title in timed[flow]:
            pair = {PLAIN: timed[PLAIN][title], flow: timed[flow][title]}
            for work in pair.values():  # tracing, then first allocations
                block(work, 2)
            times: dict[str, list[float]] = {name: [] for name in pair}
            for _ in range(rounds):
                for name, work in pair.items():
                    times[name].append(block(work, calls))
            medians = {name: statistics.median(t) for name, t in times.items()}
            low, _, high = statistics.quantiles(times[flow], n=4, method="inclusive")
            found[title] = {
                "median_ms": round(medians[flow], 4),
                "quartiles_ms": [round(low, 4), round(high, 4)],
                "gaussian_median_ms": round(medians[PLAIN], 4),
                "ratio_to_gaussian": round(medians[flow] / medians[PLAIN], 2),
            }
    return results


def table(results: dict) -> str:
    """The results as text."""
    lines = []
    for flow, found in results.items():
        lines.append(flow)
        for title, row in found.items():
            low, high = row["quartiles_ms"]
            lines.append(
                f"  {title:26}{row['median_ms']:9.3f} ms  [{low:.3f}, {high:.3f}]"
                f"   Gaussian {row['gaussian_median_ms']:.3f}"
                f"   x {row['ratio_to_gaussian']:.1f}"
            )
    return "\n".join(lines)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.flows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--flows", nargs="+", choices=FLOWS, default=list(FLOWS))
    positive = {"type": int, "metavar": "N"}
    parser.add_argument("--length", default=80, help="of the planar flow", **positive)
    parser.add_argument("--dim", default=32, help="of the code, at least 2", **positive)
    parser.add_argument("--batch", default=64, **positive)
    parser.add_argument("--rounds", default=15, help="blocks, at least 2", **positive)
    parser.add_argument("--calls", default=20, help="of a block", **positive)
    parser.add_argument("--jit-compile", action="store_true", help="with XLA")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    given = parser.parse_args(argv)
    for name in ("length", "dim", "batch", "rounds", "calls"):
        least = 2 if name in ("dim", "rounds") else 1
        if getattr(given, name) < least:
            parser.error(
                f"Expected --{name} >= {least}; received: {getattr(given, name)}"
            )
    return given


def main(argv: list[str] | None = None) -> None:
    """Measures, prints the table, writes the JSON file."""
    given = arguments(argv)
    timed = {
        name: works(law, given.batch, given.dim, given.jit_compile)
        for name, law in laws(given.flows, given.length).items()
    }
    results = measure(timed, given.rounds, given.calls)
    print(table(results))
    settings = {k: v for k, v in vars(given).items() if k != "output"}
    load = [round(load, 1) for load in psutil.getloadavg()]
    report = record(load=load, **settings, results=results)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = given.output.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, given.output)
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
