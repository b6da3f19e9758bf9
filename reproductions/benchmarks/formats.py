"""How far SavedModel, ONNX and LiteRT are from Keras, for each method.

Each method's endpoints are called in Keras and in the three formats, on the same data,
codes, classes and random numbers, and the largest difference of an output is given:
|a - b| / max(1, |b|), where b is Keras's. Networks have random weights. It needs

    pip install "keras-svae[onnx,litert]"

    python -m reproductions.benchmarks.formats --methods VAE sVAE-r --json FILE
"""

import argparse
import pathlib
import tempfile
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae import philox
from reproductions.benchmarks.nodes_models import (
    CLASSES,
    METHODS,
    MNIST_ONLY,
    NETWORKS,
    SEED,
    Kit,
)
from reproductions.engine.files import write_json
from reproductions.engine.results import record

ENDPOINTS = ("decode", "encode", "reconstruct")
N = 3


def inputs(model: ks.Game, name: str) -> dict[str, np.ndarray]:
    """What an endpoint reads, by name: numbers in (0, 1), codes, classes, a seed."""
    rng = np.random.default_rng(SEED)
    found = {}
    for spec in model.endpoints()[name][1]:
        shape = [N if size is None else size for size in spec.shape]
        if spec.dtype.is_integer:
            values = {"n": N, "seed": 5, "y": np.arange(N) % CLASSES}
            found[spec.name] = np.asarray(values[spec.name], spec.dtype.as_numpy_dtype)
        elif spec.name == "z":
            found["z"] = rng.normal(size=shape).astype("float32")
        else:
            found[spec.name] = rng.uniform(0.05, 0.95, shape).astype("float32")
    return found


def of_keras(model: ks.Game, name: str, given: dict) -> tuple[dict, dict]:
    """The endpoint's outputs, and its draws by the names that formats give them."""
    function, draws = model.endpoints()[name][0], {}

    def source(law, shape):
        value = real[law](shape, [len(draws), SEED])
        count = sum(key.split("_")[0] == law for key in draws)
        draws[f"{law}_{count + 1}" if count else law] = value.numpy()
        return value

    real = {
        "normal": tf.random.stateless_normal,
        "uniform": tf.random.stateless_uniform,
    }
    with philox.drawn_by(source):
        found = function(*map(tf.constant, given.values()))
    return {key: value.numpy() for key, value in found.items()}, draws


def fed(given: dict, draws: dict, ranks: dict[str, int]) -> dict:
    """What a file without random operators reads: the draws in place of the seed.

    Args:
        given: The endpoint's inputs.
        draws: See `of_keras`.
        ranks: Of the file's inputs, by name.
    """
    values, found = {**given, **draws}, {}
    for name, rank in ranks.items():
        shape = values[name].shape  # a draw's leading axes of length 1 are left out
        found[name] = values[name].reshape(shape[len(shape) - rank :])
    return found


def of_onnx(path: pathlib.Path, given: dict, draws: dict) -> dict:
    """The outputs of ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ranks = {one.name: len(one.shape) for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    found = session.run(None, fed(given, draws, ranks))
    return dict(zip(names, found, strict=True))


def signatures(path: pathlib.Path) -> list[str]:
    """The endpoints of a LiteRT file."""
    from ai_edge_litert.interpreter import Interpreter

    return [*Interpreter(str(path)).get_signature_list()]


def of_litert(path: pathlib.Path, name: str, given: dict, draws: dict) -> dict:
    """The outputs of the LiteRT interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner(name)
    details = runner.get_input_details().items()
    ranks = {key: len(one["shape_signature"]) for key, one in details}
    return runner(**fed(given, draws, ranks))


def difference(found: dict, wanted: dict) -> float:
    """The largest one of all outputs; raises if these are others."""
    if set(found) != set(wanted):
        raise ValueError(
            f"Expected outputs {sorted(wanted)}; received: {sorted(found)}"
        )
    return max(
        float(np.max(np.abs(found[key] - one) / np.maximum(1, np.abs(one))))
        for key, one in wanted.items()
    )


def measure(model: ks.Game, names: list[str] | None = None) -> dict[str, dict]:
    """By endpoint, by format: the largest difference; None if it was left out.

    Args:
        model: A model.
        names: Its endpoints; None for all but `about`.
    """
    names = [
        one for one in model.endpoints() if one != "about" and one in (names or [one])
    ]
    found = {}
    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*left out.*")
        folder = pathlib.Path(root)
        model.export(folder / "saved", endpoints=names)
        model.export(folder / "onnx", format="onnx", endpoints=names)
        lite = folder / "model.tflite"
        model.export(lite, format="litert", endpoints=names)
        served = tf.saved_model.load(folder / "saved").signatures
        for name in names:
            given = inputs(model, name)
            seeded = model.endpoints()[name][0](*map(tf.constant, given.values()))
            seeded = {key: value.numpy() for key, value in seeded.items()}
            saved = served[name](**{k: tf.constant(v) for k, v in given.items()})
            wanted, draws = of_keras(model, name, given)
            row = {"saved_model": difference(saved, seeded)}
            one = folder / "onnx" / f"{name}.onnx"
            row["onnx"] = row["litert"] = None
            if one.exists():
                row["onnx"] = difference(of_onnx(one, given, draws), wanted)
            if name in signatures(lite):
                row["litert"] = difference(of_litert(lite, name, given, draws), wanted)
            found[name] = row
    return found


def main(argv: list[str] | None = None) -> None:
    """Prints a line for each method and endpoint, and writes a record if asked."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.formats",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="METHOD")
    parser.add_argument("--networks", choices=NETWORKS, default="digits")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args(argv)
    rows, start = {}, time.perf_counter()
    for method in given.methods or METHODS:
        networks = "mnist" if method in MNIST_ONLY else given.networks
        keras.utils.set_random_seed(SEED)
        model = METHODS[method](Kit(networks))
        if not hasattr(model, "decode"):
            continue  # domain adaptation makes nothing
        rows[method] = measure(model, [*ENDPOINTS])
        for name, row in rows[method].items():
            print(f"{method:22}{name:14}{row}", flush=True)
        keras.backend.clear_session()
        if given.json is None:
            continue
        # After each method: a kill leaves what has been measured.
        report = record(
            seed=SEED,
            networks=given.networks,
            data="uniform in (.05, .95); codes and noise of their laws",
            N=N,
            seconds=round(time.perf_counter() - start, 1),
            results=rows,
        )
        given.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(given.json, report)
    if given.json is not None:
        print(f"Written: {given.json}")


if __name__ == "__main__":
    main()
