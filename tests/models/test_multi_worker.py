"""Two processes train one model in lock-step."""

import json
import os
import socket
import subprocess
import sys

import pytest

WORKER = """
import keras, numpy as np, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
from tests.models import tiny
with strategy.scope():
    model = tiny.build("svae_r", optimizer=lambda: keras.optimizers.Adam(0.01))
data = tf.data.Dataset.from_tensor_slices(tiny.data(n=32)).batch(8)
logs = model.fit(data, epochs=2, verbose=0).history
weights = np.concatenate([v.numpy().ravel() for v in model.trainable_variables])
print("RESULT", model.step, weights.tobytes().hex(), sorted(logs.items()))
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@pytest.mark.slow
def test_two_workers_hold_the_same_weights():
    cluster = {"worker": [f"localhost:{free_port()}" for _ in range(2)]}
    workers = []
    for index in range(2):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", WORKER],
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    results = [out[out.index("RESULT") :].strip() for out in printed]
    assert results[0] == results[1]
    assert results[0].startswith("RESULT 8 ")
