"""Learning rates that change while a model trains, as Keras schedules."""

import keras
from keras import ops

from keras_svae.arguments import integer, positive

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
        self.initial_learning_rate = positive(
            "initial_learning_rate", initial_learning_rate
        )
        self.steps_per_epoch = integer("steps_per_epoch", steps_per_epoch, at_least=1)

    def __call__(self, step):
        # Integers are used because float32 is not exact for steps above 2^24.
        epoch = ops.floor_divide(ops.cast(step, "int64"), self.steps_per_epoch) + 1
        return self.initial_learning_rate / ops.sqrt(ops.cast(epoch, "float32"))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
        }
