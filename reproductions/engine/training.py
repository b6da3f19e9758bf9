"""The training of a run: from its last backup, with all that looks on."""

from collections.abc import Callable

import keras

import keras_svae as ks
from keras_svae.game.devices import workers
from reproductions.engine import devices
from reproductions.engine.callbacks import Clock, Progress, Stopping, Table
from reproductions.engine.folder import RunFolder
from reproductions.engine.inputs import Inputs
from reproductions.engine.run import Run


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
    for bit.

    Args:
        run: Model and training.
        inputs: Its data.
        folder: Its folder.
        keep: See `execute`.
        verbose: See `execute`.
        backup_every: See `execute`.
        at_end: Called with the last weights in the model, before it gets the best ones.

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
        value = _negative(run.select(model, inputs)) if run.select else None
        patience = training.patience or training.epochs
        monitor = "val_selected" if run.select else training.monitor
        more = run.criteria(model, inputs) if run.criteria else {}
        stopping = Stopping(folder, monitor, patience, value, more)
        stopping.check(model)
        stopping.catch_up(model, watched, inputs.steps_per_epoch)
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


def _negative(of: Callable[[ks.Game], float]) -> Callable[[ks.Game], float]:
    return lambda model: -of(model)
