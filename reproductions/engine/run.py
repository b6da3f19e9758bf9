"""The one way to run an experiment: find or build, train, measure, record."""

import contextlib
import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Callable

import keras

import keras_svae as ks
from reproductions.engine import build, measure, results
from reproductions.engine.experiment import Call, Experiment
from reproductions.engine.files import locked, read_json, write_json
from reproductions.engine.folder import RunFolder
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import Places, identity
from reproductions.engine.settings import Data, Training
from reproductions.engine.stopping import Stopping
from reproductions.engine.watch import Clock, Progress, Table

__all__ = ["Run", "execute"]

# The last run's data. The next run of the process need not read the files again.
_ALIVE: list = []


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
        extra: A function of the trained model that gives further content of the record.
        callbacks: Further callbacks of `fit`, a function of model and inputs.
    """

    model: ks.Game
    data: Data
    training: Training
    select: Callable[[ks.Game, Inputs], Callable[[ks.Game], float]] | None = None
    criteria: Callable[[ks.Game, Inputs], dict[str, Callable[[dict], float]]] | None = (
        None
    )
    extra: Callable[[ks.Game], dict] | None = None
    callbacks: Callable[[ks.Game, Inputs], list] | None = None


def execute(
    call: Call,
    out: str | os.PathLike,
    places: Places | None = None,
    *,
    keep: str = "folder",
    resume: bool = False,
    verbose: str = "bar",
    backup_every: int | None = None,
) -> dict:
    """One run, from its settings to its record.

    Args:
        call: The experiment and its settings.
        out: The run's folder.
        places: Where data and weights are.
        keep: "folder" for all that a run leaves; "record" for its record alone, OUT
            with the ending .json.
        resume: Go on with the run in the folder, if there is one.
        verbose: "bar" (on a terminal, else ten lines), "line" for one per epoch, or
            "none".
        backup_every: Steps between backups; None for once an epoch, or fifty times if
            there are more epochs.

    Returns:
        The record. If a loss became NaN or infinite, "diverged" in it says so.

    Raises:
        FileExistsError: If the folder is in use and is not to be resumed.
        ValueError: If the run in the folder is another one.
        OSError: If the folder cannot be written.
    """
    places = places or Places()
    folder = RunFolder(out)
    mine = identity(call, places)
    new = folder.open(mine, resume)
    if folder.finished:
        print(f"The run in {folder.path} is finished: nothing to do.")
        return read_json(folder.metrics_file)
    began, used = time.monotonic(), time.process_time()
    started: list = []
    try:
        # Another process may be working on this run.
        with locked(folder.path):
            found = _found(call, folder, places, keep, verbose, backup_every, started)
    except BaseException:
        if new and not started:
            folder.remove()
        raise
    spent = {
        "whole seconds": round(time.monotonic() - began, 1),
        "processor seconds": round(time.process_time() - used, 1),
    }
    content = results.record(**mine | found | spent)
    if keep == "record":
        file = folder.path.with_name(f"{folder.path.name}.json")
        write_json(file, content)
        folder.remove()
    else:
        file = folder.metrics_file
        write_json(file, content)
    for name, error in content.get("failed", {}).items():
        print(f"failed: {name}: {error}", file=sys.stderr)
    return read_json(file)


def _found(
    call: Call,
    folder: RunFolder,
    places: Places,
    keep: str,
    verbose: str,
    backup_every: int | None,
    started: list,
) -> dict:
    """Makes the content of a run's record."""
    if not isinstance(call.function, Experiment):
        began = time.monotonic()
        try:
            metrics = dict(call.function(**call.settings))
        except ks.Diverged as error:
            return {"diverged": str(error), "metrics": {}, "seconds": 0.0}
        extra = metrics.pop("extra", {})
        seconds = round(time.monotonic() - began, 1)
        return {"metrics": metrics, "seconds": seconds, **extra}
    settings = call.settings
    seed, replicas = settings.get("seed", 0), settings.get("replicas", 1)
    strategy = build.strategy(replicas)
    keras.utils.set_random_seed(seed)
    with strategy.scope(), build.policy(settings.get("dtype", "float32")):
        run = call.function(**settings)
    if not isinstance(run, Run):
        return run
    inputs = Inputs(run.model, run.data, run.training, **places.data())
    with strategy.scope():
        build.compile_model(run.model, run.training, inputs.steps_per_epoch)
    backbone, perceptual = measure.backbone_and_lpips(run, places)
    content = {
        "data": {
            "name": run.data.data,
            "kind": identity(call, places)["data"],
            "train examples": inputs.count("train"),
            "test examples": inputs.count("test"),
            "note": places.data_note,
            "range": run.model.likelihood_law.range,
        }
    }
    inputs.backbone = backbone
    _ALIVE[:] = [inputs.load(split) for split in ("train", "test")]
    started.append(True)
    try:
        seconds = train(run, inputs, folder, keep, verbose, backup_every)
    except ks.Diverged as error:
        if run.select is None or not (folder.path / "best.weights.h5").exists():
            return content | {"diverged": str(error), "metrics": {}, "seconds": None}
        run.model.load_weights(folder.path / "best.weights.h5")
        content["lost its way"] = str(error)
        seconds = folder.seconds
    memory = results.peak_memory()
    failed: dict[str, str] = {}
    if keep == "folder":
        with _may_fail("pictures", failed):
            measure.draw(run.model, inputs.picture_examples(), folder.path)
    report = measure.measure(run, inputs, backbone, perceptual)
    if keep == "folder":
        with _may_fail("model files", failed):
            save(run.model, folder)
    if (history := folder.path / "validation.json").exists():
        content["validation"] = read_json(history)
    return content | {
        "steps": int(run.model.step),
        "seconds": round(seconds, 1),
        "peak memory of training, GB": memory,
        "metrics": {name: float(value) for name, value in report.items()},
        "measures": report.asdict(),
        "left_out": report.left_out,
        "failed": {**report.failed, **failed},
        **(run.extra(run.model) if run.extra else {}),
    }


@contextlib.contextmanager
def _may_fail(name: str, failed: dict[str, str]):
    """Notes an error, so that a run that was trained and measured has its record."""
    try:
        yield
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"


def train(
    run: Run,
    inputs: Inputs,
    folder: RunFolder,
    keep: str = "folder",
    verbose: str = "none",
    backup_every: int | None = None,
) -> float:
    """Trains a compiled model from its folder's last backup, or from the start.

    Afterwards, the weights and log.csv are those of a run without interruptions, bit
    for bit.

    Returns:
        The seconds of training, over all sessions.
    """
    model, training = run.model, run.training
    step = ks.callbacks.restore(model, folder.backup)
    epoch = step // inputs.steps_per_epoch
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
        stopping.catch_up(model, watched, inputs.steps_per_epoch)
    clock = Clock(folder, often)
    callbacks = run.callbacks(model, inputs) if run.callbacks else []
    if keep == "folder":
        every = max(1, training.epochs // 10)
        callbacks += [
            Table(folder, epoch),
            keras.callbacks.TensorBoard(folder.path, write_graph=False),
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
        stopping.take_best()
    if model.averages is not None:  # once, in any number of sessions
        model.averages.lend(model.trainable_variables)
    return clock.seconds


def _negative(of: Callable[[ks.Game], float]) -> Callable[[ks.Game], float]:
    return lambda model: -of(model)


def save(model: ks.Game, folder: RunFolder) -> None:
    """Writes the .keras file and the SavedModel, each completely or not at all."""
    model.save(folder.keras_file)
    shutil.rmtree(folder.saved_model, ignore_errors=True)
    model.export(folder.saved_model)
