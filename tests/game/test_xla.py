"""Which steps XLA compiles, and that it says so."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.devices import xla
from tests.models import tiny
from tests.replicas import two_replicas

ROOT = pathlib.Path(__file__).parents[2]


def summary(model):
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return lines[-1]


def test_auto_says_what_it_chose_and_is_saved_as_it_was_asked(tmp_path):
    model = tiny.build("vae", compiled=False)
    model.compile(optimizer="adam", jit_compile="auto", steps_per_execution=3)
    assert summary(model).startswith(" A call of the graph: 3 steps with")
    assert "'auto': on " in summary(model)
    assert model.get_compile_config()["jit_compile"] == "auto"
    model.compile(optimizer="adam")
    assert "A call" not in summary(model)
    model.compile(optimizer="adam", jit_compile=True)
    assert summary(model) == " A call of the graph: 1 step with XLA"


def test_auto_looks_at_devices_and_layers(monkeypatch):
    strategy = tf.distribute.get_strategy()
    dense = {"decoder": tiny.dense([2], 3, "decoder")}
    x = keras.Input((8, 8, 1))
    several = {
        "images": keras.layers.Conv2D(2, 3)(x),
        "other numbers": keras.layers.Dropout(0.5)(x),
        "compile": ks.networks.layers.Conv2DTranspose(2, 3)(x),
    }
    nets = {name: {"net": keras.Model(x, y)} for name, y in several.items()}
    monkeypatch.setattr(xla, "_devices", lambda strategy: ["CPU"])
    used, why = xla.decided(dense, strategy)
    assert not used
    assert "on CPU" in why
    monkeypatch.setattr(xla, "_devices", lambda strategy: ["GPU"])
    assert xla.decided(dense, strategy)[0]
    for name, net in nets.items():
        used, why = xla.decided(net, strategy)
        assert not used
        assert ("convolutions" if name != "other numbers" else name) in why


@pytest.mark.parametrize("asked", ["yes", 1, None])
def test_other_values_are_refused(asked):
    model = tiny.build("vae", compiled=False)
    with pytest.raises(ValueError, match="jit_compile as True, False or 'auto'; rece"):
        model.compile(optimizer="sgd", jit_compile=asked)


def test_clusters_on_cpus_need_a_flag_of_tensorflow(monkeypatch):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    with two_replicas().scope():
        model = tiny.build("vae", compiled=False)
        with pytest.raises(ValueError, match="TF_XLA_FLAGS=--tf_xla_cpu_global_jit"):
            model.compile(optimizer="sgd", jit_compile=True)
        model.compile(optimizer="sgd", jit_compile="auto")
    assert not model.jit_compile


CLUSTERS = """
import glob, sys
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import keras_svae as ks
from tests.models import tiny
from tests.replicas import two_replicas

def made(**mode):
    with two_replicas().scope():
        model = tiny.build("vae", compiled=False)
        model.compile("sgd", **mode)
    return model

data = tf.data.Dataset.from_tensor_slices(tiny.data(n=21)).batch(4)
plain, single = made(), made(jit_compile=True)
several = made(jit_compile=True, steps_per_execution=4)
losses = [one.fit(data, verbose=0).history for one in (plain, single)]
tf.summary.trace_on(graph=True)
losses.append(several.fit(data, verbose=0).history)
writer = tf.summary.create_file_writer(sys.argv[1])
with writer.as_default():
    tf.summary.trace_export("graph", step=0)
writer.flush()
(file,) = glob.glob(sys.argv[1] + "/*")
assert b"_XlaRun" in open(file, "rb").read()
for name, values in losses[0].items():
    for other in losses[1:]:
        np.testing.assert_allclose(other[name], values, rtol=1e-4)
for one in (single, several):
    for a, b in zip(plain.variables, one.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
bad = tiny.data(n=40)
bad[21] = 1e30
try:
    several.fit(bad, batch_size=4, shuffle=False, verbose=0)
except ks.Diverged as error:
    assert "at step 11." in str(error), error
    assert several.step == 11
else:
    raise AssertionError
assert all(np.isfinite(one.numpy()).all() for one in several.trainable_variables)
assert not tf.config.optimizer.get_jit()
print("the same")
"""


@pytest.mark.slow
def test_replicas_with_xla_make_the_steps_of_replicas_without(tmp_path):
    """In a process of its own: TensorFlow reads the flag once."""
    flags = {"TF_XLA_FLAGS": xla.CPU_FLAG, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", CLUSTERS, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT), **flags},
        capture_output=True,
        text=True,
    )
    assert "the same" in done.stdout, done.stderr[-3000:]
