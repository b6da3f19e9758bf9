"""Pictures of what a model has learned, while it trains."""

import os
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_svae import untrusted
from keras_svae.evaluation.reading.elements import (
    Examples,
    elements,
    fields,
    known_length,
)
from keras_svae.evaluation.reading.part import at_random
from keras_svae.game import checks
from keras_svae.paths import any_path
from keras_svae.pictures import plots, projector, views

__all__ = ["Pictures"]

# Of data without a known length, how many times more examples are read than wanted.
LOOKED_AT = 10
# The order's noise is not that of the choice.
_ORDER = 2


class Pictures(keras.callbacks.Callback):
    """Writes pictures, log ratios and codes, as PNG files and for TensorBoard.

    After an epoch, it writes these, of examples that stay the same during training:

    * `samples.png`, `reconstructions.png` (inputs, each above its reconstruction) and
      `interpolations.png` for images; `scatter.png` for points in the plane; and
      `codes.png` where codes are points in the plane;
    * `log_ratios.png` and two histograms: `log_ratio` on samples of the data's law q
      and of the model's p (pairs, where the critic reads pairs); and their symmetric
      KL, the scalar `epoch_symmetric_kl`, for critics that estimate it;
    * codes with labels and pictures for TensorBoard's projector, which reads them
      once: restart it for newer ones.

    It leaves out what a model cannot give (a GAN has no reconstructions, a VAE no log
    ratio). The newest pictures are in `folder`. `folder/pictures` keeps all of them, as
    `epoch-0003-samples.png` after the third epoch and `epoch-0000-samples.png` before
    the first, beside the event files. Give TensorBoard the same folder as
    `keras.callbacks.TensorBoard`: both count steps as epochs, from 0.

    It does not change the training: it has its own noise. If it fails after the first
    step, e.g. on a full disk, it warns, and tries again at the next epoch.

    Args:
        folder: The folder to write to; it is made if it is not there.
        data: A `tf.data.Dataset` or an iterable of batches x or (x, labels), which can
            be read more than once; an array x, or a tuple of arrays (x, labels). It
            uses `examples` of them, drawn at random with the seed once per `fit`; all,
            in their order, if there are no more than n. If a data set has no known
            length, it reads the first 10 * `examples`. A conditional model needs
            labels: its classes.
        every: Epochs between pictures. The last epoch has pictures in any case.
        n: Images in a grid.
        examples: Points in a scatter plot, in a histogram and in the projector. With
            large images they take most of the time: fewer are faster.
        seed: The seed of the examples, the samples and all other draws.
        projector: Whether codes are written for the projector.
        more: Further pictures by name: functions of the model that return uint8
            (height, width, 1 or 3), as those of `ks.pictures` do.

    Raises:
        ValueError: Before training starts, for fewer than two examples, or for examples
            that the model cannot learn from.
        OSError: Before training starts, if the folder cannot be written.

    Example:
        model.fit(train, epochs=20, callbacks=[
            keras.callbacks.TensorBoard("runs/svae"),
            ks.callbacks.Pictures("runs/svae", ks.data.load("mnist", labels=True))])

        # And another picture:
        ks.callbacks.Pictures("runs/svae", train, more={
            "traversals": lambda model: ks.pictures.ways.traversals(model, x)})
    """

    may_fail = True

    def __init__(
        self,
        folder: str | os.PathLike,
        data,
        every: int = 1,
        n: int = 64,
        *,
        examples: int = 1000,
        seed: int = 0,
        projector: bool = True,
        more: Mapping[str, Callable[[keras.Model], np.ndarray]] | None = None,
    ):
        super().__init__()
        checks.counts(1, every=every, n=n, examples=examples)
        self.folder = any_path(folder)
        self.history = self.folder / "pictures"
        self.data = data
        self.every, self.n, self.examples = every, n, max(n, examples)
        self.seed = seed
        self.projector = checks.flag("projector", projector)
        self.more = dict(more or {})
        for name, make in self.more.items():
            if not isinstance(name, str) or not name or "/" in name:
                raise ValueError(
                    "Expected names in `more` to be file names without /; received: "
                    f"{name!r}"
                )
            if not callable(make):
                raise ValueError(
                    f"Expected functions of the model in `more`; received: {make!r} "
                    f"for {name!r}"
                )

    def on_train_begin(self, logs=None):
        checks.trains_here(self, self.model)
        untrusted.folder(self.folder)
        untrusted.folder(self.history).mkdir(parents=True, exist_ok=True)
        self.x, self.labels = some_examples(self.data, self.examples, self.n, self.seed)
        if len(self.x) < 2:
            raise ValueError(
                f"Expected at least 2 examples; received: {len(self.x)} in data"
            )
        pairs = self.x if self.labels is None else (self.x, self.labels)
        self.model.check_data(self.model.unpack(pairs))
        self._seen = self._written = None
        # In several processes all compute, because reading some weights needs them all.
        extended = self.model.distribute_strategy.extended
        self._writes = extended.should_save_summary
        self._writer = None
        if self.model.step == 0:
            # Errors in making or writing pictures appear now, not after an epoch.
            self._write_files(0, self._pictures()[0])

    def on_epoch_end(self, epoch, logs=None):
        self._seen = epoch
        if (epoch + 1) % self.every == 0:
            self.write(epoch)

    def on_train_end(self, logs=None):
        if self._written != self._seen:
            self.write(self._seen)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def _y(self) -> np.ndarray | None:
        return self.labels if self.model.conditional else None

    def _pictures(self) -> tuple[dict, dict]:
        ratios = views.log_ratios(self.model, self.x, self.seed, self._y)
        pictures = views.pictures(
            self.model, self.x, self.labels, self.n, self.seed, ratios
        )
        for name, make in self.more.items():
            if name in pictures:
                raise ValueError(
                    f"Expected names in `more` other than {sorted(pictures)}; "
                    f"received: {name!r}"
                )
            pictures[name] = _checked(name, make(self.model))
        return pictures, ratios

    def write(self, epoch: int) -> None:
        """Writes everything, as of the end of this epoch (counted from 0)."""
        self._written = epoch
        pictures, ratios = self._pictures()
        codes = None
        if self.projector and hasattr(self.model, "encoder"):
            codes = views.codes(self.model, self.x, self._y)
        if not self._writes:
            return
        self._write_files(epoch + 1, pictures)
        self._write_events(epoch, pictures, ratios)
        if codes is not None:
            images = self.x if "samples" in pictures else None
            value_range = views.value_range(self.model, self.x)
            projector.write(self.history, codes, self.labels, images, value_range)

    def _write_files(self, number: int, pictures: dict[str, np.ndarray]) -> None:
        if not self._writes:
            return
        for name, picture in pictures.items():
            plots.save(self.history / f"epoch-{number:04d}-{name}.png", picture)
            plots.save(self.folder / f"{name}.png", picture)

    def _write_events(self, epoch, pictures, ratios) -> None:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.history))
        # `record_if` is needed because keras.callbacks.TensorBoard(update_freq=...)
        # leaves its own condition in force.
        try:
            with self._writer.as_default(step=epoch), tf.summary.record_if(True):
                for name, picture in pictures.items():
                    tf.summary.image(f"pictures/{name}", picture[None])
                for name, value in ratios.items():
                    if name == "symmetric_kl":
                        tf.summary.scalar("epoch_symmetric_kl", value)
                    else:
                        tf.summary.histogram(f"log_ratio/{name}", value)
            self._writer.flush()
        except Exception:
            self._writer = None  # one that has failed does not work again
            raise


