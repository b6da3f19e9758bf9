"""A table of a paper: methods beside each other, over seeds and numbers of epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

from reproductions.engine.experiment import Experiment
from reproductions.engine.results import published
from reproductions.engine.rows import gather, picture_of, table_of
from reproductions.engine.study import Study

__all__ = ["table"]

# What a measure's report has of a single run.
FOUND = ("value", "deviation", "interval")


def table(
    study: Study,
    one: Experiment,
    rows: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    measures: Mapping[str, str],
    *,
    seeds: int,
    epochs: Sequence[int] | None = None,
    **more: Any,
) -> None:
    """Runs a table's rows, and writes a summary.

    Of each number of epochs all rows have one seed before the next seed. Each number of
    epochs has runs of its own.

    Args:
        study: Where the runs are.
        one: The experiment that all runs are of.
        rows: By key, the settings that a row has for itself.
        names: By key, what a row is called in the text and in the picture.
        measures: Names of measures, and the heads of their columns.
        seeds: Runs of each row and number of epochs.
        epochs: How many epochs, several for a picture over them; None: as many as the
            experiment has.
        **more: Settings of all rows.
    """
    # The longest first, so that no worker has to wait for it in the end.
    longest = sorted(epochs or [], reverse=True)
    lengths: list[dict] = [{"epochs": length} for length in longest]
    calls = [
        (key, one.call(seed=seed, **more, **settings, **length))
        for length in lengths or [{}]
        for seed in range(seeds)
        for key, settings in rows.items()
    ]
    records, cells = gather(study, calls, by=["epochs"], measures=[*measures])
    order = list(rows)
    cells.sort(key=lambda cell: (order.index(cell["method"]), cell["epochs"]))
    whole: dict = next((record for record in records if "measures" in record), {})
    seconds = sum(record["processor seconds"] for record in records)
    # What all runs of a row have in common.
    own = ("epochs", "seed")
    settings = {
        key: {name: value for name, value in call.settings.items() if name not in own}
        for key, call in calls
    }
    found = {
        name: {key: value for key, value in one.items() if key not in FOUND}
        for name, one in whole.get("measures", {}).items()
    }
    content = {
        "experiment": f"{one.paper}'s table, {one.name}",
        "settings": settings,
        "cells": cells,
        "measures": found,
        "data": whole.get("data"),
        "published": published(paper=one.paper, data=calls[0][1].settings["data"]),
        "processor hours": round(seconds / 3600, 2),
    }
    text = table_of(cells, lambda c: f"{names[c['method']]}, {c['epochs']}", measures)
    shown = {key: names[key] for key in rows}
    several = len(lengths) > 1
    figure = picture_of(cells, "epochs", shown, [*measures]) if several else None
    study.write(content, text, figure)
