"""Rows of a study whose runs have names: as a table, a picture, a paper's table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from reproductions.engine.call import Call
from reproductions.engine.experiment import Experiment
from reproductions.engine.results import cells, published, text_of
from reproductions.engine.study import Study

__all__ = ["gather", "paper_table", "picture_of", "table_of"]

# What a measure's report has of a single run.
FOUND = ("value", "deviation", "interval")


def gather(
    study: Study,
    calls: Sequence[tuple[str, Call]],
    by: Sequence[str],
    measures: Sequence[str],
    key: str = "method",
    each: Callable[[dict], dict] = lambda record: record,
) -> tuple[list[dict], list[dict]]:
    """Runs, and their rows: a name for each call, and `cells` of the runs of a name.

    Args:
        study: Where the runs are.
        calls: The runs, each with the name of its row.
        by: As for `cells`.
        measures: As for `cells`.
        key: Under which word a row has its name.
        each: What is done with a record before.

    Returns:
        The records. The rows, in the order of names: a name, and what `cells` gives.
    """
    records, rows = study([call for _, call in calls]), []
    for name in dict.fromkeys(name for name, _ in calls):
        mine = [call.settings for other, call in calls if other == name]
        kept = [each(one) for one in records if one["settings"] in mine]
        rows += [{key: name, **cell} for cell in cells(kept, by, measures)]
    return records, rows


def table_of(
    rows: Sequence[dict],
    label: Callable[[dict], str],
    measures: Mapping[str, str],
    digits: str = ".4g",
) -> str:
    """A line for each cell: its label, its number of runs, mean and spread.

    Args:
        rows: What `gather` gave.
        label: What a row is called.
        measures: Names of measures, and the heads of their columns.
        digits: How numbers are printed.
    """
    shown = [["", "runs", *measures.values()]]
    for cell in rows:
        values = [text_of(cell[n], digits) if n in cell else "" for n in measures]
        shown.append([label(cell), f"{cell['runs']:4d}", *values])
    width = max(len(name) for name, *_ in shown)
    wide = max(len(one) for _, _, *columns in shown for one in columns)
    lines = []
    for (name, runs, *columns), cell in zip(shown, [{}, *rows], strict=True):
        numbers = "  ".join(f"{one:{wide}}" for one in columns)
        lost = f"  ({cell['diverged']} diverged)" if cell.get("diverged") else ""
        lines.append(f"{name:{width}}  {runs}  {numbers}{lost}".rstrip())
    return "\n".join(lines)


def picture_of(
    rows: Sequence[dict], over: str, names: Mapping[str, str], measures: Sequence[str]
) -> Figure | None:
    """A panel for each measure, a line for each name, mean and deviation.

    Args:
        rows: What `gather` gave; "method" has the name.
        over: The setting along the horizontal axis, which is logarithmic and has 0.
        names: What each row is called in the legend.
        measures: Names of measures. One that no cell has gets no panel.

    Returns:
        The figure; None if no cell has any measure.
    """
    measures = [name for name in measures if any(name in cell for cell in rows)]
    if not measures:
        return None
    figure = Figure(figsize=(4 * len(measures), 3.4), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    least = min((cell[over] for cell in rows if cell[over] > 0), default=1.0)
    lines = {}
    for ax, measure in zip(panels, measures, strict=True):
        for number, (key, name) in enumerate(names.items()):
            mine = [c for c in rows if c["method"] == key and measure in c]
            if mine:
                lines[name] = ax.errorbar(
                    [cell[over] for cell in mine],
                    [cell[measure]["mean"] for cell in mine],
                    yerr=[cell[measure]["deviation"] or 0 for cell in mine],
                    marker="o",
                    color=f"C{number}",  # the same in all panels
                    label=name,
                    capsize=2,
                )
        ax.set_xscale("symlog", linthresh=least / 10)
        ax.set(xlabel=over, title=measure.replace("_", " "))
    shown = [name for name in names.values() if name in lines]
    panels[0].legend([lines[name] for name in shown], shown, fontsize=8)
    return figure


def paper_table(
    study: Study,
    one: Experiment,
    rows: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    measures: Mapping[str, str],
    *,
    seeds: int,
    epochs: Sequence[int] | None = None,
    not_run: Sequence[str] = (),
    **more: Any,
) -> None:
    """Runs a paper's table, methods over seeds and epochs, and writes a summary.

    For each number of epochs, all rows get one seed before any row gets the next. Each
    number of epochs has runs of its own.

    Args:
        study: Where the runs are.
        one: The experiment that all runs are of.
        rows: By key, the settings that a row has for itself.
        names: By key, what a row is called in the text and in the picture.
        measures: Names of measures, and the heads of their columns.
        seeds: Runs of each row and number of epochs.
        epochs: How many epochs, several for a picture over them; None: as many as the
            experiment has.
        not_run: Rows of the paper's table that are left out.
        **more: Settings of all rows.
    """
    # The longest first, so that no worker has to wait for it in the end.
    lengths = sorted(epochs, reverse=True) if epochs else [None]
    calls = [
        (key, one.call(seed=seed, epochs=length, **more, **settings))
        for length in lengths
        for seed in range(seeds)
        for key, settings in rows.items()
    ]
    records, made = gather(study, calls, by=["epochs"], measures=[*measures])
    order = list(rows)
    there = {cell["method"] for cell in made}
    not_run = [*not_run, *(key for key in rows if key not in there)]
    made.sort(key=lambda cell: (order.index(cell["method"]), cell["epochs"]))
    whole: dict = next((record for record in records if "measures" in record), {})
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
        **({"not run": not_run} if not_run else {}),
        "cells": made,
        "measures": found,
        "data": whole.get("data"),
        "published": published(paper=one.paper, data=calls[0][1].settings["data"]),
    }
    text = table_of(made, lambda c: f"{names[c['method']]}, {c['epochs']}", measures)
    shown = {key: names[key] for key in rows}
    several = len(lengths) > 1
    figure = picture_of(made, "epochs", shown, [*measures]) if several else None
    study.write(content, text, figure)
