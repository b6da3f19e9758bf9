"""One call that measures a trained model, or its SavedModel, on all that applies."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf
import tqdm

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.material import Material
from keras_svae.evaluation.measurement import Measurement, by_name, changed
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.reconstructions.lpips import LPIPS
from keras_svae.evaluation.registry import check_known
from keras_svae.evaluation.report import Report, notes_of, noting
from keras_svae.evaluation.subject import Subject
from keras_svae.evaluation.table import MEASURES
from keras_svae.noise import check_seed

__all__ = ["Plan", "Report", "evaluate", "names_and_options", "planned"]


def evaluate(
    model: "keras.Model | Subject | str | os.PathLike",
    test: Stream,
    *,
    measures: str | Iterable[str] | None = None,
    strict: bool = True,
    train: Stream | None = None,
    reference: str = "test data",
    n: int | None = None,
    backbone: Backbone | str | None = None,
    lpips: LPIPS | None = None,
    mixture=None,
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    sampler: str = "prior",
    verbose: bool = True,
) -> Report:
    """Measures a trained model on all that applies to it.

    For a conditional model, samples are drawn of all classes in turn. Measures on data
    use their classes: bounds are those of log p(x|y).

    Args:
        model: A model of this package, or the path of a `.keras` file, a SavedModel or
            a run's folder. All are asked through the same endpoints.
        test: Data it was not trained on: an array x, a pair of arrays (x, labels), or a
            finite `tf.data.Dataset` of x or (x, labels), or a `keras.utils.PyDataset`
            or another iterable of such batches, which can be read more than once. They
            are read anew by each measure.
        measures: Names, as in `MEASURES`; None takes all measures that apply, except
            the costly ones (importance_weighted_bound, annealed_importance_sampling,
            decoder_probe); "all" takes those, too. The errors of a measure that you
            name are raised.
        strict: Whether a measure that you name must apply. If not, a measure that does
            not apply is left out.
        train: Training data, for the probes of codes; those of classes need labels.
        reference: What the test data are ("cifar10, split test"): scores that compare
            samples with them say it.
        n: Examples that are used and samples that are drawn, at most. None for 10,000
            examples at most, and as many samples as there are examples. If there are
            more examples, n of them are drawn at random, with the seed, and each
            measurement says so. If the data are a data set, these n examples are kept
            in memory.
        backbone: The network through which measures see images: see `Backbone`,
            `classifier`, `inception_2015`, `dinov2`, `inception_v3`; "random" for
            `random_network`, which needs neither labels nor a download. None takes it
            too where `test` has no labels. Its name then stands in the measure's:
            `frechet_distance[random_network]`.
        lpips: See `LPIPS`.
        mixture: The law of points, as `keras_svae.data.mixture` gives it.
        value_range: (low, high), the values of black and white; by default the
            likelihood's range, and (0, 1) where it has none. Samples of images are
            clipped to it.
        dequantise: Images are 8-bit: likelihoods are of images with uniform noise, and
            in bits per dimension too.
        options: Further arguments by measure, `{"importance_weighted_bound": {"k":
            5000}}`: those of the function of this name. Of measures that are not named
            there may be none.
        seed: The seed of all random draws.
        sampler: What codes of samples are drawn from: "prior", or the name of a sampler
            that the model keeps (`add_sampler`). Measures of samples then say it.
            Measures that compare codes or log ratios with p(z) keep to the prior.
        verbose: Whether to show a progress bar.

    Returns:
        Measurements by name, `found["mse"]`, several of one measure as
        `found["precision_recall.recall"]`. `left_out` has the measures that do not
        apply, with the reason. `failed` has the measures that ended with an error, with
        the error, `notes` what one must know of the numbers. Printed, or as the result
        of a notebook's cell, it is a table.

    Raises:
        ValueError: On an unknown measure or option, a measure that has to apply and
            does not, or data that do not go with the model.
        Exception: Any error of a measure that is named.
        MemoryError, tf.errors.ResourceExhaustedError: If there is not enough memory.

    Example:
        found = ks.evaluation.evaluate(
            "runs/mnist", ks.data.load("mnist", "test", labels=True),
            backbone=ks.evaluation.classifier("mnist"))
        print(found)
    """
    return planned(
        model,
        test,
        measures=measures,
        strict=strict,
        train=train,
        reference=reference,
        n=n,
        backbone=backbone,
        lpips=lpips,
        mixture=mixture,
        value_range=value_range,
        dequantise=dequantise,
        options=options,
        seed=seed,
        sampler=sampler,
    ).report(verbose=verbose)


class Plan:
    """Which measures are taken, and of what: decided before any is computed.

    Attributes:
        material: What they are computed from.
        chosen: The names of the measures.
        left_out: Why, by the name of each measure that does not apply.
        failed: The error, by the name of each measure whose needs ended with one.
    """

    def __init__(
        self,
        material: Material,
        named: list[str],
        costly: bool,
        strict: bool,
        options: dict[str, dict],
    ):
        self.material, self.named, self.options = material, named, options
        chosen = _chosen(named, costly, strict, material, options)
        self.chosen, self.left_out, self.failed = chosen

    def report(self, *, verbose: bool = False, careful: bool = False) -> Report:
        """Computes the measures.

        Args:
            verbose: Whether to show a progress bar.
            careful: Whether the error of a measure that was named is reported, not
                raised.
        """
        material = self.material
        found: dict[str, Measurement] = {}
        failed = dict(self.failed)
        warned: list[str] = []
        with tqdm.tqdm(self.chosen, disable=not verbose, unit="measure") as bar:
            for name in bar:
                bar.set_description(name)
                try:
                    material.parts()
                    with noting(name, warned):
                        given = self.options.get(name, {})
                        made = MEASURES[name].compute(material, **given)
                    each, about = by_name(name, made), material.parts()
                    found |= {key: changed(one, **about) for key, one in each.items()}
                except (MemoryError, tf.errors.ResourceExhaustedError):
                    raise
                except Exception as error:
                    # One measure's error does not lose the results of the others.
                    if self.named and not careful:
                        raise
                    failed[name] = f"{type(error).__name__}: {error}"
        notes = [*notes_of(material, found), *warned]
        return Report(found, left_out=self.left_out, failed=failed, notes=notes)


def planned(
    model: "keras.Model | Subject | str | os.PathLike",
    test: Stream,
    *,
    measures: str | Iterable[str] | None = None,
    strict: bool = True,
    n: int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    **of_material: Any,
) -> Plan:
    """What `evaluate` does before it computes a measure, with the same arguments."""
    named, options = names_and_options(measures, options)
    if n is not None:
        n = arguments.integer("n", n, at_least=2)
    material = Material(
        Subject.of(model), test, n=n, seed=check_seed(seed), **of_material
    )
    return Plan(material, named, measures == "all", strict, options)


def names_and_options(measures, options) -> tuple[list[str], dict[str, dict]]:
    """The names of measures and their options; raises on unknown names.

    Args:
        measures: See `evaluate`.
        options: See `evaluate`.

    Raises:
        ValueError: On other names than those of measures and of their arguments, none
            at all, and options of a measure that is not named.
    """
    if measures is None or (isinstance(measures, str) and measures == "all"):
        named = []
    elif isinstance(measures, str):
        named = [measures]
    elif isinstance(measures, Iterable) and (found := list(measures)):
        named = found
    else:
        raise ValueError(
            'Expected measures as names, "all", or None for all that apply; received: '
            f"measures={measures!r}"
        )
    given = {} if options is None else options
    if not isinstance(given, Mapping) or not all(
        isinstance(one, Mapping) for one in given.values()
    ):
        raise ValueError(
            'Expected options by measure, {"importance_weighted_bound": {"k": 5000}}; '
            f"received: options={options!r}"
        )
    check_known([*named, *given], MEASURES, "measures")
    for name, one in given.items():
        known = MEASURES[name].options
        if known is not None:
            check_known(one, dict.fromkeys(known), f"options of {name}")
        if named and name not in named:
            raise ValueError(
                f"Expected options of the measures that are named, {named}; received: "
                f"options of {name!r}"
            )
    return named, {name: dict(one) for name, one in given.items()}


def _chosen(
    named: list[str],
    costly: bool,
    strict: bool,
    material: Material,
    options: Mapping[str, Mapping],
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """The measures to take, why others are left out, and errors of own needs."""
    chosen, left_out, failed = [], {}, {}
    for name, measure in MEASURES.items():
        if named and name not in named:
            continue
        try:
            missing = " and ".join(measure.missing(material, options.get(name, {})))
        except MemoryError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if named and strict:
                raise ValueError(
                    f"Expected needs of {name} that can be asked; received: {said}"
                ) from error
            failed[name] = said
            continue
        if missing and named and strict:
            raise ValueError(f"Expected {missing} for {name}; received: {material}")
        if missing:
            left_out[name] = f"it needs {missing}"
        elif measure.costly and not (named or costly):
            left_out[name] = "it is costly: name it in measures"
        else:
            chosen.append(name)
    return chosen, left_out, failed
