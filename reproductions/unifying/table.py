"""Tables 2 to 4: each extension beside its base, over seeds."""

import functools
import itertools
from collections.abc import Iterable
from typing import Literal

from reproductions.engine import Call, Experiment, Study, experiment, text_of
from reproductions.engine.options import PositiveInt
from reproductions.unifying.images import VALIDATION, cifar10, mnist, svhn
from reproductions.unifying.pairs import BASES, NAMES, TEMPERATURES, paired, paper

EXPERIMENTS = {"mnist": mnist, "svhn": svhn, "cifar10": cifar10}
# By group: its methods, and the shares of training data, for M2 of labels.
GROUPS = {
    "vae": (("vae", "aavae", "cvae", "aacvae"), (0.01, 0.1, 1.0)),
    "m2": (("ss_vae", "aa_ss_vae"), (0.01, 0.1)),
    "gan": (("gan", "iwgan", "cgan", "iwcgan"), (1.0,)),
}
MEASURES = {
    **dict.fromkeys(GROUPS["vae"][0], ("variational_bound",)),
    **dict.fromkeys(GROUPS["m2"][0], ("marginal_bound", "classification_accuracy")),
    **dict.fromkeys(("gan", "iwgan"), ("inception_score",)),
    **dict.fromkeys(("cgan", "iwcgan"), ("class_accuracy",)),
}
ACTIVATED = ("aavae", "aacvae", "aa_ss_vae")
# The share of the data or labels that temperatures are chosen with.
CHOICE = 0.1
# Examples, or samples, that are measured.
TEST = 10_000


@experiment()
def table(
    study: Study,
    data: Literal["mnist", "svhn", "cifar10"] = "mnist",
    groups: list[Literal["vae", "m2", "gan"]] | None = None,
    shares: list[float] | None = None,
    seeds: PositiveInt = 5,
    budget: Literal["paper", "quick"] = "quick",
    epochs: PositiveInt | None = None,
) -> None:
    """Tables 2 to 4: every extension beside its base, many seeds, T chosen.

    Extension and base have the same networks, data, steps, rates and, by seed, initial
    weights of encoder and decoder: their differences are paired.

    The temperature T of each adversary activated method is chosen from 1, 1.5, 3 and 5
    by the bound on held-out training data, with one seed and 10% of the training data
    or labels (where SHARES leaves 10% out, the first of them). By the same bound the
    weights of every run that has one are chosen, from those after each epoch. Test
    data decide nothing in a run; but M2's alpha of the quick budget, 10, was chosen
    before the runs on 2,000 test images.

    Args:
        study: Where the runs are.
        data: The experiment.
        groups: In this order; unset, all of mnist, and gan alone of the others, as in
            the paper.
        shares: Shares of the data or labels; unset, all.
        seeds: How many seeds each cell has.
        budget: The settings that runs start from.
        epochs: How many each run has; unset, as many as the budget says.
    """
    one = EXPERIMENTS[data]
    groups = groups or (list(GROUPS) if data == "mnist" else ["gan"])
    of_groups = {group: shares_of(group, shares) for group in groups}
    if "gan" in groups:
        study.check_backbone(one.settings["data"])
    run = functools.partial(run_of, one, budget=budget, epochs=epochs)
    tried: list[dict] = []
    records: list[dict] = []
    temperatures: dict[str, float] = {}
    for group, some in of_groups.items():
        methods = GROUPS[group][0]
        share = CHOICE if CHOICE in some else some[0]
        calls = [
            run(method, share, 0, temperature)
            for method in methods
            if method in ACTIVATED
            for temperature in TEMPERATURES
        ]
        if calls:
            mine = study(calls, optional=bool(records))
            tried += mine
            temperatures |= chosen(map(row_of, mine))
        # Every cell of a seed runs before the next seed.
        calls = [
            run(method, share, seed, temperatures.get(method))
            for seed in range(seeds)
            for share in some
            for method in methods
        ]
        records += study(calls, optional=bool(tried or records))
    runs = list(map(row_of, records))
    rows = compared(runs, one.settings["data"])
    names = ("method", "share", "temperature", "seed", "validation")
    content = {
        "experiment": f"unifying {data} table",
        "budget": budget,
        "reduced": budget != "paper" or epochs is not None,
        "rows": rows,
        "temperatures": temperatures,
        "choice": [{n: run.get(n) for n in names} for run in map(row_of, tried)],
        "about": {
            "T": f"from {list(TEMPERATURES)}, by the bound on {VALIDATION} held-out "
            "training examples, see choice",
            "weights": "with a bound, the best after any epoch by the same; else the "
            "last",
            "intervals": "95%, Student's t over seeds",
            "test": f"{TEST} examples, or samples; of GANs with the paper's budget "
            "50,000 samples",
            "diverged": sum("diverged" in run for run in runs),
        },
        "configs": {
            f"{run['method']} {run['share']:g}": record["settings"]
            for run, record in zip(runs, records, strict=True)
            if run["seed"] == 0
        },
        "runs": runs,
    }
    study.write(content, text(rows, temperatures))


