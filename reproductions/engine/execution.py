"""The one way to run an experiment: find or build, train, measure, record."""

import contextlib
import copy
import functools
import os
import sys
import time
import types
from typing import Any

import keras
import tensorflow as tf

import keras_svae as ks
from keras_svae import files
from keras_svae.game.devices import workers
from reproductions.engine import build, devices, measure, records, results
from reproductions.engine.call import Call
from reproductions.engine.experiment import Experiment
from reproductions.engine.files import plain, read_json, write_json
from reproductions.engine.folder import RunFolder
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import Places, identity
from reproductions.engine.training import Run, train

# What a record says of a run itself.
_OF_RECORDS = frozenset(
    "experiment settings metrics seconds steps diverged command date commit commits "
    "changed machine".split()
) | {"whole seconds", "processor seconds"}

# The last run's data. The next run of the process need not read the files again.
_ALIVE: list = []


def execute(
    call: Call,
    out: str | os.PathLike,
    places: Places | None = None,
    *,
    keep: str = "folder",
    resume: bool = False,
    verbose: str = "bar",
    backup_every: int | None = None,
    strict: bool = False,
    code: dict | None = None,
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
        strict: Raise an error before training if a measure that the settings name does
            not apply. Otherwise the record's `left_out` says why it did not.
        code: The commit that this process has loaded; None for the checkout's now,
            before training.

    Returns:
        The record. If a loss became NaN or infinite, "diverged" in it says so. A
        measure that ended with an error is in its `failed`. If sessions of other
        commits went before, `commits` has all. Of several workers, the first one alone
        writes and returns it, the others {}.

    Raises:
        FileExistsError: If the folder is not empty and is not to be resumed.
        ValueError: If the run in the folder is another one, for a measure that has
            to apply and does not, or if a file of the folder is damaged.
        OSError: If the folder cannot be written.
    """
    places = places or Places()
    folder = RunFolder(out)
    # First of all: later, TensorFlow connects to no cluster. (Settings of one's own
    # functions mean nothing here.)
    ours = call.settings if isinstance(call.function, Experiment) else {}
    strategy = devices.strategy(ours.get("replicas", 1), ours.get("strategy"))
    first = workers.is_first(strategy)
    mine = identity(call, places)
    with contextlib.ExitStack() as held:
        opened = functools.partial(held.enter_context, folder.opened(mine, resume))
        new = devices.first_alone(strategy, opened, False)
        if folder.finished:
            known = records.read(folder.metrics_file) if first else {}
            print(f"The run in {folder.path} is finished: nothing to do.")
            return known
        folder.begin(code)
        if new and first:
            folder.write_clock(0.0)  # a session that is killed has its command there
        made: Run | dict = {}
        options = {"keep": keep, "verbose": verbose, "backup_every": backup_every}
        try:
            made = _build(call, strategy)
            found = _train_and_measure(made, mine, folder, places, strict, **options)
        except BaseException:
            if new and not (isinstance(made, Run) and int(made.model.step)):
                files.remove_all(folder.path)
            raise
    if not first:
        return {}
    spent = folder.spent() | folder.commands() | folder.code()
    content = results.record(**mine | found | spent)
    file = folder.metrics_file
    if keep == "record":
        file = folder.path.with_name(f"{folder.path.name}.json")
    write_json(file, content)
    if keep == "record":
        files.remove_all(folder.path)
    for name, error in content.get("failed", {}).items():
        print(f"failed: {name}: {error}", file=sys.stderr)
    if call.settings.get("measures") and verbose != "none":
        for name, why in content.get("left_out", {}).items():
            print(f"left out: {name}: {why}", file=sys.stderr)
    return read_json(file)


def _build(call: Call, strategy: tf.distribute.Strategy) -> Run | dict:
    """What an experiment returns; of a function of one's own, a record's content."""
    if not isinstance(call.function, Experiment):
        return _of_function(call)
    settings = call.settings
    keras.utils.set_random_seed(settings.get("seed", 0))
    with strategy.scope(), build.policy(settings.get("dtype", "float32")):
        return call.function.apply(settings)


def _train_and_measure(
    run: Run | dict,
    mine: dict,
    folder: RunFolder,
    places: Places,
    strict: bool,
    **options: Any,
) -> dict:
    """Trains, and makes the content of a run's record."""
    if not isinstance(run, Run):
        return run
    strategy = run.model.distribute_strategy
    inputs = Inputs(run.model, run.data, run.training, places)
    with strategy.scope():
        build.compile_model(run.model, run.training, inputs.steps_per_epoch)
    inputs.backbone, inputs.perceptual = measure.backbone_and_lpips(run, places)
    content = {
        "data": {
            "name": run.data.data,
            "kind": mine["data"],
            "train examples": inputs.count("train"),
            "test examples": inputs.count("test"),
            "note": places.data_note,
            "range": run.model.likelihood_law.range,
        }
    }
    if strict and run.training.measures:
        measure.check(run, inputs)
    _ALIVE[:] = [inputs.load(split) for split in ("train", "test")]

    def measure_last() -> None:
        report = measure.measure(run, inputs)
        failed = dict(report.failed)
        more = _extra(run, inputs, failed)
        content["last"] = {
            "metrics": {name: float(value) for name, value in report.items()},
            **({"failed": failed} if failed else {}),
            **more,
        }

    at_end = measure_last if run.last else None
    try:
        seconds = train(run, inputs, folder, at_end=at_end, **options)
    except ks.Diverged as error:
        if run.select is None or not (folder.path / "best.weights.h5").exists():
            return content | {"diverged": str(error), "metrics": {}, "seconds": None}
        run.model.load_weights(folder.path / "best.weights.h5")
        content["lost its way"] = str(error)
        seconds = folder.clock["seconds"]
    memory = results.peak_memory()
    seen = devices.first_alone(
        strategy, lambda: _measured(run, inputs, folder, options["keep"]), {}
    )
    of_last = content.get("last", {}).get("failed", {})
    if seen and of_last:
        seen["failed"] |= {f"{n}, last weights": why for n, why in of_last.items()}
    return content | {
        "steps": int(run.model.step),
        "seconds": round(seconds, 1),
        "peak memory of training, GB": memory,
        **devices.about(strategy),
        **seen,
    }


def _of_function(call: Call) -> dict:
    """The same of a function that returns numbers, and trains no model of ours."""
    began = time.monotonic()
    try:
        # A copy: the function may change it, and the record has the settings.
        found = plain(call.function(**copy.deepcopy(call.settings)))
    except ks.Diverged as error:
        return {"diverged": str(error), "metrics": {}, "seconds": 0.0}
    metrics = dict(found) if isinstance(found, dict) else {"": found}
    extra = metrics.pop("extra", {})
    for name, value in metrics.items():
        if not name or not isinstance(value, (int, float, types.NoneType)):
            raise TypeError(
                f"Expected {call.name} to return a dictionary of numbers, what else "
                f'there is under "extra"; received: {f"{name}=" if name else ""}{value}'
            )
    if not isinstance(extra, dict) or _OF_RECORDS & extra.keys():
        raise TypeError(
            f'Expected "extra" of {call.name} as a dictionary without the names '
            f"{sorted(_OF_RECORDS)}, which a record has; received: {extra}"
        )
    seconds = round(time.monotonic() - began, 1)
    return {"metrics": metrics, "seconds": seconds, **extra}


def _measured(run: Run, inputs: Inputs, folder: RunFolder, keep: str) -> dict:
    """The content of a record that is found after training."""
    failed: dict[str, str] = {}
    if keep == "folder":
        with measure.may_fail("pictures", failed):
            measure.write_pictures(run.model, inputs.picture_examples(), folder.path)
    report = measure.measure(run, inputs)
    if keep == "folder":
        with measure.may_fail("model files", failed):
            save(run.model, folder)
    found = _extra(run, inputs, failed)
    if (history := folder.path / "validation.json").exists():
        found["validation"] = read_json(history)
    return found | {
        "metrics": {name: float(value) for name, value in report.items()},
        "measures": report.asdict(),
        "left_out": report.left_out,
        "failed": {**report.failed, **failed},
    }


def _extra(run: Run, inputs: Inputs, failed: dict[str, str]) -> dict:
    """What an experiment adds to its record; an error loses nothing else."""
    with measure.may_fail("extra", failed):
        return run.extra(run.model, inputs) if run.extra else {}
    return {}


def save(model: ks.Game, folder: RunFolder) -> None:
    """Writes the .keras file and the SavedModel, each completely or not at all."""
    model.save(folder.keras_file)
    files.remove_all(folder.saved_model)
    model.export(folder.saved_model)
