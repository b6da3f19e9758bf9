"""The server, the client and the compose file of docs/examples.

There is no Docker and no TensorFlow Serving here: the client is tested against a small
server that answers from a SavedModel as `tests.docs.serving` says TensorFlow Serving
does, and against our own server.
"""

import contextlib
import http.server
import importlib.util
import io
import json
import pathlib
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import yaml

import keras_svae as ks
from tests.docs.serving import answer
from tests.models import tiny

EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"
NEEDED = ("fastapi", "uvicorn", "onnxruntime", "tf2onnx")
MISSING = [one for one in NEEDED if importlib.util.find_spec(one) is None]


def example(name):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def as_serving(signatures, name):
    """The address of a server with TensorFlow Serving's predict call."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, found = 200, None
            try:
                assert self.path == f"/v1/models/{name}:predict"
                found = answer(signatures, json.loads(body))
            except Exception as error:
                status, found = 400, {"error": str(error)}
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_client_gets_what_the_model_gives(tmp_path):
    model = tiny.build("svae_r", compiled=False)
    model.export(tmp_path / "points" / "1")
    served = tf.saved_model.load(tmp_path / "points" / "1").signatures
    x, z = tiny.data(n=2), np.float32([[0.1, 0.2], [-0.3, 0.0]])
    with as_serving(served, "points") as url:
        client = example("serving_client").Client("points", url)
        made = client("generate", n=4, seed=7)
        wanted = model.generate_pairs(4, seed=7)
        for name, value in zip("xz", wanted, strict=True):
            np.testing.assert_allclose(made[name], value, atol=1e-5)
        found = client("encode", x=x, seed=3)
        np.testing.assert_allclose(found, model.encode(x, seed=3), atol=1e-5)
        with pytest.raises(ValueError, match=r"refused decode: keys must be equal"):
            client("decode", z=z)
        with pytest.raises(ValueError, match="refused generate:"):
            example("serving_client").Client("other", url)("generate", n=4, seed=7)
        command = [sys.executable, EXAMPLES / "serving_client.py", "decode"]
        command += [f"z={z.tolist()}", "seed=0", "--model", "points", "--url", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        np.testing.assert_allclose(json.loads(done.stdout), model.decode(z), atol=1e-5)
    with pytest.raises(OSError):
        client("generate", n=4, seed=7)


def test_the_compose_file_mounts_the_model_where_the_server_looks():
    (service,) = yaml.safe_load((EXAMPLES / "docker-compose.yml").read_text())[
        "services"
    ].values()
    name = service["environment"]["MODEL_NAME"]
    assert service["volumes"] == [f"./models/{name}:/models/{name}:ro"]
    assert service["ports"] == ["8500:8500", "8501:8501"]
    assert service["image"].split(":")[0] == "tensorflow/serving"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of our server with a model of digits, and the model."""
    if MISSING:
        pytest.skip(f"needs {', '.join(MISSING)}")
    import uvicorn

    nets = ks.networks.digits(latent_dim=2, units=8, depth=1)
    model = ks.SVAE(*nets, seed=0)
    folder = tmp_path_factory.mktemp("onnx") / "digits"
    names = ["generate", "encode", "decode", "neighbours"]
    model.export(folder, format="onnx", endpoints=names)
    module = example("http_server")
    app = module.application(module.Model(folder), "digits")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", model
    server.should_exit = True
    thread.join()


def test_the_server_gives_what_the_model_gives(address):
    url, model = address
    client = example("serving_client").Client("digits", url)
    made = client("generate", n=5, seed=7)
    assert made["x"].shape == (5, 8, 8, 1) and made["z"].shape == (5, 2)
    again = client("generate", n=5, seed=7)
    np.testing.assert_array_equal(made["x"], again["x"])
    assert np.abs(made["z"] - client("generate", n=5, seed=8)["z"]).max() > 0.1
    np.testing.assert_allclose(made["x"], model.decode(made["z"]), atol=1e-5)
    x = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype("float32")
    # The server's noise is NumPy's.
    noise = np.random.default_rng(1).standard_normal((3, 2), np.float32)
    law = model.posterior(x)
    wanted = law.mean() + law.stddev() * noise
    np.testing.assert_allclose(client("encode", x=x, seed=1), wanted, atol=1e-5)
    assert client("neighbours", x=x, n=4, seed=1).shape == (3, 4, 8, 8, 1)


def test_the_server_draws_pictures_and_describes_itself(address):
    url, model = address
    with urllib.request.urlopen(f"{url}/generate.png?n=5&seed=1") as found:
        assert found.headers["Content-Type"] == "image/png"
        assert PIL.Image.open(io.BytesIO(found.read())).size == (24, 24)
    with urllib.request.urlopen(f"{url}/about") as found:
        assert json.load(found) == json.loads(json.dumps(model.about()))
    with urllib.request.urlopen(f"{url}/docs") as found:
        assert b"swagger" in found.read()


