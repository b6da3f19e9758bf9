"""Steps of a call: several, also under XLA on replicas; or one, with less overhead.

Keras's loop runs over the end of an epoch that is no multiple of the steps of a call,
and goes on after a number that is not finite. Each step here is the step of a call of
its own: same batch, same noise, same numbers.

For a call of one step Keras packs the logs into an optional value and unpacks them in
Python, to learn of the end of the data. That is a tenth of a small network's step.
"""

import contextlib
import functools
import weakref
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_svae.game.devices import workers, xla
from keras_svae.game.feeding.known import batches_in

__all__ = ["Looping", "at_most", "function", "passes"]

_ITERATORS = tf.data.Iterator, tf.distribute.DistributedIterator


class Looping(keras.Model):
    """A model whose calls run several steps, if it is compiled so."""

    def make_train_function(self, force=False):
        """Keras's `make_train_function`, with a loop of our own."""
        if self.train_function is None or force:
            self.train_function = function(self, self.train_step, training=True)

    def make_test_function(self, force=False):
        """Keras's `make_test_function`; see `make_train_function`."""
        if self.test_function is None or force:
            self.test_function = function(self, self.test_step, training=False)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras reads a batch under a strategy, to build what is built here already.

        It would take the batch from a stream that comes once. It fails over several
        workers if an element is more than one tensor. Keras has no public switch.
        """


def passes(data, steps: int | None, per_call: int):
    """Data to train on, in the form in which Keras does not count their batches.

    Keras counts whole calls. So it would leave out the rest of the data, or begin them
    again too early.

    Args:
        data: A data set.
        steps: The steps of an epoch; None for all batches of the data.
        per_call: The steps of a call.

    Raises:
        ValueError: For data of the user's own strategy that have to be counted.
    """
    if not steps or steps % per_call == 0 or batches_in(data) < 0:
        return data
    _check_changeable(data, steps, per_call)
    if batches_in(data) % steps == 0:
        return data.repeat()
    # The last epoch of each pass is short, and Keras warns.
    return data.filter(_true)


def at_most(data, steps: int | None, per_call: int):
    """The first batches of data to evaluate on or to predict from; see `passes`."""
    if not steps or steps % per_call == 0:
        return data
    _check_changeable(data, steps, per_call)
    return data.take(steps)


def function(model, step: Callable, training: bool) -> Callable:
    """What Keras calls with an iterator, to run several steps and get the last logs.

    Args:
        model: A compiled model.
        step: `train_step` or `test_step`.
        training: Whether a loss that is not finite ends the call.
    """
    one = _one_step(model, step)
    alone = model.steps_per_execution == 1
    if alone and not (model.run_eagerly or xla.in_clusters(model)):
        return _single(one)
    # TensorFlow 2.21 cannot run reductions over several workers within a graph's loop.
    # It can in steps one after the other, each but the first under a condition. They
    # are hardly faster, and take several times as long to trace.
    eagerly = model.run_eagerly or tf.config.functions_run_eagerly()
    apart = eagerly or workers.are_several(model.distribute_strategy)
    several = (_one_by_one if apart else _in_graph)(
        one, model._of_losses if training else None
    )
    clustered = xla.in_clusters(model)

    def call(iterator):
        with xla.clustering() if clustered else contextlib.nullcontext():
            if not isinstance(iterator, _ITERATORS):
                return [one(data) for data in iterator][-1]  # of train_on_batch
            left = model._run.left_of_epoch if training else None
            most = model.steps_per_execution
            most = most if left is None else min(most, left)
            done, logs = several(iterator, tf.constant(most, tf.int64))
            if int(done) == 0:
                raise StopIteration
        if left is not None:
            model._run.left_of_epoch = left - most
        return logs

    return call


def _single(one: Callable) -> Callable:
    """One step in a call."""

    def from_next(iterator):
        return one(iterator.get_next())

    # As a partial: TensorFlow would count the traces of all models together, and warn.
    next_one = tf.function(
        functools.partial(from_next), autograph=False, reduce_retracing=True
    )

    # An iterator and its trace: TensorFlow would look for the trace at each call, by
    # all variables that it reads.
    known: list = [None, None]

    def traced(iterator):
        eagerly = tf.config.functions_run_eagerly()
        if eagerly or not isinstance(iterator, tf.data.Iterator):
            return next_one
        if known[0] is None or known[0]() is not iterator:
            known[:] = weakref.ref(iterator), next_one.get_concrete_function(iterator)
        return known[1]

    def call(iterator):
        if not isinstance(iterator, _ITERATORS):
            return [one(data) for data in iterator][-1]  # of train_on_batch
        try:
            return traced(iterator)(iterator)
        except tf.errors.OutOfRangeError:
            raise StopIteration from None

    return call


def _one_step(model, step) -> Callable:
    """A step on all replicas: a function of their data, which gives one log."""
    strategy = model.distribute_strategy

    def mean(value):
        if strategy.num_replicas_in_sync > 1:
            value = strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
        # Several workers' logs have an axis: see `Logged._logs`.
        return tf.reshape(value, []) if value.shape.rank else value

    def tensors(data):  # a `train_step` may add a Python number
        return keras.tree.map_structure(tf.convert_to_tensor, step(data))

    def one(data):
        logs = strategy.run(tensors, args=(data,))
        return keras.tree.map_structure(mean, logs)

    if model.run_eagerly:
        return one
    whole = model.jit_compile and not xla.in_clusters(model)
    return tf.function(
        one, autograph=False, reduce_retracing=True, jit_compile=whole or None
    )


def _in_graph(one, judged: Callable | None) -> Callable:
    @tf.function(autograph=False, reduce_retracing=True)
    def several(iterator, most):
        made = one.get_concrete_function(iterator.element_spec).structured_outputs
        empty = tf.nest.map_structure(lambda x: tf.zeros(x.shape, x.dtype), made)

        def runs(done, more, logs):
            return tf.logical_and(done < most, more)

        def body(done, more, logs):
            data = iterator.get_next_as_optional()
            there = data.has_value()
            logs = tf.cond(there, lambda: one(data.get_value()), lambda: logs)
            more = there
            if judged is not None:
                more = tf.logical_and(there, _finite(judged(logs)))
            return done + tf.cast(there, tf.int64), more, logs

        start = tf.constant(0, tf.int64), tf.constant(True), empty
        done, _, logs = tf.while_loop(runs, body, start, parallel_iterations=1)
        return done, logs

    return several


def _one_by_one(one, judged: Callable | None) -> Callable:
    def several(iterator, most):
        done, logs = 0, None
        while done < int(most):
            data = iterator.get_next_as_optional()
            if not data.has_value():
                break
            done, logs = done + 1, one(data.get_value())
            if judged and done < int(most) and not _finite(judged(logs)):
                break
        return done, logs

    return several


def _finite(logs: dict[str, tf.Tensor]) -> tf.Tensor:
    if not logs:  # of a `train_step` that logs no loss
        return tf.constant(True)
    return tf.reduce_all(tf.math.is_finite(tf.stack(list(logs.values()))))


@tf.autograph.experimental.do_not_convert
def _true(*unused):
    return True


def _check_changeable(data, steps, per_call):
    if not isinstance(data, tf.data.Dataset):
        raise ValueError(
            "Expected a number of steps that is a multiple of steps_per_execution="
            f"{per_call} for a {type(data).__name__}; received: {steps} steps"
        )
