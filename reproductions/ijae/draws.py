"""Why IJAE's MSE is behind -L1's and -L2's: draws instead of means, or poorer codes."""

import itertools
from typing import Any, Literal

from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import gather, table_of
from reproductions.ijae.images import mnist
from reproductions.ijae.plane import check

# Without f_tau's gradient through its input z, as it was once IJAE's default.
STOPPED: dict[str, Any] = {"method": "ijae", "stop_code": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "ijae": STOPPED,
    "ijae_shift_2": STOPPED | {"shift": 2},
    "ijae_shift_5": STOPPED | {"shift": 5},
    # (7) as it is written.
    "ijae_as_printed": {"method": "ijae"},
    # f_zeta with five turns of its own in a step.
    "ijae_separate": {"method": "ijae_separate"},
    "ijae_l1": {"method": "ijae_l1"},
    "ijae_l1_tenth": {"method": "ijae_l1", "likelihood": "laplace_tanh", "scale": 0.1},
    "ijae_l2": {"method": "ijae_l2"},
    "ijae_l2_tenth": {"method": "ijae_l2", "likelihood": "gaussian_tanh", "scale": 0.1},
    "vae": {"method": "vae"},
    # Last, as claims read rows by their place.
    "ijae_shift_0": STOPPED | {"shift": 0},
    # AVB's contrast for f_zeta, and table 6's f_tau.
    "ijae_contrast": STOPPED | {"adaptive_contrast": True},
    "ijae_resnet": STOPPED | {"nets": "ijae_mnist_dense_resnet"},
    # It adds z linearly, so its gradient by z is never zero.
    "ijae_resnet_as_printed": {"method": "ijae", "nets": "ijae_mnist_dense_resnet"},
}
DEFAULT, LAMS = list(VARIANTS), [0.3]
N = 5000
MEASURES = ("inception_score", "lpips", "mse", "decoder_probe", "variance_ratio")
# Of each run, beside its measures.
OWN = ("MSE over codes' MSE", "codes' MSE over variance")
# Of its codes, see `sizes_of_codes`.
SIZES = ("rms", "rms of a far one", "KL, at least", "KL by f_zeta")
# The table's columns.
HEADS = {
    "mse": "MSE",
    "decoder_probe": "codes' MSE",
    OWN[0]: "ratio",
    "variance_ratio": "variance",
    "lpips": "LPIPS",
    "inception_score": "score",
    "rms": "codes' rms",
    "rms of a far one": "of a far one",
    "KL, at least": "KL at least",
    "KL by f_zeta": "by f_zeta",
}


@experiment()
def draws(
    study: Study,
    variants: list[Literal[tuple(VARIANTS)]] = DEFAULT,
    lams: list[float] = LAMS,
    seeds: PositiveInt = 3,
    epochs: PositiveInt | None = None,
) -> None:
    """What an MSE consists of: the codes' part, and that of a draw (section 5).

    Beside each MSE stand the error of a new decoder that is trained on the frozen codes
    to give means, and the variance of reconstructions over that of data. A draw has
    twice the error of the mean and the variance of data. Then come the codes' sizes,
    and what the critic of codes knows of them. Dense networks, MNIST.

    Args:
        study: Where the runs are.
        variants: IJAE with other shifts, with (7) as printed, with more turns of the
            critic of codes, with a contrast for it, or with the paper's critic of
            pairs, also with (7) as printed; its explicit variants, also at a tenth of
            their scale; the VAE, which has no lam.
        lams: Values of lambda.
        seeds: How many seeds each cell has.
        epochs: How many each run has, of 500 steps; unset, six.
    """
    check(study, "mnist", ["ijae"], lams)
    more: dict[str, Any] = {"budget": "quick", "epochs": epochs}
    more |= {"n": N, "measures": ",".join(MEASURES)}
    calls = []
    for seed, variant in itertools.product(range(seeds), variants):
        for given in [{}] if variant == "vae" else [{"lam": lam} for lam in lams]:
            call = mnist.call(**VARIANTS[variant], **given, seed=seed, **more)
            calls.append((variant, call))
    every = [*MEASURES, *OWN, *SIZES]
    records, rows = gather(study, calls, ["lam"], every, key="variant", each=with_own)
    content = {
        "experiment": "lambda-IJAE: draws, means and codes, MNIST",
        "settings": records[0]["settings"],
        "measures": {
            "decoder_probe": "MSE of a new decoder, trained on frozen codes",
            "variance_ratio": "variance of reconstructions over that of data",
            "rms of a far one": "root mean square of a code that .001 exceed",
            "KL, at least": "of codes and prior, by codes' second moments, nats",
            "n": N,
        },
        "cells": rows,
    }
    study.write(content, table_of(rows, label, HEADS, ".4f"))


def with_own(record: dict) -> dict:
    """A record with the two ratios, and its codes' sizes, among its metrics."""
    metrics = record["metrics"] | record.get("codes", {})
    record = record | {"metrics": metrics}
    if any(metrics.get(n) is None for n in ("mse", "decoder_probe", "variance_ratio")):
        return record  # it diverged, or a measure failed
    variance = record["measures"]["variance_ratio"]["variance"]
    error = metrics["decoder_probe"]
    values = metrics["mse"] / error, error / variance
    return record | {"metrics": metrics | dict(zip(OWN, values, strict=True))}


def label(cell: dict) -> str:
    """A variant and its lam."""
    return cell["variant"] + ("" if cell["lam"] is None else f" {cell['lam']:g}")
