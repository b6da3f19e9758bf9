"""Files without random operators: draws are inputs, outputs are the model's."""

import importlib.util
import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae import philox
from keras_svae.game.export import formats
from reproductions.benchmarks import formats as benchmark
from tests import invariants
from tests.models import tiny


def has(*modules):
    missing = [one for one in modules if importlib.util.find_spec(one) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


ONNX, LITERT = has("tf2onnx", "onnxruntime"), has("ai_edge_litert")


def with_categories():
    nets = ks.networks.digits(latent_dim=5, units=8, depth=1, joint=False)
    x = keras.Input((8, 8, 1))
    raw = keras.layers.Dense(2 * 2 + 3)(keras.layers.Flatten()(x))
    return ks.InfoGAN(*nets[1:], encoder=keras.Model(x, raw), categories=3, lam=0.7)


def reads(model, name) -> dict[str, list]:
    """What an endpoint of a file reads."""
    _, specs = formats.fed_noise(*model.endpoints()[name])
    return {one.name: one.shape.as_list() for one in specs}


def test_draws_become_inputs_in_place_of_seed_and_count():
    law = ks.distributions.Gaussian(0.5)
    model = tiny.build("svae_r", likelihood=law, compiled=False)
    x = {"x": [None, tiny.DATA]}
    z = [None, tiny.CODE]
    # A Gaussian's draws of x come after the codes'.
    more = {"normal_2": [None, tiny.DATA]}
    assert reads(model, "generate") == {"normal": z} | more
    assert reads(model, "encode") == x | {"normal": z}
    assert reads(model, "neighbours") == x | {"n": [], "normal": z}
    assert reads(model, "reconstruct") == x
    assert reads(model, "decode") == {"z": z}
    assert reads(invariants.MODELS["cgan"](), "generate") == {
        "y": [None],
        "normal": [None, invariants.CODE],
    }
    # A category is chosen by one uniform number.
    assert reads(with_categories(), "generate") == {
        "normal": [None, 2],
        "uniform": [None],
    }
    # A network that is fed noise reads it, too.
    fed = reads(invariants.MODELS["avb"](), "encode")
    assert [*fed] == ["x", "uniform"] and fed["uniform"][0] is None


@pytest.mark.parametrize("name", ["generate", "encode", "neighbours", "bound"])
def test_given_the_seeds_draws_an_endpoint_gives_what_the_seed_gives(name, monkeypatch):
    model = tiny.build("vae", likelihood=ks.distributions.Gaussian(0.5))
    given, draws = benchmark.inputs(model, name), []
    real = philox.normal

    def kept(*args):
        draws.append(real(*args))
        return draws[-1]

    monkeypatch.setattr(philox, "normal", kept)
    wanted = model.endpoints()[name][0](*map(tf.constant, given.values()))
    monkeypatch.undo()
    function, specs = formats.fed_noise(*model.endpoints()[name])
    assert draws and len(specs) >= len(draws)
    values = [tf.constant(given[s.name]) for s in specs if s.name in given]
    found = function(*values, *[tf.squeeze(one) for one in draws])
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6)


def test_litert_is_one_file_whose_signatures_are_the_endpoints(tmp_path, capsys):
    model = tiny.build("svae_r", likelihood="bernoulli", compiled=False)
    path, names = tmp_path / "new" / "model.tflite", ["decode", "generate"]
    model.export(path, format="litert", verbose=True, endpoints=names)
    assert capsys.readouterr().out == f"Saved in {path}: generate, decode\n"
    assert path.read_bytes()[4:8] == b"TFL3"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="Expected a new file; received"):
        model.export(path, format="litert")
    assert path.read_bytes() == before


@ONNX
def test_onnx_is_a_folder_of_files_or_one_file(tmp_path):
    import onnxruntime

    model = tiny.build("cvae", likelihood="bernoulli", compiled=False)
    model.export(tmp_path / "all", format="onnx", endpoints=["decode", "encode"])
    files = sorted(one.name for one in (tmp_path / "all").iterdir())
    assert files == ["decode.onnx", "encode.onnx"]
    one = tmp_path / "new" / "decode.onnx"
    model.export(one, "onnx", endpoints="decode", opset_version=17)
    session = onnxruntime.InferenceSession(one)
    told = session.get_modelmeta().custom_metadata_map
    assert told["endpoint"] == "decode"
    assert json.loads(told["about"]) == json.loads(json.dumps(model.about()))
    assert [(i.name, i.type) for i in session.get_inputs()] == [
        ("z", "tensor(float)"),
        ("y", "tensor(int64)"),
    ]
    z, y = np.float32([[0.1, 0.2], [1, -1]]), np.int64([2])  # one class for all
    (found,) = session.run(["x"], {"z": z, "y": y})
    np.testing.assert_allclose(found, model.decode(z, 2), atol=1e-5)


