"""AA-VAE's gain where the VAE over-fits, beside a control without an adversary."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal

from keras_svae.game.checks import weight
from reproductions.engine import Study, experiment, interval, text_of
from reproductions.engine.options import PositiveInt
from reproductions.unifying.images import VALIDATION, mnist
from reproductions.unifying.pairs import BASES, NAMES, TEMPERATURES, paper
from reproductions.unifying.table import TEST

# The activated method of each base.
ACTIVATED = {"vae": "aavae", "cvae": "aacvae", "ss_vae": "aa_ss_vae"}
# Weights of samples that no adversary gives, beside 1 for data. D_T of a very large T
# is .5 on both, which is the ratio 1.
CONSTANTS = (0.5, 1.0)
BOUNDS = dict.fromkeys(("vae", "cvae"), "variational_bound")
BOUNDS |= {"ss_vae": "marginal_bound"}
# Of M2: its second measure, and the batch that has the data's share of labels.
ACCURACY, BATCH = "classification_accuracy", 100
# T, or the constant, of the best bound on held-out data, anew in each seed.
CHOSEN = "by held-out data"


@experiment()
def gain(
    study: Study,
    bases: list[Literal["vae", "cvae", "ss_vae"]] | None = None,
    shares: list[float] | None = None,
    seeds: PositiveInt = 10,
    steps: PositiveInt = 2500,
    every: PositiveInt = 100,
    constants: list[float] | None = None,
    width: float | None = None,
) -> None:
    """AA-VAE at each T, a VAE, and constant weights of samples, on little data.

    The controls learn from their own samples, too, but with a constant weight: no
    adversary says which of them look real. All have the same networks, data, steps,
    rates (Adam 1e-3) and, by seed, initial weights, so differences are paired. Each run
    is measured twice: with its best weights by the bound on held-out data, and with its
    last. The rows "T by held-out data" and "constant by held-out data" choose anew in
    each seed, by the same bound.

    M2 (ss_vae) sees all of the training data, but few labels. Its alpha is .1, and a
    batch has as large a share of labels as the data, so that its bounds weigh as in its
    (9). The accuracy of its classes, of the best weights, is a third column.

    Args:
        study: Where the runs are.
        bases: The VAEs that are compared with their extension; unset, vae.
        shares: Shares of the training data, of ss_vae's labels; unset, 1%.
        seeds: How many each cell has. All cells of a seed run before the next seed.
        steps: How many each run has, the same for all shares.
        every: Steps between two looks at held-out data; it has to divide steps.
        constants: Weights of samples in the controls; unset, .5 and 1.
        width: The width of DCGAN's networks; unset, dense networks.
    """
    if steps % every:
        raise ValueError(
            f"Expected every to divide steps; received: every={every}, steps={steps}"
        )
    constants = sorted({weight("constants", one) for one in constants or CONSTANTS})
    nets = {} if width is None else {"nets": "dcgan_28", "width": width}
    cells = list(itertools.product(bases or ["vae"], shares or [0.01]))
    calls = [
        mnist.call(
            **nets, **settings, seed=seed, budget="quick", choose=True,
            last=True, n=TEST, epochs=steps // every, steps_per_epoch=every,
            learning_rate=1e-3, decay="none", **of_share(base, share),
        )
        for seed in range(seeds)
        for base, share in cells
        for settings in configurations(base, constants)
    ]  # fmt: skip
    records = study(calls)
    runs = list(map(row_of, records))
    rows = [
        row
        for base, share in cells
        for row in summary(
            [r for r in runs if (r["base"], r["share"]) == (base, share)], constants
        )
    ]
    content = {
        "experiment": "unifying gain",
        "runs done": f"{len(records)} of {len(calls)}",
        "reduced": True,
        "rows": rows,
        "about": {
            "best": f"test bound of the best weights by the bound on {VALIDATION} "
            f"held-out training examples, looked at every {every} steps",
            "last": f"test bound after {steps} steps",
            "constant": "weight of samples, data having 1, without an adversary",
            CHOSEN: "that of each seed's best held-out bound",
            "intervals": "95%, Student's t over seeds, of paired differences",
            "test": f"{TEST} examples",
        },
        "configs": {
            f"{name_of(run['base'], run['kind'], run['value'])} {run['share']:g}": one
            for run, one in zip(runs, (r["settings"] for r in records), strict=True)
            if run["seed"] == 0
        },
        "runs": runs,
    }
    study.write(content, text(rows))


def configurations(base: str, constants: Sequence[float]) -> list[dict]:
    """The settings of a cell's runs: base, extension at each T, controls."""
    extension = ACTIVATED[base]
    found: list[dict] = [{"method": base}]
    found += [{"method": extension, "temperature": t} for t in TEMPERATURES]
    return found + [{"method": extension, "constant": c} for c in constants]


def of_share(base: str, share: float) -> dict:
    """A cell's measures, and its share of the data or labels."""
    if base == "ss_vae":
        labels = {"labelled": share, "labelled_batch": max(1, round(share * BATCH))}
        found = {"measures": f"{BOUNDS[base]},{ACCURACY}", "alpha": 0.1}
        return found | labels | {"batch_size": BATCH}
    return {"measures": BOUNDS[base]} | ({} if share == 1 else {"examples": share})


