"""Files that are truncated, too large, hostile, or of another kind."""

import io
import os
import zipfile

import numpy as np
import pytest

from keras_svae.data import load
from keras_svae.evaluation import Moments
from keras_svae.evaluation.reconstructions.lpips_weights import load_weights
from keras_svae.untrusted import LIMIT, Arrays, plain_name, regular

IMAGES = np.zeros((40, 6, 5, 3), np.uint8)


def bytes_of(array):
    made = io.BytesIO()
    np.save(made, array)
    return made.getvalue()


def written(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def readers(path):
    """All that reads an .npz file."""
    return [
        lambda: load(path, batch_size=1),
        lambda: load_weights(path),
        lambda: Moments.load(path),
    ]


def test_an_array_is_what_numpy_reads(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.normal(size=(3, 0, 2)),
        "b": np.asfortranarray(rng.normal(size=(3, 4))),
        "c": np.array(5),
        "d": np.array(["x", "yz"]),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = Arrays(tmp_path / "a.npz")
        assert list(found) == list(arrays) and len(found) == 4
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def test_a_file_may_unpack_to_a_limit_that_can_be_raised(tmp_path, monkeypatch):
    # 12 GB of zeros in 12 MB would be too slow for a test: the limit is lower here.
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=IMAGES, mu=np.zeros(900), sigma=np.zeros((1, 1)))
    monkeypatch.setenv(LIMIT, "8000")
    for read in readers(path):
        with pytest.raises(ValueError, match=rf"at most 8e\+03 bytes.*{LIMIT}=\d+"):
            read()
    monkeypatch.setenv(LIMIT, "20000")
    assert next(iter(load(path, batch_size=1))).shape == (1, 6, 5, 3)
    # What is large on the disk may be as large in memory.
    np.savez(path, x=IMAGES)
    monkeypatch.setenv(LIMIT, "1")
    assert next(iter(load(path, batch_size=1))).shape == (1, 6, 5, 3)
    monkeypatch.setenv(LIMIT, "many")
    with pytest.raises(ValueError, match=f"Expected {LIMIT} as a number of bytes"):
        load(path)


def test_twelve_gigabytes_by_what_the_archive_claims(tmp_path):
    path = written(tmp_path / "a.npz", x=bytes_of(IMAGES))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (4_200_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"at most 4e\+09 bytes; received: .*4\.2e"):
        load(path)
    # If the archive claims too little, no more is unpacked than it claims.
    data[entry + 24 : entry + 28] = (2000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match="or is damaged"):
        load(path)


def header(shape, kind="|u1"):
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        header((10**13,)),  # before, NumPy reserved the memory
        header((-2, -8)) + bytes(16),
        header((4, 4)) + bytes(15),
        header((4, 4)) + bytes(17),
        header("[" * 900),
        header((2, 2), "|O") + bytes(4),
        b"\x93NUMPY\x09\0" + bytes(20),
        b"PK\x05\x06" + bytes(18),  # an archive within the archive
        b"cos\nsystem\n(S'touch here'\ntR.",
        b"",
    ],
)
def test_arrays_that_are_damaged_or_no_numbers(tmp_path, content):
    path = written(tmp_path / "a.npz", x=content)
    with pytest.raises(ValueError, match="the array 'x' in .*or is damaged"):
        load(path)


def test_archives_that_are_truncated_or_no_archives(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=IMAGES)
    whole = path.read_bytes()
    for share in range(20):
        path.write_bytes(whole[: len(whole) * share // 20])
        for read in readers(path):
            with pytest.raises(ValueError, match=r"Expected .*received: .*a\.npz"):
                read()
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            load(path, batch_size=1)  # a changed date harms nobody
        except ValueError as error:
            assert str(error).startswith("Expected")


def test_what_would_wait_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    for read in readers(tmp_path / "a.npz"):
        with pytest.raises((ValueError, FileNotFoundError), match="received: .*a.npz"):
            read()
    with pytest.raises(ValueError, match="received: .*, which is a named pipe"):
        regular(tmp_path / "a.npz", "numbers")
    with pytest.raises(ValueError, match="received: .*, which is a folder"):
        regular(tmp_path, "numbers")
    with pytest.raises(ValueError, match="received: .*, which is a device"):
        regular("/dev/null", "numbers")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.whl"])
def test_archives_of_lpips_that_are_damaged(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\0damaged")
    with pytest.raises(ValueError, match=f"received: {name}, which is damaged"):
        load_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["run[1]", "a*", "a?", "a\\b"])
def test_paths_that_tensorflow_takes_for_patterns(name):
    with pytest.raises(ValueError, match="Expected a path of a SavedModel without"):
        plain_name(name, "a SavedModel")
    plain_name("a b#%20{é}\n~]'", "a SavedModel")
