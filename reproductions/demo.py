"""A symmetric VAE on handwritten digits, in minutes: python -m reproductions.demo."""

import dataclasses
import sys
import time

import keras_svae as ks
from keras_svae.evaluation import train_classifier
from reproductions.engine import command, execute, parsing
from reproductions.engine.folder import RunFolder
from reproductions.engine.options import PositiveInt
from reproductions.svae import digits

MEASURES = {
    "mse": "of reconstructions of unseen digits, per pixel in [0, 1]",
    "psnr": "of the same, decibels",
    "linear_probe": "accuracy of a linear classifier of their codes",
    "calibration.symmetric_kl": "of both joint laws, as the critic has it, nats",
    "inception_score": "of samples, between 1 and 10, under a classifier of digits",
    "inception_score_of_data": "the same of real digits, to compare",
    "frechet_distance": "between its features of samples and of real digits",
    "precision_recall.precision": "share of the samples among real digits",
    "precision_recall.recall": "share of the real digits among samples",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What the demo is told.

    Args:
        out: The demo's folder.
        seed: The seed of weights, noise and order of data; unset, 0.
        epochs: Fewer are quicker, and worse; unset, 300.
        resume: Go on with an interrupted demo.
    """

    out: str = "runs/demo"
    seed: int | None = None
    epochs: PositiveInt | None = None
    resume: bool = False


def table(record: dict) -> str:
    """The measures, each with what it is."""
    metrics = record["metrics"]
    width = max(map(len, MEASURES))
    return "\n".join(
        f"  {name:{width}}  {metrics[name]:8.4f}  {text}"
        for name, text in MEASURES.items()
        if name in metrics
    )


def load_backbone() -> None:
    """Trains the classifier that samples are scored with, if it is not cached."""
    try:
        ks.evaluation.classifier("digits")
    except FileNotFoundError:
        print("First, a classifier of digits is trained. It measures the samples:")
        train_classifier.train("digits")


def main(arguments: list[str] | None = None) -> None:
    """Trains, measures, and says where everything is and what to do next."""
    given = parsing.read(
        Options, "demo", sys.argv[1:] if arguments is None else arguments
    )
    folder = RunFolder(given.out)
    known = (folder.known() if given.resume else None) or {}
    more = {"seed": given.seed, "epochs": given.epochs}
    more = {name: value for name, value in more.items() if value is not None}
    first = {} if known else {"budget": "quick"}
    call = digits.call(known.get("settings", {}), **first, **more)
    settings = call.settings
    time_ = ": about two minutes on two cores" if given.epochs is None else ""
    print(
        f"sVAE-r (lam = {settings['lam']:g}) on 8 x 8 digits, {settings['epochs']} "
        f"epochs{time_}."
    )
    began = time.monotonic()
    load_backbone()
    record = execute(call, folder.path, resume=given.resume)
    if "diverged" in record:
        raise ks.Diverged(record["diverged"])
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
  docs/own_pictures.md                                    (your own pictures)
  docs/start.md                                           (in five minutes)"""
    )
    if record.get("failed"):
        sys.exit(1)


if __name__ == "__main__":
    with command.guarded("reproductions.demo"):
        main()
