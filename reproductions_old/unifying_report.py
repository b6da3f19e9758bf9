"""Tables 2 to 4 from their runs: means, paired differences, the published beside."""

import numpy as np
import scipy.stats

from reproductions.experiments.unifying import (
    BASES,
    GROUPS,
    NAMES,
    TEMPERATURES,
    TEST,
    VALIDATION,
)

# By experiment, measure, share: the paper's number of each method.
PUBLISHED = {
    "mnist": {
        ("inception_score", 1.0): {"gan": 8.34, "iwgan": 8.45},
        ("class_accuracy", 1.0): {"cgan": 0.985, "iwcgan": 0.987},
        ("variational_bound", 0.01): {
            "vae": -122.89,
            "aavae": -122.15,
            "cvae": -125.44,
            "aacvae": -122.88,
        },
        ("variational_bound", 0.1): {
            "vae": -104.49,
            "aavae": -103.05,
            "cvae": -102.63,
            "aacvae": -101.63,
        },
        ("variational_bound", 1.0): {
            "vae": -92.53,
            "aavae": -92.42,
            "cvae": -93.16,
            "aacvae": -92.75,
        },
        ("marginal_bound", 0.01): {"ss_vae": -108.22, "aa_ss_vae": -107.61},
        ("marginal_bound", 0.1): {"ss_vae": -99.44, "aa_ss_vae": -98.81},
        ("classification_accuracy", 0.01): {"ss_vae": 0.9412, "aa_ss_vae": 0.9425},
        ("classification_accuracy", 0.1): {"ss_vae": 0.9768, "aa_ss_vae": 0.9797},
    },
    "svhn": {
        ("inception_score", 1.0): {"gan": 5.18, "iwgan": 5.34},
        ("class_accuracy", 1.0): {"cgan": 0.797, "iwcgan": 0.798},
    },
    "cifar10": {("inception_score", 1.0): {"gan": 7.86, "iwgan": 7.89}},
}


def interval(values) -> dict:
    """Mean, standard deviation, and the half width of its 95% confidence interval.

    Student's t with n - 1 degrees of freedom, over seeds.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    found = {"mean": float(values.mean()), "n": n, "deviation": None, "interval": None}
    if n > 1:
        deviation = float(values.std(ddof=1))
        half = float(scipy.stats.t.ppf(0.975, n - 1) * deviation / np.sqrt(n))
        found |= {"deviation": deviation, "interval": half}
    return found


def by_seed(runs: list[dict], method: str, share: float, measure: str) -> dict:
    """A measure of a cell, by seed."""
    return {
        run["seed"]: run["metrics"][measure]
        for run in runs
        if (run["method"], run["share"]) == (method, share)
        and measure in run.get("metrics", {})
    }


def cells(runs: list[dict], experiment: str) -> list[dict]:
    """A row for each extension, share of the data and measure."""
    found = []
    published = PUBLISHED[experiment]
    for group, (methods, shares) in GROUPS.items():
        for share in shares:
            for method in (one for one in methods if one in BASES):
                base = BASES[method]
                for measure in MEASURES[group]:
                    ours = by_seed(runs, method, share, measure)
                    theirs = by_seed(runs, base, share, measure)
                    both = sorted(set(ours) & set(theirs))
                    if not both:
                        continue
                    paper = published.get((measure, share), {})
                    row = {
                        "measure": measure,
                        "share": share,
                        "base": base,
                        "method": method,
                        "base value": interval([theirs[s] for s in both]),
                        "method value": interval([ours[s] for s in both]),
                        "difference": interval([ours[s] - theirs[s] for s in both]),
                        "published": {
                            name: paper[name]
                            for name in (base, method)
                            if name in paper
                        },
                    }
                    if len(row["published"]) == 2:
                        row["published"]["difference"] = round(
                            paper[method] - paper[base], 4
                        )
                    found.append(row)
    return found


MEASURES = {
    "vae": ("variational_bound",),
    "m2": ("marginal_bound", "classification_accuracy"),
    "gan": ("inception_score", "class_accuracy"),
}


def content(
    runs: list[dict],
    tried: list[dict],
    given,
    temperatures: dict[str, float],
    configurations: dict[str, dict],
) -> dict:
    """What the record of a table holds, beside where it comes from.

    Args:
        runs: Results of the table's runs.
        tried: Results of the runs that T was chosen by.
        given: The table's options.
        temperatures: By method the T that was chosen.
        configurations: By method and share, as they go into the record.
    """
    everything = {id(run): run for run in [*runs, *tried]}.values()
    seconds = {_key(run): run["cpu seconds"] for run in everything}
    return {
        "experiment": f"unifying {given.data} table",
        "budget": given.budget,
        "reduced": given.budget != "paper" or given.epochs is not None,
        "rows": cells(runs, given.data),
        "temperatures": temperatures,
        "choice": [
            {
                name: run[name]
                for name in ("method", "share", "temperature", "seed", "validation")
            }
            for run in tried
        ],
        "about": {
            "T": f"from {list(TEMPERATURES)}, by the bound on {VALIDATION} held-out "
            "training examples, see choice",
            "weights": "with a bound, the best after any epoch by the same; else the "
            "last",
            "intervals": "95%, Student's t over seeds",
            "test": f"{TEST} examples, or samples",
            "diverged": sum("diverged" in run for run in runs),
        },
        "processor hours": round(sum(seconds.values()) / 3600, 2),
        "configs": configurations,
        "runs": [
            {name: value for name, value in run.items() if name != "history"}
            for run in runs
        ],
    }


def _key(run: dict) -> tuple:
    return run["method"], run["share"], run["temperature"], run["seed"]


def text(found: dict) -> str:
    """The rows, a line each."""
    lines = [
        f"{'':34} {'base':>18} {'extension':>18} {'difference, 95%':>20}  published",
    ]
    for row in found["rows"]:
        digits = 2 if "bound" in row["measure"] or "inception" in row["measure"] else 4
        shown = [
            f"{cell['mean']:.{digits}f}"
            + (f" +- {cell[spread]:.{digits}f}" if cell[spread] is not None else "")
            for cell, spread in (
                (row["base value"], "deviation"),
                (row["method value"], "deviation"),
                (row["difference"], "interval"),
            )
        ]
        published = row["published"].get("difference")
        title = f"{NAMES[row['method']]:7} {row['share']:4.0%} {row['measure']}"
        lines.append(
            f"{title:34} {shown[0]:>18} {shown[1]:>18} {shown[2]:>20}  "
            f"{'' if published is None else f'{published:+g}'}"
        )
    lines += [f"T of {NAMES[m]}: {t:g}" for m, t in found["temperatures"].items()]
    return "\n".join(lines)
