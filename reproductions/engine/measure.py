"""Measures and pictures of a trained model."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

import keras_svae as ks
from keras_svae.callbacks.pictures import some_examples
from keras_svae.evaluation.evaluate import planned
from keras_svae.evaluation.registry import check_known
from keras_svae.pictures import plots, views
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import Places, load_backbone, load_lpips
from reproductions.engine.settings import names_of
from reproductions.engine.training import Run

# The seed of all measures.
SEED = 1
AIS = "annealed_importance_sampling"


def backbone_and_lpips(run: Run, places: Places) -> tuple:
    """The network for images' features, and LPIPS. A named one has to exist.

    Raises:
        ValueError: For one that does not exist, or beside data that are no images.
    """
    wanted = _named(run)
    if len(run.model.data_shape) != 3:
        for name in ("backbone", "lpips"):
            if (given := getattr(places, name)) is not None:
                raise ValueError(
                    f"Expected --{name} with data that are images; received: {given} "
                    f"with examples of shape {run.model.data_shape}"
                )
        return None, None
    perceptual = None
    if places.lpips is not None or "lpips" in wanted:
        perceptual = load_lpips(places.lpips)
    return load_backbone(places.backbone, run.data.data), perceptual


def _named(run: Run) -> list[str]:
    """The measures that a run's training names; empty for all that apply.

    Raises:
        ValueError: For one that there is not.
    """
    names = names_of(run.training.measures)
    check_known(names, ks.evaluation.MEASURES, "measures")
    return names


def check(run: Run, inputs: Inputs) -> None:
    """Looks whether each measure that a run names applies, before training.

    Raises:
        ValueError: For one that does not.
    """
    _plan(run, inputs, _named(run), run.training.n, strict=True)
    # So a damaged file among the test data is told before training.
    inputs.arrays("test", run.training.n, seed=SEED)


def measure(run: Run, inputs: Inputs) -> ks.evaluation.Report:
    """All measures of a model that its data, its method and its training name.

    Beside the score of samples is that of real data, `inception_score_of_data` or
    `mixture_score_of_data`. The error of a measure, named or not, is in `failed`: it
    does not lose what was trained.
    """
    n, names = run.training.n, _named(run)

    def evaluate(measures: list[str] | None, n: int) -> ks.evaluation.Report:
        # A network may be missing here, or a measure not apply.
        plan = _plan(run, inputs, measures, n, strict=False)
        return plan.report(careful=True)

    found = ks.evaluation.Report()
    if names != [AIS]:
        found = evaluate([one for one in names if one != AIS] or None, n)
    if AIS in names:  # on fewer examples, each of which takes long
        of_ais = evaluate([AIS], run.training.ais_examples)
        found.update(of_ais)
        found.left_out |= of_ais.left_out
        found.failed |= of_ais.failed
    if "inception_score" in found:
        with may_fail("inception_score_of_data", found.failed):
            x = inputs.arrays("test", n, seed=SEED)
            found["inception_score_of_data"] = ks.evaluation.inception_score(
                x, _splits(len(x)), backbone=inputs.backbone, value_range=inputs.scale
            )
    if "mixture_score" in found:
        with may_fail("mixture_score_of_data", found.failed):
            mixture = ks.data.mixture(run.data.data)
            real, _ = mixture.sample(n, SEED)
            found["mixture_score_of_data"] = ks.evaluation.mixture_score(
                real, mixture.means, mixture.sigma
            )
    return found


@contextlib.contextmanager
def may_fail(name: str, failed: dict[str, str]) -> Iterator[None]:
    """Notes an error, so that a run that was trained and measured has its record."""
    try:
        yield
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"


def _splits(n: int) -> int:
    # In parts with few examples the score is low. Then samples and data are not split.
    return 10 if n >= 5000 else 1


def _plan(run: Run, inputs: Inputs, measures: list[str] | None, n: int, strict: bool):
    """What is measured on so many examples; None for all measures that apply."""
    training = run.training
    given = {"batch_size": 250, "labels": None, "drop_remainder": False}
    whole = {"shuffle": False, "labelled": None, "labelled_batch": None}
    options = {
        "inception_score": {"splits": _splits(min(training.n, inputs.count("test")))},
        "importance_weighted_bound": {"k": training.importance_samples},
        AIS: {"n_temperatures": training.ais_temperatures},
    }
    points = len(run.model.data_shape) == 1
    return planned(
        run.model,
        inputs.load("test", **given),
        measures=measures,
        strict=strict,
        n=n,
        options={
            name: one
            for name, one in options.items()
            if name in (measures or ["inception_score"])
        },
        train=inputs.load("train", **whole, **given),
        backbone=inputs.backbone,
        lpips=inputs.perceptual,
        mixture=ks.data.mixture(run.data.data) if points else None,
        dequantise=inputs.dequantise,
        seed=SEED,
    )


def write_pictures(model: ks.Game, data: Any, folder: pathlib.Path) -> None:
    """Writes `traversals.png` and `neighbours.png` (AIM's figures 5, 9) of images.

    Neighbours need an explicit posterior that draws by itself. For any other, they
    would be the reconstruction again, or show the noise that the encoder is fed.
    """
    if len(model.data_shape) != 3 or not hasattr(model, "encoder"):
        return
    x, labels = some_examples(data, 1000, 8, SEED)
    y = labels if model.conditional else None
    plots.save(folder / "traversals.png", views.traversals(model, x, y=y))
    law = model.posterior_law
    if law.explicit and law.draw == "sample":
        some: np.ndarray | None = None if y is None else y[:8]
        plots.save(folder / "neighbours.png", views.neighbours(model, x[:8], y=some))
