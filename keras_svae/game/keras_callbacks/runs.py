"""What is known of a run of `fit`, and what a backup says of one."""

import dataclasses

import numpy as np

from keras_svae.game.devices import workers

__all__ = ["Rates", "Restored", "Run", "at_end", "means_of", "sums_of"]


@dataclasses.dataclass(frozen=True)
class Rates:
    """Learning rates of an interrupted epoch, by optimizer.

    Attributes:
        before: Before the epoch began.
        begun: Once its callbacks had begun.
        saved: In the backup.
    """

    before: dict[str, float]
    begun: dict[str, float]
    saved: dict[str, float]


@dataclasses.dataclass
class Restored:
    """What a backup says beside the weights, until `fit` goes on from it.

    Attributes:
        step: The model's step.
        began: The model's step where the run began; not 0 for a model that was trained
            before.
        steps: The steps of an epoch; None if they are unknown.
        means: The sums of an interrupted epoch's log.
        rates: The learning rates of an interrupted epoch.
        memory: What callbacks remember, see `remembered.of`, and their arrays.
    """

    step: int
    began: int = 0
    steps: int | None = None
    means: list | None = None
    rates: Rates | None = None
    memory: tuple[list[dict], dict[str, np.ndarray]] = dataclasses.field(
        default_factory=lambda: ([], {})
    )


@dataclasses.dataclass
class Run:
    """Where a model stands in a run, and in a call of `fit`.

    Attributes:
        restored: The backup that the next `fit` goes on from.
        began: The model's step where the run began.
        steps_per_epoch: The steps of an epoch; None if they are not given.
        fitting: Whether Keras's `fit` runs.
        trained: Steps since `fit` was called.
        trained_before: Such steps when the epoch began; None before the first epoch.
        left_of_epoch: Steps, if calls of several do not fill an epoch.
        rates_before: Learning rates before the running epoch.
        rates_begun: Those once its callbacks have begun.
        without_backup: The folder of a run that began without a backup, and the
            model's step then.
    """

    restored: Restored | None = None
    began: int = 0
    steps_per_epoch: int | None = None
    fitting: bool = False
    trained: int = 0
    trained_before: int | None = None
    left_of_epoch: int | None = None
    rates_before: dict[str, float] | None = None
    rates_begun: dict[str, float] | None = None
    without_backup: tuple[str, int] | None = None

    @property
    def is_without_steps(self) -> bool:
        """Whether the running epoch has had no step so far."""
        return self.trained == self.trained_before

    def begin_fit(self) -> None:
        """Forgets the call of `fit` before."""
        self.trained, self.trained_before, self.left_of_epoch = 0, None, None


def sums_of(model) -> list:
    """What the means of a log consist of, on each replica of this process."""
    found = [model._means.total.value, model._means.weight.value]
    found += [v.value for one in model._own_metrics().values() for v in one.variables]
    return [part for one in found for part in getattr(one, "values", [one])]


def at_end(model) -> bool:
    """Whether the model's step is the last of an epoch; False if that is unknown."""
    steps = model._run.steps_per_epoch
    return bool(steps) and (model.step - model._run.began) % steps == 0


def means_of(model) -> list[list[float]] | None:
    """The means of the running epoch, for a backup within it.

    None at an epoch's end, without `steps_per_epoch`, or over several processes.
    """
    several = workers.are_several(model.distribute_strategy)
    if several or not model._run.steps_per_epoch or at_end(model):
        return None
    return [np.asarray(one, float).tolist() for one in sums_of(model)]
