"""A static page on which sliders move the code, and the decoder draws the picture.

The decoder is an ONNX file, which ONNX Runtime Web runs in the browser: any server of
files can offer the folder.
"""

import html
import importlib.resources
import json
import os
import pathlib
import shutil
import string
from urllib.parse import urlparse

from keras_svae import files, paths
from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.export import formats
from keras_svae.game.feeding.ranges import bounded, with_ends

__all__ = ["RUNTIME", "build"]

# ONNX Runtime Web as npm publishes it; the version that the tests run.
RUNTIME = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
_SCRIPTS = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")


def build(
    model,
    folder: str | os.PathLike,
    title: str | None = None,
    runtime: str | os.PathLike = RUNTIME,
) -> None:
    """Writes the page's folder, or nothing: index.html and model.onnx.

    Of several workers that train the model, the first one writes.

    Pixels of a likelihood without a range are shown from 0 (black) to 1 (white).

    Args:
        model: A model of pictures (height, width, 1 or 3).
        folder: A new or empty folder.
        title: The page's title; None for the method's name.
        runtime: The URL of a folder with ONNX Runtime Web, by default that of a public
            CDN; or a local folder, `node_modules/onnxruntime-web/dist`. The two files
            that the page needs are copied from it.

    Raises:
        ImportError: If `tf2onnx` is not installed.
        FileNotFoundError: If the local folder does not have these files.
        FileExistsError: If `folder` holds something.
        ValueError: If the model has no decoder of such pictures.
    """
    shape = tuple(model.data_shape)
    if "decode" not in model.endpoints() or len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            "Expected a model that decodes codes to pictures (height, width, 1 or 3); "
            f"received: {type(model).__name__}, data {shape}"
        )
    if not workers.is_first(model.distribute_strategy):
        return
    path = checks.new_folder(paths.local(folder, "the folder of a page"))
    runtime = os.fspath(runtime)
    local = urlparse(runtime).scheme not in ("http", "https")
    if local:
        there = [pathlib.Path(runtime) / name for name in _SCRIPTS]
        missing = [one.name for one in there if not one.is_file()]
        if missing:
            raise FileNotFoundError(
                "Expected a URL, or the folder onnxruntime-web/dist of npm's package; "
                f"received: {runtime}, without {', '.join(missing)}"
            )
    about = model.about()
    _, specs = formats.fed_noise(*model.endpoints()["decode"])
    settings = {
        "latent_dim": model.latent_dim,
        "categories": about.get("categories") or 0,
        "classes": model.classes or 0,
        "prior": model.prior_name,  # the page can draw no other
        "shape": shape,
        "range": bounded(with_ends(about["range"])) or (0, 1),
        "noise": [
            {"name": one.name, "shape": [size or 1 for size in one.shape]}
            for one in specs
            if one.name not in ("z", "y")
        ],
        "runtime": "runtime/" if local else runtime.rstrip("/") + "/",
    }
    page = importlib.resources.files(__name__).joinpath("index.html")
    text = page.read_text(encoding="utf-8")
    text = string.Template(text).substitute(
        title=html.escape(title or type(model).__name__),
        page=json.dumps(settings).replace("<", "\\u003c"),
    )
    with files.new_folder(path) as temporary:
        at = pathlib.Path(temporary)
        model.export(at / "model.onnx", format="onnx", endpoints="decode")
        (at / "index.html").write_text(text, encoding="utf-8")
        if local:
            (at / "runtime").mkdir()
            for one in there:
                shutil.copy(one, at / "runtime")
