"""Summary and picture of the toy sweep."""

import argparse
import math
import pathlib

import numpy as np

from reproductions import results
from reproductions.files import write_json

NAMES = {"svae": "sVAE-r", "alice": "ALICE"}
COLORS = {"svae": "tab:blue", "alice": "tab:orange"}
# ALICE's released raw runs, 576 per lam: mean, standard deviation and median of the
# score, share of scores above 4.5, mean and median of the MSE. None for lam = 10.
PUBLISHED = {
    0.0: (2.750, 1.498, 2.34, 0.233, 4.715, 4.37),
    0.01: (3.669, 1.386, 4.20, 0.484, 1.467, 1.37),
    0.1: (4.495, 0.775, 4.89, 0.750, 0.129, 0.082),
    1.0: (4.598, 0.576, 4.86, 0.771, 0.0218, 0.0154),
}
HIGH = 4.5
# What a run that diverged is counted as: the floor of the score, and the ceiling that
# ALICE's published runs have on the MSE.
DIVERGED = {"score": 1.0, "mse": 10.0}
COLUMNS = (
    "score mean",
    "score sd",
    "score median",
    "share above 4.5",
    "MSE mean",
    "MSE median",
)


def statistics(runs: list[dict]) -> dict:
    """Medians, shares and spreads of the runs of one method at one lam."""
    score = np.array([run["score"] for run in runs])
    mse = np.array([run["mse"] for run in runs])

    def spread(values):
        low, high = np.percentile(values, [25, 75])
        return float(high - low)

    return {
        "runs": len(runs),
        "diverged": sum("diverged" in run for run in runs),
        "score mean": float(score.mean()),
        "score sd": float(score.std(ddof=1)) if len(runs) > 1 else 0.0,
        "score median": float(np.median(score)),
        "score IQR": spread(score),
        "share above 4.5": float((score > HIGH).mean()),
        "MSE mean": float(mse.mean()),
        "MSE sd": float(mse.std(ddof=1)) if len(runs) > 1 else 0.0,
        "MSE median": float(np.median(mse)),
        "MSE IQR": spread(mse),
    }


def paired(ours: list[dict], theirs: list[dict]) -> dict:
    """Over pairs of the same settings and seed: how often sVAE-r is the better.

    The p value is of a two-sided sign test, ties left out: the chance of a division
    as uneven as this one if neither were better.
    """
    found = {}
    for name, sign in (("score", 1), ("mse", -1)):
        gaps = [sign * (a[name] - b[name]) for a, b in zip(ours, theirs, strict=True)]
        better, worse = sum(g > 0 for g in gaps), sum(g < 0 for g in gaps)
        found[f"{name}: sVAE-r better"] = better
        found[f"{name}: ALICE better"] = worse
        found[f"{name}: p"] = _sign_test(better, worse)
    return found


def _sign_test(a: int, b: int) -> float:
    n = a + b
    tail = sum(math.comb(n, k) for k in range(min(a, b) + 1)) / 2**n
    return min(1.0, 2 * tail)


def summary(runs: list[dict]) -> dict:
    """By lam: both methods' statistics, the pairs, and what ALICE published."""
    found = {}
    for lam in sorted({run["lam"] for run in runs}):
        by_method = {
            method: [r for r in runs if r["lam"] == lam and r["method"] == method]
            for method in NAMES
        }
        found[f"{lam:g}"] = {
            **{NAMES[m]: statistics(by_method[m]) for m in NAMES},
            "pairs": paired(by_method["svae"], by_method["alice"]),
            "ALICE, published": dict(zip(COLUMNS, PUBLISHED[lam], strict=True))
            if lam in PUBLISHED
            else None,
        }
    return found


