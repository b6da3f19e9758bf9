"""The Inception network of 2015 against torch-fidelity's, recorded or beside it.

`recorded_inception_2015.json` is written by `python -m tests.evaluation.upstream`.
"""

import dataclasses
import json

import keras
import numpy as np
import PIL.Image
import pytest
import scipy.special
import tensorflow as tf

from keras_svae import evaluation
from keras_svae.digest import digest
from keras_svae.evaluation.backbones import inception_2015 as module
from keras_svae.evaluation.backbones.resizing import resized
from keras_svae.evaluation.backbones.weights import Tensors, find_weights
from reproductions.benchmarks import random_inception
from tests.evaluation import upstream

NARROW = random_inception.inception(upstream.PART)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "narrow.npz"
    np.savez(path, **NARROW)
    return path


@pytest.fixture(scope="module")
def net(path):
    return evaluation.inception_2015(path)


def logits(net, x):
    """What the network gives before a softmax, of uint8 images."""
    return net._run(x.astype(np.float32) / 255)[1].numpy()


@pytest.mark.parametrize("size", upstream.SIZES)
def test_features_and_logits_are_torch_fidelitys(net, size):
    x = upstream.images(*size)
    ((seen, p),) = net.both(x, (0, 255))
    want = json.loads(upstream.RECORDED.read_text())["{}x{}".format(*size)]
    for found, recorded in ((seen, "features"), (logits(net, x), "logits")):
        found = np.c_[found[:, :6], found.mean(1)]
        np.testing.assert_allclose(found, want[recorded], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(p, scipy.special.softmax(logits(net, x), 1), 1e-5)


def test_samples_are_rounded_to_8_bits(net):
    x = upstream.images(32, 32)
    near = (x + np.random.default_rng(0).uniform(-0.49, 0.49, x.shape)) / 127.5 - 1
    np.testing.assert_array_equal(
        *(
            next(net.features(*one))
            for one in ((x, (0, 255)), (near.clip(-1, 1), (-1, 1)))
        )
    )


def test_scores_say_how_they_were_made(net):
    assert net.details((32, 32, 3)) == {
        "backbone": net.name,
        "resize": "tf1_bilinear 32x32 to 299x299",
        "rounding": "8 bits",
        "dtype": "float32",
    }
    assert net.name.startswith("inception_2015 with the weights narrow.npz, sha256 ")
    real, fake = upstream.images(32, 32), 255 - upstream.images(32, 32)
    with pytest.warns(UserWarning, match="more examples"):
        found = evaluation.frechet_distance(
            real, fake, net, (0, 255), reference="noise, split test"
        )
    assert found.details["n"] == found.details["n_real"] == 3
    assert found.details["reference"] == "noise, split test"
    assert found.details["resize"] == "tf1_bilinear 32x32 to 299x299"


def test_always_float32_and_with_a_bias_if_asked(net, path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = evaluation.inception_2015(path, bias=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert made.name == f"{net.name}, logits with bias"
    assert made.dtype == "float32"
    x = upstream.images(32, 32)
    np.testing.assert_array_equal(
        *(next(one.features(x, (0, 255))) for one in (net, made))
    )
    want = json.loads(upstream.RECORDED.read_text())["32x32"]["logits with bias"]
    np.testing.assert_allclose(logits(made, x)[:, :6], np.array(want)[:, :6], atol=1e-4)


# ---- Resizing ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (64, 40), (299, 299), (400, 310)])
def test_clean_is_pillows_bicubic_on_floats(size):
    x = upstream.images(*size, n=2)
    found = resized(tf.constant(x, tf.float32), (299, 299), "clean", False)
    for image, one in zip(x, np.clip(found, 0, 255), strict=True):
        for c in range(3):
            want = PIL.Image.fromarray(image[..., c].astype(np.float32))
            want = np.asarray(want.resize((299, 299), PIL.Image.Resampling.BICUBIC))
            np.testing.assert_allclose(one[..., c], want.clip(0, 255), atol=1e-2)


@pytest.mark.parametrize("size", [(32, 32), (40, 64), (400, 310)])
@pytest.mark.parametrize("method", ["tf1_bilinear", "pytorch_bilinear"])
def test_bilinear_by_hand(size, method):
    x = upstream.images(*size, n=1).astype(np.float64)
    shift = {"tf1_bilinear": 0.0, "pytorch_bilinear": 0.5}[method]
    for axis, side in ((1, size[0]), (2, size[1])):
        at = (np.arange(299) + shift) * side / 299 - shift
        at = at.clip(0, side - 1)
        low = at.astype(int)
        high = np.minimum(low + 1, side - 1)
        share = np.expand_dims(at - low, [0, 2, 3] if axis == 1 else [0, 1, 3])
        x = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    images = tf.constant(upstream.images(*size, n=1), tf.float32)
    found = resized(images, (299, 299), method, True)
    np.testing.assert_allclose(found, x, atol=2e-2)


def seeing_nothing():
    """Features are the mean of each channel."""
    x = keras.Input((299, 299, 3))
    seen = keras.layers.GlobalAveragePooling2D(name=module.FEATURES)(x)
    return keras.Model(x, keras.layers.Dense(5)(seen))


def test_each_resizing_has_its_range(path, monkeypatch):
    white = np.full((1, 299, 299, 3), 255)
    # The network itself takes seconds to build, and is the same.
    monkeypatch.setattr(module, "graph", lambda *_, **__: seeing_nothing())
    for resize, high in (("clean", 127 / 128), ("pytorch_bilinear", 1.0)):
        net = evaluation.inception_2015(path, resize)
        assert net.details((8, 8, 3))["resize"] == f"{resize} 8x8 to 299x299"
        for x, want in ((white, high), (0 * white, -1)):
            np.testing.assert_allclose(next(net.features(x, (0, 255))), want)
    with pytest.raises(
        ValueError, match="Expected resize .*clean.*received: 'bicubic'"
    ):
        evaluation.inception_2015(path, "bicubic")


# ---- Files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"fc.weight": None}, "with fc.weight; received: none"),
        ({"Mixed_7c.branch_pool.bn.bias": None}, "Mixed_7c.branch_pool.bn.bias"),
        ({"AuxLogits.fc.bias": np.zeros(3)}, "no others; received: AuxLogits.fc.bias"),
        ({"fc.weight": np.zeros((63, 5))}, "fc.weight for 128 features; received"),
        ({"fc.bias": np.zeros(3)}, r"fc.bias as floats of shape \(63\)"),
        ({"fc.bias": np.zeros(63, int)}, "fc.bias as floats .*received: int64"),
        ({"fc.bias": np.full(63, np.nan)}, "NaN or infinity in fc.bias"),
    ],
)
def test_weights_of_another_network_are_refused(change, why, monkeypatch):
    # What is checked comes before or after the layers, which take seconds.
    weights = {k: v for k, v in (NARROW | change).items() if v is not None}
    with pytest.raises(ValueError, match=f"Expected .*{why}"):
        module.graph(Tensors(weights, "inception_2015"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path))
    return tmp_path / "weights"


FILE = "weights-inception-2015-12-05-6726825d.pth"


def test_the_published_file_is_asked_for_with_its_hash(cache, monkeypatch):
    asked = {}

    def no_network(name, url, **options):
        asked.update(options, name=name, url=url)
        (cache / name).write_bytes(b"the first half")  # there is a folder for it
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.utils, "get_file", no_network)
    with pytest.raises(FileNotFoundError) as error:
        evaluation.inception_2015()
    assert error.match(f"fetch https://.*{FILE}.*put it at {cache / FILE}.*received")
    assert asked["name"] == FILE and asked["url"].endswith(FILE)
    assert asked["file_hash"].startswith("6726825d") and len(asked["file_hash"]) == 64
    assert asked["cache_dir"] == str(cache.parent)
    assert not (cache / FILE).exists()
    with pytest.raises(FileNotFoundError, match="Expected .*received: none.pth"):
        evaluation.inception_2015("none.pth")


