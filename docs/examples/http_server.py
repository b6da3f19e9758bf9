"""A small HTTP server of ONNX files: pictures and numbers, without TensorFlow.

    pip install onnxruntime fastapi uvicorn pillow
    python http_server.py models/digits --name digits

`models/digits` is what `model.export("models/digits", format="onnx")` wrote. The server
answers

    GET  /generate.png?n=16&seed=7     a grid of samples
    POST /v1/models/digits:predict     numbers, as TensorFlow Serving does
    GET  /docs                         a page on which requests can be tried
"""

import argparse
import io
import json
import math
import pathlib
from typing import Any

import fastapi
import numpy as np
import onnxruntime
import pydantic
import uvicorn
from fastapi.responses import JSONResponse, Response
from PIL import Image

LARGEST = 1024  # examples of one request
# Endpoints that find the class of data, where a model allows -1 for an unknown one.
INFERRING = "encode reconstruct neighbours posterior log_posterior bound".split()


class Refused(ValueError):
    """A request that cannot be answered."""


class Model:
    """The endpoints in a folder of ONNX files.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: str | pathlib.Path):
        paths = sorted(pathlib.Path(folder).glob("*.onnx"))
        if not paths:
            raise SystemExit(f"Expected a folder of .onnx files; received: {folder}")
        self.sessions = {
            path.stem: onnxruntime.InferenceSession(path) for path in paths
        }
        described = next(iter(self.sessions.values())).get_modelmeta()
        self.about = json.loads(described.custom_metadata_map["about"])

    def __call__(self, endpoint: str, given: dict[str, Any]) -> dict[str, np.ndarray]:
        """An endpoint's outputs. `seed` and `n` stand for the random numbers it reads.

        Raises:
            Refused: If the request does not fit the endpoint.
        """
        if endpoint not in self.sessions:
            raise Refused(f"Expected one of {[*self.sessions]}; received: {endpoint!r}")
        session, given = self.sessions[endpoint], dict(given)
        specs = {one.name: one for one in session.get_inputs()}
        draws = [name for name in specs if name.startswith(("normal", "uniform"))]
        wanted = {*specs} - {*draws, "n"}
        classes = {name for name in wanted if "int64" in specs[name].type}
        data = wanted - classes
        # The length of its draws is how many examples such an endpoint makes.
        if "n" in given and "n" not in specs and (data or not draws):
            raise Refused(f"Expected no n for {endpoint}; received: {given['n']!r}")
        seed, n = _whole(given, "seed", 0), _whole(given, "n", 1)
        if set(given) != wanted:
            raise Refused(f"Expected {sorted(wanted)}; received: {sorted(given)}")
        feeds = {name: self._array(name, given[name], specs[name]) for name in data}
        rows = {name: len(feeds[name]) for name in sorted(data)}
        if len({*rows.values()}) > 1:
            raise Refused(f"Expected as many rows of each input; received: {rows}")
        count = next(iter(rows.values()), n)
        for name in classes:
            feeds[name] = self._classes(endpoint, given[name], count)
        if "n" in specs:
            feeds["n"], count = np.asarray(n, np.int32), n * count
        if count > LARGEST:
            raise Refused(f"Expected at most {LARGEST} examples; received: {count}")
        rng = np.random.default_rng(seed)
        for name in draws:
            draw = rng.standard_normal if name.startswith("normal") else rng.random
            feeds[name] = draw((count, *specs[name].shape[1:]), dtype=np.float32)
        try:
            found = session.run(None, feeds)
        except Exception as error:  # shapes that do not fit each other
            raise Refused(str(error)) from None
        names = [one.name for one in session.get_outputs()]
        return dict(zip(names, found, strict=True))

    def _array(self, name: str, value, spec) -> np.ndarray:
        array = _numbers(name, value, np.float32)
        shape = [size if isinstance(size, int) else None for size in spec.shape]
        fits = array.ndim == len(shape) and all(
            size in (None, own) for size, own in zip(shape, array.shape, strict=True)
        )
        if not fits or not array.size:
            raise Refused(f"Expected {name} {shape}; received: {array.shape}")
        low, high = _ends(self.about["range"] if name == "x" else None)
        if not np.all((low <= array) & (array <= high) & np.isfinite(array)):
            raise Refused(f"Expected {name} finite, in [{low}, {high}]")
        return array

    def _classes(self, endpoint: str, value, count: int) -> np.ndarray:
        """One class for each example, or one for all."""
        array, most = _numbers("y", value, np.int64), self.about["classes"] - 1
        if array.ndim != 1 or len(array) not in (1, count):
            raise Refused(
                f"Expected y as one class, or one for each of {count} examples; "
                f"received: {array.shape}"
            )
        unknown = self.about.get("unlabelled") and endpoint in INFERRING
        low = -1 if unknown else 0
        if not np.all((array >= low) & (array <= most)):
            raise Refused(f"Expected classes in {low}..{most}; received: {value}")
        return array


def _numbers(name: str, value, kind: type) -> np.ndarray:
    try:
        return np.asarray(value, kind)
    except (TypeError, ValueError, OverflowError):
        raise Refused(f"Expected {name} as numbers; received: {value!r:.80}") from None


def _ends(value_range) -> tuple[float, float]:
    """The ends of a range as numbers; null stands for an infinite one."""
    low, high = value_range or (None, None)
    return -np.inf if low is None else low, np.inf if high is None else high


def _whole(given: dict, name: str, default: int) -> int:
    value = given.pop(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < (name == "n"):
        raise Refused(f"Expected {name} as a whole number; received: {value!r}")
    return value


def png(x: np.ndarray, value_range) -> bytes:
    """Pictures (n, height, width, channels) in a square grid."""
    low, high = _ends(value_range or (0, 1))
    low = low if np.isfinite(low) else x.min()  # an end that the law does not have
    high = high if np.isfinite(high) else x.max()
    x = np.clip(255 * (x - low) / max(high - low, 1e-9), 0, 255).round().astype("uint8")
    side = math.isqrt(len(x) - 1) + 1
    x = np.concatenate([x, np.zeros((side * side - len(x), *x.shape[1:]), "uint8")])
    rows = x.reshape(side, side, *x.shape[1:]).transpose(0, 2, 1, 3, 4)
    height, width, channels = x.shape[1:]
    grid = rows.reshape(side * height, side * width, channels)
    file = io.BytesIO()
    Image.fromarray(grid.squeeze(-1) if channels == 1 else grid).save(file, "PNG")
    return file.getvalue()


class Asked(pydantic.BaseModel):
    """The body of a request for numbers."""

    signature_name: str = "generate"
    inputs: dict[str, Any]


def application(model: Model, name: str) -> fastapi.FastAPI:
    """The server's routes.

    Args:
        model: Its endpoints.
        name: Its name in addresses.
    """
    app = fastapi.FastAPI(title=f"{name}: {model.about['method']}")

    @app.exception_handler(Refused)
    def refused(_, error):
        return JSONResponse({"error": str(error)}, 400)

    # Not `async`: each request computes in a thread, and the server goes on.
    @app.post(f"/v1/models/{name}:predict")
    def predict(asked: Asked):
        found = model(asked.signature_name, asked.inputs)
        found = {key: value.tolist() for key, value in found.items()}
        return {"outputs": found if len(found) > 1 else next(iter(found.values()))}

    @app.get("/about")
    def about():
        return model.about

    @app.get("/generate.png")
    def picture(n: int = 16, seed: int = 0, y: int | None = None):
        shape = model.about["data_shape"]
        if len(shape) != 3 or shape[-1] not in (1, 3):
            raise Refused(f"Expected a model of pictures; received data {shape}")
        inputs = {"n": n, "seed": seed} | ({} if y is None else {"y": [y]})
        x = model("generate", inputs)["x"]
        return Response(png(x, model.about["range"]), media_type="image/png")

    return app


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--name", default="model")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all networks")
    parser.add_argument("--port", type=int, default=8501)
    given = parser.parse_args()
    app = application(Model(given.folder), given.name)
    uvicorn.run(app, host=given.host, port=given.port)


if __name__ == "__main__":
    main()
