"""Measures and pictures of a trained model."""

import functools
import pathlib
from typing import Any

import numpy as np

import keras_svae as ks
from keras_svae.callbacks.pictures import some_examples
from keras_svae.pictures import plots, views
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import Places, load_backbone, load_lpips
from reproductions.engine.run import Run

# The seed of all measures.
SEED = 1
AIS = "annealed_importance_sampling"


def backbone_and_lpips(run: Run, places: Places) -> tuple:
    """The network for images' features, and LPIPS. A named one has to exist."""
    wanted = (run.training.measures or "mse").split(",")
    if unknown := set(wanted) - set(ks.evaluation.MEASURES):
        raise ValueError(
            f"Expected measures among {', '.join(ks.evaluation.MEASURES)}; received: "
            f"{', '.join(sorted(unknown))}"
        )
    if len(run.model.data_shape) != 3:
        return None, None
    perceptual = None
    if places.lpips is not None or "lpips" in wanted:
        perceptual = load_lpips(places.lpips)
    return load_backbone(places.backbone, run.data.data), perceptual


def measure(
    run: Run,
    inputs: Inputs,
    backbone: ks.evaluation.Backbone | None = None,
    perceptual: ks.evaluation.LPIPS | None = None,
) -> ks.evaluation.Report:
    """All measures of a model that its data, its method and its training name.

    Beside the score of samples is that of real data, `inception_score_of_data` or
    `mixture_score_of_data`.
    """
    model, training, data = run.model, run.training, run.data
    n, x = training.n, inputs.arrays("test", training.n, seed=SEED)
    mixture = ks.data.mixture(data.data) if x.ndim == 2 else None
    given = {"batch_size": 250, "labels": None, "drop_remainder": False}
    whole = {"labelled": None, "labelled_batch": None}
    # In parts with few examples the score is low. Then samples and data are not split.
    splits = 10 if len(x) >= 5000 else 1
    options = {
        "inception_score": {"splits": splits},
        "importance_weighted_bound": {"k": training.importance_samples},
        AIS: {"n_temperatures": training.ais_temperatures},
    }

    def of(named):
        return {k: v for k, v in options.items() if not named or k in named}

    names = training.measures and training.measures.split(",")
    evaluate = functools.partial(
        ks.evaluation.evaluate,
        model,
        inputs.load("test", **given),
        strict=False,  # a network may be missing here, or a measure not apply
        backbone=backbone,
        lpips=perceptual,
        mixture=mixture,
        dequantise=inputs.dequantise,
        seed=SEED,
        verbose=False,
    )
    others = names and [one for one in names if one != AIS]
    found = ks.evaluation.Report()
    if others != []:
        found = evaluate(
            measures=others,
            options=of(others),
            train=inputs.load("train", shuffle=False, **whole, **given),
            n=n,
        )
    if names and AIS in names:  # on fewer examples, each of which takes long
        of_ais = evaluate(measures=[AIS], options=of([AIS]), n=training.ais_examples)
        found.update(of_ais)
        found.left_out |= of_ais.left_out
        found.failed |= of_ais.failed
    if "inception_score" in found:
        found["inception_score_of_data"] = ks.evaluation.inception_score(
            x, splits, backbone=backbone, value_range=inputs.scale
        )
    if "mixture_score" in found:
        real, _ = mixture.sample(n, SEED)
        found["mixture_score_of_data"] = ks.evaluation.mixture_score(
            real, mixture.means, mixture.sigma
        )
    return found


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
