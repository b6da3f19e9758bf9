"""One call that measures a trained model, or its SavedModel, on all that applies."""

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tqdm

from keras_svae.evaluation.backbone import Backbone
from keras_svae.evaluation.lpips import LPIPS
from keras_svae.evaluation.material import Material, named
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.streams import Stream
from keras_svae.evaluation.subject import Subject
from keras_svae.evaluation.table import MEASURES, NEEDS
from keras_svae.noise import check_seed

__all__ = ["Report", "evaluate"]


class Report(dict[str, Measurement]):
    """Measurements by name; printed, a table.

    Attributes:
        left_out: Why, by the name of each measure that does not apply.
    """

    def __init__(self, *arguments, left_out: dict[str, str] | None = None):
        super().__init__(*arguments)
        self.left_out = left_out or {}

    def __str__(self) -> str:
        width = max((len(value.name) for value in self.values()), default=0)
        lines = []
        for value in self.values():
            said = str(value).removeprefix(f"{value.name} ")
            lines.append(f"{value.name:{width}}  {said}")
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)

    def asdict(self) -> dict[str, dict[str, Any]]:
        """Plain values, as they go into a JSON file."""
        return {name: value.asdict() for name, value in self.items()}


def evaluate(
    model: "keras.Model | Subject | str | os.PathLike",
    test: Stream,
    *,
    measures: str | Iterable[str] | None = None,
    train: Stream | None = None,
    n: int = 10_000,
    backbone: Backbone | None = None,
    lpips: LPIPS | None = None,
    mixture=None,
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    verbose: bool = True,
) -> Report:
    """Measures a trained model on all that applies to it.

    Of a conditional model samples are drawn of all classes in turn, and what is
    measured on data is given their classes: bounds are those of log p(x|y).

    Args:
        model: A model of this package, or the path of a `.keras` file, a SavedModel or
            a run's folder. All are asked through the same endpoints.
        test: Data it was not trained on: an array x, a pair of arrays (x, labels), or a
            finite `tf.data.Dataset` of x or (x, labels). They are read anew by each
            measure.
        measures: Names, as in `MEASURES`; None for all that apply but the costly ones
            (the importance-weighted bound and annealed importance sampling), "all" for
            those too. One that is named and does not apply is an error.
        train: Labelled training data, with which the codes' probes are trained.
        n: Examples that are read and samples that are drawn, at most.
        backbone: What images are seen through: see `Backbone`, `classifier`,
            `inception_v3`.
        lpips: See `LPIPS`.
        mixture: The law of points, as `keras_svae.data.mixture` gives it.
        value_range: What black and white are; by default the likelihood's range, and
            (0, 1) where it has none: then samples of images are clipped to it.
        dequantise: Images are 8-bit: likelihoods are of images with uniform noise, and
            in bits per dimension too.
        options: Further arguments by measure, `{"importance_weighted_bound": {"k":
            5000}}`.
        seed: Of all that is drawn.
        verbose: Whether to show a progress bar.

    Returns:
        Measurements by name, `found["mse"]`, several of one measure as
        `found["precision_recall.recall"]`; and in `left_out` why others are not there.
        Printed, a table.

    Raises:
        ValueError: On an unknown measure, one that is named and does not apply, or data
            that do not go with the model.

    Example:
        found = ks.evaluation.evaluate(
            "runs/mnist", ks.data.load("mnist", "test", labels=True),
            backbone=ks.evaluation.classifier("mnist"))
        print(found)
    """
    subject = Subject.of(model)
    if not isinstance(n, (int, np.integer)) or n < 2:
        raise ValueError(f"Expected n to be an integer >= 2; received: n={n!r}")
    settings = {
        "n": int(n),
        "seed": check_seed(seed),
        "backbone": backbone,
        "lpips": lpips,
        "mixture": mixture,
        "value_range": value_range,
        "dequantise": dequantise,
    }
    material = Material(subject, test, train, settings)
    names, left_out = _chosen(measures, material)
    options = _options(options)
    # All of the data, before anything runs: later, errors are a measure's own.
    for x in material.x():
        subject.check(x)
    if subject.classes is not None and material.labelled_test:
        for _ in material.examples():
            pass
    found: dict[str, Measurement] = {}
    with tqdm.tqdm(names, disable=not verbose, unit="measure") as bar:
        for name in bar:
            bar.set_description(name)
            try:
                made = MEASURES[name].compute(material, **options.get(name, {}))
            except ValueError as error:
                # What the other measures found is not lost by one that cannot be taken.
                if measures not in (None, "all"):
                    raise
                left_out[name] = str(error)
                continue
            found |= named(name, made)
    return Report(found, left_out=left_out)


def _chosen(measures, material: Material) -> tuple[list[str], dict[str, str]]:
    """The measures to take, and why others are left out."""
    named = [] if measures in (None, "all") else measures
    named = [named] if isinstance(named, str) else list(named)
    _known(named)
    chosen, left_out = [], {}
    for name, one in MEASURES.items():
        if named and name not in named:
            continue
        missing = [
            NEEDS[need][1] for need in one.all_needs if not NEEDS[need][0](material)
        ]
        if missing and named:
            raise ValueError(
                f"Expected {' and '.join(missing)} for {name}; received: none"
            )
        if missing:
            left_out[name] = "it needs " + " and ".join(missing)
        elif one.costly and measures is None:
            left_out[name] = "it is costly: name it"
        else:
            chosen.append(name)
    return chosen, left_out


def _known(names: Iterable[str]) -> None:
    for name in names:
        if name not in MEASURES:
            near = difflib.get_close_matches(name, MEASURES, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"Expected measures among {list(MEASURES)}; received: {name!r}.{hint}"
            )


def _options(options) -> dict[str, dict]:
    options = {name: dict(given) for name, given in (options or {}).items()}
    _known(options)
    return options
