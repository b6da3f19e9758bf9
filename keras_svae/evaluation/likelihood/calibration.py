"""Whether a critic's output is a log ratio: its reliability on held-out samples."""

import math
from typing import NamedTuple

import numpy as np
import scipy.special

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather

__all__ = ["Calibration", "Reliability", "calibration"]


class Reliability(NamedTuple):
    """A reliability diagram: samples in bins of equal width over [0, 1].

    Attributes:
        confidence: Mean probability given in each bin, (bins,); NaN in empty ones.
        frequency: Share of the bin's samples that came from a, (bins,); likewise.
        counts: Samples in each bin, (bins,), int64.
    """

    confidence: np.ndarray
    frequency: np.ndarray
    counts: np.ndarray


class Calibration(NamedTuple):
    """What `calibration` finds of `f = log a - log b`.

    Attributes:
        expected_error: Expected calibration error, in [0, 1]: mean over samples of the
            distance between their bin's confidence and frequency.
        brier: Mean squared distance between the probability and what was the case, in
            [0, 1]; `n_a n_b / n^2` for f = 0, which is 1/4 for equal numbers.
        log_loss: `E_a softplus(-f) + E_b softplus(f)`, nats: 2 log 2 = 1.386 for an
            undecided critic. The loss that the critic minimises, on held-out samples.
        below_normalisation: `E_b exp(f)`, which is 1 for the exact ratio, with its
            standard error.
        above_normalisation: `E_a exp(-f)`, likewise 1.
        symmetric_kl: `E_a f - E_b f`, nats, the estimate of KL(a||b) + KL(b||a), with
            its standard error.
        reliability: The diagram behind `expected_error`.
    """

    expected_error: Measurement
    brier: Measurement
    log_loss: Measurement
    below_normalisation: Measurement
    above_normalisation: Measurement
    symmetric_kl: Measurement
    reliability: Reliability


def calibration(above: Stream, below: Stream, *, bins: int = 15) -> Calibration:
    """Reliability of log density ratios on samples of both laws.

    If `f = log a - log b`, a sample that was drawn from a with odds n_a : n_b came from
    a with probability `sigmoid(f + log(n_a / n_b))` exactly. Samples are to be held
    out: on those it was trained on, a critic is surer than it should be.

    Args:
        above: Log ratios on samples of a, the law above in the ratio, (n_a,) or
            (n_a, 1); see `Stream`.
        below: Log ratios on samples of b, (n_b,) or (n_b, 1).
        bins: Bins of the diagram, of equal width (Guo et al., 2017, take 15).

    Raises:
        ValueError: On values that are not finite, or other shapes.
    """
    bins = arguments.integer("bins", bins, at_least=1)
    a = _logits(above, "log ratios on samples of the law above")
    b = _logits(below, "log ratios on samples of the law below")
    f = np.concatenate([a, b])
    truth = np.repeat([1.0, 0.0], [len(a), len(b)])
    p = scipy.special.expit(f + math.log(len(a) / len(b)))
    index = np.minimum((p * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins)
    summed = [np.bincount(index, values, minlength=bins) for values in (p, truth)]
    with np.errstate(invalid="ignore"):
        confidence, frequency = (total / counts for total in summed)
    about = {"n_above": len(a), "n_below": len(b)}
    error = np.abs(summed[0] - summed[1]).sum() / len(f)
    loss = np.logaddexp(0, -a).mean() + np.logaddexp(0, b).mean()
    spread = math.sqrt(_squared_error(a) + _squared_error(b))
    return Calibration(
        Measurement(error, "expected calibration error", **about, bins=bins),
        Measurement(((p - truth) ** 2).mean(), "Brier score", **about),
        Measurement(loss, "log loss", **about, unit="nats", undecided=2 * math.log(2)),
        _mean_exponential(b, "E_b exp(f)", about),
        _mean_exponential(-a, "E_a exp(-f)", about),
        Measurement(
            a.mean() - b.mean(),
            "symmetric KL",
            spread,
            **about,
            unit="nats",
            spread="standard error",
        ),
        Reliability(confidence, frequency, counts),
    )


def _logits(stream: Stream, name: str) -> np.ndarray:
    f = gather(stream, name).astype(np.float64)
    if f.ndim != 1 and f.shape[1:] != (1,):
        raise ValueError(f"Expected {name}, (n,) or (n, 1); received: shape {f.shape}")
    return f.ravel()


def _squared_error(values: np.ndarray) -> float:
    """Squared standard error of the mean; NaN of a single value."""
    return values.var(ddof=1) / len(values) if len(values) > 1 else math.nan


def _mean_exponential(f: np.ndarray, name: str, about: dict) -> Measurement:
    # Infinite where it is beyond float64: so bad a ratio is to be seen, not hidden.
    with np.errstate(over="ignore"):
        mean = np.exp(scipy.special.logsumexp(f) - math.log(len(f)))
        relative = math.sqrt(_squared_error(np.exp(f - f.max())))
        error = relative * np.exp(f.max()) if relative else 0.0
    return Measurement(mean, name, error, **about, spread="standard error")
