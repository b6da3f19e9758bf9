"""Image data sets of TensorFlow Datasets, from the network or from local files."""

import difflib
import os
import pathlib
import re
import urllib.error
import urllib.parse

import numpy as np
import tensorflow as tf

from keras_svae.data import fetching
from keras_svae.data.examples import Source, Stored
from keras_svae.data.images import Framing, collect, decode
from keras_svae.digest import digest


def _tfds():
    import tensorflow_datasets  # slow, and needed here only

    import keras_svae.data.tiny_imagenet  # noqa: F401  registers it

    return tensorflow_datasets


def names() -> list[str]:
    """Names that TFDS can load, and TinyImageNet; not all are images."""
    return _tfds().list_builders(with_community_datasets=False)


def near(name: str, own) -> list[str]:
    """Up to three names that look like this one, ours and TFDS's."""
    wanted = name.lower().replace("-", "_").replace(" ", "_")
    return difflib.get_close_matches(wanted, sorted({*own, *names()}), 3)


def find(name: str, data_dir):
    """The TFDS builder of that name, or None."""
    tfds = _tfds()
    try:
        return tfds.builder(name, data_dir=data_dir)
    except ValueError:
        if re.split("[/:]", name)[0] in names():  # the part after the name is wrong
            raise
        return None


def _file_name(url: str, info) -> str:
    return info.filename or os.path.basename(urllib.parse.urlparse(url).path)


def _originals(builder) -> dict[str, str]:
    """Names of the original files, by their URL."""
    files = {u: _file_name(u, info) for u, info in (builder.url_infos or {}).items()}
    return files | getattr(builder, "PUBLISHED", {})


def _at_hand(builder, manual_dir: pathlib.Path, file: str) -> pathlib.Path | None:
    """Where the folder has an original file; a builder of ours may look further."""
    if hasattr(builder, "find_original"):
        return builder.find_original(manual_dir)
    path = manual_dir / file
    return path if path.exists() else None


def _root(builder) -> str:
    """The data_dir of a builder: the folder above name, configuration and version."""
    levels = 2 if builder.builder_config is None else 3
    return str(builder.data_path.parents[levels - 1])


def _prepare(builder, manual_dir, download: bool) -> None:
    """Writes the data set into data_dir, if it is not there yet."""
    if builder.is_prepared():
        return
    import requests

    tfds = _tfds()
    files = _originals(builder)
    here = {}
    if manual_dir is not None:
        manual_dir = pathlib.Path(manual_dir).expanduser()
        if not manual_dir.is_dir():
            raise FileNotFoundError(
                f"Expected manual_dir to be a folder; received: {manual_dir}"
            )
        found = {u: _at_hand(builder, manual_dir, f) for u, f in files.items()}
        here = {url: path for url, path in found.items() if path}
    missing = [url for url in files if url not in here]
    # It has its own folder: TFDS caches extractions only by file name, and MNIST and
    # Fashion-MNIST have the same file names.
    downloads = os.path.join(_root(builder), "downloads", builder.name)
    infos = builder.url_infos or {}
    known, answers = fetching.downloaded(downloads, infos), {}

    def refused(url: str) -> bool:
        info = infos.get(url)
        # TFDS itself looks into manual_dir only for files whose names it knows.
        if url in known or (url in here and info is not None and info.filename):
            return False
        host = urllib.parse.urlparse(url).netloc
        if download and host not in answers:
            answers[host] = fetching.reachable(url)
        return not download or not answers[host]

    def absent(why: str, first: str | None = None) -> FileNotFoundError:
        # Some data sets list the files of all their configurations. The file that was
        # asked for comes first.
        wanted = sorted(missing, key=lambda url: url != first)
        more = f" and {len(wanted) - 4} more" if len(wanted) > 4 else ""
        names = ", ".join(files[u] for u in wanted[:4]) or "see TFDS's catalogue"
        return FileNotFoundError(
            f"Expected the data set {builder.name!r} prepared in data_dir "
            f"{_root(builder)}, or its original files in manual_dir "
            f"{manual_dir or '(not given)'}, or a network to download them; received: "
            f"{why}. Missing files: {names}{more}. Fetch them on a machine with a "
            "network and pass their folder as manual_dir=, or copy a prepared data "
            "set and pass data_dir=."
        )

    if files and not (
        download or here or known or builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    ):
        raise absent("download=False")  # before TFDS makes folders
    fetching.ask_before(builder, refused)
    try:
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(
                manual_dir=None if manual_dir is None else str(manual_dir)
            ),
        )
    except fetching.Unreachable as error:
        host = urllib.parse.urlparse(str(error)).netloc
        why = f"no answer from {host}" if download else "download=False"
        raise absent(why, str(error)) from None
    except tfds.core.download.download_manager.NonMatchingChecksumError as error:
        wrong = [
            f"{path} with sha256 {has} instead of {builder.url_infos[url].checksum}"
            for url, path in here.items()
            if (has := digest(path)) != builder.url_infos[url].checksum
        ]
        raise ValueError(
            f"Expected the original files of {builder.name!r}, as published; received: "
            f"{'; '.join(wrong) or error}. The file is damaged or is another file: "
            "fetch it again."
        ) from error
    except (requests.exceptions.ConnectionError, urllib.error.URLError) as error:
        raise absent(str(error)) from error
    except AssertionError as error:
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        raise absent(f"files that have to be fetched by hand: {error}") from error


def _keys(builder) -> tuple[str, str | None]:
    """The features that hold the picture and its class."""
    tfds = _tfds()
    features = dict(builder.info.features or {})
    pictures = [k for k, f in features.items() if isinstance(f, tfds.features.Image)]
    if "image" not in pictures and len(pictures) != 1:
        raise ValueError(
            "Expected a data set of images, one per example; received: "
            f"{builder.name!r}, which has {sorted(features)}"
        )
    image = "image" if "image" in pictures else pictures[0]
    if features[image].np_dtype != np.uint8:
        raise ValueError(
            f"Expected 8-bit images; received: {features[image].np_dtype} in "
            f"{builder.name!r}"
        )
    classes = [
        k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)
    ]
    if "label" in classes:
        return image, "label"
    return image, classes[0] if len(classes) == 1 else None


def source(builder, framing: Framing, manual_dir, download: bool) -> Source:
    """A data set of TFDS. It is prepared first if necessary."""
    tfds = _tfds()
    image, label = _keys(builder)
    shape = builder.info.features[image].shape
    framing.fits(*shape[:2])
    _prepare(builder, manual_dir, download)

    def read(split: str) -> Stored:
        count = builder.info.splits[split].num_examples
        decoders = {image: tfds.decode.SkipDecoding()}
        data = builder.as_dataset(split=split, decoders=decoders)

        def one(example):
            pixels = tf.ensure_shape(decode(example[image], shape[-1] or 3), shape)
            return pixels, example[label] if label else 0

        data = data.map(one, num_parallel_calls=tf.data.AUTOTUNE)
        values, labels = collect(data, count, framing, lambda row: f"example {row}")
        known = label and (labels >= 0).any()  # -1 in tests that are not published
        return Stored(values, labels if known else None, maximum=255)

    key = ("tfds", str(builder.data_path), framing)
    return Source(builder.name, tuple(builder.info.splits), read, key)