@ONNX
def test_what_a_format_has_no_operator_for_is_left_out_and_named(tmp_path):
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    with pytest.warns(UserWarning, match=r"left out: bound \(Expm1\)"):
        model.export(tmp_path / "some", "onnx", endpoints=["bound", "posterior"])
    assert [one.name for one in (tmp_path / "some").iterdir()] == ["posterior.onnx"]
    for path in ("none", "none.onnx"):
        with pytest.raises(ValueError, match=r"that ONNX can hold; received: bound \("):
            model.export(tmp_path / path, format="onnx", endpoints="bound")
    assert [one.name for one in tmp_path.iterdir()] == ["some"]


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"format": "onnx", "filepath": "m.onnx"}, ValueError, "one endpoint for a fi"),
        ({"format": "onnx", "opset": 9}, TypeError, "received: opset"),
        ({"format": "litert"}, ValueError, r"ends in .tflite; received: new"),
        ({"format": "litert", "filepath": 3}, TypeError, "a path; received: 3"),
        ({"format": "onnx", "filepath": None}, TypeError, "a path; received: None"),
        (
            {"format": "litert", "filepath": "m.tflite", "optimise": 1},
            TypeError,
            "TFLiteConverter; received: optimise",
        ),
        (
            {"format": "litert", "filepath": "file/m.tflite"},
            NotADirectoryError,
            "file is a file",
        ),
        ({"endpoints": "encode"}, ValueError, "out of generate, .*received: 'encode'"),
        ({"endpoints": 3}, ValueError, "out of generate, .*received: 3"),
        ({"format": "onnx", "endpoints": "about"}, ValueError, "other than about"),
        ({"endpoints": []}, ValueError, r"out of generate, .*received: \[\]"),
    ],
)
def test_what_is_refused_before_anything_is_written(
    given, error, why, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=f"Expected .*{why}"):
        tiny.build("gan", compiled=False).export(**{"filepath": "new"} | given)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("format_", ["onnx", "litert"])
def test_networks_of_another_type_are_refused(format_, tmp_path):
    x, z = keras.Input((2,)), keras.Input((2,))
    decoder = keras.Model(z, keras.layers.Dense(2, dtype="mixed_bfloat16")(z))
    model = ks.GAN(decoder, keras.Model(x, keras.layers.Dense(1)(x)))
    with pytest.raises(ValueError, match="compute in float32.*received: bfloat16"):
        model.export(tmp_path / "a.tflite", format=format_)
    assert not [*tmp_path.iterdir()]


def test_a_missing_library_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match="tf2onnx.*: pip install tf2onnx onnx"):
        tiny.build("gan", compiled=False).export(tmp_path / "new", format="onnx")
    assert not [*tmp_path.iterdir()]


def test_a_saved_model_of_some_endpoints(tmp_path):
    tiny.build("gan", compiled=False).export(tmp_path / "a", endpoints=["decode"])
    served = tf.saved_model.load(tmp_path / "a").signatures
    assert set(served) == {"decode", "serving_default"}


# Not flows and Laplace posteriors, whose draws need operators that ONNX does not have.
METHODS = ["avb", "info_gan", "aim", "ss_vae", "ijae"]


@pytest.mark.slow
@ONNX
@LITERT
def test_codes_with_categories():
    row = benchmark.measure(with_categories(), ["generate"])["generate"]
    assert max(row.values()) < 1e-5


@pytest.mark.slow
@ONNX
@LITERT
@pytest.mark.parametrize("name", METHODS)
def test_all_endpoints_give_what_keras_gives(name):
    model = invariants.build(name)
    for endpoint, row in benchmark.measure(model).items():
        for format_, difference in row.items():
            if difference is None:
                assert endpoint == "bound", (endpoint, format_)
            else:
                assert difference < 1e-5, (endpoint, format_)


@pytest.mark.parametrize(
    ("name", "wanted"), [("m.onnx", "onnx"), ("m.tflite", "litert")]
)
def test_a_path_of_another_format_is_no_folder(tmp_path, name, wanted):
    with pytest.raises(ValueError, match=f"received: the file .*format='{wanted}'"):
        tiny.build("vae", compiled=False).export(tmp_path / name)
    assert not list(tmp_path.iterdir())
