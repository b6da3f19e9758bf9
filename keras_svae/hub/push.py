"""Writes a trained model as a folder with a model card, or to the Hugging Face Hub."""

import json
import os
import pathlib
import re
import shlex
import tempfile
from typing import Any

import keras
import numpy as np
import PIL

from keras_svae import files
from keras_svae.digest import digest
from keras_svae.evaluation.evaluate import Report
from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.saving import taking, weights_file
from keras_svae.game.saving.configuration import made_by
from keras_svae.game.saving.keras_file import first_line
from keras_svae.hub.card import card
from keras_svae.hub.pull import HASHES, MODEL, hub_package, repository
from keras_svae.paths import local
from keras_svae.pictures import plots, views

__all__ = ["push"]

PICTURE, MEASURES, CARD = "samples.png", "measures.json", "README.md"
WEIGHTS = "model.weights.h5"
# What a run's record tells about its model.
TOLD = (
    "command date commit machine experiment method seed steps seconds data settings "
    "measures left_out"
).split()


def push(
    model: "keras.Model | str | os.PathLike",
    target: str | os.PathLike,
    *,
    name: str | None = None,
    licence: str | None = None,
    data: str | None = None,
    command: str | None = None,
    measures: Report | None = None,
    picture: str | os.PathLike | np.ndarray | None = None,
) -> str:
    """Writes a model with its card to a folder, or to a repository on the Hub.

    It writes all that `model.save` writes but the optimizers and averages of weights:
    networks, samplers, further weights and the step. `ks.hub.load` and
    `keras.saving.load_model` read it. Of several workers that train the model, the
    first one writes.

    Args:
        model: A model; its `.keras` file; or a run's folder of the reproductions, whose
            record gives the data, the command, the measures and the picture.
        target: A new or empty folder. The function then prints how you upload it. Or
            "hf://USER/REPO": the model is uploaded by the package `huggingface_hub`,
            with the token that this package has from you (`hf auth login`).
        name: The card's title; None for the method's name.
        licence: The licence of the weights, as Hugging Face abbreviates it:
            "apache-2.0", "cc-by-4.0". None says that none was given. Think of the terms
            of the data.
        data: The data that the model was trained on, in a few words.
        command: The command that trained the model.
        measures: What `ks.evaluation.evaluate` gave.
        picture: A PNG file, or a uint8 array (height, width, 1 or 3). None for samples
            of the model, where it makes images or points in the plane.

    Returns:
        The folder, or the repository's address; on a worker that does not write, the
        target as it was given.

    Raises:
        FileExistsError: If there is something in the folder.
        FileNotFoundError: If there is no such model or picture.
        ImportError: For "hf://", if `huggingface_hub` is not installed.
        OSError: If the upload fails.
        TypeError: On measures that are no report.
        ValueError: On a model of another package, one that its configuration does not
            make again, or on a wrong picture.

    Example:
        found = ks.evaluation.evaluate(model, test)
        ks.hub.push(model, "my-model", licence="mit", data="MNIST", measures=found)
    """
    if measures is not None and not isinstance(measures, Report):
        raise TypeError(
            "Expected measures as the report of ks.evaluation.evaluate; received: a "
            f"{type(measures).__name__}"
        )
    if isinstance(model, keras.Model):
        if not workers.is_first(model.distribute_strategy):
            return os.fspath(target)
    remote = os.fspath(target).startswith("hf://")
    if remote:
        repo, revision = repository(os.fspath(target))
        package = hub_package()
    else:
        folder = local(target, "hf://USER/REPO, or a new folder").expanduser()
        checks.new_folder(folder)
    opened = taking.opened(model)
    if not isinstance(opened, keras.Model):
        raise ValueError(
            f"Expected a model, a .keras file or a run's folder; received: {model!r}"
        )
    about = {"made_by": made_by(), "method": type(opened).__name__, **_record(model)}
    given = {"name": name, "licence": licence, "command": command}
    about |= {key: value for key, value in given.items() if value is not None}
    if data is not None:
        about["data"] = {**(about.get("data") or {}), "name": str(data)}
    if measures is not None:
        about["measures"] = measures.asdict()
    image = _picture(opened, model, picture)
    if remote:
        with tempfile.TemporaryDirectory() as place:
            _write(pathlib.Path(place), opened, about, image, os.fspath(target))
            return _upload(package, place, repo, revision)
    with files.new_folder(folder) as temporary:
        _write(pathlib.Path(temporary), opened, about, image, folder.name)
    name = re.sub(r"[^\w.-]+", "-", folder.name, flags=re.ASCII).strip("-.") or "model"
    shell = f"hf upload USER/{name} {shlex.quote(str(folder))}"
    print(f"Written: {folder}. To upload it: {shell}")
    return str(folder)


