"""Trains the classifier that scores samples.

    python -m keras_svae.evaluation.train_classifier mnist

It trains on the data set's own training images, shifted a little (and mirrored if this
keeps the class), by SGD with Nesterov momentum and a cosine schedule. Its accuracy is
that on the test split, which does not influence the training. It is written to the
cache, KERAS_SVAE_CACHE or ~/.cache/keras_svae, with a JSON file that describes it.
"""

import argparse
import dataclasses
import pathlib
import sys

from keras_svae.evaluation.backbones.classifier import DEFAULT, RECIPES
from keras_svae.evaluation.backbones.training import train

__all__ = ["main", "train"]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m keras_svae.evaluation.train_classifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data",
        help="digits, mnist, svhn_cropped, cifar10, another labelled image data set "
        "of TensorFlow Datasets, a folder with train/CLASS and test/CLASS, or an .npz",
    )
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps files")
    parser.add_argument("--manual-dir", help="the data set's original files")
    parser.add_argument("--size", type=int, help="resize images to this side")
    parser.add_argument("--no-download", dest="download", action="store_false")
    parser.add_argument("--data-note", help="what to call the data beside every score")
    parser.add_argument("--recipe", choices=RECIPES, help="as for this data set")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", help="a .keras file [in the cache, by the data's name]"
    )
    parser.add_argument("--overwrite", action="store_true")
    given = parser.parse_args(argv)
    if given.epochs is not None and given.epochs < 1:
        parser.error(f"Expected --epochs >= 1; received: {given.epochs}")
    return given


def main(argv: list[str] | None = None) -> None:
    """The command."""
    given = _arguments(argv)
    title = given.recipe or pathlib.Path(given.data).stem
    changed = {
        name: getattr(given, name)
        for name in ("epochs", "flip")
        if getattr(given, name) is not None
    }
    place = {name: getattr(given, name) for name in ("data_dir", "manual_dir", "size")}
    try:
        train(
            given.data,
            recipe=dataclasses.replace(RECIPES.get(title, DEFAULT), **changed),
            out=given.out,
            data_note=given.data_note,
            seed=given.seed,
            overwrite=given.overwrite,
            download=given.download,
            **place,
        )
    except (ValueError, FileExistsError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
