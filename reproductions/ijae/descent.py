"""Figure 1's models by gradient descent: all runs of a divergence in one graph."""

import math

import numpy as np
import tensorflow as tf

from keras_svae import Diverged, divergences
from keras_svae.noise import Noise
from reproductions.ijae import mixtures

BATCH = 1000
SAMPLES = 100_000  # of the estimate that chooses the best run
STARTS = 200  # of the search by quadrature
# Not in the paper: plain gradient descent. Its rate falls to zero along half a cosine.
RATE = 0.1


def descents(name: str, runs: int, steps: int, seed: int) -> dict:
    """Trains and measures one divergence's runs, and searches its optima."""
    theta = train(name, starts(runs, seed), steps, seed)
    models = theta.numpy().astype(float)
    values, errors = measured(name, theta, seed)
    kept = np.flatnonzero(np.isfinite(models).all(1) & np.isfinite(values))
    if not kept.size:
        raise Diverged(f"Expected a run with finite parameters; received: none, {name}")
    made = [
        {
            "theta": mixtures.by_means(models[i]).tolist(),
            "estimate": float(values[i]),
            "standard error": float(errors[i]),
            "divergence": mixtures.divergence(name, models[i])[0],
        }
        for i in kept
    ]
    best = min(made, key=lambda run: run["estimate"])
    found = {
        "runs": made,
        "diverged": runs - len(kept),
        "optima below runs": mixtures.optima(name, models[kept]),
        "optima by quadrature": mixtures.optima(name, starts(STARTS, seed + 1)),
    }
    numbers = {n: best[n] for n in ("estimate", "standard error", "divergence")}
    return numbers | {"extra": {"found": found}}


def log_density(x: tf.Tensor, weights, means, log_variances) -> tf.Tensor:
    """Of mixtures, at x (runs, batch); parameters (components, runs or 1)."""
    means, v = means[:, :, None], log_variances[:, :, None]
    squares = (x - means) ** 2 * tf.exp(-v)
    log_weights = np.log(weights)[:, None, None] - 0.5 * math.log(2 * math.pi)
    return tf.reduce_logsumexp(log_weights - 0.5 * (squares + v), axis=0)


def log_ratio(x: tf.Tensor, theta: tf.Tensor) -> tf.Tensor:
    """Log of target over model at x (runs, batch), for models theta (runs, 4)."""
    weights = mixtures.WEIGHTS.astype("float32")
    laws = (mixtures.MEANS, np.log(mixtures.SCALES**2))
    target = log_density(x, weights, *(tf.constant(v[:, None], x.dtype) for v in laws))
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
    given = {"forward_kl": [above], "reverse_kl": [below]}.get(name, [above, below])
    return getattr(divergences, name)(*given, axis=-1)


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
                # A sum: each run's gradient is that of its own divergence.
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