def shares_of(group: str, given: list[float] | None) -> tuple[float, ...]:
    """The shares of the data that a group is run with."""
    known = GROUPS[group][1]
    if found := tuple(share for share in known if share in (given or known)):
        return found
    raise ValueError(
        f"Expected shares among {known} for the group {group}; received: {given}"
    )


def run_of(
    one: Experiment,
    method: str,
    share: float,
    seed: int,
    temperature: float | None = None,
    **given,
) -> Call:
    """A run of the table."""
    of_labels = method in GROUPS["m2"][0]
    if share < 1:
        given["labelled" if of_labels else "examples"] = share
    paper = given.get("budget") == "paper"
    if paper and of_labels:
        batch = one.settings["batch_size"]
        given["labelled_batch"] = max(1, round(share * batch))
    if not (paper and method in GROUPS["gan"][0]):  # these have a number of their own
        given["n"] = TEST
    return one.call(
        method=method,
        seed=seed,
        measures=",".join(MEASURES[method]),
        choose=method not in GROUPS["gan"][0],
        temperature=temperature,
        **given,
    )


def row_of(record: dict) -> dict:
    """What the table's record keeps of a run; its validation is the best bound."""
    settings = record["settings"]
    found = {n: settings.get(n) for n in ("method", "temperature", "seed")}
    found["share"] = settings.get("labelled", settings.get("examples", 1.0))
    seen = [one for one in record.get("validation", ()) if one["value"] is not None]
    if seen:
        best = min(seen, key=lambda one: one["value"])
        found |= {"validation": -best["value"], "best epoch": best["epoch"] + 1}
    if "lost its way" in record:  # after the epoch whose weights are measured
        found["diverged"] = record["lost its way"]
    names = ("metrics", "diverged", "commit", "changed", "seconds", "processor seconds")
    return found | {name: record[name] for name in names if name in record}


def chosen(runs: Iterable[dict]) -> dict[str, float]:
    """By method the temperature with the largest validation bound."""
    found: dict[str, dict] = {}
    for run in (one for one in runs if "validation" in one):
        known = found.setdefault(run["method"], run)
        if run["validation"] > known["validation"]:
            found[run["method"]] = run
    return {method: run["temperature"] for method, run in found.items()}


def compared(runs: list[dict], data: str) -> list[dict]:
    """A row for each extension, measure, and share of the data."""
    found = []
    shares = sorted({run["share"] for run in runs})
    for method, base in BASES.items():
        for measure, share in itertools.product(MEASURES[method], shares):
            kinds = {
                "base value": {"method": base, "share": share},
                "method value": {"method": method, "share": share},
            }
            if parts := paired(runs, measure, kinds):
                cell = {"measure": measure, "share": share}
                cell |= {"base": base, "method": method}
                found.append(cell | parts | {"published": paper(data=data, **cell)})
    return found


def text(rows: list[dict], temperatures: dict[str, float]) -> str:
    """The rows, a line each."""
    lines = [
        f"{'':34} {'base':>18} {'extension':>18} {'difference, 95%':>20}  published"
    ]
    for row in rows:
        digits = ".4f" if "accuracy" in row["measure"] else ".2f"
        base, ours = (text_of(row[n], digits) for n in ("base value", "method value"))
        difference = text_of(row["difference"], digits, "interval")
        theirs = row["published"].get("difference")
        title = f"{NAMES[row['method']]:7} {row['share']:4.0%} {row['measure']}"
        lines.append(
            f"{title:34} {base:>18} {ours:>18} {difference:>20}  "
            f"{'' if theirs is None else f'{theirs:+g}'}"
        )
    lines += [f"T of {NAMES[m]}: {t:g}" for m, t in temperatures.items()]
    return "\n".join(lines)
