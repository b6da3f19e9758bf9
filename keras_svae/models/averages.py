"""Exponential moving averages of weights, kept beside them."""

import keras


class Averages(keras.layers.Layer):
    """Holds an average of each given weight; `swap` exchanges the two.

    A layer, so that the averages are saved with the model. Unlike an optimizer's own
    `use_ema` it spans all players.

    Args:
        variables: The weights.
        momentum: Share of the old average that an update keeps, in (0, 1).
    """

    def __init__(self, variables: list[keras.Variable], momentum: float):
        super().__init__(name="averages")
        if not 0 < momentum < 1:
            raise ValueError(f"Expected ema in (0, 1); received: ema={momentum}")
        self.momentum = momentum
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
        self.built = True

    def update(self, variables: list[keras.Variable]) -> None:
        """Moves the averages of these weights towards their values."""
        for variable in variables:
            average = self._own[self._index[id(variable)]]
            average.assign(
                self.momentum * average.value + (1 - self.momentum) * variable.value
            )

    def swap(self, variables: list[keras.Variable]) -> None:
        """Exchanges weights and averages."""
        for variable in variables:
            average = self._own[self._index[id(variable)]]
            value = variable.numpy()
            variable.assign(average.numpy())
            average.assign(value)
