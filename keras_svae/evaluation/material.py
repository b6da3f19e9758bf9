"""What the measures of `evaluate` are computed from, each made once or made again."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_svae.evaluation.labelled import has_labels, label_batches, rows
from keras_svae.evaluation.measurement import Measurement, changed
from keras_svae.evaluation.streams import batches, gather
from keras_svae.evaluation.subject import Subject


class Again:
    """A stream that can be read as often as it is asked for."""

    def __init__(self, make: Callable[[], Iterator]):
        self._make = make

    def __iter__(self) -> Iterator:
        return iter(self._make())


def _first(stream: Iterator[np.ndarray], n: int) -> Iterator[np.ndarray]:
    """The first n examples of a stream."""
    for part in stream:
        yield part[:n]
        n -= len(part)
        if n <= 0:
            return


def _inputs(data):
    return data[0] if isinstance(data, tuple) else data


def _labels(data, n: int) -> np.ndarray:
    return np.concatenate(list(label_batches(data)))[:n]


class Material:
    """What measures are computed from; each made once, when first asked for.

    Images are never kept: they are read, or made again from the same seeds, by each
    measure that wants them. Features and codes are kept.
    """

    def __init__(self, subject: Subject, test, train, settings: dict[str, Any]):
        self.subject, self.n, self.seed = subject, settings["n"], settings["seed"]
        self.backbone, self.lpips = settings["backbone"], settings["lpips"]
        self.mixture = settings["mixture"]
        self.dequantise = settings["dequantise"]
        shape = subject.data_shape
        self.images = len(shape) == 3 and shape[-1] in (1, 3)
        self.value_range = settings["value_range"] or subject.range
        if self.images and self.value_range is None:
            self.value_range = (0.0, 1.0)
        self._test, self._train = test, train
        self.labelled_test = has_labels(test)
        self.labelled = self.labelled_test and train is not None and has_labels(train)

    def x(self) -> "Again":
        """Test data, at most n."""
        return Again(lambda: _first(batches(_inputs(self._test)), self.n))

    def examples(self) -> "Again":
        """What the model is asked about: `x`, of a conditional one with the classes."""
        return self._examples(self._test)

    def _examples(self, data) -> "Again":
        classes = self.subject.classes
        if classes is None:
            return Again(lambda: _first(batches(_inputs(data)), self.n))
        return Again(lambda: _first(rows(data, classes), self.n))

    def samples(self) -> "Again":
        """n samples of the model; images are clipped to their range."""
        return Again(lambda: map(self._clip, self.subject.generate(self.n, self.seed)))

    def reconstructions(self) -> "Again":
        """Reconstructions of `x`; images are clipped to their range."""
        made = self.subject.reconstruct
        return Again(lambda: map(self._clip, made(self.examples(), self.seed)))

    def _clip(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, *self.value_range) if self.images else x

    def prior_codes(self) -> "Again":
        """Codes of the prior, of which `recovered_codes` are the way back."""
        pairs = self.subject.generate_pairs
        return Again(lambda: (z for _, z in pairs(self.n, self.seed)))

    def recovered_codes(self) -> "Again":
        """Codes of samples that were made from `prior_codes`."""
        return Again(lambda: self.subject.codes(self._unclipped(), self.seed))

    def _unclipped(self) -> "Again":
        return Again(lambda: self.subject.generate_examples(self.n, self.seed))

    def features(self, stream: "Again") -> np.ndarray:
        """The backbone's features; points are their own."""
        if self.backbone is None:
            return gather(stream)
        made = self.backbone.features(stream, value_range=self.value_range)
        return gather(made, "features")

    @functools.cached_property
    def real_features(self) -> np.ndarray:
        return self.features(self.x())

    @functools.cached_property
    def generated_features(self) -> np.ndarray:
        return self.features(self.samples())

    def of_features(self, measure: Callable, *given, **options) -> Any:
        """What a measure of features gives, with what the features are."""
        about = {"backbone": "none: the points themselves"}
        if self.backbone is not None:
            about = self.backbone.details(self.subject.data_shape)
        found = named("", measure(*given, **options))
        return {
            part.removeprefix("."): changed(one, **about) for part, one in found.items()
        }

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """Codes of `x`: the posterior's means, or draws where it has none."""
        return gather(self.subject.codes(self.examples(), self.seed), "codes")

    @functools.cached_property
    def drawn_codes(self) -> np.ndarray:
        """Draws z ~ q(z|x) at `x`."""
        return gather(self.subject.encode(self.examples(), self.seed), "codes")

    @functools.cached_property
    def train_codes(self) -> np.ndarray:
        read = self._examples(self._train)
        return gather(self.subject.codes(read, self.seed), "codes")

    @property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels of `train_codes` and `codes`."""
        return _labels(self._train, self.n), _labels(self._test, self.n)

    @property
    def test_labels(self) -> np.ndarray:
        """Labels of `x`."""
        return _labels(self._test, self.n)

    def density(self) -> dict[str, Any]:
        """What the likelihood measures take beside the data, which are `examples`."""
        conditional = self.subject.classes is not None
        if conditional and self.dequantise:
            raise ValueError(
                "Expected dequantise=False for the likelihoods of a conditional model; "
                "received: dequantise=True"
            )
        return {
            "log_likelihood": self.subject.log_likelihood,
            "prior": self.subject.prior,
            # Of rows with classes the range has been looked at before.
            "value_range": None if conditional else self.value_range,
            "dequantise": self.dequantise,
            "seed": self.seed,
        }

    def log_ratios(self) -> tuple[np.ndarray, np.ndarray]:
        """The critic's on samples of the law above, and of the one below."""
        found = {
            "q": self.subject.log_ratios(self.examples(), self.seed),
            "p": self.subject.model_log_ratios(self.n, self.seed),
        }
        about = self.subject.about["log_ratio"]
        return tuple(gather(found[about[law]]) for law in ("above", "below"))


def named(name: str, found: Any) -> dict[str, Measurement]:
    """What a measure gave, by name: `name`, or `name.part` for each of several."""
    if isinstance(found, Measurement):
        return {name: found}
    if dataclasses.is_dataclass(found):
        return {name: found.mean}
    if not isinstance(found, dict):
        found = found._asdict()
    return {
        f"{name}.{part}".removesuffix("."): one
        for part, one in found.items()
        if isinstance(one, Measurement)
    }
