"""How much memory answers and long runs take: in processes of their own, and slow.

`test_in_parts.py` counts what networks see. Here the operating system says what a
process takes.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MEGABYTE = 2**20

START = """
import gc, json, os, sys, tempfile
import numpy as np, tensorflow as tf
import keras_svae as ks
from tests.models import tiny

def now():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def peak():
    with open("/proc/self/status") as file:
        (line,) = [one for one in file if one.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
"""

GENERATE = """
nets = ks.networks.mnist(latent_dim=8, width=0.25)
model = ks.SVAE(*nets)
found = {}
for n in (250, 1000, 4000):
    x = model.generate(n, seed=1)
    model.encode(x)
    model.reconstruct(x)
    found[n] = peak()
    del x
print(json.dumps(found))
"""

STEPS = """
model = tiny.build("svae_r", optimizer=lambda: ks.optimizers.Adam(1e-3))
data = tf.data.Dataset.from_tensor_slices(tiny.data(n=400)).batch(4).repeat()
found = []
for _ in range(21):
    model.fit(data, steps_per_epoch=100, verbose=0)
    found.append(now())
print(json.dumps(found))
"""

CYCLES = """
model = tiny.build("vae")
x = tiny.data(n=16)
found = []
for cycle in range(200):
    ks.evaluation.evaluate(model, x, measures=["mse"])
    model.evaluate(x, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder + "/model")
    found.append(now())
    print(found[-1] // 2**20, file=sys.stderr, flush=True)
print(json.dumps(found))
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_answers_take_memory_for_a_part_and_for_what_they_return():
    """Measured: 80 MB more for 4,000 images of 12.5 MB; in one piece, 1 GB and more."""
    found = run(GENERATE)
    result = 3750 * 28 * 28 * 4
    assert found["4000"] - found["250"] < 13 * result


@pytest.mark.slow
def test_two_thousand_steps_take_no_memory():
    """Measured: 0.13 MB more after 2,000 steps than after 100."""
    found = run(STEPS)
    assert found[-1] - found[0] < 2 * MEGABYTE


@pytest.mark.slow
def test_two_hundred_cycles_of_evaluation_and_export_are_flat():
    """Measured over a few cycles alone: nothing after the second one."""
    found = run(CYCLES)
    assert found[-1] - found[9] < 0.1 * MEGABYTE * 190
