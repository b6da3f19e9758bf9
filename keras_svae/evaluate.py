"""Measures a trained model from the command line.

python -m keras_svae.evaluate RUN_OR_SAVEDMODEL --data mnist --backbone mnist
"""

import argparse
import importlib
import json
import os
import pathlib
import sys
from typing import Any

import tensorflow as tf

from keras_svae import data, evaluation, files
from keras_svae.evaluation.backbones.resizing import PUBLISHED
from keras_svae.evaluation.evaluate import planned
from keras_svae.paths import local

__all__ = ["find_backbone", "main"]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m keras_svae.evaluate",
        description="Measures a trained model, or a SavedModel of one, on test data.",
        epilog=f"Measures: {', '.join(evaluation.MEASURES)}. Costly ones run only "
        "where they are named; the report says which these are.",
    )
    add = made.add_argument
    add("model", help="a .keras file, a SavedModel, or a run's folder")
    add("--data", required=True, help="as keras_svae.data.load takes it: mnist, a ...")
    add("--split", default="test", help="of the data [%(default)s]")
    add("--data-dir", help="where TFDS has or puts data sets")
    add("--manual-dir", help="where a data set's original files are")
    add("--size", type=int, help="side that images are resized to")
    add(
        "--crop",
        type=_crop,
        help="what is cut out before: the side of a centred square in pixels, or "
        "square for the largest",
    )
    add(
        "--n",
        type=int,
        help="examples and samples [as many as there are examples, at most 10,000]",
    )
    add(
        "--measures",
        metavar="NAME,...",
        help="those alone; all for the costly ones too [all that apply but these]",
    )
    add(
        "--import",
        action="append",
        default=[],
        dest="modules",
        metavar="MODULE",
        help="a Python module that registers measures of your own; may be given "
        "several times",
    )
    add(
        "--backbone",
        metavar="NAME",
        help="what images are seen through: a classifier in the cache (mnist), its "
        ".keras file; a network, inception-2015, dinov2 or inception-v3, with =FILE of "
        "weights after it or without; or random, a network that is not trained [the "
        "classifier of the data, if it has been trained; random, if data have no "
        "labels]",
    )
    add(
        "--resize",
        choices=list(PUBLISHED),
        metavar="NAME",
        help="for inception-2015 and dinov2, as whose scores: %(choices)s "
        "[tf1_bilinear]",
    )
    add("--lpips", metavar="FILE", help="LPIPS's weights")
    add(
        "--set",
        action="append",
        default=[],
        metavar="MEASURE.ARGUMENT=VALUE",
        help="a measure's argument, e.g. importance_weighted_bound.k=5000; may be "
        "given several times",
    )
    add("--dequantise", action="store_true", help="likelihoods of 8-bit images")
    add("--seed", type=int, default=0, help="of all that is drawn [%(default)s]")
    add(
        "--sampler",
        default="prior",
        metavar="NAME",
        help="what codes of samples are drawn from, a sampler that the model keeps "
        "[%(default)s]",
    )
    add("--json", metavar="FILE", help="write the measurements there too")
    return made


