"""Figure 1: four divergences, four Gaussians, a model of two; all of appendix B."""

from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from reproductions.engine import Call, Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.ijae import mixtures
from reproductions.ijae.descent import BATCH, RATE, SAMPLES, descents

NAMES = {
    "forward_kl": "forward KL",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "Jensen-Shannon",
    "jeffreys": "Jeffreys, lam = .5",
}
DIVERGENCES = list(NAMES)
# Colours as in the paper. Two of the curves may coincide.
COLORS = ("tab:blue", "tab:green", "tab:orange", "tab:red")
# A mode is dropped if it has less than this share of its mass. A component belongs to a
# mode if more than this share of it is within 3 sigma of the mode.
DROPPED, OWN = 0.01, 0.95


@experiment()
def figure1(
    study: Study,
    divergences: list[Literal[tuple(NAMES)]] = DIVERGENCES,
    runs: PositiveInt = 50,
    steps: PositiveInt = 10_000,
    seed: int = 0,
) -> None:
    """What four divergences have a small model do (figure 1 and appendix B).

    Args:
        study: Where the runs are.
        divergences: Those that are minimised.
        runs: How many each divergence has.
        steps: How many each run has.
        seed: The seed of starts and samples.
    """
    given = {"runs": runs, "steps": steps, "seed": seed}
    records = study([Call(descents, {"name": n, **given}) for n in divergences])
    kept = [one for one in records if "diverged" not in one]
    found = {one["settings"]["name"]: one["found"] for one in kept}
    said = summary(found)
    content = {
        "experiment": "lambda-IJAE, figure 1 and appendix B",
        **given,
        "batch_size": BATCH,
        "samples": {"of the estimate that chooses, of each law": SAMPLES},
        "optimizer": f"gradient descent, rate {RATE:g} to zero along half a cosine",
        "starts": "means U(-10, 10), log variances N(0, 1); the same for all",
        **said,
        "by_divergence": found,
    }
    study.write(content, table(said), picture(said))


def components(theta) -> list[dict]:
    """Mean and standard deviation of each component, and the mode that is its own."""
    found = []
    for mean, scale in zip(*mixtures.unpacked(theta), strict=True):
        near = mixtures.near_modes(np.ones(1), np.array([mean]), np.array([scale]))
        own = float(mixtures.MEANS[near.argmax()]) if near.max() > OWN else None
        found.append({"mean": float(mean), "sd": float(scale), "mode": own})
    return found


def optimum(name: str, found: dict) -> dict:
    """The best run: what it is, what it has, and how near the true optimum it is."""
    # The run that the estimate chooses.
    run = min(found["runs"], key=lambda run: run["estimate"])
    below, known = found["optima below runs"], found["optima by quadrature"]
    lowest = min(below[0]["divergence"], known[0]["divergence"])
    _, theta = mixtures.descend(name, run["theta"])
    same = [o for o in below if np.abs(theta - o["theta"]).max() < mixtures.NEAR]
    return {
        **run,
        "components": components(run["theta"]),
        "mass": mixtures.mass(run["theta"]),
        "all divergences": {n: mixtures.divergence(n, run["theta"])[0] for n in NAMES},
        "runs in the same optimum": sum(len(o["from"]) for o in same),
        "lowest by quadrature": lowest,
        "starts by quadrature that reach it": len(known[0]["from"]),
        "above the lowest": run["divergence"] - lowest,
        "runs within .001 of it": sum(
            one["divergence"] < lowest + 1e-3 for one in found["runs"]
        ),
    }


def summary(found: dict) -> dict:
    """The best run of each divergence, the target's masses, and the paper's reading."""
    optima = {name: optimum(name, one) for name, one in found.items()}
    known = set(NAMES) <= set(optima)
    return {
        "modes": mixtures.MEANS.tolist(),
        "mass of the target": mixtures.mass(),
        "optima": optima,
        "reading": reading(optima) if known else None,
    }


