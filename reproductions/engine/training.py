"""A run, and its training: from its last backup, with all that looks on."""

import dataclasses
from collections.abc import Callable

import keras

import keras_svae as ks
from keras_svae.game.devices import workers
from reproductions.engine import devices
from reproductions.engine.callbacks import Clock, Progress, Stopping, Table
from reproductions.engine.folder import RunFolder
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


def train(
    run: Run,
    inputs: Inputs,
    folder: RunFolder,
    keep: str = "folder",
    verbose: str = "none",
    backup_every: int | None = None,
    at_end: Callable[[], None] | None = None,
) -> float:
    """Trains a compiled model from its folder's last backup, or from the start.

    Afterwards, the weights and log.csv are those of a run without interruptions, bit
    for bit. `at_end` is called with the last weights in the model, before it gets the
    best ones. For the other options see `execute`.

    Returns:
        The seconds of training, over all sessions.
    """
    model, training = run.model, run.training
    strategy = model.distribute_strategy
    first = workers.is_first(strategy)
    step = ks.callbacks.restore(model, folder.backup)
    epoch = step // inputs.steps_per_epoch
    if not first:
        verbose = "none"
    if step and verbose != "none":
        print(f"resumed at step {step}: epoch {epoch + 1} of {training.epochs}")
    often = max(1, training.epochs // 50)
    stopping, watched = None, None
    if training.patience or keep == "folder":
        watched = inputs.validation_examples()
    if run.select or training.patience:
        often = 1  # a choice looks at every epoch
        score = run.select(model, inputs) if run.select else None
        criteria = run.criteria(model, inputs) if run.criteria else None
        patience = training.patience or training.epochs
        stopping = Stopping(folder, training.monitor, patience, score, criteria)
        stopping.check(model)
        stopping.recall(model)
    clock = Clock(folder, often)
    callbacks = run.callbacks(model, inputs) if run.callbacks else []
    if keep == "folder":
        every = max(1, training.epochs // 10)
        callbacks += [Table(folder, epoch)] if first else []
        callbacks += [
            keras.callbacks.TensorBoard(str(folder.path), write_graph=False),
            ks.callbacks.Pictures(folder.path, inputs.picture_examples(), every=every),
        ]
    callbacks += [clock, *([stopping] if stopping else [])]
    every = backup_every or often * inputs.steps_per_epoch
    callbacks.append(ks.callbacks.Backup(folder.backup, every=every))
    if model.averages is not None:
        callbacks.append(ks.callbacks.AveragedWeights(finalize=False))
    if verbose == "bar":
        callbacks.append(Progress(training.epochs, inputs.steps_per_epoch))

    if epoch < training.epochs and not (stopping and stopping.stopped):
        model.fit(
            inputs.stream(step),
            steps_per_epoch=inputs.steps_per_epoch,
            initial_epoch=epoch,
            epochs=training.epochs,
            validation_data=watched,
            validation_freq=often,
            verbose=2 if verbose == "line" else 0,
            callbacks=callbacks,
        )
    if stopping:
        devices.first_alone(strategy, lambda: None)  # the file is whole
        if at_end:
            devices.first_alone(strategy, at_end)
        stopping.take_best()
    if model.averages is not None:  # once, in any number of sessions
        model.averages.lend()
    return clock.seconds
