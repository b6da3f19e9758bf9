"""The page of sliders: what it refuses, and what Chromium draws."""

import contextlib
import functools
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest

import keras_svae as ks
from keras_svae import page
from keras_svae.page.__main__ import main
from tests import invariants

ROOT = pathlib.Path(__file__).parents[2]
DIGITS = ROOT / "reproductions" / "models" / "digits"
# npm install onnxruntime-web playwright-core
MODULES = pathlib.Path(os.environ.get("KERAS_SVAE_NODE_MODULES", ROOT / "node_modules"))
RUNTIME = MODULES / "onnxruntime-web" / "dist"
CHROMIUM = shutil.which("chromium")
ONNX = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None, reason="needs tf2onnx"
)
BROWSER = pytest.mark.skipif(
    not (CHROMIUM and shutil.which("node") and RUNTIME.is_dir()),
    reason="needs chromium, node, and onnxruntime-web and playwright-core of npm",
)


@pytest.mark.parametrize(
    ("model", "given", "error", "why"),
    [
        (lambda: ks.GAN(*ks.networks.toy(joint=False)[1:]), {}, ValueError, r"\(2,\)"),
        (invariants.MODELS["adaptation"], {}, ValueError, "Domain"),
        (invariants.MODELS["gan"], {"folder": "full"}, FileExistsError, "full"),
        (
            invariants.MODELS["gan"],
            {"runtime": "full"},
            FileNotFoundError,
            "full, without ort.wasm.bundle.min.mjs, ort-wasm",
        ),
    ],
)
def test_what_is_refused_before_anything_is_written(
    model, given, error, why, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(error, match=f"Expected .*{why}"):
        page.build(model(), **{"folder": "new"} | given)
    assert [one.name for one in tmp_path.rglob("*")] == ["full", "file"]


def test_the_command_says_what_is_wrong_in_a_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "no.keras"), str(tmp_path / "page")])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("keras_svae.page: ") and "no.keras" in line


@ONNX
def test_the_folder_of_a_model_with_classes_and_noise(tmp_path):
    nets = ks.networks.digits(
        latent_dim=2, units=8, depth=1, classes=3, joint=False, noise=True
    )
    page.build(ks.CGAN(*nets[1:]), tmp_path / "page", title="</script> & mine")
    names = sorted(one.name for one in (tmp_path / "page").iterdir())
    assert names == ["index.html", "model.onnx"]
    text = (tmp_path / "page" / "index.html").read_text()
    assert "<title>&lt;/script&gt; &amp; mine</title>" in text
    settings = json.loads(text.split("const page = ")[1].split(";\n")[0])
    assert settings["classes"] == 3 and settings["runtime"] == page.RUNTIME
    # Eight uniform numbers each in the two places where the decoder is fed noise.
    assert [one["name"] for one in settings["noise"]][0] == "uniform"
    assert all(one["shape"] == [1, 8] for one in settings["noise"])


@contextlib.contextmanager
def serving(folder, origin=None):
    """The address of a server of files; those of one origin may be another's pages."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            if origin:
                self.send_header("Access-Control-Allow-Origin", origin)
            super().end_headers()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=os.fspath(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def shown(url, codes, screenshot=None) -> dict:
    """What the page shows for codes, see `drive.mjs`."""
    command = ["node", pathlib.Path(__file__).with_name("drive.mjs")]
    command += [MODULES / "playwright-core", CHROMIUM, url, json.dumps(codes)]
    command += [screenshot] if screenshot else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def agree(model, found, **given):
    """The numbers are those of Python, and the pixels are these numbers."""
    for one in found["found"]:
        wanted = model.decode(np.float32([one["z"]]), **given).numpy()[0]
        x = np.reshape(one["x"], wanted.shape)
        np.testing.assert_allclose(x, wanted, atol=1e-3)
        pixels = np.reshape(one["pixels"], (*one["size"], 4))
        assert (pixels[..., 3] == 255).all()
        low, high = model.likelihood_law.range
        grey = np.clip(255 * (x - low) / (high - low), 0, 255)
        np.testing.assert_allclose(
            pixels[..., :3], np.broadcast_to(grey, [*x.shape[:2], 3]), atol=0.51
        )
    assert found["errors"] == [] and found["status"] == ""


@pytest.mark.slow
@ONNX
@BROWSER
def test_sliders_draw_what_python_decodes(tmp_path):
    main([str(DIGITS), str(tmp_path / "page"), "--runtime", str(RUNTIME)])
    codes = np.round(np.random.default_rng(0).uniform(-2, 2, (3, 8)), 2).tolist()
    with serving(tmp_path / "page") as url:
        found = shown(url, [{"z": z} for z in codes])
    np.testing.assert_allclose([one["z"] for one in found["found"]], codes)
    model = ks.hub.load(DIGITS)
    agree(model, found)
    assert any(found["first"])  # the page begins with a draw from the prior
    drawn = found["drawn"]
    wanted = model.decode(np.float32([drawn["z"]])).numpy().ravel()
    np.testing.assert_allclose(drawn["x"], wanted, atol=1e-3)


@pytest.mark.slow
@ONNX
@BROWSER
def test_classes_and_a_runtime_of_another_origin(tmp_path):
    """As from a CDN, whose files have another address than the page."""
    model = invariants.build("cvae")
    with serving(RUNTIME, origin="*") as runtime:
        page.build(model, tmp_path / "page", runtime=runtime)
        with serving(tmp_path / "page") as url:
            found = shown(url, [{"z": [0.5, -1], "y": 2}, {"z": [0.5, 1], "y": 1}])
    for one, y in zip(found["found"], (2, 1), strict=True):
        assert one["y"] == y
        agree(model, {**found, "found": [one]}, y=y)
