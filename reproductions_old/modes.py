"""Table 2 of AIM: modes captured on the grid, several seeds of every method.

    python -m reproductions.aim table2 --out runs/aim-table2

Each run is one JSON file, written when it is done: the same command goes on where an
interrupted one stopped. All methods have the same steps, data, learning rates and
networks, but for the critic's input; seed after seed, so that what is done is balanced.
"""

import argparse
import pathlib
import time

import numpy as np

from reproductions import many, results
from reproductions.config import PLAYS
from reproductions.experiments.aim import EXPERIMENTS
from reproductions.files import read_json, write_json

ABOUT = "table 2: modes captured and the share of high-quality samples, many seeds"
METHODS = ("aim", "aim_minus", "gan", "ali", "veegan", "unrolled_gan")
NAMES = {
    "aim": "AIM",
    "aim_minus": "AIM-",
    "gan": "GAN",
    "ali": "ALI",
    "alice": "ALICE",
    "veegan": "VEEGAN",
    "unrolled_gan": "Unrolled GAN",
}
# Table 2: modes, and high-quality samples in percent.
PUBLISHED = {
    "aim": (25, 81.1),
    "veegan": (24.6, 40),
    "unrolled_gan": (23.6, 16),
    "ali": (15.84, 1.6),
    "gan": (3.3, 0.5),
}
SAMPLES = 10_000
# Runs of one process: the graphs of finished ones are not all given back.
TASKS = 6


def plan(
    methods, seeds: int, experiment: str, epochs: int, play: str | None = None
) -> list[dict]:
    """All runs, every method of a seed before the next seed."""
    plays = {
        method: EXPERIMENTS[experiment].config(method=method, play=play).play
        for method in methods
    }
    run = {"experiment": experiment, "epochs": epochs}
    return [
        run | {"method": method, "seed": seed, "play": plays[method]}
        for seed in range(seeds)
        for method in methods
    ]


def name_of(run: dict) -> str:
    """A file name that tells a run from all others.

    Names do not say "alternating": files from before there was a choice are found.
    """
    play = "" if run["play"] == "alternating" else f"-{run['play']}"
    return (
        f"{run['experiment']}-{run['method']}{play}-epochs{run['epochs']}"
        f"-seed{run['seed']}.json"
    )


def read(path: pathlib.Path) -> dict:
    """A finished run's file; one that does not say how it was played alternated."""
    return {"play": "alternating"} | read_json(path)


def measured(model, law) -> dict:
    """Modes captured by 10,000 samples, and the share of high quality."""
    import keras_svae as ks

    points = np.asarray(model.generate(SAMPLES, seed=1))
    found = ks.evaluation.modes(points, law.means, law.sigma)
    made = {
        "modes": int(found.captured),
        "high quality": float(found.high_quality),
        "KL of modes to uniform": float(found.kl_to_uniform),
        "counts": found.counts.tolist(),
    }
    if hasattr(model, "encoder"):
        x, _ = law.sample(SAMPLES, 10**6)
        made["MSE"] = float(ks.evaluation.mse(x, np.asarray(model.reconstruct(x))))
    return made


def one_run(run: dict, path: str) -> dict:
    """Trains and measures one model; writes its file, and its samples beside it."""
    import keras

    import keras_svae as ks
    from reproductions import build
    from reproductions.inputs import Inputs

    began, used = time.time(), time.process_time()
    keras.backend.clear_session()
    given = {name: run[name] for name in ("method", "seed", "epochs", "play")}
    config = EXPERIMENTS[run["experiment"]].config(**given)
    inputs = Inputs(config)
    model = build.model(config, inputs.steps_per_epoch)
    result = dict(run) | {"steps": config.epochs * inputs.steps_per_epoch}
    law = ks.data.mixture(config.data)
    try:
        many.fit(model, inputs)
    except ks.Diverged as error:
        result |= {"modes": 0, "high quality": 0.0, "diverged": str(error)}
    else:
        if model.averages is not None:
            result["last weights"] = measured(model, law)
            model.averages.lend(model.trainable_variables)
        result |= measured(model, law)
        result["points"] = np.asarray(model.generate(2500, seed=2)).round(3).tolist()
    result["seconds"] = time.time() - began
    result["cpu seconds"] = time.process_time() - used
    write_json(path, result)
    return result


def line(result: dict) -> str:
    """What is said of a run that is done."""
    return (
        f"{NAMES[result['method']]:12} seed {result['seed']}  "
        f"modes {result['modes']:2d}  "
        f"high quality {100 * result['high quality']:5.1f}%"
    )


def summary(runs: list[dict]) -> dict:
    """By method: mean and spread over seeds, beside the published."""
    found = {}
    for method in dict.fromkeys(run["method"] for run in runs):
        some = [run for run in runs if run["method"] == method]
        captured = np.array([run["modes"] for run in some])
        share = np.array([100 * run["high quality"] for run in some])

        def spread(values):
            sd = values.std(ddof=1) if len(values) > 1 else float("nan")
            return {
                "mean": float(values.mean()),
                "sd": float(sd) if len(values) > 1 else None,
                "least": float(values.min()),
                "most": float(values.max()),
            }

        found[method] = {
            "play": some[0]["play"],
            "seeds": len(some),
            "diverged": sum("diverged" in run for run in some),
            "modes": spread(captured),
            "high quality, %": spread(share),
            "processor seconds a run": float(np.mean([r["cpu seconds"] for r in some])),
        }
        if method in PUBLISHED:
            modes, quality = PUBLISHED[method]
            found[method]["published"] = {"modes": modes, "high quality, %": quality}
    return found


