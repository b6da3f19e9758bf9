"""Figure 1 of lambda-IJAE: four divergences, four Gaussians, a model of two.

    python -m reproductions.ijae figure1 --out runs/ijae-figure1

All of appendix B. The runs of a divergence train at once, in one graph. Each divergence
is one JSON file, written when it is done: the same command goes on where an interrupted
one stopped. What was found is compared with the optima by quadrature.
"""

import argparse
import math
import pathlib
import time

import numpy as np
import tensorflow as tf

from keras_svae import Diverged, ratios
from keras_svae.noise import Noise
from reproductions import figure1_report, mixtures, results
from reproductions.files import read_json, write_json

ABOUT = "figure 1 and appendix B: what four divergences have a small model do"
NAMES = figure1_report.NAMES
BATCH = 1000
SAMPLES = 100_000  # of the estimate that chooses the best run
STARTS = 200  # of the search by quadrature
# Not in the paper: plain gradient descent, its rate to zero along half a cosine.
RATE = 0.1
_SCALES = np.log(mixtures.SCALES**2)


def estimate(name: str, above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """The divergence of each run, (runs,), from log ratios (runs, batch)."""
    if name == "forward_kl":
        return ratios.forward_kl(above, axis=-1)
    if name == "reverse_kl":
        return ratios.reverse_kl(below, axis=-1)
    return getattr(ratios, name)(above, below, axis=-1)


def log_density(x: tf.Tensor, weights, means, log_variances) -> tf.Tensor:
    """Of mixtures, at x (runs, batch); parameters (components, runs or 1)."""
    means, v = means[:, :, None], log_variances[:, :, None]
    squares = (x - means) ** 2 * tf.exp(-v)
    log_weights = np.log(weights)[:, None, None] - 0.5 * math.log(2 * math.pi)
    return tf.reduce_logsumexp(log_weights - 0.5 * (squares + v), axis=0)


def log_ratio(x: tf.Tensor, theta: tf.Tensor) -> tf.Tensor:
    """Log of target over model at x (runs, batch), for models theta (runs, 4)."""
    column = lambda values: tf.constant(values[:, None], x.dtype)  # noqa: E731
    weights = mixtures.WEIGHTS.astype("float32")
    target = log_density(x, weights, column(mixtures.MEANS), column(_SCALES))
    components = tf.transpose(theta)
    half = np.full(2, 0.5, "float32")
    return target - log_density(x, half, components[0::2], components[1::2])


def draw_target(shape, noise: Noise) -> tf.Tensor:
    """Samples of the target."""
    ends = tf.constant(np.cumsum(mixtures.WEIGHTS)[:-1], tf.float32)
    uniform = tf.reshape(noise.uniform(shape, "component of q"), [-1])
    k = tf.reshape(tf.searchsorted(ends, uniform), shape)
    means = tf.gather(tf.constant(mixtures.MEANS, tf.float32), k)
    scales = tf.gather(tf.constant(mixtures.SCALES, tf.float32), k)
    return means + scales * noise.normal(shape, "x ~ q")


def draw_model(theta: tf.Tensor, shape, noise: Noise) -> tf.Tensor:
    """Samples of the models, reparameterised: the weights are no parameters."""
    first = noise.uniform(shape, "component of p") < 0.5
    mean, log_variance = (
        tf.where(first, theta[:, i, None], theta[:, i + 2, None]) for i in (0, 1)
    )
    return mean + tf.exp(0.5 * log_variance) * noise.normal(shape, "x ~ p")


def estimates(name: str, theta: tf.Tensor, batch: int, noise: Noise) -> tf.Tensor:
    """The divergence of each model by a batch of both laws, (runs,)."""
    shape = [theta.shape[0], batch]
    above = log_ratio(draw_target(shape, noise), theta)
    below = log_ratio(draw_model(theta, shape, noise), theta)
    return estimate(name, above, below)


def starts(runs: int, seed: int) -> tf.Tensor:
    """Models to start from, (runs, 4): means U(-10, 10), log variances N(0, 1)."""
    noise = Noise(seed)
    means = noise.uniform([runs, 2], "means", -10, 10)
    log_variances = noise.normal([runs, 2], "log variances")
    return tf.reshape(tf.stack([means, log_variances], -1), [runs, 4])


def train(name: str, theta: tf.Tensor, steps: int, seed: int) -> tf.Tensor:
    """Gradient descent of all runs together; each has its own samples.

    The densities are known, so the gradient is the divergence's, through the samples of
    the model and through its density.
    """

    @tf.function
    def descend(theta):
        for step in tf.range(steps):
            with tf.GradientTape() as tape:
                tape.watch(theta)
                # A sum: the gradient of a run is that of its own divergence.
                noise = Noise(seed).fold(step)
                loss = tf.reduce_sum(estimates(name, theta, BATCH, noise))
            done = tf.cast(step, tf.float32) / steps
            rate = RATE * 0.5 * (1 + tf.cos(math.pi * done))
            theta -= rate * tape.gradient(loss, theta)
        return theta

    return descend(theta)


def measured(name: str, theta: tf.Tensor, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Estimates by `SAMPLES` samples of each law and standard errors, (runs,)."""
    batches = SAMPLES // BATCH
    one = tf.function(lambda key: estimates(name, theta, BATCH, Noise(key)))
    fresh = Noise(seed).fold(-1)  # no step of the training has it
    values = np.stack([one(fresh.fold(i).key) for i in range(batches)])
    return values.mean(0), values.std(0, ddof=1) / math.sqrt(batches)


def one(name: str, runs: int, steps: int, seed: int) -> dict:
    """Trains and measures one divergence's runs, and searches its optima."""
    processor, clock = time.process_time(), [time.time()]
    theta = train(name, starts(runs, seed), steps, seed)
    models = theta.numpy().astype(float)
    clock.append(time.time())
    values, errors = measured(name, theta, seed)
    clock.append(time.time())
    kept = np.flatnonzero(np.isfinite(models).all(1) & np.isfinite(values))
    if not kept.size:
        raise Diverged(f"Expected a run with finite parameters; received: none, {name}")
    others = starts(STARTS, seed + 1).numpy()
    found = {
        "runs": [
            {
                "theta": mixtures.by_means(models[i]).tolist(),
                "estimate": float(values[i]),
                "standard error": float(errors[i]),
                "divergence": mixtures.divergence(name, models[i])[0],
            }
            for i in kept
        ],
        "diverged": runs - len(kept),
        "optima below runs": _optima(name, models[kept]),
        "optima by quadrature": _optima(name, others),
    }
    names = ("training", "estimates", "quadrature")
    seconds = np.diff([*clock, time.time()]).tolist()
    return found | {
        "seconds": dict(zip(names, seconds, strict=True)),
        "processor seconds": time.process_time() - processor,
    }


def _optima(name: str, models) -> list[dict]:
    return mixtures.optima([mixtures.descend(name, theta) for theta in models])


def path_of(folder: pathlib.Path, name: str, arguments) -> pathlib.Path:
    """A file for one divergence, told apart from other settings'."""
    n, steps, seed = arguments.runs, arguments.steps, arguments.seed
    return folder / f"{name}-runs{n}-steps{steps}-seed{seed}.json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The figure's options."""
    parser.add_argument(
        "--out", default="runs/ijae-figure1", help="folder of the runs [%(default)s]"
    )
    parser.add_argument(
        "--divergences", nargs="+", choices=tuple(NAMES), default=list(NAMES)
    )
    parser.add_argument(
        "--runs", type=int, default=50, help="of each divergence [%(default)s]"
    )
    parser.add_argument("--steps", type=int, default=10_000, help="[%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="[%(default)s]")
    parser.add_argument(
        "--record", help="also write summary and figure to FILE.json and FILE.png"
    )


def main(arguments: argparse.Namespace) -> None:
    """Runs what is missing, then writes `figure1.json` and `figure1.png`."""
    for option in ("runs", "steps"):
        if (value := getattr(arguments, option)) < 1:
            raise ValueError(f"Expected --{option} to be at least 1; received: {value}")
    folder = pathlib.Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in arguments.divergences:
        path = path_of(folder, name, arguments)
        if not path.exists():
            done = one(name, arguments.runs, arguments.steps, arguments.seed)
            write_json(path, done)
        found[name] = read_json(path)
        print(figure1_report.line(name, found[name]), flush=True)
    write(found, folder, arguments)


def write(found: dict, folder: pathlib.Path, arguments) -> None:
    """Writes summary and figure, and prints the tables."""
    summary = figure1_report.summary(found)
    content = results.record(
        experiment="lambda-IJAE, figure 1 and appendix B",
        seed=arguments.seed,
        runs=arguments.runs,
        steps=arguments.steps,
        batch_size=BATCH,
        samples={"of the estimate that chooses, of each law": SAMPLES},
        optimizer=f"gradient descent, rate {RATE:g} to zero along half a cosine",
        starts="means U(-10, 10), log variances N(0, 1); the same for all divergences",
        seconds=sum(sum(one["seconds"].values()) for one in found.values()),
        **{"processor seconds": sum(o["processor seconds"] for o in found.values())},
        **summary,
        by_divergence=found,
    )
    print(figure1_report.table(summary))
    stems = [folder / "figure1"]
    if arguments.record:
        stems.append(pathlib.Path(arguments.record).with_suffix(""))
    for stem in stems:
        write_json(stem.with_suffix(".json"), content)
        figure1_report.draw(summary, stem.with_suffix(".png"))
        print(f"written: {stem.with_suffix('.json')}, {stem.with_suffix('.png')}")
