"""Records of runs for TensorBoard's tab HParams: settings beside measures."""

import math
import pathlib
from collections.abc import Sequence
from typing import Any

from keras_svae import files

__all__ = ["varied", "write"]


def varied(records: Sequence[dict]) -> list[str]:
    """Names of the settings in which records differ; of one record, all."""
    names = dict.fromkeys(name for one in records for name in one["settings"])
    if len(records) == 1:
        return list(names)
    seen = {
        name: {repr(one["settings"].get(name)) for one in records} for name in names
    }
    return [name for name in names if len(seen[name]) > 1]


def write(folder: pathlib.Path, records: Sequence[dict]) -> pathlib.Path:
    """Writes one run of TensorBoard for each record, in folders 000, 001, ...

    The settings in which the records differ are the hyperparameters, the metrics are
    the metrics, at the last step. A run that diverged has no metrics. A metric that is
    not finite is left out. An older folder that this function wrote is replaced.

    Raises:
        FileExistsError: If something else is in the folder.
        ValueError: If there are no records.
    """
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    if not records:
        raise ValueError("Expected records of runs; received: none")
    mark = folder / ".hparams"
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"Expected a new folder, or one of this kind; received: {folder}"
        )
    names = varied(records)
    metrics = dict.fromkeys(name for one in records for name in one["metrics"])
    with files.new_folder(folder) as new:
        with tf.summary.create_file_writer(new).as_default():
            api.hparams_config(
                hparams=[api.HParam(name) for name in names],
                metrics=[api.Metric(name) for name in metrics],
            )
        for i, one in enumerate(records):
            title = f"{i:03d}"
            chosen = {name: _plain(one["settings"].get(name)) for name in names}
            with tf.summary.create_file_writer(f"{new}/{title}").as_default():
                api.hparams(chosen, trial_id=title)
                for name, value in one["metrics"].items():
                    if value is not None and math.isfinite(value):
                        tf.summary.scalar(name, value, step=one.get("steps", 0))
        pathlib.Path(new, mark.name).touch()
        if mark.exists():  # the older one makes way
            files.remove_all(files.target(folder))
    return folder


def _plain(value: Any) -> bool | int | float | str:
    """A value as the plugin takes it."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
