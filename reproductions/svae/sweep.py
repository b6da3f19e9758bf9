"""Figures 5 to 7: generation and reconstruction over lam, sVAE-r beside ALICE."""

from typing import Any, Literal

from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import gather, picture_of, table_of
from reproductions.svae.images import celeba, cifar10, digits, mnist

DATA = {"cifar10": cifar10, "celeba": celeba, "mnist": mnist, "digits": digits}
# ALICE's paper has the first form, the code of its authors the second.
METHODS: dict[str, dict[str, Any]] = {
    "svae": {"method": "svae"},
    "alice": {"method": "alice", "loss": "non_saturating"},
    "alice_sigmoid": {"method": "alice", "loss": "sigmoid"},
}
NAMES = {"svae": "sVAE-r", "alice": "ALICE", "alice_sigmoid": "ALICE, sigmoid"}
ALL, LAMS = list(METHODS), [0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
# CelebA has no classes, so no score: its samples have distances.
MEASURES = {
    "inception_score": "inception score",
    "frechet_distance": "Fréchet distance",
    "mse": "MSE",
}


@experiment()
def sweep(
    study: Study,
    data: Literal[tuple(DATA)] = "cifar10",
    methods: list[Literal[tuple(METHODS)]] = ALL,
    lams: list[float] = LAMS,
    seeds: PositiveInt = 3,
    reduction: Literal["sum", "mean"] = "sum",
    budget: Literal["paper", "quick"] = "paper",
    epochs: PositiveInt | None = None,
) -> None:
    """Score and error of sVAE-r and both forms of ALICE over lam (figures 5 to 7).

    All have both terms of the regulariser, the same networks, data, steps and seeds.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of; the paper has cifar10 and celeba.
        methods: sVAE-r; ALICE as its paper has it; ALICE with the saturating loss of
            its authors' code.
        lams: Values of lambda.
        seeds: How many seeds each cell has.
        reduction: Whether lam weighs sums over pixels, as the paper's equations, or
            means, as its authors' code. The figure does not say which.
        budget: The settings that each run starts from.
        epochs: How many each run has; unset, as many as the budget says.
    """
    if negative := [lam for lam in lams if lam < 0]:
        raise ValueError(f"Expected lams >= 0; received: {negative}")
    if data != "celeba":  # it has no classes
        study.check_backbone(data)
    more: dict[str, Any] = {"budget": budget, "two_sided": True, "reduction": reduction}
    more |= {"measures": ",".join(MEASURES), "epochs": epochs}
    calls = [
        (name, DATA[data].call(**METHODS[name], lam=lam, seed=seed, **more))
        for seed in range(seeds)
        for lam in lams
        for name in methods
    ]
    records, rows = gather(study, calls, by=["lam"], measures=[*MEASURES])
    content = {
        "experiment": f"sVAE's figures 5 to 7, {data}",
        "budget": budget,
        "steps": sorted({one["steps"] for one in records if "steps" in one}),
        "settings": records[0]["settings"],
        "cells": rows,
    }
    found = table_of(rows, lambda c: f"{NAMES[c['method']]}, {c['lam']:g}", MEASURES)
    study.write(content, found, picture_of(rows, "lam", NAMES, [*MEASURES]))
