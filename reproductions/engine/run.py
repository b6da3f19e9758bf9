"""What an experiment returns."""

import dataclasses
from collections.abc import Callable

import keras_svae as ks
from reproductions.engine.inputs import Inputs
from reproductions.engine.settings import Data, Training


@dataclasses.dataclass
class Run:
    """What an experiment returns: a model, and how it is trained and measured.

    Attributes:
        model: The model, not compiled.
        data: Its data.
        training: Its training.
        select: `select(model, inputs)` gives a score, a function of the model. The
            epoch with the largest score is kept. None for the last weights, or those
            of early stopping.
        criteria: `criteria(model, inputs)` gives further columns for early stopping, by
            name: functions of validation's log.
        extra: `extra(model, inputs)` of the trained model gives further content of the
            record.
        last: Whether the last weights are measured, too, where `select` keeps others:
            the record's `last`, metrics and what `extra` gives.
        callbacks: Further callbacks of `fit`, a function of model and inputs.
    """

    model: ks.Game
    data: Data
    training: Training
    select: Callable[[ks.Game, Inputs], Callable[[ks.Game], float]] | None = None
    criteria: Callable[[ks.Game, Inputs], dict[str, Callable[[dict], float]]] | None = (
        None
    )
    extra: Callable[[ks.Game, Inputs], dict] | None = None
    last: bool = False
    callbacks: Callable[[ks.Game, Inputs], list] | None = None