def _crop(text: str) -> int | str:
    return text if text == "square" else int(text)


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints, and writes if asked. Errors are one line, exit status 2.

    If a measure ended with an error, the others are printed and written, and the exit
    status is 1. What is known before measures are taken is an error of the command.
    """
    given = parser().parse_args(arguments)
    try:
        for module in given.modules:
            _import(module)
        if given.json:
            _write(given.json)
        report = _measure(given)
    except (ValueError, TypeError, OSError) as error:
        if os.environ.get("KERAS_SVAE_TRACEBACK"):
            raise
        print(f"keras_svae.evaluate: {error}", file=sys.stderr)
        sys.exit(2)
    print(report)
    if given.json:
        parts = {one: getattr(report, one) for one in ("left_out", "failed", "notes")}
        try:
            _write(given.json, {"model": given.model, **report.asdict(), **parts})
        except OSError as error:
            print(f"keras_svae.evaluate: {error}", file=sys.stderr)
            sys.exit(2)
    if report.failed:
        sys.exit(1)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except (ImportError, SyntaxError) as error:
        raise ValueError(
            f"Expected --import MODULE that Python can import; received: {module}: "
            f"{error}"
        ) from error


def _measure(given: argparse.Namespace) -> evaluation.Report:
    subject = evaluation.Subject.of(given.model)
    places = {"data_dir": given.data_dir, "manual_dir": given.manual_dir}
    framing = {"size": given.size, "crop": given.crop}
    load = {k: v for k, v in (places | framing).items() if v is not None}
    if subject.range:
        load["scale"] = subject.range
    passed: dict[str, Any] = {
        "batch_size": 250,
        "shuffle": False,
        "drop_remainder": False,
    }
    splits = {
        split: data.load(given.data, split, labels=None, **passed, **load)
        for split in (given.split, "train")
    }
    shape = tuple(tf.nest.flatten(splits[given.split].element_spec)[0].shape[1:])
    if shape != subject.data_shape:
        remedy = ""
        if len(shape) == len(subject.data_shape) == 3:
            remedy = f" (--size {subject.data_shape[0]}, and --crop as in training)"
        raise ValueError(
            f"Expected data of the model's shape, {subject.data_shape}{remedy}; "
            f"received: {given.data} of shape {shape}"
        )
    mixture = None
    if len(subject.data_shape) == 1:
        mixture = data.mixture(given.data)
    measures = given.measures
    if measures not in (None, "all"):
        measures = [name.strip() for name in measures.split(",")]
    return planned(
        subject,
        splits[given.split],
        measures=measures,
        train=splits["train"],
        reference=f"{given.data}, split {given.split}",
        n=given.n,
        backbone=find_backbone(given.backbone, given.data, given.resize),
        lpips=given.lpips and evaluation.LPIPS(given.lpips),
        mixture=mixture,
        dequantise=given.dequantise,
        options=_settings(given.set),
        seed=given.seed,
        sampler=given.sampler,
    ).report(verbose=True, careful=True)


def find_backbone(
    name: str | os.PathLike | None,
    data_name: str | os.PathLike,
    resize: str | None = None,
) -> evaluation.Backbone | str | None:
    """The network for images' features, by name.

    Args:
        name: A classifier in the cache or its `.keras` file; "inception_2015",
            "dinov2" or "inception_v3", also with hyphens, alone or with weights,
            "inception_2015=FILE" say; "random"; None for the classifier of the data.
        data_name: The name of the data; their classifier has the same name.
        resize: The resizing, named by the scores that use it, for "inception_2015" and
            "dinov2"; see `Backbone`.

    Returns:
        The backbone; the text "random" for "random"; None if no backbone was named and
        the classifier of the data is not trained.

    Raises:
        FileNotFoundError: If what was named is not there.
        ValueError: On a resizing for another network.
    """
    known, _, weights = os.fspath(name or "").partition("=")
    known = known.replace("-", "_")
    if known in ("inception_2015", "dinov2"):
        options = {} if resize is None else {"resize": resize}
        given = [weights] if weights else []
        return getattr(evaluation, known)(*given, **options)
    if resize is not None:
        raise ValueError(
            "Expected --resize with --backbone inception-2015 or dinov2; received: "
            f"--resize {resize} with {name or 'no backbone'}"
        )
    if name is None:
        try:
            return evaluation.classifier(pathlib.Path(data_name).stem)
        except FileNotFoundError:
            return None
    if name == "random":
        return "random"
    if known == "inception_v3":
        return evaluation.inception_v3(weights or "imagenet")
    return evaluation.classifier(name)


def _settings(pairs: list[str]) -> dict[str, dict]:
    """Reads `measure.argument=value`: the value is JSON, or text if it is no JSON."""
    found: dict[str, dict] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        measure, dot, argument = name.partition(".")
        if not (equals and dot):
            raise ValueError(
                f"Expected --set MEASURE.ARGUMENT=VALUE; received: --set {pair}"
            )
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            pass
        found.setdefault(measure, {})[argument] = value
    return found


def _write(path: str, content: dict | None = None) -> None:
    """Writes a JSON file, completely or not at all. Without content, tests only.

    Raises:
        OSError: If the file cannot be written.
    """
    place = files.target(local(path, "--json FILE"))
    try:
        if os.path.isdir(place):
            raise IsADirectoryError(f"it is a folder: {path}")
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise PermissionError(f"it must not be written: {path}")
        if content is None:
            trial = pathlib.Path(files.beside(place))
            trial.touch()
            trial.unlink()
        else:
            files.write(place, f"{json.dumps(content, indent=2)}\n".encode())
    except OSError as error:
        raise OSError(
            f"Expected --json FILE that can be written; received: {path} ({error})"
        ) from error


if __name__ == "__main__":
    main()
