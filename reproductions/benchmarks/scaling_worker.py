"""A process of the benchmark of several devices: a model under one kind of strategy."""

import contextlib
import json
import os
import sys

import keras
import numpy as np
import tensorflow as tf

from reproductions.benchmarks import keras_worker
from reproductions.benchmarks.worker import serve

__all__ = ["main", "strategy_of"]


def strategy_of(kind: str, addresses: list[str], index: int):
    """The strategy of a kind; None for one device. It is made before all else.

    Args:
        kind: "one core", "two cores", "replicas" or "workers".
        addresses: Of all workers.
        index: The worker's own place among them, and the core that it keeps to.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    if kind in ("one core", "workers"):
        os.sched_setaffinity(0, {cores[index]})
        tf.config.threading.set_intra_op_parallelism_threads(1)
        # Workers wait for each other in an operation of their own.
        tf.config.threading.set_inter_op_parallelism_threads(
            2 if kind == "workers" else 1
        )
    if kind == "workers":
        cluster = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        os.environ["TF_CONFIG"] = json.dumps(cluster)
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "replicas":
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, logical)
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    return None


def main(data: str, lam: str, learning_rate: str, threads: str, options: str) -> None:
    """Serves a block "case/batch" for each case and size of the batch.

    Args:
        data: Path of the batches, a `.npz`: "case/batch" (number, batch, ...).
        lam: See `keras_worker.build`.
        learning_rate: See `keras_worker.build`.
        threads: Not used: the kind says it.
        options: The arguments of `strategy_of`, in JSON.
    """
    strategy = strategy_of(**json.loads(options))
    blocks = {}
    for name, batches in np.load(data).items():
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = keras_worker.build(
                name.split("/")[0], float(lam), float(learning_rate)
            )
        blocks[name] = keras_worker.block(model, batches)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    serve({"versions": versions}, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