@pytest.mark.parametrize(
    ("endpoint", "inputs", "why"),
    [
        ("log_ratio", {}, "received: 'log_ratio'"),
        ("generate", {"n": 10_000}, "at most 1024"),
        ("generate", {"n": 0}, "n as a whole number; received: 0"),
        ("generate", {"n": 2, "seed": -1}, "seed as a whole number; received: -1"),
        ("decode", {}, r"\['z'\]; received: \[\]"),
        ("decode", {"z": [[1, 2, 3]]}, r"z \[None, 2\]; received: \(1, 3\)"),
        ("decode", {"z": [["a", "b"]]}, "z as numbers"),
        ("encode", {"x": np.full((1, 8, 8, 1), 7.0)}, r"x finite, in \[0"),
        ("encode", {"x": np.zeros((1, 8, 8, 1)), "n": 5}, "no n for encode; rec.*: 5"),
    ],
)
def test_what_the_server_refuses(endpoint, inputs, why, address):
    client = example("serving_client").Client("digits", address[0])
    with pytest.raises(ValueError, match=f"refused {endpoint}: Expected .*{why}"):
        client(endpoint, **inputs)


class Positive(ks.distributions.Gaussian):
    """A law of the user's own, whose range has one end."""

    range = (0.0, float("inf"))


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Models of classes and of a range with one end, served without a network."""
    names = ("fastapi", "fastapi.responses", "uvicorn", "pydantic")
    missing = [one for one in names if one.split(".")[0] in MISSING]
    if {"onnxruntime", "tf2onnx"} & {*MISSING}:
        pytest.skip("needs onnxruntime and tf2onnx")
    stand_in = types.SimpleNamespace(
        **dict.fromkeys(("FastAPI", "JSONResponse", "Response", "BaseModel"), object)
    )
    with pytest.MonkeyPatch.context() as patch:
        for one in missing or ():
            patch.setitem(sys.modules, one, stand_in)
        if importlib.util.find_spec("pydantic") is None:
            patch.setitem(sys.modules, "pydantic", stand_in)
        module = example("http_server")
    folder = tmp_path_factory.mktemp("served")
    tiny.build("semi_supervised_vae", compiled=False).export(
        folder / "m2", format="onnx", endpoints=["generate", "encode", "neighbours"]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))]
    )
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    ks.VAE(encoder, decoder, likelihood=Positive(scale=1.0)).export(
        folder / "half", format="onnx", endpoints=["generate", "encode"]
    )
    return module, module.Model(folder / "m2"), module.Model(folder / "half")


def test_the_server_takes_classes_as_the_saved_model_does(modules):
    module, m2, _ = modules
    x = tiny.data(n=2).tolist()
    assert m2("generate", {"n": 2, "y": [1, 0]})["x"].shape == (2, tiny.DATA)
    assert m2("generate", {"n": 3, "y": [1]})["x"].shape == (3, tiny.DATA)
    assert m2("encode", {"x": x, "y": [-1]})["z"].shape == (2, tiny.CODE)
    found = m2("neighbours", {"x": x, "y": [2, -1], "n": 3})["neighbours"]
    assert found.shape == (2, 3, tiny.DATA)
    for name, given, why in (
        ("generate", {"n": 1, "y": [1, 0]}, r"each of 1 examples; received: \(2,\)"),
        ("generate", {"n": 2, "y": [-1]}, r"classes in 0..2; received: \[-1\]"),
        ("encode", {"x": x, "y": [1, 0, 1]}, r"each of 2 examples; received: \(3,\)"),
        ("encode", {"x": x, "y": [-2]}, "classes in -1..2; received"),
        ("encode", {"x": x, "y": [1], "n": 5}, "no n for encode; received: 5"),
    ):
        with pytest.raises(module.Refused, match=why):
            m2(name, given)


def test_the_server_takes_a_range_with_one_end(modules):
    module, _, half = modules
    assert half.about["range"] == [0, None]
    z = half("encode", {"x": np.full((2, 4, 4, 1), 7.0).tolist()})["z"]
    assert z.shape == (2, 2)
    with pytest.raises(module.Refused, match=r"x finite, in \[0"):
        half("encode", {"x": np.full((1, 4, 4, 1), -7.0).tolist()})
    picture = module.png(half("generate", {"n": 3})["x"], half.about["range"])
    assert PIL.Image.open(io.BytesIO(picture)).size == (8, 8)
