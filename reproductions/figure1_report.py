"""What figure 1 of lambda-IJAE says, in numbers, and its picture."""

import pathlib

import numpy as np

from reproductions import mixtures

NAMES = {
    "forward_kl": "forward KL",
    "reverse_kl": "reverse KL",
    "jensen_shannon": "Jensen-Shannon",
    "jeffreys": "Jeffreys, lam = .5",
}
# Colours as in the paper; two of the curves may lie on each other.
COLORS = {
    "forward_kl": "tab:blue",
    "reverse_kl": "tab:green",
    "jensen_shannon": "tab:orange",
    "jeffreys": "tab:red",
}
# A mode with less is dropped; a component with more of itself in a mode is that mode's.
DROPPED, OWN = 0.01, 0.95


def best(found: dict) -> dict:
    """The run that the estimate chooses."""
    return min(found["runs"], key=lambda run: run["estimate"])


def line(name: str, found: dict) -> str:
    """One divergence, as it is done."""
    run, seconds = best(found), sum(found["seconds"].values())
    return (
        f"{NAMES[name]:18} {run['estimate']:.4f} +- {run['standard error']:.4f}, "
        f"{len(found['runs'])} runs, {seconds:.0f} s"
    )


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
    run = best(found)
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


def reading(optima: dict) -> list[dict]:
    """The four sentences of the paper (section 4), and whether the numbers say so."""
    mass = {name: one["mass"] for name, one in optima.items()}
    side = {n: [mass[n]["within 3 sigma"][k] for k in (0, 3)] for n in NAMES}
    central = {n: float(np.mean(mass[n]["overlap"][1:3])) for n in NAMES}
    beyond = {n: mass[n]["beyond the outer modes"] for n in NAMES}
    own = [c["mode"] for c in optima["jeffreys"]["components"]]
    covered = {n: min(mass[n]["basins"]) for n in NAMES}
    likely = mixtures.MEANS[mixtures.target(mixtures.MEANS).argmax()]
    seeking = ("reverse_kl", "jensen_shannon")
    others = [n for n in NAMES if n != "forward_kl"]
    return [
        {
            "claim": "reverse KL and JSD completely drop the side modes",
            "mass of the side modes, within 3 sigma": side,
            "holds": all(max(side[n]) < DROPPED for n in seeking),
        },
        {
            "claim": "forward KL gives much more to the tails",
            "mass beyond the outer modes": beyond,
            "holds": all(beyond["forward_kl"] > 2 * beyond[n] for n in others),
        },
        {
            "claim": "forward KL does a poor job capturing the central modes",
            "overlap with the central modes, mean": central,
            "holds": all(central["forward_kl"] < central[n] for n in others),
        },
        {
            "claim": "Jeffreys has one component for the most probable mode, the other "
            "covers the mass",
            "modes with a component of their own": {
                n: [c["mode"] for c in optima[n]["components"]] for n in NAMES
            },
            "most probable mode": {
                "by density": float(likely),
                "by mass": float(mixtures.MEANS[mixtures.WEIGHTS.argmax()]),
            },
            "least mass of a basin": covered,
            "holds": sum(mode is None for mode in own) == 1
            and likely in own
            and covered["jeffreys"] > DROPPED,
        },
    ]


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
    for claim in found["reading"] or ():
        lines.append(f"{claim['claim']}: {'yes' if claim['holds'] else 'no'}")
    return "\n".join(lines)


def draw(found: dict, path: pathlib.Path) -> None:
    """Log densities in pairs with Jeffreys', and all densities, as in the paper."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    x = np.linspace(-12, 12, 2401)
    figure = Figure(figsize=(10, 6.4), dpi=110, layout="constrained")
    axes = figure.subplots(2, 2).flat
    logs = {
        name: np.logaddexp(*mixtures.of_model(one["theta"], x))
        for name, one in found["optima"].items()
    }
    pairs = [("jeffreys", name) for name in NAMES if name != "jeffreys"]
    panels = [*((pair, lambda log: log, "log density") for pair in pairs)]
    panels.append((tuple(NAMES), np.exp, "density"))
    for letter, ax, (names, scale, label) in zip("abcd", axes, panels, strict=True):
        ax.plot(x, scale(mixtures.target(x)), "k--", linewidth=1.2, label="target")
        for name in names:
            if name in logs:
                dashes = "-." if name == "jensen_shannon" else "-"
                curve = scale(logs[name])
                ax.plot(x, curve, dashes, color=COLORS[name], label=NAMES[name])
        ax.set(title=f"{letter})", xlabel="x", ylabel=label, xlim=(-12, 12))
        if label == "log density":
            ax.set_ylim(-14, 1)
        ax.legend(fontsize=8)
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")