def table(found: dict) -> str:
    """The summary as text, ours beside the published."""
    lines = [
        f"{'lam':>5} {'':17} {'runs':>4}  {'score mean +- sd (median)':27} "
        f"{'IQR':>6} {'> 4.5':>6}  {'MSE mean (median)':>17}"
    ]
    for lam, cell in found.items():
        for name in ("sVAE-r", "ALICE", "ALICE, published"):
            s = cell[name]
            if s is None:
                continue
            iqr = f"{s['score IQR']:6.3f}" if "score IQR" in s else " " * 6
            lines.append(
                f"{lam:>5} {name:17} {s.get('runs', 576):4d}  "
                f"{s['score mean']:.3f} +- {s['score sd']:.3f} "
                f"({s['score median']:.2f})".ljust(57)
                + f"{iqr} {s['share above 4.5']:6.3f}  "
                + f"{s['MSE mean']:.4f} ({s['MSE median']:.4f})".rjust(17)
            )
    return "\n".join(lines)


def draw(runs: list[dict], path: pathlib.Path) -> None:
    """Figure 3: histograms of score (top) and MSE (bottom) for each lam."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lams = sorted({run["lam"] for run in runs})
    figure = Figure(figsize=(3.2 * len(lams), 5.6), dpi=110, layout="constrained")
    axes = figure.subplots(2, len(lams), squeeze=False)
    bins = {"score": np.linspace(1, 5, 17), "mse": np.logspace(-3, 1, 17)}
    labels = {"score": "inception score, exact posterior", "mse": "test MSE"}
    for row, (measure, edges) in zip(axes, bins.items(), strict=True):
        for ax, lam in zip(row, lams, strict=True):
            for method, name in NAMES.items():
                values = [
                    np.clip(run[measure], edges[0], edges[-1])
                    for run in runs
                    if run["lam"] == lam and run["method"] == method
                ]
                median = np.median(values)
                ax.hist(
                    values,
                    edges,
                    alpha=0.55,
                    color=COLORS[method],
                    label=f"{name}, median {median:.3g}",
                )
                ax.axvline(median, color=COLORS[method], linestyle="--")
            ax.set(title=f"lam = {lam:g}", xlabel=labels[measure])
            if measure == "mse":
                ax.set_xscale("log")
            ax.set_ylim(top=1.35 * ax.get_ylim()[1])  # room for the legend
            ax.legend(fontsize=8, loc="upper left")
        row[0].set_ylabel("runs")
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")


def write(
    runs: list[dict],
    folder: pathlib.Path,
    arguments: argparse.Namespace,
    settings: list[dict],
) -> None:
    """Writes summary and figure, and prints the table.

    Args:
        runs: Results of all runs.
        folder: Where both go.
        arguments: The sweep's options; with `record`, both go there too.
        settings: What every lam and method was run with, for the record.
    """
    found = summary(runs)
    seconds = sum(run["seconds"] for run in runs)
    processor = sum(run["cpu_seconds"] for run in runs)
    content = results.record(
        experiment="toy-sweep",
        data="toy5: 2048 training and 1024 test points of its own for each seed",
        settings=settings,
        seeds=arguments.seeds,
        epochs=arguments.epochs,
        measures={
            "score": "exact posterior over the five components, 10,000 samples",
            "MSE": "mean over 1024 test points and 2 coordinates, at most 10",
            "diverged": f"counted as {DIVERGED}",
        },
        hours={
            "summed over runs": round(seconds / 3600, 2),
            "on two cores, two workers": round(seconds / 7200, 2),
            "of processor time": round(processor / 3600, 2),
        },
        by_lam=found,
        by_turns_and_lam={
            turns: summary([run for run in runs if run["turns"] == turns])
            for turns in sorted({run["turns"] for run in runs}, reverse=True)
        },
    )
    print(table(found))
    stems = [folder / "summary"]
    if arguments.record:
        stems.append(pathlib.Path(arguments.record).with_suffix(""))
    for stem in stems:
        write_json(stem.with_suffix(".json"), content)
        draw(runs, stem.with_suffix(".png"))
        print(f"written: {stem.with_suffix('.json')}, {stem.with_suffix('.png')}")
