"""Which source belongs to a name."""

import os

from keras_svae.data import digits, folder, mixtures, npz, tfds
from keras_svae.data.examples import Source
from keras_svae.data.images import Framing
from keras_svae.digest import digest
from keras_svae.paths import AnyPath, any_path, local

_OWN = (*mixtures.NAMES, "digits", "tiny_imagenet")


def names(published: bool = False) -> list[str]:
    """Names that `load` knows.

    Args:
        published: Also the names in TensorFlow Datasets' catalogue; not all of these
            are images. This imports TensorFlow Datasets, which takes a moment.
    """
    return sorted({*_OWN, *(tfds.names() if published else ())})


def identify(name: str | os.PathLike, data_dir: str | os.PathLike | None = None) -> str:
    """Says which data `load` takes: two results with one answer had the same data.

    Args:
        name: A name or a path, as for `load`.
        data_dir: The folder of TensorFlow Datasets, as for `load`.

    Returns:
        The name, with the version for data of TensorFlow Datasets. For a folder or a
        file, its own name and a hash of all that it has, SHA-256.

    Raises:
        FileNotFoundError: If the path does not exist.
    """
    path = _path(name)
    if path is not None:
        return f"{path.name}, sha256 {digest(path)}"
    name = str(name)  # a name that is no path
    builder = None if name in _OWN else tfds.find(name, data_dir)
    return name if builder is None else builder.info.full_name


def open_source(
    name,
    *,
    framing: Framing,
    seed: int,
    n: int | None,
    cache: bool,
    links: bool,
    data_dir,
    manual_dir,
    download: bool,
) -> Source:
    """Finds a data set by name or path; see `load`.

    Raises:
        ValueError: If nothing has this name, or an argument does not fit it.
        FileNotFoundError: If the path does not exist.
    """
    path = _path(name)
    if path is None and name in mixtures.NAMES:
        _refuse(
            f"for points like {name!r}",
            cache=(cache, True),
            links=(links, False),
            crop=(framing.crop, None),
            size=(framing.size, None),
        )
        return mixtures.source(name, n, seed)
    _refuse("except for mixtures", n=(n, None))
    if path is not None and path.is_dir():
        return folder.source(path, framing, cache, links)
    _refuse("except for a folder of images", cache=(cache, True), links=(links, False))
    if path is not None:
        return npz.source(local(path, "an .npz file"), framing)
    if name == "digits":
        return digits.source(framing)
    builder = tfds.find(name, data_dir)
    if builder is None:
        near = tfds.near(name, _OWN)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        if "/" in name:
            hint = " There is no such file or folder."
        raise ValueError(
            f"Expected one of {names()}, an image data set of TensorFlow Datasets, a "
            f"folder of images or an .npz file; received: {name!r}, which is none of "
            f"these.{hint}"
        )
    return tfds.source(builder, framing, manual_dir, download)


def _refuse(where: str, **given) -> None:
    """Raises if an argument that has no meaning here is not at its default."""
    for argument, (value, default) in given.items():
        if value != default:
            raise ValueError(
                f"Expected {argument}={default} {where}; received: {argument}={value!r}"
            )


def _path(name) -> AnyPath | None:
    """The path, if a path is meant: our names and TFDS's names come first."""
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(
            f"Expected a name or a path; received: {name!r} of type "
            f"{type(name).__name__}"
        )
    text = os.fspath(name)
    if not text:
        raise ValueError("Expected a name or a path; received: ''")
    path = any_path(name).expanduser()
    meant = (
        isinstance(name, os.PathLike)
        or text.endswith(".npz")
        or text.startswith((".", "~"))
        or path.is_absolute()
    )
    if not meant:
        if text in _OWN or not path.is_dir():
            return None
        return None if text.split("/")[0] in tfds.names() else path
    if not path.exists():
        raise FileNotFoundError(
            f"Expected a folder of images or an .npz file; received: {text!r}, which "
            "does not exist"
        )
    if not path.is_dir() and path.suffix != ".npz":
        raise ValueError(
            f"Expected a folder of images or an .npz file; received: {text!r}"
        )
    return path
