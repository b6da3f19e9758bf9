"""Tables 2 to 4 of Hu et al. (2018): each extension beside its base, over seeds.

    python -m reproductions.unifying table --out runs/unifying-table

Each run is one JSON file, written when it is done: the same command goes on where an
interrupted one stopped. Extension and base have the same networks, data, steps, rates
and, by seed, initial weights of encoder and decoder: their differences are paired.

The temperature T of each adversary activated method is chosen from 1, 1.5, 3 and 5 by
the bound on held-out training data, with one seed and 10% of the training data or
labels (where --shares leaves 10% out, the first of them). By the same bound the weights
of every run that has one are chosen, from those after each epoch. Test data decide
nothing in a run; but M2's alpha of the quick budget, 10, was chosen before the runs on
2,000 test images.
"""

import argparse
import functools
import pathlib
import time

from reproductions import many, results, unifying_report
from reproductions.experiments.unifying import (
    EXPERIMENTS,
    GROUPS,
    NAMES,
    TEMPERATURES,
    TEST,
    VALIDATION,
)
from reproductions.files import read_json, write_json

ABOUT = "tables 2 to 4: every extension beside its base, many seeds, T chosen"
ACTIVATED = ("aavae", "aacvae", "aa_ss_vae")
# The share of the data or labels that temperatures are chosen with.
CHOICE = 0.1
SEEDS = 5
# Runs of one process: the graphs of finished ones are not all given back.
TASKS = 12


def run_of(given, method: str, share: float, seed: int, temperature: float) -> dict:
    """What a run is given, plain values."""
    return {
        "experiment": given.data,
        "method": method,
        "share": share,
        "seed": seed,
        "temperature": temperature if method in ACTIVATED else None,
        "budget": given.budget,
        "epochs": given.epochs,
        "data_dir": given.data_dir,
    }


def name_of(run: dict) -> str:
    """A file name that tells a run from all others."""
    t, epochs = run["temperature"], run["epochs"]
    parts = [run["experiment"], run["method"], f"share{run['share']:g}"]
    parts += [] if t is None else [f"T{t:g}"]
    parts += [run["budget"]] + ([] if epochs is None else [f"epochs{epochs}"])
    return "-".join([*parts, f"seed{run['seed']}.json"])


def configuration(run: dict):
    """The `Config` of a run."""
    given = {name: run[name] for name in ("method", "seed", "budget")}
    if run["epochs"] is not None:
        given["epochs"] = run["epochs"]
    if run["temperature"] is not None:
        given["temperature"] = run["temperature"]
    if run["share"] < 1:
        part = "labelled" if run["method"] in GROUPS["m2"][0] else "examples"
        given[part] = run["share"]
    return EXPERIMENTS[run["experiment"]].config(**given)


def configurations(runs: list[dict]) -> dict[str, dict]:
    """By method and share the configuration of the first seed's run, plain values."""
    return {
        f"{run['method']} {run['share']:g}": configuration(run).asdict()
        for run in runs
        if run["seed"] == 0
    }


@functools.cache
def kept(data: str, data_dir: str | None) -> list:
    """Data that live as long as the worker: each run would read the files anew."""
    import keras_svae as ks

    places = {} if data_dir is None else {"data_dir": data_dir}
    return [ks.data.load(data, split, **places) for split in ("train", "test")]


def one_run(run: dict, path: str) -> dict:
    """Trains and measures one model, and writes its file."""
    import keras

    import keras_svae as ks
    from reproductions import build
    from reproductions.inputs import Inputs
    from reproductions.unifying_best import Best

    began, used = time.time(), time.process_time()
    keras.backend.clear_session()
    config = configuration(run)
    backbone = seen_through(run)
    kept(config.data, run["data_dir"])
    inputs = Inputs(config, build.value_range(config), data_dir=run["data_dir"])
    data = inputs.stream(0)
    model = build.model(config, inputs.steps_per_epoch)
    best = Best(inputs, VALIDATION) if hasattr(model, "bound") else None
    result = {name: value for name, value in run.items() if name != "data_dir"}
    result |= {"steps": config.epochs * inputs.steps_per_epoch}
    try:
        model.fit(
            data,
            steps_per_epoch=inputs.steps_per_epoch,
            epochs=config.epochs,
            verbose=0,
            callbacks=[best] if best else [],
        )
    except ks.Diverged as error:
        result["diverged"] = str(error)
    if best and best.history:
        best.take()
        result |= {"validation": best.value, "best epoch": best.epoch + 1}
        result["history"] = best.history
    if "diverged" not in result or best:
        result["metrics"] = measured(model, inputs, backbone)
    result |= results.commit()
    result["seconds"] = time.time() - began
    result["cpu seconds"] = time.process_time() - used
    write_json(path, result)
    return result


