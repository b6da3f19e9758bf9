"""The figures of `gpu`, each computed in the process that asks for it."""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from reproductions.benchmarks.cases import CASES, LAM, LEARNING_RATE, STEPS, batches

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKS = 5
SEED = 0
# What depends on a device most: kernels, noise, XLA, precision, updates.
TESTS = (
    "tests/test_noise.py",
    "tests/test_optimizers.py",
    "tests/game/test_loop.py",
    "tests/models/test_exactness.py",
    "tests/game/test_xla.py",
)
SEVERAL = {"steps_per_execution": STEPS}
XLA = {"jit_compile": True}
BFLOAT = "mixed_bfloat16"
# Without it XLA launches each kernel by itself, and makes no CUDA graph of them.
NO_GRAPHS = {"XLA_FLAGS": "--xla_gpu_enable_command_buffer="}
TRAINING = {
    "graph": {},
    "XLA": {"compiling": XLA},
    "16 steps": {"compiling": SEVERAL},
    "XLA, 16 steps": {"compiling": {**XLA, **SEVERAL}},
    "XLA, 16 steps, no CUDA graphs": {"compiling": {**XLA, **SEVERAL}},
    "XLA, 16 steps, bfloat16": {"compiling": {**XLA, **SEVERAL}, "policy": BFLOAT},
    "graph, bfloat16": {"policy": BFLOAT},
    "XLA, 16 steps, batch 512": {"compiling": {**XLA, **SEVERAL}, "batch": 512},
    "graph, batch 512": {"batch": 512},
}
TORCH = (
    "eager",
    "eager, fused Adam",
    "compiled, fused Adam",
    "CUDA graphs, fused Adam",
)


def device() -> dict:
    """The device, and the versions."""
    import keras
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in gpus]
    return {
        "gpus": [str(one.get("device_name")) for one in details],
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def training(
    case: str, steps: int, compiling: dict | None = None, policy="float32", batch=None
) -> dict:
    """Milliseconds a step of `fit`, of several blocks, and the seconds of the first.

    Args:
        case: One of `CASES`.
        steps: Of a block.
        compiling: What `compile` is given.
        policy: Keras's dtype policy.
        batch: Examples of a step; by default the case's.
    """
    import keras
    import tensorflow as tf

    from reproductions.benchmarks import keras_worker

    keras.config.set_dtype_policy(policy)
    try:
        model = keras_worker.build(case, LAM, LEARNING_RATE, **(compiling or {}))
    finally:
        keras.config.set_dtype_policy("float32")
    data = batches(case)
    if batch:
        rows = np.concatenate(data)
        data = np.resize(rows, (2, batch, *rows.shape[1:]))
    run = keras_worker.block(model, data)
    found = {"batch": data.shape[1], "steps": steps, "ms": []}
    for number in range(BLOCKS + 1):
        start = time.perf_counter()
        run(steps)
        seconds = time.perf_counter() - start
        if number:
            found["ms"].append(round(1e3 * seconds / steps, 4))
        else:
            found["first s"] = round(seconds, 2)
    if tf.config.list_physical_devices("GPU"):
        memory = tf.config.experimental.get_memory_info("GPU:0")
        found["peak MiB"] = round(memory["peak"] / 2**20)
    return found


def of_torch(case: str, steps: int, way: str, python: str) -> dict:
    """The same of a plain PyTorch loop, in the interpreter that has PyTorch."""
    from reproductions.benchmarks.sides import Worker

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/batches.npz"
        np.savez(path, **{case: batches(case)})
        worker = Worker(python, "torch_worker", path, 2)
        first, *each = (
            worker.time(f"{case}/{way}", steps)[0] for _ in range(BLOCKS + 1)
        )
        worker.close()
    found = {"steps": steps, "ms": [round(1e3 * one / steps, 4) for one in each]}
    return {**found, "first s": round(first, 2), **worker.about["versions"]}


def trained(
    case: str, steps: int, epochs: int = 1, backup: str | None = None
) -> list[np.ndarray]:
    """The weights after so many epochs from one seed; a backup goes on if there is one.

    Args:
        case: One of `CASES`.
        steps: Of an epoch.
        epochs: In all.
        backup: A folder.
    """
    import keras

    import keras_svae as ks
    from reproductions.benchmarks import keras_worker

    keras.utils.set_random_seed(SEED)
    model = keras_worker.build(case, LAM, LEARNING_RATE)
    rows = np.concatenate(batches(case))
    size = CASES[case].batch
    x = np.resize(rows, (steps * size, *rows.shape[1:]))
    given = {"epochs": epochs, "batch_size": size, "shuffle": False, "verbose": 0}
    if backup is None:
        model.fit(x, **given)
    else:
        ks.fit(model, x, backup=backup, **given)
    return [np.asarray(one) for one in model.weights]


def compared(one: list[np.ndarray], other: list[np.ndarray]) -> dict:
    """Whether they are equal to the bit, and their largest difference."""
    pairs = list(zip(one, other, strict=True))
    far = max(float(np.abs(a - b).max()) for a, b in pairs)
    return {"equal": all(np.array_equal(*pair) for pair in pairs), "largest": far}


def twice(case: str, steps: int, fixed: bool) -> dict:
    """Two runs from one seed, with TensorFlow's op determinism or without."""
    import tensorflow as tf

    if fixed:
        tf.config.experimental.enable_op_determinism()
    return compared(trained(case, steps), trained(case, steps))


def resumed(case: str, steps: int) -> dict:
    """Two epochs, and the second one by another model from the first one's backup."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    with tempfile.TemporaryDirectory() as folder:
        whole = trained(case, steps, 2, f"{folder}/whole")
        trained(case, steps, 1, f"{folder}/parts")
        return compared(whole, trained(case, steps, 2, f"{folder}/parts"))


def agreement(case: str) -> dict:
    """The losses of three steps on the first device and on the CPU."""
    import keras
    import tensorflow as tf

    from reproductions.benchmarks import keras_worker

    found = {}
    gpu = tf.config.list_logical_devices("GPU")
    for name in ("GPU:0" if gpu else "CPU:0", "CPU:0"):
        keras.utils.set_random_seed(SEED)
        with tf.device(name):
            model = keras_worker.build(case, LAM, LEARNING_RATE)
            logs = [
                model.train_on_batch(one, return_dict=True) for one in batches(case)[:3]
            ]
        found.setdefault("steps", []).append(
            [{key: float(value) for key, value in log.items()} for log in logs]
        )
    return found


def tests(file: str) -> dict:
    """The last line of a file of tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    said = lines[-1:] or done.stderr.strip().splitlines()[-1:]
    return {"code": done.returncode, "said": said, "failed": failed}


def figure(name: str, case: str, steps: int, python: str) -> dict:
    """One figure, in this process."""
    kind, _, rest = name.partition(": ")
    if kind == "fit":
        return training(case, steps, **TRAINING[rest])
    if kind == "PyTorch":
        return of_torch(case, steps, rest, python)
    if kind == "tests":
        return tests(rest)
    return {
        "device": device,
        "two runs": lambda: twice(case, steps, False),
        "two runs, op determinism": lambda: twice(case, steps, True),
        "resumed, op determinism": lambda: resumed(case, steps),
        "agreement with the CPU": lambda: agreement(case),
    }[name]()
