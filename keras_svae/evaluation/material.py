"""What the measures of `evaluate` are computed from, each made once or made again."""

import copy
from typing import Any

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.random_network import backbone_of
from keras_svae.evaluation.reading.kept import Repeatable, kept
from keras_svae.evaluation.reading.looked import Looked
from keras_svae.evaluation.reading.part import Part
from keras_svae.evaluation.reading.streams import (
    Stream,
    batches,
    gather,
    has_labels,
    made_beside,
    paired,
)
from keras_svae.evaluation.reconstructions.lpips import LPIPS
from keras_svae.evaluation.samples.points import check_mixture
from keras_svae.evaluation.subject import PRIOR, Subject
from keras_svae.game import checks
from keras_svae.game.feeding.ranges import bounded

__all__ = ["Material"]

BATCH = 256  # of arrays: x and what is made of it are read side by side
MOST = 10_000  # examples that are read, and samples, where nothing else is said


class Material:
    """What measures are computed from: `evaluate` gives it to each of them.

    Images are not kept: they are read, or made again from the same seeds, by each
    measure that asks for them. If there are more than n, a random part of n is kept.
    Features and codes are kept. Methods give streams of batches, which any function of
    this package takes and `gather` makes one array of.

    Args:
        subject: The model.
        test: Test data, see `evaluate`, as for all that follow.
        train: Training data.
        reference: What the test data are, in words.
        n: Examples that are used and samples that are drawn, at most. None for 10,000
            examples at most, and as many samples as there are examples.
        seed: The seed of all random draws, also of that of n examples.
        sampler: The law of the codes of samples, by the name that the model knows.
        backbone: The network through which measures see images; "random" for
            `random_network`. None for the same, where images have no labels.
        lpips: The network of LPIPS.
        mixture: The law of points.
        value_range: (low, high), the values of black and white.
        dequantise: Whether images are 8-bit.

    Attributes:
        n: How many samples are drawn, and how many examples are used at most.
        n_follows: Whether n was not given.
        count: How many test examples are used, at most n.
        extremes: The smallest and largest value of all test data.
        binary: Whether all of them are 0 or 1.
        repeats: Whether each reading gives the same test data in the same order. It
            does not if a data set shuffles.
        images: Whether examples are images (height, width, 1 or 3).
        value_range: (low, high) where data lie, of images the values of black and
            white; None for anywhere.
        backbone: The `Backbone` through which measures see images, or None.
        drew: Whether a measure has asked for samples of the model.
        labelled_test: Whether test data have labels.
        has_train, labelled_train: Whether training data are there; with labels.
        subject, reference, seed, sampler, dequantise, lpips, mixture: As given.

    Raises:
        ValueError: On data that do not go with the model.
    """

    subject: Subject
    lpips: LPIPS | None
    labelled_test: bool
    extremes: tuple[float, float]
    binary: bool
    count: int
    repeats: bool
    images: bool
    value_range: tuple[float, float] | None
    backbone: Backbone | None

    def __init__(
        self,
        subject: Subject,
        test: Stream,
        train: Stream | None = None,
        *,
        reference: str = "test data",
        n: int | None = None,
        seed: int = 0,
        sampler: str = PRIOR,
        backbone: Backbone | str | None = None,
        lpips: LPIPS | None = None,
        mixture=None,
        value_range: tuple[float, float] | None = None,
        dequantise: bool = False,
    ):
        self.subject, self.seed, self.reference = subject, seed, reference
        checks.choice("sampler", sampler, tuple(subject.samplers()))
        self.sampler = sampler
        # Without n, as many samples as examples: measures that compare want that.
        self.n_follows, self.n = n is None, MOST if n is None else n
        self.lpips, self.mixture, self.dequantise = lpips, mixture, dequantise
        shape = subject.data_shape
        self.images = len(shape) == 3 and shape[-1] in (1, 3)
        self.value_range = bounded(subject.range)
        if value_range is not None:
            self.value_range = arguments.value_range("value_range", value_range)
        elif self.value_range is None and (self.images or dequantise):
            self.value_range = (0.0, 1.0)
        test, train = paired(test), paired(train)
        self.labelled_test = has_labels(test)
        self._train, self.drew = train, False
        self.has_train: bool = train is not None
        self.labelled_train: bool = self.has_train and has_labels(train)
        check_mixture(mixture)
        images = shape if self.images else None
        self.backbone = backbone_of(backbone, images, self.labelled_test)
        self._asked: set[str] = set()
        self._made: dict[str, Any] = {}
        self._parts = {"test": self._read_all(test)}
        if self.n_follows:
            self.n = max(2, self.count)

    def _read_all(self, test: Stream) -> Part:
        """Reads all test data before anything runs: later, errors are a measure's own.

        In the same reading it chooses n of them.
        """
        looked = Looked(self.subject)
        part = Part(test, self.n, self.seed, looked)
        self.extremes, self.binary = looked.extremes, looked.binary
        self.count, self._test = part.count, part.data
        self.repeats = not part.whole or np.array_equal(
            looked.first, next(iter(self.x()))
        )
        return part

    def __str__(self) -> str:
        told = f"{self.count} test examples of shape {self.subject.data_shape}"
        return f"{self.subject.about['method']}, {told}, n={self.n}"

    def parts(self) -> dict[str, str]:
        """Parts of data, and the sampler, that were used since the last call."""
        found = {
            f"{name}_examples": str(self._parts[name])
            for name in sorted(self._asked - {"samples"})
            if not self._parts[name].whole
        }
        if "samples" in self._asked and self.sampler != PRIOR:
            found["sampler"] = self.sampler
        self._asked.clear()
        return found

    def again(self) -> "Material":
        """The same for changed weights: it keeps what was computed from data alone."""
        of_data = ("real_features", "test_labels", "labels_of_training")
        made = copy.copy(self)
        made._made = {key: one for key, one in self._made.items() if key in of_data}
        return made

    def x(self) -> Repeatable:
        """Test data, (batch, ...) each."""
        self._asked.add("test")
        inputs = self._test[0] if isinstance(self._test, tuple) else self._test
        return Repeatable(lambda: batches(inputs, BATCH))

    def examples(self) -> Repeatable:
        """What the model is asked about: x, or `Examples` of a conditional model."""
        self._asked.add("test")
        return Repeatable(lambda: self.subject.read(self._test, batch_size=BATCH))

    def samples(self) -> Repeatable:
        """n samples of the model; images are clipped to their range."""
        self.drew = True
        self._asked.add("samples")
        of = self.n, self.seed, self.sampler
        return Repeatable(lambda: map(self._clip, self.subject.generate(*of)))

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
        self.drew = True
        pairs = self.subject.generate_pairs
        return Repeatable(lambda: (z for _, z in pairs(self.n, self.seed)))

    def recovered_codes(self) -> Repeatable:
        """Codes of samples that were made from `prior_codes`."""
        return Repeatable(lambda: self.subject.recovered_codes(self.n, self.seed))

    def features(self, stream) -> np.ndarray:
        """The backbone's features of images, (n, d); points are their own."""
        if self.backbone is None:
            return gather(stream)
        low_high: Any = self.value_range  # None: it raises
        made = self.backbone.features(stream, value_range=low_high)
        return gather(made, "features")

    @kept("test")
    def real_features(self) -> np.ndarray:
        """Features of `x`, (count, d)."""
        return self.features(self.x())

    @kept("samples")
    def generated_features(self) -> np.ndarray:
        """Features of `samples`, (n, d)."""
        return self.features(self.samples())

    @kept("test")
    def codes(self) -> np.ndarray:
        """Codes of `x`, (count, d): the posterior's means, or draws without a mean."""
        return gather(self.subject.codes(self.examples(), self.seed), "codes")

    @kept("test")
    def drawn_codes(self) -> np.ndarray:
        """Draws z ~ q(z|x) at `x`, (count, d)."""
        return gather(self.subject.encode(self.examples(), self.seed), "codes")

    @property
    def _train_part(self) -> Part:
        """The part of the training data, chosen when a measure first needs it."""
        if "train" not in self._parts:
            self._parts["train"] = Part(self._train, self.n, self.seed)
        return self._parts["train"]

    def codes_and(self, field: str, of: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes of "train" or "test" data and their "x" or "y", of one reading."""
        self._asked.add(of)
        part = self._train_part if of == "train" else self._parts[of]
        labelled = self.labelled_train if of == "train" else self.labelled_test
        bare = isinstance(part.data, tuple) and not labelled
        data = part.data[0] if bare else part.data  # type: ignore[index]
        inputs = batches(data, BATCH, labelled=labelled)
        return made_beside(field, lambda x: self.subject.codes(x, self.seed), inputs)

    @kept("train")
    def _training(self) -> tuple[np.ndarray, np.ndarray]:
        return self.codes_and("y", "train")

    @property
    def train_codes(self) -> np.ndarray:
        """As `codes`, of labelled training data, n at most."""
        return self._training[0]

    @property
    def train_labels(self) -> np.ndarray:
        """Labels of `train_codes`."""
        return self._training[1]

    @kept("test")
    def test_labels(self) -> np.ndarray:
        """Labels of `x`, and so of `codes`, where data repeat."""
        return self._labels(self._test)

    @kept("train")
    def labels_of_training(self) -> np.ndarray:
        """Labels of training data, n at most, in their own order."""
        return self._labels(self._train_part.data)

    def _labels(self, data) -> np.ndarray:
        return np.concatenate([p.y for p in batches(data, BATCH, labelled=True)])

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
        self.drew = True
        found = {
            "q": self.subject.log_ratios(self.examples(), self.seed),
            "p": self.subject.model_log_ratios(self.n, self.seed),
        }
        about = self.subject.about["log_ratio"]
        return gather(found[about["above"]]), gather(found[about["below"]])
