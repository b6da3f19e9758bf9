"""Figure 3: runs of sVAE-r and ALICE, beside ALICE's own runs."""

import numpy as np
from matplotlib.figure import Figure

from reproductions.engine import published
from reproductions.engine.records import metric
from reproductions.engine.statistics import signs

NAMES = {"svae": "sVAE-r", "alice": "ALICE"}
COLORS = {"svae": "tab:blue", "alice": "tab:orange"}
HIGH = 4.5
# What a run that diverged is counted as: the floor of the score, and the ceiling that
# ALICE's published runs have on the MSE.
DIVERGED = {"mixture_score": 1.0, "mse": 10.0}
# The published measures by our names of the statistics.
PUBLISHED = {
    "mixture_score": "score mean",
    "mixture_score_median": "score median",
    "mixture_score_share_above_4_5": "share above 4.5",
    "mse": "MSE mean",
    "mse_median": "MSE median",
}


def values(records: list[dict], lam: float, method: str, name: str) -> np.ndarray:
    """A measure of the runs of a method at a lam, in the order of the study."""
    chosen = [
        metric(one, name) if "diverged" not in one else DIVERGED[name]
        for one in records
        if (one["settings"]["lam"], one["settings"]["method"]) == (lam, method)
    ]
    return np.clip(chosen, *((1, 5) if "score" in name else (0, 10)))


def statistics(score: np.ndarray, mse: np.ndarray) -> dict:
    """Medians, shares and spreads of the runs of one method at one lam."""
    found: dict = {"runs": len(score)}
    for name, one in (("score", score), ("MSE", mse)):
        low, high = np.percentile(one, [25, 75])
        found |= {
            f"{name} mean": float(one.mean()),
            f"{name} sd": float(one.std(ddof=1)) if len(one) > 1 else None,
            f"{name} median": float(np.median(one)),
            f"{name} IQR": float(high - low),
        }
    return found | {"share above 4.5": float((score > HIGH).mean())}


def paired(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Over pairs of the same settings and seed: how often the first is larger.

    p is of a two-sided sign test without ties: the probability of a division at least
    as uneven as this one if neither method were better.
    """
    more, less = int((ours > theirs).sum()), int((ours < theirs).sum())
    return {"sVAE-r": more, "ALICE": less, "p": signs(more, less)}


def summary(records: list[dict]) -> dict:
    """By lam: both methods' statistics, the pairs, and what ALICE published."""
    found = {}
    for lam in sorted({one["settings"]["lam"] for one in records}):
        both = {
            method: [values(records, lam, method, name) for name in DIVERGED]
            for method in NAMES
        }
        score, mse = zip(*both.values(), strict=True)
        found[f"{lam:g}"] = {
            **{NAMES[method]: statistics(*pair) for method, pair in both.items()},
            "better score": paired(*score),
            "better MSE": paired(-mse[0], -mse[1]),
            "diverged": sum(
                "diverged" in one for one in records if one["settings"]["lam"] == lam
            ),
            "ALICE, published": beside(lam),
        }
    return found


def each(records: list[dict]) -> dict:
    """By lam and method, every run's score and error, in the order of the pairs."""
    names = {"mixture_score": "score", "mse": "MSE"}
    return {
        f"{lam:g}": {
            title: {
                short: values(records, lam, method, name).tolist()
                for name, short in names.items()
            }
            for method, title in NAMES.items()
        }
        for lam in sorted({one["settings"]["lam"] for one in records})
    }


def beside(lam: float) -> dict:
    """The statistics of ALICE's released runs."""
    found = {}
    for one in published(data="toy5", lam=lam):
        if one.get("method") in ("ali", "alice") and one["measure"] in PUBLISHED:
            found[PUBLISHED[one["measure"]]] = one["value"]
            if "spread" in one:
                found["score sd"] = one["spread"]
    return found


def table(found: dict) -> str:
    """The summary as text, ours beside the published."""
    columns = list(PUBLISHED.values())
    columns.insert(1, "score sd")
    theirs = published(data="toy5")[0]["n"]
    lines = [f"{'lam':>5} {'':17} {'runs':>4}" + "".join(f"{c:>17}" for c in columns)]
    for lam, cell in found.items():
        for name in ("sVAE-r", "ALICE", "ALICE, published"):
            numbers = [cell[name].get(column) for column in columns]
            shown = ["" if one is None else f"{one:.4g}" for one in numbers]
            runs = cell[name].get("runs", theirs)
            row = "".join(f"{one:>17}" for one in shown)
            lines.append(f"{lam:>5} {name:17} {runs:4d}{row}")
    return "\n".join(lines)


def figure3(records: list[dict]) -> Figure:
    """Histograms of score (top) and MSE (bottom) for each lam."""
    lams = sorted({one["settings"]["lam"] for one in records})
    figure = Figure(figsize=(3.2 * len(lams), 5.6), dpi=110, layout="constrained")
    axes = figure.subplots(2, len(lams), squeeze=False)
    bins = {"mixture_score": np.linspace(1, 5, 17), "mse": np.logspace(-3, 1, 17)}
    labels = {"mixture_score": "inception score, exact posterior", "mse": "test MSE"}
    for row, (measure, edges) in zip(axes, bins.items(), strict=True):
        for ax, lam in zip(row, lams, strict=True):
            for method, name in NAMES.items():
                found = values(records, lam, method, measure)
                found = np.clip(found, edges[0], edges[-1])
                median, color = np.median(found), COLORS[method]
                label = f"{name}, median {median:.3g}"
                ax.hist(found, edges, alpha=0.55, color=color, label=label)
                ax.axvline(median, color=color, linestyle="--")
            ax.set(title=f"lam = {lam:g}", xlabel=labels[measure])
            if measure == "mse":
                ax.set_xscale("log")
            ax.set_ylim(top=1.35 * ax.get_ylim()[1])  # room for the legend
            ax.legend(fontsize=8, loc="upper left")
        row[0].set_ylabel("runs")
    return figure
