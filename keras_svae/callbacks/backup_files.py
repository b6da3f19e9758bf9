"""A backup's files: their content, whether they are complete, and how models use it."""

import hashlib
import json
import os
import pathlib
import warnings

from keras_svae.digest import digest

_KEYS = set(
    "made_by step steps_per_epoch settings method sha256 variables checksum".split()
)


def checksum(about: dict) -> str:
    """A hash of a backup's description."""
    text = json.dumps({k: v for k, v in about.items() if k != "checksum"})
    return hashlib.sha256(text.encode()).hexdigest()


def whole(path: pathlib.Path) -> dict:
    """The description in a backup, after a check that the backup is complete.

    Raises:
        ValueError: If one of its two files is damaged.
    """
    weights = path.with_suffix(".weights.h5")
    for file in (path, weights):
        if not file.is_file():  # a named pipe would wait
            raise ValueError(f"{file}")
    try:
        about = json.loads(path.read_bytes())
        step, sha256 = about["step"], about["sha256"]
        # Older backups have no checksum.
        fine = about.get("checksum", checksum(about)) == checksum(about)
        fine = fine and set(about) <= _KEYS
        method, variables = about["method"], about["variables"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}") from error
    named = isinstance(step, int) and path.name == f"step-{step:09d}.json"
    if not (fine and named and isinstance(variables, list) and method):
        raise ValueError(f"{path}")
    if digest(weights) != sha256:
        raise ValueError(f"{weights}")
    return about


def put_aside(path: pathlib.Path) -> None:
    """Renames a damaged backup, so that it is not taken for a later one."""
    for one in (path, path.with_suffix(".weights.h5")):
        if one.exists():
            os.replace(one, one.with_name(f"damaged-{one.name}"))


def shapes_of(model) -> list:
    """Path and shape of each weight."""
    return [[v.path, list(v.shape)] for v in model.weights]


def _is_new(path: str) -> bool:
    """Whether older backups had no such weight, or had it in another list."""
    return path.endswith("averages/state") or "seed_generator_state" in path


def settings_of(model) -> dict:
    """The plain settings of a model, and the class of each optimizer."""
    plain = (bool, int, float, str, type(None))
    config = {k: v for k, v in model.get_config().items() if isinstance(v, plain)}
    for name in ("name", "dtype", "made_by", "trainable"):
        config.pop(name, None)
    optimizers = {name: type(one).__name__ for name, one in model.optimizers.items()}
    return {**config, **optimizers}


def check_settings(model, about: dict, where: pathlib.Path) -> None:
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
        warnings.warn(
            f"The backup {where} was made with other settings: {'; '.join(shown)}. "
            "Training goes on with those of this model.",
            stacklevel=3,
        )


def check_shapes(model, about: dict, newest: pathlib.Path) -> None:
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
            f"Expected a backup of {len(mine)} variables shaped as this model's; "
            f"received: {len(theirs)} in {newest}, differing in "
            f"{differing[:3] or 'number'}"
        )