def _checked(name: str, picture) -> np.ndarray:
    picture = np.asarray(picture)
    fine = picture.dtype == np.uint8 and picture.ndim == 3 and picture.size
    if not fine or picture.shape[-1] not in (1, 3):
        raise ValueError(
            "Expected a picture, uint8 (height, width, 1 or 3), from each function in "
            f"`more`; received: {picture.dtype} of shape {picture.shape} from {name!r}"
        )
    return picture


def some_examples(
    data, most: int, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Examples of data, drawn at random, and their labels if there are some.

    If there are n or fewer, they are in the order of the data. If there are more, they
    are in a random order: the first n of them are a random part, too.

    Args:
        data: A `tf.data.Dataset` or an iterable of batches x or (x, labels), an array
            x, or a tuple of arrays (x, labels). If it has no known length, its first
            `LOOKED_AT * most` examples are read.
        most: How many examples, at most.
        n: See above.
        seed: The seed of the choice.

    Raises:
        ValueError: For an empty data set, an iterator, and batches that are neither x
            nor (x, labels).
    """
    if isinstance(data, Iterator):
        raise ValueError(
            "Expected data that can be read more than once: arrays, a tf.data.Dataset "
            f"or a sequence of batches; received: {type(data).__name__}"
        )
    whole = hasattr(data, "shape") or isinstance(data, (tuple, list))
    stream = [data] if whole else data
    unknown = not whole and known_length(data) is None

    def read():
        left = LOOKED_AT * most
        for element in elements(stream, "data", labelled=True):
            x, *rest = [np.asarray(one) for one in fields(element) if one is not None]
            if unknown:
                x, rest = x[:left], [y[:left] for y in rest]
                left -= len(x)
            yield Examples(x, rest[0]) if rest else x
            if left <= 0:
                return

    found, count = at_random(read(), most, seed)
    if not count:
        raise ValueError("Expected data to take pictures of; received: no examples")
    x, labels = fields(found)
    if len(x) > n:
        order = np.random.default_rng([seed, _ORDER]).permutation(len(x))
        x, labels = x[order], None if labels is None else labels[order]
    return x, labels
