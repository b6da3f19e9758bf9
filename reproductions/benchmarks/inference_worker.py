"""A worker of `inference`: one process that trains, or that runs what was exported.

What a process imports is what it needs: the SavedModel's has TensorFlow alone, the ONNX
files' has ONNX Runtime alone. So its peak of memory is that of a server.
"""

import os
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np

from reproductions.benchmarks.cases import network
from reproductions.benchmarks.worker import serve

BATCHES = (1, 256)
ENDPOINTS = ("decode", "encode", "reconstruct")
# Steps of training before memory is read.
STEPS = 20


def peak() -> float:
    """The most memory that this process has had so far, MiB. Linux alone tells it."""
    # What getrusage says includes the process that started this one.
    lines = pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [one for one in lines if one.startswith("VmHWM")]
    return round(int(line.split()[1]) / 1024, 1)


def several(call: Callable[[], None]) -> Callable[[int], None]:
    """A function that calls a number of times."""

    def run(times: int) -> None:
        for _ in range(times):
            call()

    return run


def inputs(folder: pathlib.Path, batch: int) -> dict[str, np.ndarray]:
    """Data, codes and draws of N(0, 1) for one call."""
    with np.load(folder / "inputs.npz") as file:
        return {name: file[name][:batch] for name in file.files}


def limit(tf, threads: int) -> None:
    """Gives TensorFlow so many threads."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def of_saved_model(folder: pathlib.Path, threads: int) -> dict[str, Callable]:
    """Blocks of the SavedModel's signatures."""
    import tensorflow as tf

    limit(tf, threads)
    loaded = tf.saved_model.load(str(folder / "saved"))
    blocks = {}
    for name in ENDPOINTS:
        signature = loaded.signatures[name]
        specs = signature.structured_input_signature[1]
        for batch in BATCHES:
            known = {**inputs(folder, batch), "seed": 0}
            given = {
                key: tf.constant(known[key], spec.dtype) for key, spec in specs.items()
            }

            def call(signature=signature, given=given, loaded=loaded):
                for value in signature(**given).values():
                    value.numpy()

            blocks[f"{name}/{batch}"] = several(call)
    return blocks


def of_onnx(folder: pathlib.Path, threads: int) -> dict[str, Callable]:
    """Blocks of the ONNX files."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    blocks = {}
    for name in ENDPOINTS:
        path = folder / "onnx" / f"{name}.onnx"
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        names = [one.name for one in session.get_inputs()]
        for batch in BATCHES:
            known = inputs(folder, batch)
            given = {one: known[one] for one in names}
            blocks[f"{name}/{batch}"] = several(
                lambda session=session, given=given: session.run(None, given)
            )
    return blocks


def of_keras(folder: pathlib.Path, threads: int) -> dict[str, Callable]:
    """Blocks of the model's own methods, from its `.keras` file."""
    import keras
    import tensorflow as tf

    import keras_svae  # noqa: F401  its classes are in the file

    limit(tf, threads)
    model = keras.saving.load_model(folder / "model.keras")
    blocks = {}
    for name in ENDPOINTS:
        method, argument = getattr(model, name), "z" if name == "decode" else "x"
        for batch in BATCHES:
            given = inputs(folder, batch)[argument]

            def call(method=method, given=given):
                return method(given).numpy()

            blocks[f"{name}/{batch}"] = several(call)
    return blocks


def trained(folder: pathlib.Path, case: str) -> dict:
    """What a user waits for before the second step, and what training takes.

    Seconds of: importing Keras, TensorFlow and TFP; this package beside them; making
    and compiling the model; its first step. Then MiB: before the model, after some
    steps. The model is saved and exported for the other workers.
    """
    start = time.perf_counter()
    import keras
    import tensorflow as tf
    import tensorflow_probability  # noqa: F401

    others = time.perf_counter()
    import keras_svae as ks

    ours = time.perf_counter()
    before = peak()
    from reproductions.benchmarks.cases import batches
    from reproductions.benchmarks.keras_worker import build

    keras.utils.set_random_seed(0)
    began = time.perf_counter()
    model = build(case, 0.1, 1e-4)
    made = time.perf_counter()
    data = tf.data.Dataset.from_tensor_slices(batches(case)).repeat()
    model.fit(data, steps_per_epoch=1, epochs=1, verbose=0)
    first = time.perf_counter()
    model.fit(data, steps_per_epoch=STEPS, epochs=1, verbose=0)
    trained_peak = peak()

    model.save(folder / "model.keras")
    model.export(folder / "saved", endpoints=[*ENDPOINTS])
    model.export(folder / "onnx", format="onnx", endpoints=[*ENDPOINTS])
    most, rng = max(BATCHES), np.random.default_rng(0)
    x = batches(case, 8).reshape(-1, *model.data_shape)[:most]
    codes = rng.normal(size=(2, most, model.latent_dim)).astype("float32")
    np.savez(folder / "inputs.npz", x=x, z=codes[0], normal=codes[1])
    model.generate(most)
    return {
        "seconds": {
            "import of Keras, TensorFlow, TFP": round(others - start, 3),
            "import of keras_svae": round(ours - others, 3),
            "model and compile": round(made - began, 3),
            "first step": round(first - made, 3),
        },
        "MiB": {"imports": before, "training": trained_peak},
        "version": ks.__version__,
    }


RUNTIMES = {"saved_model": of_saved_model, "onnx": of_onnx, "keras": of_keras}


def main(
    folder: str, lam: str, learning_rate: str, threads: str, what: str, case: str
) -> None:
    """Serves blocks "endpoint/batch" of a runtime, or none of "training".

    Args:
        folder: Where "training" has written, or writes, files.
        lam: Unused; all workers have it.
        learning_rate: Unused.
        threads: How many each operation may use.
        what: "training" or one of `RUNTIMES`.
        case: One of `cases.CASES`.
    """
    place = pathlib.Path(folder)
    if what == "training":
        serve(trained(place, case) | {"network": network(case)}, {})
        return
    start = time.perf_counter()
    blocks = RUNTIMES[what](place, int(threads))
    loaded = time.perf_counter() - start
    for run in blocks.values():
        run(3)
    about = {"seconds to load": round(loaded, 3), "MiB": peak(), "process": os.getpid()}
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