def seen_through(run: dict):
    """The classifier that a GAN's samples are seen through; raises if it is missing."""
    from keras_svae.evaluate import find_backbone

    data = configuration(run).data
    return find_backbone(data, data) if run["method"] in GROUPS["gan"][0] else None


def measured(model, inputs, backbone) -> dict[str, float]:
    """What the tables have of a model, on test data or on as many samples."""
    import keras_svae as ks

    if hasattr(model, "classify"):
        names = ["marginal_bound", "classification_accuracy"]
    elif hasattr(model, "bound"):
        names = ["variational_bound"]
    else:
        names = ["class_accuracy" if model.conditional else "inception_score"]
    found = ks.evaluation.evaluate(
        model,
        inputs.load("test", labels=None, batch_size=250, drop_remainder=False),
        measures=names,
        n=TEST,
        backbone=backbone,
        seed=1,
        verbose=False,
    )
    return {name: float(value) for name, value in found.items()}


def line(result: dict) -> str:
    """What is said of a run that is done."""
    t = result["temperature"]
    metrics = result.get("metrics", {"diverged": float("nan")})
    shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    return (
        f"{NAMES[result['method']]:7} {result['share']:4.0%} "
        f"{'' if t is None else f'T {t:g}':5} seed {result['seed']}  {shown}"
        f"  ({result['cpu seconds']:.0f} s of processor time)"
    )


def shares_of(given, group: str) -> tuple[float, ...]:
    """The shares of the data that a group is run with."""
    found = tuple(s for s in GROUPS[group][1] if s in (given.shares or (s,)))
    if not found:
        raise ValueError(
            f"Expected shares among {GROUPS[group][1]} for the group {group}; "
            f"received: {given.shares}"
        )
    return found


def choice(given, group: str) -> list[dict]:
    """The runs that T is chosen by: all temperatures, with the first seed."""
    methods, shares = GROUPS[group][0], shares_of(given, group)
    share = CHOICE if CHOICE in shares else shares[0]
    return [
        run_of(given, method, share, 0, temperature)
        for method in methods
        if method in ACTIVATED
        for temperature in TEMPERATURES
    ]


def chosen(runs: list[dict]) -> dict[str, float]:
    """By method the temperature with the largest validation bound."""
    found: dict[str, dict] = {}
    for run in runs:
        known = found.setdefault(run["method"], run)
        if run["validation"] > known["validation"]:
            found[run["method"]] = run
    return {method: run["temperature"] for method, run in found.items()}


def plan(given, group: str, temperatures: dict) -> list[dict]:
    """All runs of a group, every cell of a seed before the next seed."""
    methods, shares = GROUPS[group][0], shares_of(given, group)
    return [
        run_of(given, method, share, seed, temperatures.get(method))
        for seed in range(given.seeds)
        for share in shares
        for method in methods
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The table's options."""
    add = parser.add_argument
    add("--out", default="runs/unifying-table", help="folder of the runs [%(default)s]")
    add(
        "--data",
        choices=("mnist", "svhn", "cifar10"),
        default="mnist",
        help="the experiment [%(default)s]",
    )
    add(
        "--groups",
        nargs="+",
        choices=tuple(GROUPS),
        help="in this order [all of mnist; gan alone of the others, as in the paper]",
    )
    add("--shares", type=float, nargs="+", help="of the data or labels [all]")
    many.add_options(parser, SEEDS)
    add("--record", help="also write the table to this file, results/….json")


def main(given: argparse.Namespace) -> None:
    """Runs what is missing, group after group, then writes `table.json`."""
    if given.seeds < 1:
        raise ValueError(f"Expected seeds >= 1; received: {given.seeds}")
    groups = given.groups or (tuple(GROUPS) if given.data == "mnist" else ("gan",))
    if "gan" in groups and not given.report:
        seen_through(plan(given, "gan", {})[0])  # before hours of the other groups
    how = {"one_run": one_run, "name_of": name_of, "line": line, "tasks": TASKS}
    with many.locked(given.out, "table") as folder:

        def done(runs):
            if not given.report:
                many.run_all(runs, folder, given.workers, **how)
            paths = [folder / name_of(run) for run in runs]
            return [read_json(path) for path in paths if path.exists()]

        runs, tried, temperatures = [], [], {}
        for group in groups:
            mine = done(choice(given, group))
            tried += mine
            temperatures |= chosen(mine)
            runs += done(plan(given, group, temperatures))
        content = unifying_report.content(
            runs, tried, given, temperatures, configurations(runs)
        )
        print(unifying_report.text(content))
        stems = [folder / "table.json"]
        stems += [pathlib.Path(given.record)] if given.record else []
        for path in stems:
            write_json(path, results.record(**content))
            print(f"written: {path}")
