"""A trained model from a folder, a URL or the Hugging Face Hub."""

import hashlib
import json
import os
import pathlib
import re

import keras

from keras_svae.digest import digest
from keras_svae.game.saving import taking
from keras_svae.game.saving.keras_file import first_line, of_keras
from keras_svae.paths import cache_folder

__all__ = ["HASHES", "MODEL", "load", "repository"]

MODEL, HASHES = "model.keras", "sha256.json"
HF = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def load(source: str | os.PathLike, *, sha256: str | None = None) -> keras.Model:
    """Loads a trained model, with a check of its hash, in Keras's safe mode.

    Safe mode runs no code that a file brings: a file with a `Lambda` layer is refused.
    The model is not compiled. `model.load_weights_from(loaded)` starts another model
    from its weights.

    Args:
        source: One of these:

            - a folder that `push` wrote, or that Keras wrote (`zipped=False`), or a
              run's folder of the reproductions;
            - a `.keras` file;
            - "https://..." of such a file, or of a folder that `push` wrote. It is kept
              in the cache. "http://..." needs `sha256`;
            - "hf://USER/REPO" or "hf://USER/REPO@REVISION" on the Hugging Face Hub. It
              needs the package `huggingface_hub`.
        sha256: The hash that the model's file must have, 64 hexadecimal digits. None
            for the one in `sha256.json`, if there is one. That one shows that the file
            is complete. Only a hash that you know yourself shows whose file it is.

    Raises:
        FileNotFoundError: If there is no such model.
        ImportError: For "hf://", if `huggingface_hub` is not installed.
        OSError: If it cannot be fetched.
        ValueError: On another hash; on a file that is no model of this package, or that
            safe mode refuses; or on a source of another kind.

    Example:
        model = ks.hub.load("hf://USER/REPO")
        model.generate(64)
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", str(sha256)):
        raise ValueError(
            f"Expected sha256 as 64 hexadecimal digits; received: {sha256!r}"
        )
    sha256 = sha256 and sha256.lower()
    text = os.fspath(source)
    if text.startswith("hf://"):
        path = _of_hf(text)
    elif text.startswith(("https://", "http://")):
        return _opened(*_of_url(text, sha256))
    elif "://" in text:
        raise ValueError(
            "Expected a path, https:// or hf://USER/REPO; received: " + text
        )
    else:
        path = pathlib.Path(source).expanduser()
    file = path / MODEL if path.is_dir() else path
    if not file.exists() and (path / "config.json").exists():
        file = path / "model.weights.h5"  # Keras's own layout
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected a folder with {MODEL}, or a .keras file; received: {text}"
        )
    return _opened(file, sha256 or _listed(file, of_folder=path.is_dir()))


def _opened(file: pathlib.Path, sha256: str | None) -> keras.Model:
    """The model of a file, after a check of its hash."""
    if sha256 is not None and (found := digest(file)) != sha256:
        raise ValueError(
            f"Expected the hash {sha256} of {file}; received: {found}, so the file is "
            "not complete or is another file"
        )
    if file.suffix != ".keras" and file.name != "model.weights.h5":
        raise ValueError(f"Expected a .keras file; received: {file}")
    if file.suffix == ".keras":
        return taking.opened(file)
    return taking.opened(of_keras(file.parent, compile=False))


def _listed(file: pathlib.Path, of_folder: bool) -> str | None:
    """The hash of a file in the list beside it; None if there is no list.

    A file that was named itself may be one which the list does not have.
    """
    listed = file.parent / HASHES
    if not listed.is_file():
        return None
    text = listed.read_bytes()
    if not of_folder and f'"{file.name}"'.encode() not in text:
        return None
    return _hash_in(text, file.name, listed)


def _hash_in(text: bytes, name: str, where) -> str:
    try:
        found = json.loads(text.decode("utf-8"))[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, str) or not re.fullmatch("[0-9a-f]{64}", found):
        raise ValueError(f"Expected {where} with the hash of {name}; received: none")
    return found


def _of_url(url: str, sha256: str | None) -> tuple[pathlib.Path, str | None]:
    """A model's file in the cache, and the hash that it must have."""
    if url.startswith("http://") and sha256 is None:
        raise ValueError(
            "Expected https://, or sha256= for http://, which lets others change the "
            f"file; received: {url}"
        )
    url = url.rstrip("/")
    if not url.endswith(".keras"):
        listed = _fetched(f"{url}/{HASHES}", None)
        sha256 = sha256 or _hash_in(listed.read_bytes(), MODEL, f"{url}/{HASHES}")
        url = f"{url}/{MODEL}"
    return _fetched(url, sha256), sha256


def _fetched(url: str, sha256: str | None) -> pathlib.Path:
    place = cache_folder("hub") / hashlib.sha256(url.encode()).hexdigest()[:16]
    try:
        found = keras.utils.get_file(
            url.rsplit("/", 1)[-1],
            url,
            file_hash=sha256,
            hash_algorithm="sha256",
            cache_dir=str(place),
            cache_subdir="",
            # Without a hash, it cannot know that the file in the cache is the same.
            force_download=sha256 is None,
        )
    except ValueError:  # Keras has removed the file
        raise ValueError(
            f"Expected the hash {sha256} of {url}; received: another hash, so the file "
            "is not complete or is another file"
        ) from None
    except Exception as error:
        raise OSError(f"Expected a file at {url}; received: {error}") from None
    return pathlib.Path(found)


def repository(target: str) -> tuple[str, str | None]:
    """USER/REPO and the revision, or None, of "hf://USER/REPO@REVISION"."""
    found = HF.fullmatch(target)
    if found is None:
        raise ValueError(
            f"Expected hf://USER/REPO or hf://USER/REPO@REVISION; received: {target}"
        )
    return found["name"], found["revision"]


def hub_package():
    """The package `huggingface_hub`, which is no dependency of this package."""
    try:
        import huggingface_hub
    except ImportError:
        raise ImportError(
            "Expected the package huggingface_hub for hf://; received: it is not "
            "installed. pip install huggingface_hub"
        ) from None
    return huggingface_hub


def _of_hf(source: str) -> pathlib.Path:
    """The folder of a repository in Hugging Face's own cache, as Keras fetches it."""
    name, revision = repository(source)
    package = hub_package()
    try:
        found = package.snapshot_download(
            repo_id=name,
            revision=revision,
            allow_patterns=[MODEL, HASHES, "config.json", "*.json", "*.weights.h5"],
            library_name="keras",
            library_version=keras.__version__,
        )
    except Exception as error:
        raise OSError(
            f"Expected a model at {source}; received: {first_line(error)}"
        ) from None
    return pathlib.Path(found)
