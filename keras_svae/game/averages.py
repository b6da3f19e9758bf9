"""Exponential moving averages of weights, kept beside them."""

import contextlib
import numbers
import zlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Averages", "check_momentum"]


def check_momentum(ema) -> None:
    """Raises unless it is a number between 0 and 1, or None."""
    if ema is not None and not (isinstance(ema, numbers.Real) and 0 < float(ema) < 1):
        raise ValueError(f"Expected ema in (0, 1); received: ema={ema!r}")


class Averages(keras.layers.Layer):
    """Holds an average of each given weight, and can lend them to the model.

    It is a layer, so that the averages are saved with the model. An optimizer's own
    `use_ema` covers one player; this class covers all players.

    The averages start at the weights' values when training starts. While they are lent,
    the averages are in the model's weights, and the trained weights are kept here,
    until training goes on. A weight of this layer says whether they are lent:
    `get_weights`, checkpoints and files contain it.

    An average of bfloat16 weights is float32: bfloat16 keeps 8 bits, and would lose the
    small change of each update. Lent to the model, it is rounded to bfloat16.

    Args:
        variables: The weights.
        momentum: Share of the old average that an update keeps, in (0, 1).
    """

    def __init__(self, variables: list[keras.Variable], momentum: float):
        super().__init__(name="averages", dtype="float32")
        self.momentum = momentum
        # Whether the model ends training with the averages as its weights.
        self.finalize = False
        # Whether training shows the averages to what measures, not the weights.
        self.shown = False
        # In a function, as Keras would track them: they stay in their networks.
        self._averaged = lambda: variables
        self._index = {id(v): i for i, v in enumerate(variables)}  # by identity
        self._own = tuple(
            self.add_weight(
                shape=v.shape,
                dtype=_wide(v.dtype),
                initializer="zeros",
                trainable=False,
                name=f"average_{i}",
            )
            for i, v in enumerate(variables)
        )
        for mine, variable in zip(self._own, variables, strict=True):
            mine.assign(variable)
        # It says whether training has started and, while averages are lent, a checksum.
        self._state = self.add_weight(
            shape=(2,),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="state",
        )
        self.built = True
        # The checksum of averages that are lent, and what the weights' precision cuts
        # off them, by place. It is not saved.
        object.__setattr__(self, "_rest", (0, {}))

    @property
    def lent(self) -> bool:
        """Whether the averages stand in the model's weights."""
        return bool(self._state.numpy()[1])

    def begin(self) -> None:
        """Prepares for training: puts the trained weights into the model.

        This takes back averages that were lent. But if the user has changed the weights
        since, the user's weights are trained, and new averages start from them.
        """
        started, checksum = self._state.numpy()
        self.finalize = self.shown = False
        if checksum and checksum == _checksum(self._averaged()):
            self.take_back()
        elif checksum or not started:
            for mine, variable in zip(self._own, self._averaged(), strict=True):
                mine.assign(variable)
        self._state.assign([1, 0])

    def update(self, variables: list[keras.Variable]) -> None:
        """Moves the averages of these weights towards their values."""
        for variable in variables:
            average, value = self._of(variable), variable.value
            if average.dtype != variable.dtype:
                value = tf.cast(value, average.dtype)
            average.assign(self.momentum * average.value + (1 - self.momentum) * value)

    def lend(self) -> None:
        """Puts the averages into the weights, if they are not there."""
        if self.lent:
            return
        weights = self._averaged()
        exact = {
            i: mine.numpy()
            for i, (mine, one) in enumerate(zip(self._own, weights, strict=True))
            if mine.dtype != one.dtype
        }
        self._swap()
        lent = _checksum(weights)
        self._state.assign([self._state.numpy()[0], lent])
        rest = {
            i: average - weights[i].numpy().astype(average.dtype)
            for i, average in exact.items()
        }
        object.__setattr__(self, "_rest", (lent, rest))  # nothing to track

    def take_back(self) -> None:
        """Puts the trained weights back, if averages were lent."""
        started, lent = self._state.numpy()
        if not lent:
            return
        self._swap()
        self._state.assign([started, 0])
        of, rest = self._rest
        for i, one in rest.items() if of == lent else ():
            self._own[i].assign_add(one)
        object.__setattr__(self, "_rest", (0, {}))

    def give_back(self) -> None:
        """Takes back averages that were lent, before this object is given up.

        Weights that the user has changed since stay as they are, as in `begin`.
        """
        if self.lent and self._state.numpy()[1] == _checksum(self._averaged()):
            self.take_back()

    def end(self, finished: bool) -> None:
        """Ends training; lends the averages if it finished and `finalize` is set."""
        if finished and self.finalize:
            self.lend()
        else:
            self.take_back()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Within it, the weights are the trained ones."""
        lent = self.lent
        self.take_back()
        try:
            yield
        finally:
            if lent:
                self.lend()

    def _of(self, variable) -> keras.Variable:
        return self._own[self._index[id(variable)]]

    def _swap(self) -> None:
        for average, variable in zip(self._own, self._averaged(), strict=True):
            value = variable.numpy()
            variable.assign(average.numpy().astype(value.dtype))
            average.assign(value.astype(average.numpy().dtype))

    def load_own_variables(self, store):
        """Older files have no state. Their training had started."""
        count = len(self._own)
        if len(store.keys()) == count:
            store = {**{str(i): store[str(i)] for i in range(count)}}
            store[str(count)] = np.array([1, 0])
        super().load_own_variables(store)


def _wide(dtype: str) -> str:
    """The precision of an average of weights of this precision."""
    return "float32" if dtype in ("bfloat16", "float16") else dtype


def _checksum(variables) -> int:
    """A number, never 0, that differs for different values."""
    found = 0
    for variable in variables:
        found = zlib.crc32(np.ascontiguousarray(variable.numpy()).tobytes(), found)
    return found + 1
