"""Exponential moving averages of weights, kept beside them."""

import contextlib
import zlib
from collections.abc import Iterator

import keras
import numpy as np

__all__ = ["Averages"]


class Averages(keras.layers.Layer):
    """Holds an average of each given weight, and can lend them to the model.

    A layer, so that the averages are saved with the model. Unlike an optimizer's own
    `use_ema` it spans all players.

    They start where the weights are when training starts. Lent, the averages stand in
    the model's weights, and the weights themselves here, until training goes on. That
    they are lent is a weight, too: `get_weights`, checkpoints and files have it.

    Args:
        variables: The weights.
        momentum: Share of the old average that an update keeps, in (0, 1).
    """

    def __init__(self, variables: list[keras.Variable], momentum: float):
        super().__init__(name="averages", dtype="float32")
        if not 0 < momentum < 1:
            raise ValueError(f"Expected ema in (0, 1); received: ema={momentum}")
        self.momentum = momentum
        # Whether the model ends training with the averages as its weights.
        self.finalize = False
        # By identity: the weights themselves stay their networks'.
        self._index = {id(v): i for i, v in enumerate(variables)}
        self._own = tuple(
            self.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                initializer="zeros",
                trainable=False,
                name=f"average_{i}",
            )
            for i, v in enumerate(variables)
        )
        for mine, variable in zip(self._own, variables, strict=True):
            mine.assign(variable)
        # Whether training has started, and, while they are lent, a checksum.
        self._state = self.add_weight(
            shape=(2,),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="state",
        )
        self.built = True

    @property
    def lent(self) -> bool:
        """Whether the averages stand in the model's weights."""
        return bool(self._state.numpy()[1])

    def begin(self, variables: list[keras.Variable]) -> None:
        """Makes ready for training: the weights are the trained ones.

        Averages that were lent are taken back, unless the user has changed the weights
        since: then his are trained, and averaged anew.
        """
        started, checksum = self._state.numpy()
        self.finalize = False
        if checksum and checksum == _checksum(variables):
            self.take_back(variables)
        elif checksum or not started:
            for variable in variables:
                self._of(variable).assign(variable)
        self._state.assign([1, 0])

    def update(self, variables: list[keras.Variable]) -> None:
        """Moves the averages of these weights towards their values."""
        for variable in variables:
            average = self._of(variable)
            average.assign(
                self.momentum * average.value + (1 - self.momentum) * variable.value
            )

    def lend(self, variables: list[keras.Variable]) -> None:
        """Puts the averages into the weights, if they are not there."""
        if not self.lent:
            self._swap(variables)
            self._state.assign([self._state.numpy()[0], _checksum(variables)])

    def take_back(self, variables: list[keras.Variable]) -> None:
        """Puts the trained weights back, if averages were lent."""
        if self.lent:
            self._swap(variables)
            self._state.assign([self._state.numpy()[0], 0])

    def end(self, variables: list[keras.Variable], finished: bool) -> None:
        """Ends training: with the averages as weights, if it finished and was asked."""
        if finished and self.finalize:
            self.lend(variables)
        else:
            self.take_back(variables)

    @contextlib.contextmanager
    def away(self, variables: list[keras.Variable]) -> Iterator[None]:
        """Within it, the weights are the trained ones."""
        lent = self.lent
        self.take_back(variables)
        try:
            yield
        finally:
            if lent:
                self.lend(variables)

    def _of(self, variable) -> keras.Variable:
        return self._own[self._index[id(variable)]]

    def _swap(self, variables: list[keras.Variable]) -> None:
        for variable in variables:
            average = self._of(variable)
            value = variable.numpy()
            variable.assign(average.numpy())
            average.assign(value)

    def load_own_variables(self, store):
        """Files of before have no state: their training had started."""
        count = len(self._own)
        if len(store.keys()) == count:
            store = {**{str(i): store[str(i)] for i in range(count)}}
            store[str(count)] = np.array([1, 0])
        super().load_own_variables(store)


def _checksum(variables) -> int:
    """A number, not 0, that tells these values from others."""
    found = 0
    for variable in variables:
        found = zlib.crc32(np.ascontiguousarray(variable.numpy()).tobytes(), found)
    return found + 1
