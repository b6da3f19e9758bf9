"""What `ks.data.identify` says of a name or a path."""

import hashlib

import numpy as np
import pytest

import keras_svae as ks


def test_names_of_ours_are_what_they_are():
    assert ks.data.identify("digits") == "digits"
    assert ks.data.identify("toy5") == "toy5"


def test_a_file_is_its_content(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.zeros((3, 4, 4, 1)))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert ks.data.identify(path) == f"mine.npz, sha256 {sha256}"
    np.savez(path, x=np.ones((3, 4, 4, 1)))
    assert ks.data.identify(path) != f"mine.npz, sha256 {sha256}"


def test_a_folder_is_its_files_and_their_names(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    (folder / "cats" / "a.png").write_bytes(b"1")
    before = ks.data.identify(folder)
    (folder / "cats" / "a.png").rename(folder / "cats" / "b.png")
    renamed = ks.data.identify(folder)
    (folder / "cats" / "b.png").write_bytes(b"2")
    assert len({before, renamed, ks.data.identify(folder)}) == 3


def test_a_path_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.npz"):
        ks.data.identify(tmp_path / "absent.npz")
