"""Learning rates that change while a model trains, as Keras schedules."""

import keras
import numpy as np
from keras import ops

__all__ = ["InverseSqrtEpoch"]


@keras.saving.register_keras_serializable(package="keras_svae")
class InverseSqrtEpoch(keras.optimizers.schedules.LearningRateSchedule):
    """A rate divided by the root of the epoch's number: AIM, tables 3 and 4.

    The rate is the initial one in the first epoch, 1/sqrt(2) of it in the second, and
    so on; constant within an epoch (Kingma & Ba, 2014).

    Args:
        initial_learning_rate: The rate in the first epoch, > 0.
        steps_per_epoch: Updates in an epoch, an integer >= 1. A player with several
            turns per step makes as many updates in a step.

    Raises:
        ValueError: For a value out of its range.

    Example:
        rate = ks.schedules.InverseSqrtEpoch(2e-4, steps_per_epoch=600)
        model.compile(optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
                      critic_optimizer=keras.optimizers.Adam(rate, beta_1=0.5))
    """

    def __init__(self, initial_learning_rate: float, steps_per_epoch: int):
        super().__init__()
        is_number = isinstance(initial_learning_rate, (int, float, np.number))
        if not is_number or not 0 < initial_learning_rate < 1e9:
            raise ValueError(
                "Expected initial_learning_rate > 0; received: "
                f"{initial_learning_rate!r}"
            )
        if not isinstance(steps_per_epoch, (int, np.integer)) or steps_per_epoch < 1:
            raise ValueError(
                f"Expected steps_per_epoch to be an integer >= 1; received: "
                f"{steps_per_epoch!r}"
            )
        self.initial_learning_rate = float(initial_learning_rate)
        self.steps_per_epoch = int(steps_per_epoch)

    def __call__(self, step):
        # Integers are used because float32 is not exact for steps above 2^24.
        epoch = ops.floor_divide(ops.cast(step, "int64"), self.steps_per_epoch) + 1
        return self.initial_learning_rate / ops.sqrt(ops.cast(epoch, "float32"))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
        }
