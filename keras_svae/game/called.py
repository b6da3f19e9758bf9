"""Calls of a model on inputs: `model(x)`, `predict` and `predict_on_batch`."""

import inspect
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.devices import loop, replicas
from keras_svae.game.feeding import kinds
from keras_svae.game.feeding.fed import Fed, Share, of_one_batch
from keras_svae.game.feeding.feed import Feed, told

__all__ = ["Called"]


class Called(keras.Model):
    """A model that checks what it is called on. `Trainer` says how data are unpacked.

    A subclass says what inputs are, and refuses what it cannot use.
    """

    # Whether its inputs are several arrays.
    reads_pairs = False

    def check_inputs(self, inputs) -> None:
        """Raises a ValueError on a batch that the model cannot be called on."""

    def unpack_inputs(self, data):
        """The part of an element that is the model's input in `predict`."""
        return kinds.parts(data)[0]

    def _part(self, element, unpack: Callable):
        """What `unpack` takes of an element. An array that it leaves must be labels."""
        batch = unpack(element)
        if batch is element:  # a method of the user's own may take its parts
            kinds.no_dictionary(element)
        if isinstance(element, (tuple, list)) and len(element) > 3:
            return batch  # by a method of the user's own
        x, y, _ = kinds.parts(element)
        if batch is x and kinds.are_arrays(x) and kinds.are_arrays(y):
            kinds.unread(y, x, type(self).__name__)
        return batch

    def _of_lists(self, x):
        """The user's data, of lists the arrays that they stand for.

        Raises:
            ValueError: For several arrays of a model that reads one. (In Keras these
                are several inputs. Their batches come from a generator.)
        """
        if not isinstance(x, dict):  # a method of the user's own may read one
            kinds.no_dictionary(x)
        x = kinds.of_numbers(x)
        if not isinstance(x, list) or not kinds.are_arrays(x):
            return x
        if not self.reads_pairs:
            raise ValueError(
                f"Expected data as one array for {type(self).__name__}; received: a "
                f"list of {len(x)} arrays. np.stack(...) makes one array of single "
                "examples, np.concatenate(...) of batches; iter(...) gives the arrays "
                "as batches."
            )
        return tuple(x)

    def _batches(self, feed: Feed, x, batch_size: int | None, steps: int | None):
        """The batches to evaluate on or to predict from; see `Feed.of`."""
        batches = feed.of(x, batch_size=batch_size, steps=steps)
        return loop.at_most(batches, steps, self.steps_per_execution)

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Keras's `predict`, with checks of the inputs."""
        given = inspect.signature(super().predict).bind(x, batch_size, *args, **kwargs)
        given = given.arguments
        checks.counts(1, batch_size=batch_size, steps=given.get("steps"))
        x = self._of_lists(given.pop("x"))
        batch_size = given.pop("batch_size", None)

        def inputs(element):
            return Fed(self._part(element, self.unpack_inputs))

        if isinstance(x, (dict, tuple)) or kinds.are_arrays(x):
            x = inputs(x)
        feed = Feed(inputs, lambda fed: self.check_inputs(fed.batch), purpose="to read")
        batches = self._batches(feed, x, batch_size, given.get("steps"))
        batches = replicas.undistributed(batches, self.distribute_strategy)
        with told(feed):
            try:
                found = super().predict(batches, **given)
            except UnboundLocalError as error:  # Keras joins what it has not got
                if "batch_outputs" not in str(error):
                    raise
                found = None
            feed.check_any(found is not None)
        return found

    def __call__(self, *args, **kwargs):
        """Keras's call, with a check of the inputs that names what is wrong."""
        if args:
            first = self._of_lists(args[0])
            leaves = keras.tree.flatten(first)
            if not any(isinstance(one, keras.KerasTensor) for one in leaves):
                self.check_inputs(keras.tree.map_structure(_tensor, first))
            args = first, *args[1:]
        return super().__call__(*args, **kwargs)

    def predict_step(self, data):
        data = of_one_batch(data)  # of `predict_on_batch`
        if isinstance(data, Fed):
            data = Share(*replicas.share(data, self.distribute_strategy))
        if isinstance(data, Share):
            return self(self._shaped(data.batch), training=False)
        return super().predict_step(data)

    def predict_on_batch(self, x):
        """Keras's `predict_on_batch`, with checks of the inputs."""
        x = self._of_lists(x)
        x = keras.tree.map_structure(_tensor, x)
        self.check_inputs(x)
        return super().predict_on_batch(Fed(x))


def _tensor(value) -> tf.Tensor | None:
    return None if value is None else tf.convert_to_tensor(value)
