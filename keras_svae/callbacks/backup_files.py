"""A backup's files: their content, whether they are complete, and how models use it."""

import hashlib
import io
import json
import os
import pathlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_svae import files, untrusted
from keras_svae.game.keras_callbacks import rates
from keras_svae.telling import warn

_KEYS = set(
    "made_by step steps_per_epoch means settings method sha256 variables checksum"
    " began rates callbacks arrays_sha256".split()
)
# A backup's files: what describes it, and is written last; weights; what callbacks
# remember, if that has arrays.
ENDINGS = DESCRIPTION, WEIGHTS, ARRAYS = ".json", ".weights.h5", ".callbacks.npz"


def steps_in(folder: str | os.PathLike) -> list[int]:
    """The steps of a folder's backups, in order; damaged ones are among them."""
    if not tf.io.gfile.isdir(os.fspath(folder)):
        return []
    names = tf.io.gfile.listdir(os.fspath(folder))
    found = [re.fullmatch(r"step-(\d{9,})\.json", name) for name in names]
    return sorted(int(one[1]) for one in found if one)


def digest(content: bytes | memoryview) -> str:
    """A hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


def checksum(about: dict) -> str:
    """A hash of a backup's description."""
    return digest(
        json.dumps({k: v for k, v in about.items() if k != "checksum"}).encode()
    )


def described(path: str) -> dict:
    """The description in a backup, after a check of it.

    Raises:
        ValueError: If the file is damaged. It names the file.
    """
    _check_is_file(path)
    try:
        about = json.loads(files.read(path))
        step, sha256 = about["step"], about["sha256"]
        # Older backups have no checksum.
        fine = about.get("checksum", checksum(about)) == checksum(about)
        fine = fine and set(about) <= _KEYS
        method, variables = about["method"], about["variables"]
        numbers = about.get("began", 0), about.get("steps_per_epoch") or 0
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(f"{path}") from error
    named = isinstance(step, int) and path.endswith(f"step-{step:09d}.json")
    fine = fine and all(isinstance(one, int) for one in numbers)
    if not (fine and named and isinstance(variables, list) and method and sha256):
        raise ValueError(f"{path}")
    return about


def whole(path: str) -> tuple[dict, bytes, dict[str, np.ndarray]]:
    """The description in a backup, its weights, and arrays of callbacks, all checked.

    Raises:
        ValueError: If one of its files is damaged. It names the file.
    """
    about = described(path)
    content = _checked(sibling(path, WEIGHTS), about["sha256"])
    arrays = {}
    if about.get("arrays_sha256"):
        raw = _checked(sibling(path, ARRAYS), about["arrays_sha256"])
        arrays = _unpacked(sibling(path, ARRAYS), raw)
    return about, content, arrays


def sibling(path: str, ending: str) -> str:
    """Another file of a backup."""
    return path.removesuffix(DESCRIPTION) + ending


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """The content of a file with these arrays; nothing if there are none."""
    made = io.BytesIO()
    if arrays:
        named: Mapping[str, Any] = arrays  # by name, `savez` takes an option too
        np.savez(made, **named)
    return made.getvalue()


def _unpacked(path: str, content: bytes) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(one.file_size for one in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}") from error
    untrusted.check_unpacked(pathlib.Path(path), size)
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _check_is_file(path: str) -> None:
    if files.is_local(path) and not os.path.isfile(path):  # a pipe would wait
        raise ValueError(f"{path}")


def _checked(path: str, sha256: str) -> bytes:
    """The content of a file, if it has this hash."""
    _check_is_file(path)
    try:
        content = files.read(path)
    except tf.errors.OpError as error:
        raise ValueError(f"{path}") from error
    if digest(content) != sha256:
        raise ValueError(f"{path}")
    return content


def put_aside(path: str) -> None:
    """Renames a damaged backup, so that it is not taken for a later one."""
    for one in (sibling(path, ending) for ending in ENDINGS):
        if files.exists(one):
            folder, name = os.path.split(one)
            tf.io.gfile.rename(one, f"{folder}/damaged-{name}", overwrite=True)


def shapes_of(model) -> list:
    """Path and shape of each weight."""
    return [[v.path, list(v.shape)] for v in model.weights]


def _is_new(path: str) -> bool:
    """Whether older backups had no such weight, or had it in another list."""
    return path.endswith("averages/state") or "seed_generator_state" in path


# The rate is a part of the state.
_NOT_OPTIMIZERS = ("name", "learning_rate")


def settings_of(model) -> dict:
    """The plain settings of a model, and the class and settings of each optimizer."""
    plain = (bool, int, float, str, type(None))
    config = {k: v for k, v in model.get_config().items() if isinstance(v, plain)}
    for name in ("name", "dtype", "made_by", "trainable"):
        config.pop(name, None)
    config["ema"] = model._ema
    for name, one in model.optimizers.items():
        config[name] = type(one).__name__
        for key, value in _settings_of_optimizer(one).items():
            scheduled = isinstance(value, dict)
            if scheduled and value.get("class_name") == "__lambda__":
                value = "a function"  # its code is no setting
            if scheduled or (isinstance(value, plain) and key not in _NOT_OPTIMIZERS):
                config[f"{name}.{key}"] = value
    # As it comes back from a file.
    return json.loads(json.dumps(config, default=lambda one: type(one).__name__))


def _settings_of_optimizer(one) -> dict:
    """The configuration; of a schedule that has none, what else can be seen."""
    try:
        return one.get_config()
    # `get_config` of a schedule, or of an optimizer, may be the user's own.
    except Exception:
        if not rates.follows_schedule(one):
            raise
    return {name: value for name, value in vars(one).items() if name[0] != "_"}


def check_settings(model, about: dict, where: str) -> None:
    """Compares settings. The model's win, except for its optimizers' classes.

    Raises:
        ValueError: For an optimizer of another class, which cannot take this state.
    """
    mine, theirs = settings_of(model), about.get("settings", {})
    different = {k: v for k, v in theirs.items() if k in mine and mine[k] != v}
    for name in model.optimizers:
        if name in different:
            raise ValueError(
                f"Expected {name} to be of the class {theirs[name]}, as in {where}; "
                f"received: {mine[name]}"
            )
    if different:
        shown = [f"{k}={v!r} there, {mine[k]!r} here" for k, v in different.items()]
        warn(
            f"The backup {where} was made with other settings: {'; '.join(shown)}. "
            "Training goes on with those of this model."
        )


def check_shapes(model, about: dict, newest: str) -> None:
    """Compares weights.

    Raises:
        ValueError: If their number or their shapes differ.
    """
    mine = [shape for path, shape in shapes_of(model) if not _is_new(path)]
    # Older backups list more than the weights: among them states of random layers, and
    # after them metrics.
    listed = [one for one in about["variables"] if not _is_new(one[0])]
    theirs = [shape for _, shape in listed][: len(mine)]
    if mine != theirs:
        differing = [
            f"{path}: {tuple(saved)}"
            for (path, saved), own in zip(listed, mine, strict=False)
            if saved != own
        ]
        raise ValueError(
            f"Expected a backup of {len(mine)} variables with the shapes of this "
            f"model; received: {len(theirs)} variables in {newest}, which differ in "
            f"{differing[:3] or 'number'}"
        )
