"""What a model is fed: all kinds of data that Keras knows, made into one kind.

`fit`, `evaluate` and `predict` make a `tf.data.Dataset` of the data they receive. Each
batch is checked before a step receives it, outside of the step's graph. So XLA,
replicas and several steps per execution do not change these checks.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game.feeding import kinds
from keras_svae.game.feeding.arrays import (
    as_array,
    batched,
    batches_of,
    check_dense,
    check_like,
    examples_in,
    length_of,
    spec_of,
)
from keras_svae.game.feeding.fed import Fed
from keras_svae.game.feeding.known import Known
from keras_svae.game.feeding.reader import Reader
from keras_svae.game.feeding.set_up import Policy, set_up
from keras_svae.game.feeding.sizes import Sizes
from keras_svae.telling import warn

__all__ = ["Feed", "told"]

_NO_BATCHES = (str, bytes, Mapping)
Kept: TypeAlias = tf.data.Dataset | tf.distribute.DistributedDataset


class Feed:
    """Turns data into batches that have been checked.

    Args:
        unpack: Makes a `Fed` of the user's data, of tensors or arrays.
        look: Raises a ValueError on a `Fed` of arrays that the model cannot take.
        least: The least number of examples in a training batch, over all replicas,
            and the reason. A smaller batch is left out with a warning.
        replicas: The number of replicas that share a batch.
        purpose: What the data are for, "to train on", for messages.
        seed: Of shuffling; None for another order at each call.
    """

    def __init__(
        self,
        unpack: Callable[[Any], Fed],
        look: Callable[[Fed], None],
        least: tuple[int, str] = (0, ""),
        replicas: int = 1,
        purpose: str = "",
        seed: int | None = None,
    ):
        self.unpack, self.look, self.seed = unpack, look, seed
        use = "evaluation" if purpose.endswith("evaluate on") else "training"
        self.sizes = Sizes(*least, replicas, use)
        self.what = f"data {purpose}".rstrip()
        # The error of a wrong batch. TensorFlow raises its own errors instead.
        self.error: Exception | None = None
        # Whether some example has a weight above 0; None where no weights came.
        self._weighs: bool | None = None

    def of(
        self,
        x: Any,
        *,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        steps: int | None = None,
        hooks: bool = True,
    ) -> Kept:
        """The batches of x, each a `Fed`.

        Args:
            x: A `Fed` of arrays; a `tf.data.Dataset`; a `keras.utils.PyDataset`; or
                another iterable over batches, such as a generator or a
                `torch.utils.data.DataLoader`. A distributed data set belongs to the
                user and stays unchanged.
            batch_size: For arrays; None means 32. Beside other data, a warning.
            shuffle: For arrays and a `PyDataset`: whether each pass has its own order.
            steps: For arrays without a batch size: the number of batches to make.
            hooks: For a `PyDataset`: see `Reader`.

        Raises:
            ValueError: For data that the model cannot take, as far as that is seen
                without reading them, and for all of arrays.
            TypeError: For an object that holds no data.
        """
        if batch_size and not isinstance(x, Fed):
            warn(
                f"Expected no batch_size beside a {type(x).__name__}, which has "
                f"batches; received: batch_size={batch_size}, without effect."
            )
        if isinstance(x, tf.distribute.DistributedDataset):
            return x
        if isinstance(x, Fed):
            return set_up(self._of_arrays(x, batch_size, shuffle, steps))
        if isinstance(x, tf.data.Dataset):
            count = int(x.cardinality())
            if count == tf.data.INFINITE_CARDINALITY:
                self._check_end(steps)
            policy = x.options().experimental_distribute.auto_shard_policy
            self.sizes.even &= policy in (Policy.AUTO, Policy.DATA)
            data = self._of_dataset(x, count)
            return self._ready(data, None if count < 0 else count, steps)
        if isinstance(x, keras.utils.PyDataset):
            batches = Reader(x, bool(shuffle), self.seed, hooks)
            if batches.count == 0:
                raise ValueError(f"Expected {self.what}; received: an empty PyDataset")
            if batches.count is None:
                self._check_end(steps)
            first = x[0]
            if first is None:
                what = f"None, which __getitem__ of {type(x).__name__} returned"
                raise ValueError(f"Expected {self.what}; received: {what}")
            return self._of_batches(batches, batches.count, steps, first)
        sparse = hasattr(x, "shape")  # SciPy's, which are no batches
        if isinstance(x, Iterable) and not (sparse or isinstance(x, _NO_BATCHES)):
            return self._of_batches(x, length_of(x), steps)
        raise TypeError(
            "Expected data as arrays, a tf.data.Dataset, a keras.utils.PyDataset or an "
            f"iterable over batches; received: {type(x).__name__}{batches_of(x)}"
        )

    def check_any(self, came: bool) -> None:
        """Raises a ValueError if no batch came, after a pass over the data."""
        if not came:
            small = f"batches that are all too small: expected {self.sizes.why}"
            received = small if self.sizes.left_out else "an empty data set"
            raise ValueError(f"Expected {self.what}; received: {received}")

    def warn_of_weights(self) -> None:
        """Warns if examples had weights, and all of them were 0."""
        if self._weighs is False:
            warn(
                f"Expected an example with a weight above 0 in {self.what}; received: "
                "weights of 0 alone. The loss is NaN in evaluation, 0 in training."
            )

    def looked(self, fed: Fed) -> Fed:
        """The batch, after its check. The error of a wrong batch is kept."""
        try:
            self.look(fed)
            if not isinstance(fed.weight, tuple):
                self._weighs = bool(self._weighs) or bool(np.any(fed.weight))
        except (ValueError, TypeError) as error:
            self.error = error
            raise
        return fed

    def in_graph(self, fed: Fed) -> Fed:
        """The same in a graph: the tensors wait for the check."""
        flat = keras.tree.flatten(fed)

        def look(*arrays):
            self.looked(keras.tree.pack_sequence_as(fed, list(arrays)))
            return np.bool_(True)

        fine = tf.numpy_function(look, flat, tf.bool, stateful=True)
        with tf.control_dependencies([fine]):
            return keras.tree.map_structure(tf.identity, fed)

    def _check_end(self, steps: int | None) -> None:
        if not steps:
            raise ValueError(
                f"Expected steps_per_epoch=, validation_steps= or steps= for "
                f"{self.what}, which have no end; received: none"
            )

    def _ready(self, data, count: int | None, steps: int | None) -> tf.data.Dataset:
        """Large batches, set up; `count` of them if that is known."""
        data = self.sizes.large_enough(data, count is not None, steps)
        # The next batch is read while a step runs. So the end of the data is read, too,
        # before Keras asks for it: a cache is complete only then.
        data = set_up(data.prefetch(1))
        found = int(data.cardinality())
        if count is None or found in (count, tf.data.INFINITE_CARDINALITY):
            return data
        return Known(data, count)

    # ---- Kinds of data -------------------------------------------------------------

    def _of_arrays(self, fed, batch_size, shuffle, steps):
        arrays = keras.tree.map_structure(as_array, fed)
        sizes = {examples_in(one) for one in keras.tree.flatten(arrays)}
        if len(sizes) != 1:
            raise ValueError(
                "Expected x, y and weights with as many rows as each other; received: "
                f"{sorted(sizes)}"
            )
        (count,) = sizes
        if count == 0:
            raise ValueError(f"Expected {self.what}; received: an empty array")
        self.looked(arrays)
        if not batch_size:
            batch_size = math.ceil(count / steps) if steps else 32
        full = min(batch_size, count)
        for size in {full, count % batch_size or full}:
            self.sizes.check(size, full)
        return batched(arrays, batch_size, shuffle, self.seed)

    def _of_dataset(self, data, count: int):
        if count == 0:
            raise ValueError(f"Expected {self.what}; received: an empty data set")
        if count != tf.data.UNKNOWN_CARDINALITY:
            # All is read again. A stream of one reading that says a length loses it.
            for element in set_up(data.take(1)):
                fed = self.unpack(element)
                check_dense(fed)
                fed = keras.tree.map_structure(as_array, fed)
                self._check_first(examples_in(fed))
                self.look(fed)

        @tf.autograph.experimental.do_not_convert
        def looked(*element):
            # A data set's map passes a tuple as several arguments, a named one as one.
            apart = type(data.element_spec) is tuple
            fed = self.unpack(element if apart else element[0])
            check_dense(fed)
            self.look(fed)  # types and shapes
            size = keras.tree.flatten(fed)[0].shape[0]
            if size is not None:
                self.sizes.check(size, size)
            return self.in_graph(fed)

        return data.map(looked)

    def _of_batches(self, batches, count, steps, first=None):
        """Batches of an iterable: each is checked before it becomes a tensor."""
        once = None
        if first is None:
            start = iter(batches)
            first = next(start, None)
            if first is None:
                raise ValueError(f"Expected {self.what}; received: no batch at all")
            if start is batches:  # it cannot be read again
                once = itertools.chain([first], start)
        fed = self._read(first)
        if count is not None:
            self._check_first(examples_in(fed))
        spec = keras.tree.map_structure(spec_of, fed)

        def read():
            number = 0
            try:
                for element in batches if once is None else once:
                    number, fed = number + 1, self._read(element)
                    check_like(fed, spec)
                    yield fed
                if count not in (None, number):
                    raise ValueError(
                        f"Expected {count} batches, the length of the data; received: "
                        f"{number}"
                    )
            except Exception as error:  # perhaps the user's own, of a generator
                self.error = error
                raise

        data = tf.data.Dataset.from_generator(read, output_signature=spec)
        return self._ready(data, count, steps)

    def _check_first(self, size: int) -> None:
        """Raises if the first batch is too small. One without examples is left out."""
        if size:
            self.sizes.check(size, size)

    def one(self, fed: Fed) -> Fed:
        """A single batch of arrays, after its check."""
        fed = keras.tree.map_structure(as_array, fed)
        size = examples_in(fed)
        self.sizes.check(size, size)
        return self.looked(fed)

    def _read(self, element) -> Fed:
        if not isinstance(element, dict):  # a method of the user's own may read one
            kinds.no_dictionary(element)
        element = keras.tree.map_structure(as_array, kinds.of_lists(element))
        return self.looked(keras.tree.map_structure(as_array, self.unpack(element)))


@contextlib.contextmanager
def told(*feeds: Feed) -> Iterator[None]:
    """If a batch was wrong, raises its own error instead of TensorFlow's."""
    try:
        yield
    except Exception:
        for feed in feeds:
            if feed.error is not None:
                raise feed.error from None
        raise
