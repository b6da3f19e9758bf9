"""A test of whether a sampler is a symmetric likelihood."""

import collections
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_svae.noise import Noise

__all__ = ["check_symmetric"]

# How many pairs (x, y) are drawn, and the most numbers in all of their x.
PAIRS, NUMBERS = 1024, 2**24
# The results are compared with this many random draws of signs.
FLIPS = 500
# More than this many times the largest of them is an error.
TOO_MUCH = 3.0
# A difference below this share of its size is rounding.
ROUNDING = 1e-6

FINDINGS = {
    "step": "whose steps y - x have a direction",
    "sign": "whose steps y - x are more often up than down, or down than up",
    "size": "which makes x larger or smaller",
    "way back": "which goes from x to y more or less often than from y to x",
}


def check_symmetric(
    sampler: Callable, shape: tuple[int, ...], *, name: str = "", seed: int = 0
) -> None:
    """Raises unless samples look like those of a symmetric likelihood r(y|x).

    By Definition 1 of lambda-IJAE r(y = a|x = b) = r(y = b|x = a), with a mode at
    a = b. The first condition is that of a proposal of the Metropolis algorithm: x is
    drawn from pi, here white noise, and y ~ r(y|x) is accepted with probability
    min(1, pi(y) / pi(x)). Then accepted pairs (x, y) and (y, x) have the same law.
    So for every function h with h(y, x) = -h(x, y), positive and negative values are
    equally probable, and its sum over pairs has the same law as a sum with random
    signs. Four functions are tested:

        y - x,    sign(y - x),    |y|^2 - |x|^2,    y x' - x y',

    and for each `sum_{i != j} h_i . h_j` is compared with 500 such draws. More than
    three times the largest of them is an error.

    It detects a bias, a skew, shrinking and growing (so blurring and clipping). It also
    detects transformations of images that are more frequent than their inverse: for
    shifts by a pixel, 7 to the right for 3 to the left, but not 6 for 4. It may miss
    smaller asymmetries, those of higher order, those of a few numbers (fewer than ten
    in an example), and those of images that are unlike white noise. x goes beyond the
    data's range.

    The mode is tested only if some y are drawn more than once, as for shifts: x must be
    the most frequent of them.

    Args:
        sampler: A function of x, (batch, ...), and a `keras_svae.noise.Noise` that
            gives y ~ r(y|x), or the `perturb` of a `SymmetricLikelihood`.
        shape: The shape of an example.
        name: The sampler's name in the error.
        seed: The seed of the draws.

    Raises:
        ValueError: If it is not symmetric, or gives another shape or values that are
            not finite.
    """
    name = name or getattr(sampler, "__name__", type(sampler).__name__)
    found = _finding(sampler, tuple(shape), Noise(seed), np.random.default_rng(seed))
    if found:
        raise ValueError(
            "Expected a symmetric likelihood, r(y|x) = r(x|y) with a mode at y = x "
            f"(lambda-IJAE, Definition 1); received: {name}, {found}. "
            "keras_svae.distributions.Sampled(sampler, check=False) skips this check."
        )


def _finding(sampler, shape, noise, rng) -> str | None:
    """What is not symmetric about the sampler, in words; None if nothing is found."""
    count = max(64, min(PAIRS, NUMBERS // math.prod(shape)))
    x = rng.normal(size=(count, *shape)).astype("float32")
    steps = _sample(sampler, x, noise.fold(0)) - x.reshape(count, -1)
    # With this width, about a third of the steps of independent noise are accepted.
    width = max(1.0, np.sqrt(np.mean(np.sum(steps**2, 1))) / 2)
    x = width * x
    y = _sample(sampler, x, noise.fold(1))
    one, x = x[:1], x.reshape(count, -1)
    log_ratio = (np.sum(x**2, 1) - np.sum(y**2, 1)) / (2 * width**2)
    kept = np.log(rng.uniform(size=count)) < log_ratio + ROUNDING
    if kept.sum() < max(16, count // 50):
        return "whose steps can almost never be reversed"
    x, y = x[kept], y[kept]
    signs = rng.choice([-1.0, 1.0], size=(FLIPS, len(x)))
    for kind, gram in _grams(x, y):
        np.fill_diagonal(gram, 0)
        chance = np.max(np.sum((signs @ gram) * signs, 1))
        if gram.sum() > TOO_MUCH * chance:
            times = gram.sum() / chance
            return (
                f"{FINDINGS[kind]}: {times:.3g} times the largest value that "
                f"chance gives for {len(x)} pairs"
            )
    if not _mode_is_x(sampler, one, noise.fold(2)):
        return "which has another y that is more frequent than y = x"
    return None


def _sample(sampler, x, noise) -> np.ndarray:
    """y, (batch, entries) float32."""
    y = np.asarray(sampler(tf.constant(x), noise))
    if y.shape != x.shape:
        raise ValueError(
            f"Expected y of the shape of x, {x.shape}, from a symmetric likelihood; "
            f"received: {y.shape}"
        )
    if not np.isfinite(y).all():
        raise ValueError(
            "Expected finite y from a symmetric likelihood; received: NaN or infinity"
        )
    return y.reshape(len(x), -1).astype("float32")


def _mode_is_x(sampler, x, noise) -> bool:
    repeated = np.repeat(x, 512, 0)
    counts = collections.Counter(
        row.tobytes() for row in _sample(sampler, repeated, noise)
    )
    most = max(counts.values())
    own = counts[x.tobytes()]
    return most == 1 or own >= most - 5 * math.sqrt(own + most)


def _grams(x, y):
    """For each h, by name, the products h_i . h_j of all pairs, (pairs, pairs)."""
    step = y - x
    step[np.abs(step) < ROUNDING * np.abs(x).max()] = 0
    yield "step", _products(step, step)
    yield "sign", _products(np.sign(step), np.sign(step))
    before, after = np.sum(x.astype(float) ** 2, 1), np.sum(y.astype(float) ** 2, 1)
    size = after - before
    size[np.abs(size) < ROUNDING * before] = 0
    yield "size", np.outer(size, size)
    crossed = _products(x, y)
    yield "way back", _products(x, x) * _products(y, y) - crossed * crossed.T


def _products(a, b):
    return (a @ b.T).astype(float)
