"""AS-VAE's table: its three variants beside NF-VAE, VAE and AVB, over seeds."""

from typing import Literal

from reproductions.as_vae.images import METHODS, mnist
from reproductions.engine import Study, cells, experiment, published, spread, text_of
from reproductions.engine.options import PositiveInt

NAMES = [one.__name__ for one in METHODS]
# For each row of the table: the key in a run's record, and the sign.
ROWS = {
    "NLL bound, nats": ("variational_bound", -1),
    "NLL bound, importance-weighted, nats": ("importance_weighted_bound", -1),
    "inception score": ("inception_score", 1),
    "inception score of means": ("inception_score_of_means", 1),
    "test MSE": ("mse", 1),
    "test RMSE": ("rmse", 1),
    "seconds": ("seconds", 1),
    "steps": ("steps", 1),
}


@experiment()
def table(
    study: Study,
    seeds: PositiveInt = 3,
    budget: Literal["quick", "paper"] = "quick",
    methods: list[Literal[tuple(NAMES)]] = NAMES,
) -> None:
    """Three variants, NF-VAE, VAE and AVB on MNIST, means over seeds (5.2).

    All methods run with one seed before the next seed, so that a partial result is
    balanced.

    Args:
        study: Where the runs are.
        seeds: Runs of each method.
        budget: The settings that each run starts from.
        methods: The columns.
    """
    calls = [
        mnist.call(method=method, seed=seed, budget=budget)
        for seed in range(seeds)
        for method in methods
    ]
    records = study(calls)
    found = summary(records)
    content = {
        "experiment": "as_vae mnist table",
        "budget": budget,
        "runs": f"{len(records)} of {len(calls)}",
        "data": records[0]["data"],
        "table": found,
        "settings": {one: mnist.resolve(method=one, budget=budget) for one in methods},
        "published": [
            number
            for method in methods
            for number in published(data="mnist", method=method)
        ],
    }
    study.write(content, text(found))


def summary(records: list[dict]) -> dict[str, dict]:
    """By method and row: mean, deviation (n - 1), n, and the values by seed."""
    names = [name for name, _ in ROWS.values()]
    found = {}
    for cell in cells(records, ["method"], names):
        found[cell["method"]] = {"diverged": cell["diverged"]} | {
            row: spread(sign * value for value in cell[name]["values"])
            for row, (name, sign) in ROWS.items()
            if name in cell
        }
    return found


def text(table: dict[str, dict]) -> str:
    """The summary, a line per row."""
    width = max(map(len, ROWS))
    lines = [" " * width + "".join(f"{method:>22}" for method in table)]
    for row in ROWS:
        shown = [text_of(one[row]) if row in one else "-" for one in table.values()]
        if set(shown) != {"-"}:
            lines.append(f"{row:{width}}" + "".join(f"{cell:>22}" for cell in shown))
    return "\n".join(lines)