def row_of(record: dict) -> dict:
    """What the study's record keeps of a run, the held-out bound's history with it."""
    settings = record["settings"]
    method, constant = settings["method"], settings.get("constant")
    base = BASES.get(method, method)
    found = {"base": base, "method": method, "seed": settings["seed"]}
    found["share"] = settings.get("labelled") or settings.get("examples") or 1.0
    if constant is not None:
        found |= {"kind": "constant", "value": constant}
    elif method != base:
        found |= {"kind": "T", "value": settings["temperature"]}
    else:
        found |= {"kind": "base", "value": None}
    history = [-one["value"] for one in record.get("validation", ())]
    if history:
        best = max(range(len(history)), key=history.__getitem__)
        found |= {"history": [round(value, 3) for value in history]}
        found |= {"best step": record["validation"][best]["step"]}
    found["best"] = record["metrics"].get(BOUNDS[base])
    last = record.get("last", {})
    found["last"] = last.get("metrics", {}).get(BOUNDS[base])
    if ACCURACY in record["metrics"]:
        found["accuracy"] = record["metrics"][ACCURACY]
    for name, one in (("best weights", record), ("last weights", last)):
        found |= {name: one["weights"]} if "weights" in one else {}
    names = ("diverged", "lost its way", "commit", "changed", "seconds")
    names += ("processor seconds", "whole seconds")
    return found | {name: record[name] for name in names if name in record}


def summary(runs: list[dict], constants: Sequence[float]) -> list[dict]:
    """A row for each T and control of one cell: bounds, gains, and over each control.

    Seeds that lack one of the runs are left out, so all rows have the same ones.
    """
    groups: dict[tuple, dict[int, dict]] = {}
    for run in runs:
        of_seed = groups.setdefault((run["kind"], run["value"]), {})
        if run["best"] is not None and run["last"] is not None:
            of_seed[run["seed"]] = run
    whole = len(groups) == 1 + len(TEMPERATURES) + len(constants)
    seeds = sorted(set.intersection(*map(set, groups.values()))) if whole else []
    if not seeds:
        return []
    base = runs[0]["base"]
    order: list[tuple] = [("base", None)]
    for kind, values in (("T", TEMPERATURES), ("constant", constants)):
        some = [groups[kind, value] for value in values]
        groups[kind, CHOSEN] = {
            seed: max((one[seed] for one in some), key=lambda run: max(run["history"]))
            for seed in seeds
        }
        order += [(kind, value) for value in (*values, CHOSEN)]
    controls = {"base": order[0]}
    controls |= {name_of(base, *one): one for one in order if one[0] == "constant"}
    numbers = {"data": "mnist", "measure": BOUNDS[base], "share": runs[0]["share"]}
    numbers |= {"base": base, "method": ACTIVATED[base]}
    rows = []
    for one in order:
        mine = [groups[one][seed] for seed in seeds]
        row = {"base": base, "share": runs[0]["share"], "kind": one[0]}
        row |= {"value": one[1], "name": name_of(base, *one)}
        for column in columns_of(mine[0]):
            row[column] = interval(run[column] for run in mine)
            row[f"{column} over"] = {
                name: compared(
                    run[column] - groups[other][run["seed"]][column] for run in mine
                )
                for name, other in controls.items()
                if other != one
            }
            if all(f"{column} weights" in run for run in mine):
                row[f"{column} weights"] = {
                    law: sum(run[f"{column} weights"][law] for run in mine) / len(mine)
                    for law in ("data", "samples")
                }
        row["best step"] = sum(run["best step"] for run in mine) / len(mine)
        rows.append(row | {"published": paper(**numbers)})
    return rows


def compared(differences: Iterable[float]) -> dict:
    """The interval of paired differences, and in a word what it says."""
    found = interval(differences)
    half, word = found["interval"], "undecided"
    if half is not None and abs(found["mean"]) > half:
        word = "better" if found["mean"] > 0 else "worse"
    return found | {"says": word}


def columns_of(found: dict) -> list[str]:
    """What a run, or row, has: bounds of the best and the last weights, accuracy."""
    return [name for name in ("best", "last", "accuracy") if name in found]


def name_of(base: str, kind: str, value: float | str | None) -> str:
    """A configuration in words: VAE, AA-VAE T 5, constant 0.5."""
    shown = f"{value:g}" if isinstance(value, float) else value
    return {
        "base": NAMES[base],
        "T": f"{NAMES[ACTIVATED[base]]} T {shown}",
        "constant": f"constant {shown}",
    }[kind]


def text(rows: list[dict]) -> str:
    """The rows, a line each."""
    lines = []
    for row in rows:
        parts = []
        for column in columns_of(row):
            form = ".4f" if column == "accuracy" else ".2f"
            value = text_of(row[column], form)
            over = row[f"{column} over"].get("base")
            gained = "" if over is None else text_of(over, form, "interval")
            parts.append(f"{column} {value:>17} {gained:>16}")
        lines.append(f"{row['name']:27} {row['share']:4.0%}  {'  '.join(parts)}")
    return "\n".join(lines)