def _record(model) -> dict[str, Any]:
    """What the record of a run's folder tells; nothing of other models."""
    if not isinstance(model, (str, os.PathLike)):
        return {}
    file = pathlib.Path(model).expanduser() / "metrics.json"
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        found = {"seed": (found.get("settings") or {}).get("seed"), **found}
        return {name: found[name] for name in TOLD if found.get(name) is not None}
    except (ValueError, AttributeError):
        raise ValueError(f"Expected a run's record; received: {file}") from None


def _picture(model, source, picture) -> np.ndarray | None:
    """uint8 (height, width, 1 or 3), or None."""
    if picture is None and isinstance(source, (str, os.PathLike)):
        kept = pathlib.Path(source).expanduser() / PICTURE
        picture = kept if kept.is_file() else None
    if picture is None:
        return views.samples(model) if hasattr(model, "generate") else None
    if not isinstance(picture, np.ndarray):
        if not pathlib.Path(picture).is_file():
            raise FileNotFoundError(f"Expected a picture; received: {picture}")
        try:
            with PIL.Image.open(picture) as image:
                grey = image.mode == "L"
                picture = np.asarray(image if grey else image.convert("RGB"))
                picture = picture[..., None] if picture.ndim == 2 else picture
        except PIL.UnidentifiedImageError:
            raise ValueError(f"Expected a picture; received: {picture}") from None
    fits = picture.ndim == 3 and picture.shape[-1] in (1, 3)
    if picture.dtype != np.uint8 or not fits:
        raise ValueError(
            "Expected picture as uint8 (height, width, 1 or 3); received: "
            f"{picture.dtype} {picture.shape}"
        )
    return picture


def _write(folder: pathlib.Path, model, about: dict, image, place: str) -> None:
    _without_optimizers(model).save(folder / MODEL)
    (folder / MEASURES).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    if image is not None:
        plots.save(folder / PICTURE, image)
    text = card(model, about, picture=image is not None, place=place)
    (folder / CARD).write_text(text, encoding="utf-8")
    names = [one for one in (MODEL, MEASURES, PICTURE) if (folder / one).exists()]
    hashes = {name: digest(folder / name) for name in names}
    (folder / HASHES).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


def _without_optimizers(model) -> keras.Model:
    """The same model, not compiled, with all that `model.save` would write of it."""
    bare = type(model).from_config(model.get_config())
    whole, copied = files.Memory(WEIGHTS), files.Memory(WEIGHTS)
    model.save_weights(whole)
    # As a file would be loaded: also samplers, weights that no player names, and
    # networks that are no player's. What `bare` does not have is left out.
    bare.load_weights(whole)
    bare.save_weights(copied)
    if other := weights_file.first_other(copied, whole):
        raise ValueError(
            "Expected a model that its own configuration makes again, with all "
            f"weights; received: {type(model).__name__}, whose copy has another {other}"
        )
    return bare


def _upload(package, folder: str, repo: str, revision: str | None) -> str:
    try:
        api = package.HfApi(library_name="keras", library_version=keras.__version__)
        url = api.create_repo(repo, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            revision=revision,
            commit_message="Model of keras_svae",
        )
    except Exception as error:
        raise OSError(
            f"Expected to upload to hf://{repo}; received: {first_line(error)}"
        ) from None
    return str(url)
