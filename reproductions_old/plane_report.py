"""The plane of inception score and LPIPS from its runs: means, spread, Pareto front."""

import argparse
import itertools
import pathlib

import numpy as np

from reproductions import results
from reproductions.config import Config
from reproductions.experiments.ijae import EXPERIMENTS, LIMIT, NAMES, SWEPT
from reproductions.files import write_json

MEASURES = ("inception_score", "lpips", "mse")


def cells(runs: list[dict]) -> list[dict]:
    """By method and lam: mean and deviation over seeds of each measure."""
    runs = sorted(runs, key=_cell)
    found = []
    for (method, lam), group in itertools.groupby(runs, key=_cell):
        group = list(group)
        kept = [run for run in group if "metrics" in run]
        cell = {"method": method, "lam": lam if method in SWEPT else None}
        cell |= {"seeds": len(group), "diverged": len(group) - len(kept)}
        for name in MEASURES if kept else ():
            values = [run["metrics"][name] for run in kept]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
            cell[name] = {"mean": float(np.mean(values)), "deviation": deviation}
        found.append(cell)
    order = list(NAMES)
    return sorted(found, key=lambda c: (order.index(c["method"]), c["lam"] or 0))


def beside_published(found: list[dict], published: dict) -> list[dict]:
    """The cells with the paper's numbers, table 1, where it has them: at lam = .3."""
    for cell in found:
        if cell["lam"] in (None, 0.3):
            theirs = {
                name: values[cell["method"]]
                for name, values in published.items()
                if cell["method"] in values
            }
            cell |= {"published": theirs} if theirs else {}
    return found


def _cell(run: dict) -> tuple:
    return run["method"], -1.0 if run["lam"] is None else run["lam"]


def place(cell: dict) -> tuple[float, float]:
    """Where a cell is in the plane: inception score and LPIPS."""
    return cell["inception_score"]["mean"], cell["lpips"]["mean"]


def front(found: list[dict]) -> list[dict]:
    """The cells that none is better than: higher score and lower LPIPS, by means.

    A cell is better than another if it is in neither worse, and not the same.
    """
    measured = [cell for cell in found if "lpips" in cell]

    def better(a, b):
        (score, distance), (other, its) = place(a), place(b)
        return score >= other and distance <= its and place(a) != place(b)

    return [b for b in measured if not any(better(a, b) for a in measured)]


def title(cell: dict) -> str:
    """A cell's name."""
    lam = "" if cell["lam"] is None else f" {cell['lam']:g}"
    return NAMES[cell["method"]] + lam


def reading(runs: list[dict], found: list[dict]) -> dict:
    """The paper's claims about the plane, in numbers.

    Figure 2's: IJAE forms the Pareto front over lam, and is better than -L1 and -L2:
    here also in which share of the pairs of runs, of any lam and seed. Section 5's: a
    small lam gives a better score, a large one a better reconstruction: here Spearman's
    rank correlation over runs, with its p-value.

    Args:
        runs: The results.
        found: Their cells.
    """
    swept = [cell for cell in found if cell["method"] in SWEPT]
    said = {
        "front": [title(cell) for cell in front(found)],
        "front of IJAE, -L1 and -L2": [title(cell) for cell in front(swept)],
    }
    kept = {
        method: [r for r in runs if r["method"] == method and "metrics" in r]
        for method in SWEPT
    }
    for method, mine in kept.items():
        lams = [run["lam"] for run in mine]
        if len(set(lams)) > 2:
            said[f"{NAMES[method]}: rank correlation with lam"] = {
                name: _rank_correlation(lams, _values(mine, name))
                for name in MEASURES[:2]
            }
    ours, *others = SWEPT
    for other in others:
        if kept[ours] and kept[other]:
            both = kept[ours], kept[other]
            said[f"pairs of runs in which IJAE is better than {NAMES[other]}"] = {
                "inception_score": _share("inception_score", np.greater, *both),
                "lpips": _share("lpips", np.less, *both),
            }
    return said


def _values(runs: list[dict], name: str) -> list[float]:
    return [run["metrics"][name] for run in runs]


def _share(name: str, better: np.ufunc, ours: list[dict], theirs: list[dict]) -> float:
    return float(np.mean(better.outer(_values(ours, name), _values(theirs, name))))


