"""What the benchmark times on our side: networks, batches, blocks of steps."""

import io
import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproductions.benchmarks import (
    cases,
    gpu_figures,
    keras_worker,
    plain_keras,
    worker,
)
from reproductions.benchmarks.cases import CASES

PARAMETERS = {
    # Weights and biases, scale and offset of batch normalisation, by hand from table 3.
    "mnist": [
        (25 * 16 + 3 * 16)
        + (25 * 16 * 32 + 3 * 32)
        + (1568 * 784 + 3 * 784)
        + (784 * 64 + 64),
        (32 * 1024 + 3 * 1024)
        + (1024 * 3136 + 3 * 3136)
        + (25 * 64 * 64 + 3 * 64)
        + (25 * 64 + 1),
        (25 * 32 + 3 * 32)
        + (25 * 32 * 64 + 3 * 64)
        + (25 * 64 * 128 + 3 * 128)
        + (32 * 1024 + 1024)
        + (2048 + 1024 + 1),
    ],
    "toy": [
        (2 * 256 + 256) + (256 * 256 + 256) + (256 * 4 + 4),
        (2 * 256 + 256) + (256 * 256 + 256) + (256 * 2 + 2),
        (4 * 256 + 256) + (256 * 256 + 256) + (256 + 1),
    ],
}


PARAMETERS["cifar10"] = [  # sVAE's table 5
    (75 * 32 + 3 * 32)
    + (25 * 32 * 64 + 3 * 64)
    + (25 * 64 * 128 + 3 * 128)
    + (25 * 128 * 256 + 3 * 256)
    + (1024 * 512 + 512)
    + (512 * 512 + 512),
    (256 * 8192 + 3 * 8192)
    + (25 * 512 * 256 + 3 * 256)
    + (25 * 256 * 128 + 3 * 128)
    + (25 * 128 * 3 + 3),
    (75 * 64 + 3 * 64)
    + (25 * 64 * 128 + 3 * 128)
    + (25 * 128 * 256 + 3 * 256)
    + (25 * 256 * 512 + 3 * 512)
    + (256 * 512 + 512)
    + (1024 + 1),
]
# The counts in tables 3 to 7 of lambda-IJAE.
PARAMETERS["ijae_cifar10"] = [6436224, 1154179, 1053825, 1054081, 4526273]
PARAMETERS["aim_mnist"] = [  # AIM's table 3
    (16 * 128 * 64 + 3 * 64) + 2 * ((576 * 32 + 3 * 32) + (32 * 32 + 32)),
    (32 * 1024 + 3 * 1024)
    + (1024 * 6272 + 3 * 6272)
    + (16 * 128 * 64 + 3 * 64)
    + (16 * 64 + 1),
    (16 * 64 + 64)
    + (16 * 64 * 128 + 3 * 128)
    + (6272 * 1024 + 3 * 1024)
    + (1024 * 64 + 64)
    + (64 + 1),
]
# pythae's 784-512-16 and back; its critic of codes has 256 units.
ENCODER, DECODER = 784 * 512 + 512 + 512 * 16 + 16, 16 * 512 + 512 + 512 * 784 + 784
PARAMETERS |= {
    "mnist_bfloat16": PARAMETERS["mnist"],
    "vae": [ENCODER + 512 * 16 + 16, DECODER],
    "aae": [ENCODER + 512 * 16 + 16, DECODER, 16 * 256 + 256 + 256 + 1],
    "wae": [ENCODER, DECODER],
}


@pytest.mark.parametrize("case", CASES)
def test_networks_are_those_of_the_other_side(case):
    model = keras_worker.build(case, 0.1, 1e-4)
    assert keras_worker.parameters(model) == PARAMETERS[case]
    assert model.encoder.layers[1].compute_dtype == CASES[case].dtype
    assert keras.config.dtype_policy().name == "float32"


def test_a_caller_s_policy_counts():
    """As the figures on a GPU are made."""
    found = gpu_figures.training("toy", 1, policy="mixed_bfloat16")
    assert len(found["ms"]) == gpu_figures.BLOCKS
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras_worker.build("toy", 0.1, 1e-4)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.encoder.layers[1].compute_dtype == "bfloat16"


@pytest.mark.parametrize("case", [pytest.param("mnist", marks=pytest.mark.slow), "toy"])
def test_plain_keras_has_the_same_networks_and_trains(case):
    model = plain_keras.build(case, 0.1, 1e-3)
    assert keras_worker.parameters(model) == PARAMETERS[case]
    before = [np.sum(np.abs(v)) for v in model.trainable_variables]
    keras_worker.block(model, cases.batches(case, number=1)[:, :8])(1)
    after = [np.sum(np.abs(v)) for v in model.trainable_variables]
    # Biases under batch normalisation may stay; each network has moved.
    moved = np.not_equal(before, after)
    sizes = [len(n.trainable_variables) for n in (model.encoder, model.decoder)]
    assert all(part.any() for part in np.split(moved, np.cumsum(sizes)))


@pytest.mark.parametrize("case", CASES)
def test_batches_suit_the_networks(case):
    model = keras_worker.build(case, 0.1, 1e-4)
    batches = cases.batches(case, number=2)
    assert batches.shape == (2, CASES[case].batch, *model.data_shape)
    for batch in batches:
        model.check_data(batch)


def test_a_block_trains_as_many_steps_as_asked():
    compiling = cases.CONFIGURATIONS["graph, 16 steps per execution"]
    model = keras_worker.build("toy", 0.1, 1e-4, **compiling)
    run = keras_worker.block(model, cases.batches("toy"))
    run(32)
    run(16)
    assert int(model.step) == 48


def test_worker_answers_each_command(monkeypatch, tmp_path):
    steps = []
    commands = [{"block": "a", "steps": 3}, {"block": "a", "steps": 5}]
    lines = "".join(json.dumps(command) + "\n" for command in commands)
    answers = tmp_path / "answers"
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    with answers.open("w") as file:
        worker.serve({"versions": {}}, {"a": steps.append}, file)
    about, *times = [json.loads(line) for line in answers.read_text().splitlines()]
    assert steps == [3, 5]
    assert about == {"versions": {}}
    assert len(times) == 2
    assert all(set(time) == {"seconds", "cpu_seconds"} for time in times)


def test_one_thread_per_operation_has_its_own_blocks(monkeypatch, tmp_path):
    given = {}
    threads = tf.config.threading
    monkeypatch.setattr(threads, "set_intra_op_parallelism_threads", given.setdefault)
    monkeypatch.setattr(threads, "set_inter_op_parallelism_threads", lambda n: None)
    served = []
    monkeypatch.setattr(keras_worker, "serve", lambda about, one: served.append(one))
    np.savez(tmp_path / "x.npz", toy=cases.batches("toy", number=1))
    keras_worker.main(str(tmp_path / "x.npz"), "0.1", "1e-4", "2", "1")
    keras_worker.main(str(tmp_path / "x.npz"), "0.1", "1e-4", "2")
    assert list(given) == [1, 2]
    kinds = {f"toy/{kind}" for kind in CASES["toy"].all_of_ours}
    assert set(served[0]) == {one for one in kinds if cases.ONE_THREAD in one}
    assert set(served[1]) >= kinds - set(served[0])
    assert not set(served[0]) & set(served[1])
    served[0]["toy/graph, 1 thread per operation"](1)


def test_batches_are_the_same_each_time():
    np.testing.assert_array_equal(cases.batches("toy"), cases.batches("toy"))