def reading(optima: dict) -> dict:
    """The paper's sentences (section 4), whether they hold, and by which numbers."""
    mass = {name: one["mass"] for name, one in optima.items()}
    share = {n: mass[n]["within 3 sigma"] / mixtures.WEIGHTS for n in NAMES}
    sides = {n: share[n][[0, 3]].tolist() for n in NAMES}
    beyond = {n: mass[n]["beyond the outer modes"] for n in NAMES}
    central = {n: float(np.mean(mass[n]["overlap"][1:3])) for n in NAMES}
    least = {n: float(share[n].min()) for n in NAMES}
    own = {n: [c["mode"] for c in optima[n]["components"]] for n in NAMES}
    likely = float(mixtures.MEANS[mixtures.target(mixtures.MEANS).argmax()])
    split = {n: own[n].count(None) == 1 and likely in own[n] for n in NAMES}
    dropped = max(*sides["reverse_kl"], *sides["jensen_shannon"]) < DROPPED
    others = [n for n in NAMES if n != "forward_kl"]
    tails = beyond["forward_kl"] > max(beyond[n] for n in others)
    poor = central["forward_kl"] < min(central[n] for n in others)
    contrast = split["jeffreys"] and not split["forward_kl"]
    covers = least["jeffreys"] > DROPPED
    claims = {
        "reverse KL and JSD completely drop the side modes": dropped,
        "forward KL gives much more to the tails": tails,
        "forward KL does a poor job capturing the central modes": poor,
        "Jeffreys has one component for the most probable mode": split["jeffreys"],
        "that is in contrast to forward KL": contrast,
        "Jeffreys' other component ensures mass covering": covers,
    }
    return {
        "claims": {text: bool(holds) for text, holds in claims.items()},
        "mass within 3 sigma of the side modes, by the target's": sides,
        "mass within 3 sigma of a mode, by the target's: least": least,
        "mass beyond the outer modes": beyond,
        "overlap with the central modes, mean": central,
        "modes with a component of their own": own,
        "most probable by density": likely,
        "most probable by mass": float(mixtures.MEANS[mixtures.WEIGHTS.argmax()]),
    }


def table(found: dict) -> str:
    """The summary as text."""
    head = [f"{mode:g}" for mode in found["modes"]]
    lines = [
        f"{'':18} {'components: mean, sd':30} "
        f"mass within 3 sigma of {' '.join(f'{h:>5}' for h in head)}  elsewhere  "
        "runs there  above the optimum"
    ]

    def masses(of):
        near = " ".join(f"{value:5.3f}" for value in of["within 3 sigma"])
        return f"{'':22} {near}      {of['between and beyond']:.3f}"

    lines.append(f"{'target':18} {'':30} {masses(found['mass of the target'])}")
    for name, one in found["optima"].items():
        parts = "; ".join(f"{c['mean']:.2f}, {c['sd']:.2f}" for c in one["components"])
        lines.append(
            f"{NAMES[name]:18} {parts:30} {masses(one['mass'])}  "
            f"{one['runs in the same optimum']:10d}  {one['above the lowest']:.1e}"
        )
    for claim, holds in (found["reading"] or {"claims": {}})["claims"].items():
        lines.append(f"{claim}: {'yes' if holds else 'no'}")
    return "\n".join(lines)


def picture(found: dict) -> Figure:
    """Log densities in pairs with Jeffreys', and all densities, as in the paper."""
    x = np.linspace(-12, 12, 2401)
    figure = Figure(figsize=(10, 6.4), dpi=110, layout="constrained")
    axes = figure.subplots(2, 2).flat
    logs = {
        name: np.logaddexp(*mixtures.of_model(one["theta"], x))
        for name, one in found["optima"].items()
    }
    panels = [["jeffreys", name] for name in NAMES if name != "jeffreys"]
    for ax, letter, names in zip(axes, "abcd", [*panels, DIVERGENCES], strict=True):
        logarithmic = len(names) == 2
        scale = np.asarray if logarithmic else np.exp
        ax.plot(x, scale(mixtures.target(x)), "k--", linewidth=1.2, label="target")
        for name in (one for one in names if one in logs):
            dashes = "-." if name == "jensen_shannon" else "-"
            color = COLORS[DIVERGENCES.index(name)]
            ax.plot(x, scale(logs[name]), dashes, color=color, label=NAMES[name])
        ax.set(title=f"{letter})", xlabel="x", xlim=(-12, 12), ylabel="density")
        if logarithmic:
            ax.set(ylabel="log density", ylim=(-14, 1))
        ax.legend(fontsize=8)
    return figure
