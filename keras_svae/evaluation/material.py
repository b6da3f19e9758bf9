"""What the measures of `evaluate` are computed from, each made once or made again."""

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.reconstructions.lpips import LPIPS
from keras_svae.evaluation.streams import (
    Stream,
    batches,
    check_range,
    fields,
    first,
    gather,
    has_labels,
)
from keras_svae.evaluation.subject import Subject

__all__ = ["Material"]

# Of arrays: x and what is made of it are read side by side.
BATCH = 256


class Repeatable:
    """A stream of batches that can be read more than once."""

    def __init__(self, make: Callable[[], Iterator]):
        self._make = make

    def __iter__(self) -> Iterator:
        return iter(self._make())


class Material:
    """What measures are computed from: `evaluate` gives it to each of them.

    Images are never kept: they are read, or made again from the same seeds, by each
    measure that asks for them. Features and codes are kept. Methods give streams of
    batches, which any function of this package takes and `gather` makes one array of.

    Args:
        subject: The model.
        test: Test data, see `evaluate`, as for all that follow.
        train: Training data.
        n: Examples that are read and samples that are drawn, at most.
        seed: The seed of all random draws.
        backbone: The network through which measures see images.
        lpips: The network of LPIPS.
        mixture: The law of points.
        value_range: (low, high), the values of black and white.
        dequantise: Whether images are 8-bit.

    Attributes:
        subject: The model, as the functions that can be asked of it, a `Subject`.
        n: How many samples are drawn, and how many examples are read at most.
        count: How many test examples there are, at most n.
        extremes: Their smallest and largest value.
        repeats: Whether they are the same at each reading; a data set that shuffles,
            or draws anew, is not.
        seed: The seed of all random draws.
        images: Whether examples are images (height, width, 1 or 3).
        value_range: (low, high) where data lie, of images the values of black and
            white; None for anywhere.
        dequantise: Whether likelihoods are of 8-bit data with uniform noise.
        backbone: The `Backbone` through which measures see images, or None.
        lpips: An `LPIPS`, or None.
        mixture: The law of points, or None.
        labelled_test: Whether test data have labels.
        labelled_train: Whether training data are there, with labels.

    Raises:
        ValueError: On data that do not go with the model.
    """

    subject: Subject
    n: int
    count: int
    extremes: tuple[float, float]
    repeats: bool
    seed: int
    images: bool
    value_range: tuple[float, float] | None
    dequantise: bool
    backbone: Backbone | None
    lpips: LPIPS | None
    mixture: Any
    labelled_test: bool
    labelled_train: bool

    def __init__(
        self,
        subject: Subject,
        test: Stream,
        train: Stream | None = None,
        *,
        n: int,
        seed: int = 0,
        backbone: Backbone | None = None,
        lpips: LPIPS | None = None,
        mixture=None,
        value_range: tuple[float, float] | None = None,
        dequantise: bool = False,
    ):
        self.subject, self.n, self.seed = subject, n, seed
        self.backbone, self.lpips, self.mixture = backbone, lpips, mixture
        self.dequantise = dequantise
        shape = subject.data_shape
        self.images = len(shape) == 3 and shape[-1] in (1, 3)
        if value_range is not None:
            value_range = check_range(value_range)
        self.value_range = value_range or subject.range
        if self.value_range is None and (self.images or dequantise):
            self.value_range = (0.0, 1.0)
        self._test, self._train = test, train
        self.labelled_test = has_labels(test)
        self.labelled_train = train is not None and has_labels(train)
        # All of the data, before anything runs: later, errors are a measure's own.
        self.count, least, most, head = 0, np.inf, -np.inf, None
        for part in self.examples() if self.labelled_test else self.x():
            x, _ = fields(part)
            subject.check(x)
            self.count += len(x)
            least, most = min(least, x.min()), max(most, x.max())
            head = x if head is None else head
        self.extremes = float(least), float(most)
        assert head is not None  # `batches` raises where there are no data
        self.repeats = np.array_equal(head, next(iter(self.x())))

    def __str__(self) -> str:
        method, shape = self.subject.about["method"], self.subject.data_shape
        return f"{method}, {self.count} test examples of shape {shape}, n={self.n}"

    def again(self) -> "Material":
        """The same, for a model whose weights have changed since.

        It keeps what was computed from data alone.
        """
        made = copy.copy(self)
        for name in ("generated_features", "codes", "drawn_codes", "_training"):
            vars(made).pop(name, None)
        return made

    def x(self) -> Repeatable:
        """Test data, (batch, ...) each."""
        inputs = self._test[0] if isinstance(self._test, tuple) else self._test
        return Repeatable(lambda: first(batches(inputs, BATCH), self.n))

    def examples(self) -> Repeatable:
        """What the model is asked about: x, or `Examples` of a conditional model."""
        return self._examples(self._test)

    def _examples(self, data) -> Repeatable:
        read = self.subject.read
        return Repeatable(lambda: first(read(data, batch_size=BATCH), self.n))

    def samples(self) -> Repeatable:
        """n samples of the model; images are clipped to their range."""
        return Repeatable(
            lambda: map(self._clip, self.subject.generate(self.n, self.seed))
        )

    def reconstructions(self) -> Repeatable:
        """Reconstructions of `x`; images are clipped to their range."""
        made = self.subject.reconstruct
        return Repeatable(lambda: map(self._clip, made(self.examples(), self.seed)))

    def _clip(self, x: np.ndarray) -> np.ndarray:
        if not self.images:
            return x
        assert self.value_range is not None  # of images there always is one
        return np.clip(x, *self.value_range)

    def prior_codes(self) -> Repeatable:
        """Codes of the prior, of which `recovered_codes` are the way back."""
        pairs = self.subject.generate_pairs
        return Repeatable(lambda: (z for _, z in pairs(self.n, self.seed)))

    def recovered_codes(self) -> Repeatable:
        """Codes of samples that were made from `prior_codes`."""
        return Repeatable(lambda: self.subject.recovered_codes(self.n, self.seed))

    def features(self, stream) -> np.ndarray:
        """The backbone's features of images, (n, d); points are their own."""
        if self.backbone is None:
            return gather(stream)
        made = self.backbone.features(
            stream,
            value_range=self.value_range,  # type: ignore[arg-type]  # None: it raises
        )
        return gather(made, "features")

    @functools.cached_property
    def real_features(self) -> np.ndarray:
        """Features of `x`, (count, d)."""
        return self.features(self.x())

    @functools.cached_property
    def generated_features(self) -> np.ndarray:
        """Features of `samples`, (n, d)."""
        return self.features(self.samples())

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """Codes of `x`, (count, d): the posterior's means, or draws without a mean."""
        return gather(self.subject.codes(self.examples(), self.seed), "codes")

    @functools.cached_property
    def drawn_codes(self) -> np.ndarray:
        """Draws z ~ q(z|x) at `x`, (count, d)."""
        return gather(self.subject.encode(self.examples(), self.seed), "codes")

    @functools.cached_property
    def _training(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes and labels of training data, read together: the order may change."""
        labels = []

        def inputs():
            for part in first(batches(self._train, BATCH, labelled=True), self.n):
                labels.append(part.y)
                yield part

        codes = gather(self.subject.codes(inputs(), self.seed), "codes")
        return codes, np.concatenate(labels)

    @property
    def train_codes(self) -> np.ndarray:
        """Codes of labelled training data, n at most; as `codes`."""
        return self._training[0]

    @property
    def train_labels(self) -> np.ndarray:
        """Labels of `train_codes`."""
        return self._training[1]

    @functools.cached_property
    def test_labels(self) -> np.ndarray:
        """Labels of `x`, and so of `codes`, where data repeat."""
        return self._labels(self._test)

    @functools.cached_property
    def labels_of_training(self) -> np.ndarray:
        """Labels of training data, n at most, in an order of their own."""
        return self._labels(self._train)

    def _labels(self, data) -> np.ndarray:
        read = first(batches(data, BATCH, labelled=True), self.n)
        return np.concatenate([part.y for part in read])

    def likelihood_arguments(self) -> dict[str, Any]:
        """What the likelihood measures take beside the data, which are `examples`."""
        return {
            "log_likelihood": self.subject.log_likelihood,
            "prior": self.subject.prior,
            "value_range": self.value_range,
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
        return gather(found[about["above"]]), gather(found[about["below"]])
