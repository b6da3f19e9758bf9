"""Gaussians on a grid or a circle, one run or table 2: which modes are captured."""

from typing import Literal

import numpy as np
from matplotlib.figure import Figure

import keras_svae as ks
from reproductions.aim import baselines
from reproductions.aim.baselines import NAMES
from reproductions.engine import (
    Data,
    Play,
    Run,
    Study,
    Training,
    experiment,
    published,
    spread,
    text_of,
)
from reproductions.engine.measure import SEED
from reproductions.engine.options import DENSE, PositiveInt
from reproductions.engine.records import metric

# The paper's toy. The paper does not give its networks, steps and rates. These settings
# need the fewest steps to all 25 modes (docs/methods/aim.md). All methods have the same
# steps and networks, except for the critic's input and turns.
GRID = {
    "methods": baselines.METHODS,
    "networks": {"toy": (ks.networks.toy, DENSE)},
    "settings": {
        "data": "grid25",
        "units": 128,
        "depth": 4,
        "batch_norm": True,
        "critic_activation": "leaky_relu",
        "latent_dim": 2,
        "posterior": "gaussian",
        "likelihood": "unit_gaussian",
        "batch_size": 200,
        "steps_per_epoch": 500,
        "learning_rate": 1e-3,
        "critic_learning_rate": 7e-4,
        "beta_1": 0.5,
        "decay": "cosine",
        "steps_per_execution": 50,
        "measures": "modes,mixture_score,mse",
    },
    "budgets": {"paper": {"epochs": 24}, "quick": {"epochs": 8}},
    "by_method": baselines.own("toy"),
}


@experiment(
    **GRID, notes=("Published: the baselines are VEEGAN's, with other networks.",)
)
def grid25(model: ks.Game, data: Data, training: Training) -> Run:
    """25 Gaussians on a grid in the plane, one run (5.3, table 2, figure 3)."""

    def samples(model: ks.Game, _) -> dict:
        """Points for a picture, and counts of good samples for each mode."""
        law = ks.data.mixture(data.data)
        made = ks.evaluation.Subject.of(model).generate(training.n, SEED)
        found = ks.evaluation.modes(np.concatenate(list(made)), law.means, law.sigma)
        points = np.asarray(model.generate(2500, seed=2)).round(3)
        return {"counts": found.counts.tolist(), "points": points.tolist()}

    return Run(model, data, training, extra=samples)


@experiment(**GRID | {"settings": GRID["settings"] | {"data": "ring8"}})
def ring8(model: ks.Game, data: Data, training: Training) -> Run:
    """Eight Gaussians on a circle, one run; not in the paper (Metz et al., 2017)."""
    return grid25.function(model, data, training)


@experiment()
def table2(
    study: Study,
    data: Literal["grid25", "ring8"] = "grid25",
    methods: list[Literal[tuple(NAMES)]] = baselines.TABLE2,
    seeds: PositiveInt | None = None,
    epochs: PositiveInt | None = None,
    play: Play | None = None,
    quick: bool = False,
) -> None:
    """Modes captured, and the share of high-quality samples, many seeds (table 2).

    All methods have the same steps, data, learning rates and networks, except for the
    critic's input. Runs go seed after seed, so that a partial result is balanced.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: The rows.
        seeds: How many for each method; unset, ten, and two with quick.
        epochs: How many every method has, of 500 steps; unset, the experiment's.
        play: How every method plays; unset, as each class does by default.
        quick: The quick budget's epochs.
    """
    budget = "quick" if quick else "paper"
    given = {"budget": budget, "play": play, "epochs": epochs}
    one = {"grid25": grid25, "ring8": ring8}[data]
    records = study(
        [
            one.call(method=method, seed=seed, **given)
            for seed in range(seeds or (2 if quick else 10))
            for method in methods
        ]
    )
    found = summary(records)
    kept = ("steps", "metrics", "counts", "diverged", "processor seconds")
    content = {
        "experiment": f"AIM table 2, {data}",
        "settings": one.resolve(**given),
        "measures": {
            "modes": "nearest to at least one high-quality sample; 0 if diverged",
            "high quality": "share of samples within 3 sigma of their nearest mode",
        },
        "by_method": found,
        "runs": [
            {name: run["settings"][name] for name in ("method", "seed", "play")}
            | {name: run[name] for name in kept if name in run}
            for run in records
        ],
    }
    study.write(content, text(found), figure3(records, ks.data.mixture(data).means))


# Columns: the measure, and a factor.
COLUMNS = {
    "modes": ("modes.captured", 1),
    "high quality, %": ("modes.high_quality", 100),
}


def summary(records: list[dict]) -> dict[str, dict]:
    """By method: mean and spread over seeds, beside the published."""
    found = {}
    for method in dict.fromkeys(one["settings"]["method"] for one in records):
        some = [one for one in records if one["settings"]["method"] == method]
        row = {"play": some[0]["settings"]["play"], "seeds": len(some)}
        row["diverged"] = sum("diverged" in one for one in some)
        for column, (measure, scale) in COLUMNS.items():
            values = [
                0.0 if "diverged" in one else scale * metric(one, measure)
                for one in some
            ]
            row[column] = spread(values) | {"least": min(values), "most": max(values)}
        row["processor seconds a run"] = float(
            np.mean([one["processor seconds"] for one in some])
        )
        theirs = {"data": some[0]["settings"]["data"], "method": method}
        row["published"] = {
            column: round(scale * number["value"], 2)
            for column, (measure, scale) in COLUMNS.items()
            for number in published(paper="aim", measure=measure, **theirs)
        }
        found[method] = row
    return found


def text(found: dict[str, dict]) -> str:
    """The summary as a table."""
    lines = [f"{'':12} seeds  {'modes (least)':19}  published  {'high quality, %':15}"]
    lines[0] += "  published  play"
    for method, row in found.items():
        modes, quality = (row[column] for column in COLUMNS)
        theirs = [row["published"].get(column, "") for column in COLUMNS]
        shown = f"{text_of(modes, '.2f')} ({modes['least']:.0f})"
        lines.append(
            f"{NAMES[method]:12} {row['seeds']:5d}  {shown:19}  {theirs[0]:>9}  "
            f"{text_of(quality, '.1f'):15}  {theirs[1]:>9}  {row['play']}"
        )
    return "\n".join(lines)


def figure3(records: list[dict], means: np.ndarray) -> Figure:
    """The first seed's samples of every method."""
    first: dict[str, dict] = {}
    for one in records:
        if "points" in one:
            first.setdefault(one["settings"]["method"], one)
    columns = min(3, len(first)) or 1
    rows = max(1, -(-len(first) // columns))
    size = (3.4 * columns, 3.6 * rows)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    reach = np.abs(means).max() + 1
    for i, (method, one) in enumerate(first.items()):
        ax = figure.add_subplot(rows, columns, i + 1)
        ax.scatter(*np.array(one["points"]).T, s=3, linewidths=0, alpha=0.6)
        ax.scatter(*means.T, s=14, c="tab:red", marker="x", linewidths=0.7)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        captured, quality = (one["metrics"][name] for name, _ in COLUMNS.values())
        ax.set_title(
            f"{NAMES[method]}, seed {one['settings']['seed']}: {captured:.0f} modes, "
            f"{100 * quality:.0f}%",
            fontsize=10,
        )
    return figure
