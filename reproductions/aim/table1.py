"""AIM's table 1: five methods beside each other, over numbers of epochs."""

from typing import Any, Literal

from reproductions.aim.images import cifar10, mnist
from reproductions.aim.toy import NAMES
from reproductions.engine import Study, cells, experiment, published
from reproductions.engine.options import PositiveInt
from reproductions.engine.places import load_backbone
from reproductions.engine.shown import picture_of, table_of

DATA = {"mnist": mnist, "cifar10": cifar10}
METHODS = ["aim", "aim_minus", "gan", "ali", "alice"]
MEASURES = {"inception_score": "inception score", "mse": "MSE", "code_mse": "codes"}


@experiment()
def table1(
    study: Study,
    data: Literal[tuple(DATA)] = "mnist",
    methods: list[Literal[tuple(METHODS)]] = METHODS,
    epochs: list[PositiveInt] | None = None,
    seeds: PositiveInt = 3,
    budget: Literal["paper", "quick"] = "quick",
) -> None:
    """Five methods with AIM's networks and rates, over epochs and seeds (5.1, table 1).

    Rates fall with the epochs that are over, not with their number in all. So a run of
    8 epochs is the first 8 of a longer one.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: The rows.
        epochs: How many epochs, several for a curve; unset, as many as the budget says.
        seeds: Runs of each method and number of epochs.
        budget: The settings that each run starts from.
    """
    if not study.report:  # it raises if this is missing, before hours of training
        load_backbone(study.places.backbone or data, data)
    lengths: list[dict[str, Any]] = [{"epochs": one} for one in sorted(epochs or [])]
    records = study(
        [
            DATA[data].call(method=name, seed=seed, budget=budget, **length)
            for length in lengths or [{}]
            for seed in range(seeds)
            for name in methods
        ]
    )
    rows = cells(records, by=["method", "epochs"], measures=[*MEASURES])
    whole = next((one for one in records if "steps" in one), None)
    settings = {one["settings"]["method"]: one["settings"] for one in records}
    seconds = sum(one["processor seconds"] for one in records)
    content = {
        "experiment": f"AIM table 1, {data}",
        "budget": budget,
        "settings": settings,
        "cells": [
            row
            | {"steps": row["epochs"] * whole["steps"] // whole["settings"]["epochs"]}
            for row in rows
            if whole
        ],
        "measures": whole and whole["measures"],
        "data": whole and whole["data"],
        "published": [
            one
            for name in methods
            for one in published(paper="aim", data=data, method=name)
        ],
        "processor hours": round(seconds / 3600, 2),
    }
    names = {name: NAMES[name] for name in methods}
    text = table_of(rows, lambda c: f"{names[c['method']]}, {c['epochs']}", MEASURES)
    several = len(lengths) > 1
    figure = picture_of(rows, "epochs", names, [*MEASURES]) if several else None
    study.write(content, text, figure)
