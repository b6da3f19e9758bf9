"""Keras's methods: how data, weights of examples and callbacks reach a step."""

import contextlib
import inspect
from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import checks, optimizing
from keras_svae.game.averages import Averages
from keras_svae.game.devices import loop, replicas, workers
from keras_svae.game.devices.loop import Looping
from keras_svae.game.diverged import with_backups
from keras_svae.game.feeding import kinds
from keras_svae.game.feeding.fed import Fed, Share, of_one_batch
from keras_svae.game.feeding.feed import Feed, told
from keras_svae.game.feeding.known import quiet
from keras_svae.game.feeding.reader import Hooks
from keras_svae.game.feeding.user_data import UserData
from keras_svae.game.keras_callbacks import resuming
from keras_svae.game.keras_callbacks.prepared import prepared
from keras_svae.game.keras_callbacks.runs import Run
from keras_svae.game.once import once
from keras_svae.game.saving import states
from keras_svae.game.saving.at_once import SavedAtOnce
from keras_svae.game.saving.kept import Keeping
from keras_svae.game.weighing import Weighing
from keras_svae.owners import owner_of, package_of
from keras_svae.telling import warn

__all__ = ["Trainer"]


class Trainer(SavedAtOnce, UserData, Looping, Keeping):
    """A model that checks data before they reach a step.

    A subclass says what it needs of the user's data, and refuses what it cannot use.
    """

    players: dict[str, Any] = {}
    _run = once(lambda model: Run())
    _seen: Any = None  # the values of data since `fit` or `evaluate` was called

    @property
    def averages(self) -> Averages | None:
        """The averages of the weights, of a model compiled with `ema`."""
        return next(iter(self._parts_of(Averages)), None)

    # ---- Data --------------------------------------------------------------------

    def _feed(self, training: bool) -> Feed:
        """The object that makes batches of a user's data."""
        count = self.distribute_strategy.num_replicas_in_sync
        even = replicas.are_traced(self.distribute_strategy)
        least = self.least_share() if training else (0, "at least 1 example")
        if even and least[0] == 1:  # some replicas may have none of a batch
            least = 0, "at least 1 example"
        purpose = "to train on" if training else "to evaluate on"
        # All workers need the same order, to share each batch.
        several = workers.are_several(self.distribute_strategy)
        seed = self.seed + self.step if several else None
        feed = Feed(self._unpacked, self._look, least, count, purpose, seed)
        feed.sizes.even = even
        return feed

    def _fed(self, data) -> Fed:
        """The data for a step: `fit` has checked them, or they are checked here."""
        fed = self._checked_fed(data)
        return fed._replace(batch=self._shaped(fed.batch))

    def _checked_fed(self, data) -> Fed:
        data = of_one_batch(data)  # of `train_on_batch`, `test_on_batch`
        if isinstance(data, Fed):
            return replicas.share(data, self.distribute_strategy)
        if isinstance(data, Share):
            return Fed(*data)
        # A distributed data set belongs to the user.
        return Feed(self._unpacked, self._look).in_graph(self._unpacked(data))

    def _weighing(self, fed: Fed) -> Weighing:
        x = keras.tree.flatten(fed.batch)[0]
        count = x.shape[0] if x.shape[0] is not None else tf.shape(x)[0]
        weight = None
        if not isinstance(fed.weight, tuple):
            weight = tf.reshape(tf.cast(fed.weight, tf.float32), [-1])
        replicas = self.distribute_strategy.num_replicas_in_sync
        losses = [owner_of(type(self), f"{name}_loss") for name in self.players]
        own = any(package_of(one) != "keras_svae" for one in losses)
        return Weighing(count, weight, replicas, own)

    # ---- Keras's other entrances -------------------------------------------------

    def fit(self, x=None, *args, **kwargs):
        """Keras's `fit`, with checks of the data. See `keras.Model.fit`.

        Each batch is checked before its update: its type, shape, range, and whether its
        values are finite. A batch that is too small for the networks' batch
        normalisation, or for the method, is refused before training if its size is
        known, as of arrays. Otherwise it is left out with a warning. After a `Diverged`
        or an interruption, the model has the weights of the last step.
        """
        self._make_ready("fit", training=True)
        self._seen = None
        given = inspect.signature(super().fit).bind(x, *args, **kwargs).arguments
        checks.counts_of(given)
        names = ("x", "y", "sample_weight", "class_weight")
        data = {name: given.pop(name, None) for name in names}
        parts = kinds.together(*(kinds.of_numbers(data[one]) for one in names[:3]))
        data |= dict(zip(names, parts, strict=False))
        batch_size, shuffle = given.pop("batch_size", None), given.pop("shuffle", True)
        checks.choice("shuffle", shuffle, (True, False, "batch"))
        steps = given.get("steps_per_epoch")
        validation = given.pop("validation_data", None)
        split = given.pop("validation_split", 0.0)
        if validation is None and split:
            data, validation = kinds.split(data, split)
        feeds = [self._feed(training=True), self._feed(training=False)]
        x, callbacks = self._arrays(**data), given.pop("callbacks", None)
        own = isinstance(x, keras.utils.PyDataset) and bool(steps)
        training = feeds[0].of(
            x, batch_size=batch_size, shuffle=shuffle, steps=steps, hooks=not own
        )
        if validation is not None:
            held = self._arrays(*kinds.parts(kinds.of_numbers(validation)))
            size = given.pop("validation_batch_size", None)
            size = size or (batch_size if isinstance(held, Fed) else None)
            some = given.get("validation_steps")
            given["validation_data"] = self._batches(feeds[1], held, size, some)
        training = loop.passes(training, steps, self.steps_per_execution)
        validated = None if validation is None else given
        callbacks = prepared(callbacks, self, validated)
        callbacks = [Hooks(x), *callbacks] if own else callbacks
        self._begin_training()
        read = [(training, steps)]
        if validation is not None:
            read += [(given["validation_data"], given.get("validation_steps"))]
        with (
            told(*feeds),
            quiet(*read),
            self._averaging(),
            with_backups(callbacks),
        ):
            given |= {"shuffle": False, "callbacks": callbacks}
            history = resuming.fit(self._fit, self, training, given)
            began = self._run.trained_before is not None
            feeds[0].check_any(self._run.trained > 0 or not began)
        # What the first worker's callbacks write, the others may read from here on.
        workers.meet(self.distribute_strategy)
        for feed in feeds:
            feed.warn_of_weights()
        return history

    def _fit(self, data, **given) -> keras.callbacks.History:
        """Keras's `fit`. Replicas take their shares of batches, see `undistributed`."""
        strategy, self._run.fitting = self.distribute_strategy, True
        if "validation_data" in given:
            validation = replicas.undistributed(given["validation_data"], strategy)
            given = given | {"validation_data": validation}
        try:
            return super().fit(replicas.undistributed(data, strategy), **given)
        finally:
            self._run.fitting = False

    def _make_ready(self, name: str, training: bool) -> None:
        """Prepares the compiled model for a call.

        Args:
            name: The method that is called, for messages.
            training: Whether it trains.

        Raises:
            ValueError: If it needs `compile` before.
        """
        if not self.compiled:
            raise ValueError(
                f"Expected a compiled model; received: {name}() before compile(). Call "
                f"compile({', '.join(checks.optimizer_names(self.players))})."
            )

    def _begin_training(self) -> None:
        if self._run.fitting:  # a callback of `fit` trains on a batch
            return
        for one in self.optimizers.values():
            optimizing.start_at_weights(one)
        self._run.begin_fit()
        if self.averages is not None:
            self.averages.begin()

    @contextlib.contextmanager
    def _averaging(self):
        """Takes back averages that were lent. They stay if training ended with them."""
        finished = False
        try:
            yield
            finished = True
        finally:
            if self.averages is not None:
                self.averages.end(finished)

    def evaluate(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Keras's `evaluate`, with checks of the data: means over all examples."""
        if kwargs.get("_use_cached_eval_dataset"):  # the call comes from fit
            if self._run.is_without_steps:
                return {}
            found = super().evaluate(x, y, batch_size, *args, **kwargs)
            if not found:
                warn(
                    "Expected data to evaluate on, as validation_data; received: no "
                    "batch. This epoch has no val_* (a generator is read only once)."
                )
            self._warn_of_empty()
            return found
        self._make_ready("evaluate", training=False)
        self._seen = None
        bound = inspect.signature(super().evaluate).bind
        given = bound(x, y, batch_size, *args, **kwargs).arguments
        given |= given.pop("kwargs", {})
        checks.counts_of(given)
        names = ("x", "y", "sample_weight")
        data = {name: given.pop(name, None) for name in names}
        feed = self._feed(training=False)
        size, steps = given.pop("batch_size", None), given.get("steps")
        batches = self._batches(feed, self._arrays(**data), size, steps)
        shared = replicas.undistributed(batches, self.distribute_strategy)
        with told(feed), quiet((batches, steps)):
            found = super().evaluate(shared, **given)
        feed.check_any(found not in ({}, []))
        feed.warn_of_weights()
        self._warn_of_empty()
        return found

    def _warn_of_empty(self) -> None:
        """Warns if no example of an evaluation had a value for some of the columns."""

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, return_dict=False
    ):
        """Keras's `train_on_batch`, with a check of the batch before."""
        self._make_ready("train_on_batch", training=True)
        fed = self._one_batch(x, y, sample_weight, class_weight, training=True)
        self._begin_training()
        return super().train_on_batch(fed, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Keras's `test_on_batch`, with a check of the batch before."""
        self._make_ready("test_on_batch", training=False)
        fed = self._one_batch(x, y, sample_weight, None, training=False)
        return super().test_on_batch(fed, return_dict=return_dict)

    def _one_batch(self, x, y, sample_weight, class_weight, training) -> Fed:
        fed = self._arrays(x, y, sample_weight, class_weight)
        if not isinstance(fed, Fed):
            raise TypeError(f"Expected a batch as arrays; received: {type(x).__name__}")
        return self._feed(training).one(fed)

    def save_own_variables(self, store):
        """Saves the step, and the state of random layers, which Keras does not keep."""
        super().save_own_variables(store)
        states.save(self, store)

    def load_own_variables(self, store):
        """See `save_own_variables`."""
        super().load_own_variables(states.apart(store))
        states.restore(self, store)
