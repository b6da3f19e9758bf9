"""Which of the paper's settings decides how sVAE-r learns on MNIST (6, table 1)."""

from typing import Any

from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import gather, table_of
from reproductions.svae.images import mnist

# In what the budgets "paper" and "ours" differ, by the part that it is about.
OURS: dict[str, dict[str, Any]] = {
    "encoder": {"code_stddev": 0.02},
    "adam": {"learning_rate": 2e-4, "beta_1": 0.5},
    "critic": {"critic_batch_norm": False, "critic_activation": "leaky_relu"},
    "data": {"binarize": None},
}
ROWS: dict[str, dict[str, Any]] = {
    "paper": {},
    **OURS,
    "ours": {name: value for one in OURS.values() for name, value in one.items()},
}
NAMES = {
    "paper": "all as in the paper",
    "encoder": "encoder's last layer N(0, .02)",
    "adam": "Adam 2e-4, beta_1 .5",
    "critic": "critic with leaky ReLU, without batch norm",
    "data": "grey data",
    "ours": "all four",
}
MEASURES = {
    "inception_score": "inception score",
    "frechet_distance": "Fréchet distance",
    "mse": "MSE",
    "variational_bound": "bound, nats",
}


@experiment()
def mnist_settings(
    study: Study,
    epochs: PositiveInt = 5,
    seeds: PositiveInt = 1,
    lam: float = 0.1,
) -> None:
    """sVAE-r with the paper's settings, and with one of them at a time as ours (6.2).

    The bounds of grey and of binarised data are of different laws.

    Args:
        study: Where the runs are.
        epochs: How many each run has.
        seeds: How many seeds each row has.
        lam: The weight of both errors.
    """
    study.check_backbone("mnist")
    more: dict[str, Any] = {"method": "svae", "lam": lam, "budget": "paper"}
    more |= {"measures": ",".join(MEASURES), "epochs": epochs}
    calls = [
        (name, mnist.call(**more, **own, seed=seed))
        for seed in range(seeds)
        for name, own in ROWS.items()
    ]
    records, rows = gather(study, calls, ["method"], [*MEASURES], key="row")
    content = {
        "experiment": "sVAE-r on MNIST, settings one at a time",
        "changed settings": ROWS,
        "settings": calls[0][1].settings,
        "data": records[0].get("data"),
        "cells": rows,
    }
    study.write(content, table_of(rows, lambda c: NAMES[c["row"]], MEASURES))