def test_a_file_with_the_published_hash_is_called_published(cache, monkeypatch):
    monkeypatch.setattr(keras.utils, "get_file", None)  # it is not asked for
    cache.mkdir()
    (cache / FILE).write_bytes(b"in its place")
    known = dataclasses.replace(module.WEIGHTS, sha256=digest(cache / FILE))
    assert known.fetched() == cache / FILE
    assert find_weights(cache / FILE, "net", known)[1] == "inception_2015"
    with pytest.raises(ValueError, match="Expected .*received: another file"):
        evaluation.inception_2015()
    assert (cache / FILE).is_file()
    (tmp := cache / "other.pth").write_bytes(b"something else")
    said = find_weights(tmp, "net", known)[1]
    assert said == f"net with the weights other.pth, sha256 {digest(tmp)[:8]}"


# ---- Beside torch-fidelity itself ----------------------------------------------------


@pytest.fixture(scope="module")
def fidelity():
    try:
        return upstream.imported()
    except ImportError:
        pytest.skip("torch-fidelity is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_published_widths_beside_torch_fidelity(fidelity, tmp_path, old):
    path = tmp_path / "random.pth"
    upstream.save(
        random_inception.inception(), path, _use_new_zipfile_serialization=not old
    )
    net = evaluation.inception_2015(path)
    for size in upstream.SIZES[: 1 if old else 3]:
        x = upstream.images(*size)
        want = upstream.outputs(fidelity, path, x)
        seen = next(net.features(x, (0, 255)))
        assert seen.shape == (3, 2048)
        np.testing.assert_allclose(seen, want[0], rtol=0, atol=1e-4)
        np.testing.assert_allclose(logits(net, x), want[1], rtol=0, atol=1e-4)
