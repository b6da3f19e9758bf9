"""Files that PyTorch wrote are read; what would run something, or is damaged, is not.

`tiny_zip.pth` and `tiny_old.pth` are of PyTorch 2.13, in its two formats.
"""

import io
import json
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest

from keras_svae.evaluation.backbones import weights
from keras_svae.evaluation.backbones.weights import read_tensors

HERE = pathlib.Path(__file__).parent
FILES = [HERE / "tiny_zip.pth", HERE / "tiny_old.pth"]


def expected():
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    return {
        "weight": np.ones(2, np.float32),
        "bias": np.zeros(2, np.float32),
        "running_mean": np.zeros(2, np.float32),
        "running_var": np.ones(2, np.float32),
        "num_batches_tracked": np.array(0),
        "transposed": grid.T,
        "part": np.array([5, 7, 9], np.float32),
        "half": np.array([0.5, -2], np.float16),
        "empty": np.zeros((0, 3), np.float32),
    }


def check(found, want):
    assert list(found) == list(want)
    for name, array in want.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_formats_are_read(path):
    check(read_tensors(path), expected())


def test_other_files_of_arrays_are_read(tmp_path):
    want = expected()
    np.savez(tmp_path / "a.npz", **want)
    check(read_tensors(tmp_path / "a.npz"), want)
    codes = {np.dtype(code): name for name, code in weights.DTYPES.items()}
    about, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in want.items():
        place = [len(data), len(data) + array.nbytes]
        data += array.tobytes()
        about[name] = {
            "dtype": codes[array.dtype],
            "shape": array.shape,
            "data_offsets": place,
        }
    # As written by the library, with the description padded by spaces.
    head = (json.dumps(about) + "   ").encode()
    whole = len(head).to_bytes(8, "little") + head + data
    (tmp_path / "a.safetensors").write_bytes(whole)
    check(read_tensors(tmp_path / "a.safetensors"), want)
    for size in (0, 5, 20, len(head), len(whole) - 1):
        (tmp_path / "b.safetensors").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="Expected .*received: b.safetensors"):
            read_tensors(tmp_path / "b.safetensors")
    np.savez(tmp_path / "c.npz", a=np.array([{}]))
    with pytest.raises(ValueError, match="Expected .*received: c.npz"):
        read_tensors(tmp_path / "c.npz")
    with pytest.raises(ValueError, match=r"Expected weights as .pth.*received: d.h5"):
        read_tensors(tmp_path / "d.h5")


class Harm:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def zipped(description, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a/data.pkl", description)
        archive.writestr("a/data/0", bytes(16))
    return file.getvalue()


def tensor(count=4, offset=0, shape=(4,), strides=(1,), kind="FloatStorage", key="0"):
    """The pickle of one tensor, opcode by opcode."""

    def whole(numbers):
        return b"(" + b"".join(pickle.dumps(n, 2)[2:-1] for n in numbers) + b"t"

    def text(said):
        return b"X" + len(said).to_bytes(4, "little") + said.encode()

    storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n"
    storage += text(key) + text("cpu") + pickle.dumps(count, 2)[2:-1] + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage
    call += pickle.dumps(offset, 2)[2:-1] + whole(shape) + whole(strides)
    call += b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}" + text("a") + call + b"s."


def test_the_tensor_of_these_tests_is_one(tmp_path):
    (tmp_path / "a.pth").write_bytes(zipped(tensor()))
    check(read_tensors(tmp_path / "a.pth"), {"a": np.zeros(4, np.float32)})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"shape": (5,)}, "larger than its numbers"),
        ({"offset": 1}, "larger than its numbers"),
        ({"strides": (2,)}, "larger than its numbers"),
        # An array of a terabyte from four numbers.
        ({"shape": (2**19, 2**19), "strides": (0, 0)}, "larger than its numbers"),
        ({"strides": (-1,)}, "a call of torch._utils _rebuild_tensor_v2"),
        ({"offset": -1}, "a call of"),
        ({"shape": (2, 2)}, "a call of"),
        ({"count": 5}, "data/0 of 16 bytes"),
        ({"count": 2**40}, "data/0 of 16 bytes"),
        ({"count": -4}, "without a name and a count"),
        ({"kind": "Foo"}, "numbers of torch Foo"),
        ({"key": "../../b"}, "a damaged file"),
    ],
)
def test_tensors_that_are_not_all_there_are_refused(tmp_path, change, why):
    (tmp_path / "a.pth").write_bytes(zipped(tensor(**change)))
    with pytest.raises(ValueError, match=f"Expected a state dict.*received: .*{why}"):
        read_tensors(tmp_path / "a.pth")


def test_nothing_in_a_file_runs(tmp_path):
    harm, path = tmp_path / "harm", tmp_path / "a.pth"
    for protocol in (2, 4):
        for given in (Harm(harm), {"a": Harm(harm)}, {"a": {"b": [Harm(harm)]}}):
            description = pickle.dumps(given, protocol)
            for data in (zipped(description), description):
                path.write_bytes(data)
                with pytest.raises(ValueError, match="a call of posix mkdir"):
                    read_tensors(path)
    assert not harm.exists()


@pytest.mark.parametrize(
    "description",
    [
        pickle.dumps({"a": 3}, 2),
        pickle.dumps([], 2),
        pickle.dumps({1: 2}, 2),
        pickle.dumps({"a": {"b": 1}}, 4),
        pickle.dumps({"a": np.zeros(3)}, 2),
        pickle.dumps({"a": {1, 2}}, 4),
        # A name that would be long only when it is written out.
        b"\x80\x02}" + b"(" * 3 + b"ttt" + b"K\x01s.",
        b"\x80\x02.",
        b"",
    ],
)
def test_what_is_no_dictionary_of_tensors_is_refused(tmp_path, description):
    (tmp_path / "a.pth").write_bytes(zipped(description))
    with pytest.raises(ValueError, match="Expected a state dict.*received: a.pth"):
        read_tensors(tmp_path / "a.pth")


def test_compressed_numbers_are_refused(tmp_path):
    (tmp_path / "a.pth").write_bytes(zipped(tensor(), zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="which is compressed"):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_damage_is_an_error_of_the_file(path, tmp_path):
    """A byte changed, or the end missing: an error, or arrays, but nothing else."""
    whole = path.read_bytes()
    broken = tmp_path / "a.pth"
    rng = np.random.default_rng(0)
    refused = 0
    for at in range(0, len(whole), 11):
        changed = bytearray(whole)
        changed[at] ^= int(rng.integers(1, 256))
        for data in (bytes(changed), whole[:at]):
            broken.write_bytes(data)
            try:
                found = read_tensors(broken)
            except ValueError as error:
                assert str(error).startswith("Expected a state dict")
                refused += 1
            else:
                assert all(isinstance(one, np.ndarray) for one in found.values())
    assert refused >= len(whole) // 11  # all cuts are