def _rank_correlation(a, b) -> dict:
    import scipy.stats

    found = scipy.stats.spearmanr(a, b)
    return {"rho": float(found.statistic), "p": float(found.pvalue)}


def table(found: list[dict]) -> str:
    """The cells as text; * is on the front."""
    best = {title(cell) for cell in front(found)}
    lines = [f"{'':17}seeds  inception score    LPIPS              MSE"]
    for cell in found:
        star = "*" if title(cell) in best else " "
        shown = [
            f"{cell[name]['mean']:7.4f} +- {cell[name]['deviation'] or 0:6.4f}"
            for name in MEASURES
            if name in cell
        ]
        lost = f"  ({cell['diverged']} diverged)" if cell["diverged"] else ""
        if theirs := cell.get("published"):
            lost += "  published: " + ", ".join(theirs.values())
        lines.append(
            f"{star} {title(cell):14} {cell['seeds']:5d}  {'  '.join(shown)}{lost}"
        )
    return "\n".join(lines)


def draw(found: list[dict], path: pathlib.Path) -> None:
    """The plane: a line per swept method with its lam at each point, marks for others.

    Bars are one standard deviation over seeds.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5), dpi=110, layout="constrained")
    ax = figure.add_subplot()
    # More methods than the ten colours that there are else; pale ones last.
    shades = colormaps["tab20"].colors
    ax.set_prop_cycle(color=[*shades[::2], *shades[1::2]])
    measured = [cell for cell in found if "lpips" in cell]
    markers = itertools.cycle("sD^vP*X<>p")
    for method, group in itertools.groupby(measured, key=lambda c: c["method"]):
        group = list(group)
        score, distance = np.array([place(cell) for cell in group]).T
        bars = [
            [cell[name]["deviation"] or 0 for cell in group] for name in MEASURES[:2]
        ]
        swept = method in SWEPT
        ax.errorbar(
            score,
            distance,
            xerr=bars[0],
            yerr=bars[1],
            label=NAMES[method],
            marker="o" if swept else next(markers),
            linestyle="-" if swept else "none",
            elinewidth=0.7,
            capsize=2,
        )
        for cell in group if swept else ():
            ax.annotate(
                f"{cell['lam']:g}",
                place(cell),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
            )
    best = np.array(sorted(place(cell) for cell in front(measured)))
    if len(best):
        ax.step(*best.T, where="pre", color="0.6", linestyle=":", label="Pareto front")
    ax.invert_yaxis()
    ax.set(
        xlabel="inception score (more is better)",
        ylabel="LPIPS of reconstructions (less is better, so up)",
    )
    ax.legend(fontsize=8)
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")


def write(
    runs: list[dict],
    stem: pathlib.Path,
    given: argparse.Namespace,
    example: Config | None,
) -> None:
    """Writes table and figure of the runs that are done, and prints the table.

    Args:
        runs: Their results.
        stem: Where both go, without .json and .png.
        given: The plane's options; with `record`, both go there too.
        example: The configuration of one of the runs, if there are any.
    """
    found = beside_published(cells(runs), EXPERIMENTS[given.data].published)
    seconds = sum(run["cpu seconds"] for run in runs)
    content = results.record(
        experiment=f"lambda-IJAE's figures 2 and 3, {given.data}",
        budget=given.budget,
        steps=sorted({run["steps"] for run in runs}),
        config=example and example.asdict(),
        measures={
            "inception score": f"{LIMIT} samples, under the classifier of the data",
            "lpips": f"v0.1, AlexNet, {LIMIT} test images; of 28 x 28, brought to 64",
            "mse": f"{LIMIT} test images, of values in [-1, 1]",
            "deviation": "over seeds, n - 1",
        },
        cells=found,
        reading=reading(runs, found),
        **{"processor hours": round(seconds / 3600, 2)},
        runs=runs,
    )
    print(table(found))
    for name, value in content["reading"].items():
        print(f"{name}: {value}")
    stems = [stem]
    if given.record:
        stems.append(pathlib.Path(given.record).with_suffix(""))
    for one in stems:
        write_json(one.with_suffix(".json"), content)
        draw(found, one.with_suffix(".png"))
        print(f"written: {one.with_suffix('.json')}, {one.with_suffix('.png')}")
