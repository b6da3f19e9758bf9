"""A symmetric VAE on handwritten digits, in minutes: python -m reproductions.demo."""

import argparse
import time

from reproductions import command, runner
from reproductions.folder import RunFolder
from reproductions.svae import DIGITS

MEASURES = {
    "test MSE": "of reconstructions of {test MSE, examples} unseen digits, per pixel "
    "in [0, 1]",
    "symmetric KL": "between both joint laws, as the critic estimates it, nats",
    "MLP-classifier score": "of {MLP-classifier score, samples:,} samples, between 1 "
    "and 10; an inception-type score, but under a small scikit-learn MLP",
    "MLP-classifier score of real test images": "the same of real digits, to compare",
    "MLP classifier's test accuracy": "of the classifier behind the two scores",
}


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.demo",
        description="Trains sVAE-r on scikit-learn's digits: pictures, measures, event "
        "files, a SavedModel. Needs no network.",
    )
    parser.add_argument("--out", default="runs/demo", help="folder [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="[%(default)s]")
    parser.add_argument("--epochs", type=int, help="fewer are quicker, and worse")
    parser.add_argument(
        "--resume", action="store_true", help="go on with an interrupted demo"
    )
    return parser


def table(record: dict) -> str:
    """The measures, each with what it is."""
    metrics = record["metrics"]
    width = max(map(len, MEASURES))
    return "\n".join(
        f"  {name:{width}}  {metrics[name]:8.4f}  {text.format_map(metrics)}"
        for name, text in MEASURES.items()
    )


def main(arguments: list[str] | None = None) -> None:
    """Trains, measures, and says where everything is and what to do next."""
    given = options().parse_args(arguments)
    more = {} if given.epochs is None else {"epochs": given.epochs}
    settings = DIGITS.config(budget="quick", seed=given.seed, **more)
    folder = RunFolder(given.out)
    print(
        f"sVAE-r (lam = {settings.lam:g}) on 8 x 8 digits, {settings.epochs} epochs: "
        "about two minutes on two cores."
    )
    began = time.monotonic()
    record = runner.run(settings, folder.path, resume=given.resume)
    print(f"\nDone in {time.monotonic() - began:.0f} seconds. Measures:\n")
    print(table(record))
    path = folder.path
    print(
        f"""
What there is:
  {path / "samples.png"}          digits that the decoder made up
  {path / "reconstructions.png"}  unseen digits, each above its reconstruction
  {path / "interpolations.png"}   from digit to digit, through the codes
  {path / "log_ratios.png"}       what the critic thinks of real and generated pairs
  {path / "train"}, {path / "pictures"}  event files: losses, pictures, codes
  {folder.log}              the losses as a table
  {folder.keras_file}          keras.saving.load_model, after import keras_svae
  {folder.saved_model}           a SavedModel for TensorFlow alone
  {folder.metrics_file}         these measures, with seed, commit, machine

What to do next:
  tensorboard --logdir {path}
  saved_model_cli show --dir {folder.saved_model} --all
  python -m reproductions.svae digits --method alice      (or ali, vae, gan, wgan_gp)
  python -m reproductions.svae --help                     (the paper's experiments)
  docs/start.md                                           (your own data, in minutes)"""
    )


if __name__ == "__main__":
    command.guarded("reproductions.demo", main)
