"""AS-VAE's table: its three variants beside NF-VAE, VAE and AVB, over seeds.

    python -m reproductions.as_vae table --seeds 3 --out runs/as_vae-table

The runs are made one after the other, each in a folder of its own below OUT, with all
that a single run leaves. Seeds go round first, so that what is done is balanced. The
same command goes on where an interrupted one stopped, and leaves finished runs alone.
"""

import argparse
import pathlib

import keras
import numpy as np

from reproductions import results, runner
from reproductions.config import BUDGETS
from reproductions.experiments.as_vae import MNIST
from reproductions.files import write_json

ABOUT = "three variants, NF-VAE, VAE and AVB on MNIST, means over seeds"
METHODS = ("as_vae", "as_vae_r", "as_vae_g", "nf_vae", "vae", "avb")
# By row of the table: where a run's record has it, and its sign.
ROWS = {
    "NLL bound, nats": ("variational_bound", -1),
    "NLL bound, importance-weighted, nats": ("importance_weighted_bound", -1),
    "inception score": ("inception_score", 1),
    "test MSE": ("mse", 1),
    "test RMSE": ("rmse", 1),
}


def plan(experiment, given: argparse.Namespace) -> list:
    """The configurations of all runs, method after method for each seed."""
    return [
        experiment.config(method=method, seed=seed, budget=given.budget)
        for seed in range(given.seeds)
        for method in given.methods
    ]


def summary(records: list[dict]) -> dict[str, dict]:
    """By method and row: mean, deviation (n - 1), n, and the values by seed."""
    found: dict[str, dict] = {}
    for method in dict.fromkeys(one["method"] for one in records):
        mine = [one for one in records if one["method"] == method]
        mine.sort(key=lambda one: one["seed"])
        rows = {
            row: [sign * one["metrics"][name] for one in mine]
            for row, (name, sign) in ROWS.items()
            if all(name in one["metrics"] for one in mine)
        }
        rows["seconds"] = [one["seconds"] for one in mine]
        rows["steps"] = [one["steps"] for one in mine]
        found[method] = {
            row: {
                "mean": float(np.mean(values)),
                "deviation": float(np.std(values, ddof=1)) if len(mine) > 1 else None,
                "n": len(values),
                "values": values,
            }
            for row, values in rows.items()
        }
    return found


def text(table: dict[str, dict]) -> str:
    """The summary, a line per row."""
    rows = dict.fromkeys(row for found in table.values() for row in found)
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"{method:>20}" for method in table)]
    for row in rows:
        cells = []
        for found in table.values():
            one = found.get(row)
            spread = one and one["deviation"]
            shown = f"{one['mean']:.4g}" if one else "-"
            cells.append(shown + (f" +- {spread:.2g}" if spread is not None else ""))
        lines.append(f"{row:{width}}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The table's options."""
    parser.add_argument(
        "--out", default="runs/as_vae-table", help="folder of the runs [%(default)s]"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="runs of each method [%(default)s]"
    )
    parser.add_argument(
        "--budget", choices=BUDGETS, default="quick", help="of each run [%(default)s]"
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=list(METHODS),
        help="which [all]",
    )
    parser.add_argument("--data-dir", help="where TFDS has or puts data sets")
    parser.add_argument("--manual-dir", help="where a data set's original files are")
    parser.add_argument("--data-note", default="", help="what the data are")
    parser.add_argument("--backbone", help="see the help of mnist")
    parser.add_argument(
        "--record", help="write the table there too, e.g. results/as_vae_mnist.json"
    )


def main(given: argparse.Namespace) -> None:
    """Runs what is missing, then writes and prints the table."""
    if given.seeds < 1:
        raise ValueError(f"Expected seeds >= 1; received: {given.seeds}")
    folder, records = pathlib.Path(given.out), []
    runs = plan(MNIST, given)
    for i, settings in enumerate(runs):
        print(f"{i + 1} of {len(runs)}: {settings.title}", flush=True)
        keras.backend.clear_session()
        record = runner.run(
            settings,
            folder / settings.title,
            resume=True,
            data_dir=given.data_dir,
            manual_dir=given.manual_dir,
            data_note=given.data_note,
            backbone=given.backbone,
            verbose="none",
            published=MNIST.published,
        )
        records.append(record)
        made = results.record(
            experiment="as_vae mnist table",
            budget=given.budget,
            runs=f"{len(records)} of {len(runs)}",
            data=record["data"],
            importance_samples=settings.importance_samples,
            table=summary(records),
            configs={
                one["method"]: one["config"] for one in records if one["seed"] == 0
            },
            published=MNIST.published,
        )
        write_json(folder / "table.json", made)
    print(text(summary(records)))
    if given.record:
        write_json(given.record, made)
        print(f"The record is in {given.record}, too.")
