"""How a model gets back what `Backup` has written."""

import os

from keras_svae import files, untrusted
from keras_svae.callbacks.backup_files import (
    DESCRIPTION,
    WEIGHTS,
    check_settings,
    check_shapes,
    put_aside,
    sibling,
    steps_in,
    whole,
)
from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.keras_callbacks import runs
from keras_svae.game.keras_callbacks.rates import current, tell_of_changes
from keras_svae.telling import warn

__all__ = ["restore"]


def restore(
    model,
    folder: str | os.PathLike,
    rates: str = "saved",
    *,
    steps_per_epoch: int | None = None,
) -> int:
    """Loads the newest backup of a folder into a compiled model.

    Of several workers, all must call it. They look once all of them are there: the
    first one may still write a backup when others come here.

    It checks a backup before it changes any weight. It renames a damaged backup to
    `damaged-step-...`, with a warning, and takes the older one.

    The state of the optimizers is the backup's, with their learning rates. All other
    settings are the model's and its optimizers'. A warning names each that differs.

    Args:
        model: A compiled model of the method and shapes that were saved.
        folder: What `Backup` wrote; may be empty or absent.
        rates: "saved" for the learning rates of the backup, which callbacks may have
            changed; "compiled" for those of `compile`, e.g. lower ones after a
            `Diverged`. A rate that is a schedule is always the compiled one.
        steps_per_epoch: The steps of an epoch with which the run will go on, to be
            compared with those of the backup; None where `fit` will compare them.

    Returns:
        The step of the run from which to continue; 0 if there is no backup. It is
        `model.step`, less the steps of a model that was trained before the run began.

    Raises:
        FileExistsError: If the folder is a file.
        ValueError: If the backup is of another method, other shapes or another class of
            optimizer, had epochs of other steps, all backups are damaged, or workers
            find other backups; the model is then unchanged.
    """
    checks.choice("rates", rates, ("saved", "compiled"))
    checks.counts(1, steps_per_epoch=steps_per_epoch)
    folder = os.fspath(folder)
    if files.is_local(folder):
        untrusted.folder(folder)
    strategy, same = model.distribute_strategy, f"the newest step in {folder}"
    workers.meet(strategy)
    found = steps_in(folder)
    if not found:
        workers.check_same(strategy, 0, same)
        return 0
    if not model.compiled:
        raise ValueError(
            "Expected a compiled model, whose optimizers can be restored; received: "
            "restore() before compile()"
        )
    damaged = []
    while found:
        newest = f"{folder}/step-{found.pop():09d}{DESCRIPTION}"
        try:
            about, weights, arrays = whole(newest)
            break
        except ValueError as error:
            damaged.append((newest, str(error)))
    else:
        raise ValueError(
            "Expected a backup as it was written; received: the truncated or changed "
            f"files {', '.join(file for _, file in damaged)}, and no other backup. "
            "Remove the folder to begin anew"
        )
    workers.check_same(strategy, about["step"], same)
    method = type(model).__name__
    if about["method"] != method:
        raise ValueError(
            f"Expected a backup of {method}; received: one of {about['method']} in "
            f"{newest}"
        )
    theirs = about.get("steps_per_epoch")
    if steps_per_epoch and theirs and steps_per_epoch != theirs:
        raise ValueError(
            f"Expected epochs of {theirs} steps, as in the backup {newest}; received: "
            f"epochs of {steps_per_epoch}. Go on with the same batch size and data, or "
            "name another folder."
        )
    check_shapes(model, about, newest)
    check_settings(model, about, newest)
    for path, file in damaged:
        warn(
            f"A truncated or changed file was put aside: {file}. Training goes on from "
            f"the older backup {newest}."
        )
        if workers.is_first(strategy):
            put_aside(path)
    compiled = current(model)
    model._load_weights(files.Memory(sibling(newest, WEIGHTS), weights))
    if rates == "compiled":
        for name in current(model):
            model.optimizers[name].learning_rate = compiled[name]
    way = "restore(..., rates='compiled')"
    tell_of_changes(compiled, model, "the backup", way)
    began, kept = about.get("began", 0), None
    if about.get("rates") and rates == "saved":
        before, begun = about["rates"]
        kept = runs.Rates(before, begun, current(model))
    model._run.restored = runs.Restored(
        about["step"],
        began,
        theirs,
        about.get("means"),
        kept,
        (about.get("callbacks") or [], arrays),
    )
    return about["step"] - began
