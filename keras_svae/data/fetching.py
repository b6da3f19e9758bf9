"""What TFDS may fetch: it is checked before, in seconds instead of minutes."""

import functools
import json
import os
import pathlib
from collections.abc import Callable

import tensorflow as tf

__all__ = ["Unreachable", "ask_before", "downloaded", "reachable"]

_PATIENCE = 5.0  # seconds for a host to answer; TFDS itself retries for minutes


class Unreachable(Exception):
    """A download that was not tried."""


def reachable(url: str) -> bool:
    """Whether the host answers at all, within seconds."""
    import requests  # TFDS downloads through it

    if not url.startswith("http"):
        return True  # TFDS will find out
    try:
        requests.head(url, timeout=_PATIENCE)
    except (requests.exceptions.SSLError, requests.exceptions.ReadTimeout):
        return True  # it answers, and TFDS reports the error
    except requests.exceptions.RequestException:
        return False
    return True


class _Asking:
    """A download manager that raises before it fetches what must not be fetched.

    Args:
        manager: TFDS's.
        refused: Whether a URL must not be fetched.
    """

    def __init__(self, manager, refused: Callable[[str], bool]):
        self._manager, self._refused = manager, refused

    def __getattr__(self, name):
        return getattr(self._manager, name)

    def _check(self, urls) -> None:
        for one in tf.nest.flatten(urls):
            url = getattr(one, "url", one)  # of a `tfds.download.Resource`
            if self._refused(url):
                raise Unreachable(url)

    def download(self, urls):
        self._check(urls)
        return self._manager.download(urls)

    def download_and_extract(self, urls):
        self._check(urls)
        return self._manager.download_and_extract(urls)

    def download_checksums(self, url):
        self._check(url)
        return self._manager.download_checksums(url)

    def download_kaggle_data(self, name):
        self._check(f"kaggle:{name}")  # TFDS finds out
        return self._manager.download_kaggle_data(name)


def ask_before(builder, refused: Callable[[str], bool]) -> None:
    """Gives the builder an `_Asking`, as it looks for its files.

    `_split_generators` is what each builder of TFDS has to define.
    """
    split = builder._split_generators

    @functools.wraps(split)  # TFDS looks at its arguments
    def asking(manager, *args, **kwargs):
        return split(_Asking(manager, refused), *args, **kwargs)

    builder._split_generators = asking


def downloaded(folder: str, infos) -> set[str]:
    """The URLs whose files TFDS has in a folder of downloads, by its notes on them.

    A file of another checksum than today's does not count: TFDS fetches it again.
    """
    found = set()
    for top, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one != "extracted"]
        for name in names:
            file, ending = os.path.splitext(os.path.join(top, name))
            if ending != ".INFO" or not os.path.exists(file):
                continue
            try:
                note = json.loads(pathlib.Path(top, name).read_text(encoding="utf-8"))
            except ValueError:  # somebody else's
                continue
            if not isinstance(note, dict):
                continue
            has = note.get("url_info", {}).get("checksum")
            for url in note.get("urls", ()):
                if url not in infos or infos[url].checksum == has:
                    found.add(url)
    return found