def table(found: dict) -> str:
    """The summary as text."""
    lines = [
        f"{'':12} seeds  modes (least)    published  high quality, %  published  play"
    ]
    for method, cell in found.items():
        m, q, p = cell["modes"], cell["high quality, %"], cell.get("published", {})
        lines.append(
            f"{NAMES[method]:12} {cell['seeds']:5d}  {m['mean']:5.2f} +- "
            f"{m['sd'] or 0:4.2f} ({m['least']:.0f})  {p.get('modes', ''):>9}  "
            f"{q['mean']:5.1f} +- {q['sd'] or 0:4.1f}     "
            f"{p.get('high quality, %', ''):>9}  {cell['play']}"
        )
    return "\n".join(lines)


def draw(runs: list[dict], path: pathlib.Path, law) -> None:
    """The first seed's samples of every method."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = {}
    for run in runs:
        if "points" in run:
            first.setdefault(run["method"], run)
    columns = min(3, len(first)) or 1
    rows = max(1, -(-len(first) // columns))
    size = (3.4 * columns, 3.6 * rows)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    for i, (method, run) in enumerate(first.items()):
        ax = figure.add_subplot(rows, columns, i + 1)
        points = np.array(run["points"])
        ax.scatter(*points.T, s=3, linewidths=0, alpha=0.6)
        ax.scatter(*law.means.T, s=14, c="tab:red", marker="x", linewidths=0.7)
        reach = np.abs(law.means).max() + 1
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        quality = 100 * run["high quality"]
        ax.set_title(
            f"{NAMES[method]}, seed {run['seed']}: {run['modes']} modes, "
            f"{quality:.0f}%",
            fontsize=10,
        )
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The table's options."""
    parser.add_argument(
        "--out", default="runs/aim-table2", help="folder of the runs [%(default)s]"
    )
    parser.add_argument(
        "--data",
        choices=("grid25", "ring8"),
        default="grid25",
        help="the experiment that all runs are of [%(default)s]",
    )
    parser.add_argument(
        "--methods", nargs="+", choices=tuple(NAMES), default=list(METHODS)
    )
    parser.add_argument(
        "--seeds", type=int, default=10, help="for each method [%(default)s]"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help="of 500 steps, for every method [the experiment's]",
    )
    parser.add_argument(
        "--play", choices=PLAYS, help="of every method [each method's own]"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the quick budget's epochs and at most 2 seeds",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes [%(default)s]"
    )
    parser.add_argument(
        "--report", action="store_true", help="run nothing, write what is done so far"
    )
    parser.add_argument(
        "--record", help="also write summary and picture to FILE.json and FILE.png"
    )


def main(arguments: argparse.Namespace) -> None:
    """Runs what is missing, then writes `summary.json` and `samples.png`."""
    import keras_svae as ks

    budget = "quick" if arguments.quick else "paper"
    config = EXPERIMENTS[arguments.data].config(budget=budget)
    epochs = arguments.epochs or config.epochs
    seeds = min(2, arguments.seeds) if arguments.quick else arguments.seeds
    with many.locked(arguments.out, "table") as folder:
        what = (arguments.methods, seeds, arguments.data, epochs, arguments.play)
        runs = plan(*what)
        if not arguments.report:
            how = {"one_run": one_run, "name_of": name_of, "line": line}
            many.run_all(runs, folder, arguments.workers, tasks=TASKS, **how)
        write(runs, folder, arguments, ks.data.mixture(config.data))


def write(runs: list[dict], folder: pathlib.Path, arguments, law) -> None:
    """Writes summary and picture of the runs that are done, and prints the table."""
    files = [folder / name_of(run) for run in runs]
    done = [read(file) for file in files if file.exists()]
    found = summary(done)
    seconds = sum(run["cpu seconds"] for run in done)
    config = EXPERIMENTS[arguments.data].config(play=arguments.play)
    averaged = "averaged over steps; each run has the last weights' too"
    content = results.record(
        experiment=f"AIM table 2, {arguments.data}",
        steps=sorted({run["steps"] for run in done}),
        config=config.asdict(),
        measures={
            "modes": "nearest to at least one high-quality sample",
            "high quality": "share of samples within 3 sigma of their nearest mode",
            "samples": SAMPLES,
            "weights": "the last" if config.ema is None else averaged,
        },
        **{"processor hours": round(seconds / 3600, 2)},
        by_method=found,
        runs=[{k: v for k, v in run.items() if k != "points"} for run in done],
    )
    print(table(found))
    stems = [folder / "summary"]
    if arguments.record:
        stems.append(pathlib.Path(arguments.record).with_suffix(""))
    for stem in stems:
        write_json(stem.with_suffix(".json"), content)
        draw(done, stem.with_suffix(".png"), law)
        print(f"written: {stem.with_suffix('.json')}, {stem.with_suffix('.png')}")
