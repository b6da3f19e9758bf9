"""Resumes training within an epoch: the rest of that epoch comes first."""

from collections.abc import Callable
from typing import Any

import keras

from keras_svae.game.feeding.known import batches_in
from keras_svae.game.keras_callbacks import remembered
from keras_svae.game.keras_callbacks.epochs import Epochs

__all__ = ["fit"]


def fit(call: Callable, model, training, given: dict) -> keras.callbacks.History:
    """Calls Keras's `fit`, or calls it twice after a backup within an epoch.

    A backup says how many steps its epoch had. If `fit` gets the same number for the
    interrupted epoch, the rest of that epoch is a call of its own. Callbacks see one
    training.

    Args:
        call: Keras's `fit`.
        model: The model, perhaps just restored.
        training: Its data, positioned at the model's step.
        given: The arguments of `fit`.

    Raises:
        ValueError: If the data cannot be split over two calls.
    """
    run, callbacks = model._run, given["callbacks"]
    steps: Any = given.get("steps_per_epoch")
    epoch, epochs = given.get("initial_epoch", 0), given.get("epochs", 1)
    restored, run.restored = run.restored, None
    run.steps_per_epoch = steps
    count = batches_in(training)
    length = steps or max(0, count)
    # Of a run that begins here. `Backup` knows better of one that goes on.
    run.began = max(model.step - epoch * length, 0) if length or not epoch else 0
    done = 0
    if restored is not None and restored.step != model.step:
        restored = None
    if restored is not None:
        since = model.step - restored.began
        # The caller may make the rest of the epoch in a call of its own, as an error
        # below advises for other data than those of tf.data.
        rest = -since % restored.steps if restored.steps else 0
        if steps and restored.steps and steps not in (restored.steps, rest):
            raise ValueError(
                f"Expected epochs of {restored.steps} steps, as in the backup that was "
                f"restored; received: steps_per_epoch={steps}. Go on with the same "
                "batch size and data."
            )
        run.began = restored.began
        same = bool(steps) and restored.steps == steps and since // steps == epoch
        whole_epochs = bool(length) and since == epoch * length
        if (same or whole_epochs) and remembered.ended(callbacks, restored.memory[0]):
            # An early stopping has ended the run. Keras then trains nothing.
            epochs = epoch
        if same and epochs > epoch:
            done = since % steps
    if done and not hasattr(training, "skip"):
        raise ValueError(
            "Expected a tf.data.Dataset, to go on within an epoch; received: "
            f"{type(training).__name__}. Call fit with initial_epoch={epoch}, "
            f"epochs={epoch + 1}, steps_per_epoch={steps - done} first"
        )
    more = bool(done) and epochs > epoch + 1
    verbose = given.get("verbose", "auto")
    given = given | {"epochs": epochs}
    given["callbacks"] = Epochs(
        callbacks,
        model,
        calls=2 if more else 1,
        steps_per_epoch=steps,
        restored=restored,
        done=done,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=steps or (count if count >= 0 else None),
    )
    if not done:
        return call(training, **given)
    first = {"epochs": epoch + 1, "steps_per_epoch": steps - done}
    history = call(training, **(given | first))
    if more and not model.stop_training:
        others = given | {"initial_epoch": epoch + 1}
        history = call(training.skip(steps - done), **others)
    return history
