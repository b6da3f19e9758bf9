"""The benchmark's parts that need no PyTorch. Nothing here asserts a time."""

import io
import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproductions.benchmarks import (
    blocks,
    cases,
    gpu_figures,
    keras_worker,
    plain_keras,
    summaries,
    training,
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


class Fake:
    """A worker whose blocks take this long."""

    def __init__(self, seconds=lambda block: 0.5):
        self.seconds, self.calls = seconds, []

    def time(self, block, steps):
        self.calls.append(block)
        return self.seconds(block), 1.0


@pytest.fixture
def idle_machine(monkeypatch):
    monkeypatch.setattr(training.psutil, "getloadavg", lambda: (0.5, 0.5, 0.5))


@pytest.mark.usefixtures("idle_machine")
def test_turns_alternate_and_each_block_is_kept():
    one = Fake()
    sides = dict.fromkeys(("torch", "keras", "keras_one", "keras_xla"), one)
    found = training.measure(sides, "toy", rounds=2, steps=16)
    assert [kind for kind in found if kind in cases.CONFIGURATIONS] == [
        *cases.CONFIGURATIONS
    ]
    for name in CASES["toy"].all_of_ours:
        assert [block["ms"] for block in found[name][1:]] == [31.25] * 2
        assert [block["cpu_ms"] for block in found[name][1:]] == [62.5] * 2
        assert found[name][0] == {"first s": 0.5}
    played = one.calls[2 * len(found) :]
    assert len(played) == 2 * 2 * (len(found) - 1)
    assert played[::2] == ["toy/eager"] * (len(played) // 2)
    assert "toy/eager" not in played[1::2]


@pytest.mark.usefixtures("idle_machine")
def test_the_hopeless_has_three_blocks():
    one = Fake(lambda block: 4.0 if block == "toy/XLA" else 1.0)
    sides = dict.fromkeys(("torch", "keras", "keras_one", "keras_xla"), one)
    found = training.measure(sides, "toy", 5, steps=16)
    assert len(found.pop("XLA")) == 1 + 3
    assert len(found.pop("eager")) > 1 + 5
    assert {len(blocks) for blocks in found.values()} == {1 + 5}


def kind(*ms, load=0.5, first=9.0):
    """What `measure` gives for one kind of block."""
    made = [
        {
            "ms": one,
            "cpu_ms": 8.0,
            "seconds": one,
            "marks": blocks.marks([], load, 2),
        }
        for one in ms
    ]
    return [{"first s": first}, *made]


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


def test_summary_names_the_best_and_its_ratios():
    case = CASES["toy"]
    ours = list(case.ours)
    found = {name: kind(4.1, 5.0, 9.2) for name in ours}
    found[ours[2]] = kind(2.1, 1.0, 3.3)
    # Not ours, so never the best.
    found |= {name: kind(4.2, 4.2, 4.2) for _, name in case.references}
    found["eager, fused Adam"] = kind(0.11, 0.12, 0.13)
    found[cases.ALONE] = kind(2.5, 2.5, 2.5)
    result = summaries.summary(found, case)
    assert result["best"] == ours[2]
    assert result["goals"] == {"eager, fused Adam": {"at most": 0.4, "ratio": 17.5}}
    assert result["wrong"] == []
    assert result["configurations"][ours[0]] == {
        "median_ms": 5.0,
        "quartiles_ms": [4.55, 7.1],
        "median_cpu_ms": 8.0,
        "blocks": 3,
        "clean": 3,
        "first s": 9.0,
        "ratios": {
            "eager": 1.1905,
            "eager, fused Adam": 41.6667,
            "compiled, fused Adam": 1.1905,
            "plain Keras": 1.1905,
            cases.ALONE: 2.0,
        },
    }
    assert ours[2] in summaries.table({"toy": result})


def test_a_floor_is_the_steps_operations_at_the_products_rate():
    case = CASES["mnist"]
    found = {name: kind(100.0, 101.0, 102.0) for name in case.ours}
    found |= {name: kind(90.0) for _, name in case.references}
    found |= {cases.ALONE: kind(99.0), cases.FLOOR: kind(80.0)}
    rows = summaries.summary(found, case)["configurations"]
    # 2 * 2048^3 = 17.18 GFLOP in 80 ms, so 17.5 GFLOP in 81.49 ms.
    assert rows[cases.FLOOR]["median_ms"] == pytest.approx(81.4907, abs=1e-3)
    assert rows["graph"]["ratios"][cases.FLOOR] == pytest.approx(1.2394, abs=1e-4)


def test_blocks_of_a_busy_machine_are_left_out_and_many_are_wrong():
    case = CASES["vae"]
    busy = kind(50.0, load=9.0)[1:]
    found = {name: [*kind(3.1, 3.2, 3.3), *busy] for name in case.ours}
    found["pythae"] = [*kind(6.4), *busy, *busy]
    result = summaries.summary(found, case)
    assert result["configurations"]["graph"]["median_ms"] == 3.2
    assert result["configurations"]["graph"]["clean"] == 3
    assert result["wrong"] == ["pythae: 2 of 3 busy"]
    found["pythae"] = kind(1.28, 2.56, 1.28, 3.84, 1.28)
    assert "multiples" in summaries.summary(found, case)["wrong"][0]


def test_what_no_goal_is_about_is_left_out_if_it_cannot_be_believed():
    case = CASES["toy"]
    found = {name: kind(4.1, 5.0, 9.2) for name in (*case.ours, cases.ALONE)}
    found |= {name: kind(4.2, 4.2, 4.2) for _, name in case.references}
    found["plain Keras"] = kind(1.28, 2.56, 1.28, 3.84, 1.28)
    result = summaries.summary(found, case)
    assert result["wrong"] == []
    assert result["left_out"] == ["plain Keras: blocks take multiples of a period"]
    assert "plain Keras" not in result["configurations"]
    assert "plain Keras" not in result["configurations"]["graph"]["ratios"]
    assert "left out: plain Keras" in summaries.table({"toy": result})


def test_a_busy_machine_is_waited_for_and_then_refused(monkeypatch):
    loads = iter([3.0, 2.0, 0.4])
    monkeypatch.setattr(training.psutil, "getloadavg", lambda: (next(loads), 0, 0))
    monkeypatch.setattr(training.time, "sleep", lambda seconds: None)
    assert training.idle(2, patience=60) == 0.4
    monkeypatch.setattr(training.psutil, "getloadavg", lambda: (3.0, 0, 0))
    with pytest.raises(RuntimeError, match=r"1.0 at most; received: 3.0"):
        training.idle(2, patience=-1)


def test_other_networks_are_refused():
    same = {"toy": [1, 2, 3]}
    training.check_networks({"keras": same, "torch": same})
    with pytest.raises(AssertionError, match=r"\[1, 2, 4\] in torch"):
        training.check_networks({"keras": same, "torch": {"toy": [1, 2, 4]}})


@pytest.mark.parametrize(
    "argv", [["--steps", "20"], ["--steps", "0"], ["--rounds", "1"], ["--cases", "x"]]
)
def test_what_cannot_be_measured_is_refused(argv, capsys):
    with pytest.raises(SystemExit):
        training.arguments(argv)
    assert "received" in capsys.readouterr().err or "--cases" in argv


def test_the_file_holds_what_was_measured(monkeypatch, tmp_path, capsys):
    made = []
    seconds = {"toy/XLA": 1.1019, "toy/eager, fused Adam": 3.3057}

    class Worker(Fake):
        about = {"versions": {"x": "1"}, "parameters": {"toy": PARAMETERS["toy"]}}

        def __init__(self, python, module, data, threads, *of_operation):
            made.append((module, *of_operation))
            super().__init__(lambda block: seconds.get(block, 2.2037))
            assert np.load(data)["toy"].shape[1:] == (128, 2)

        def close(self):
            pass

    load = [0.5]
    monkeypatch.setattr(training.psutil, "getloadavg", lambda: (load[0], 0, 0))
    monkeypatch.setattr(training, "Worker", Worker)
    monkeypatch.setattr(training, "torch_python", str)
    output = tmp_path / "new" / "benchmark.json"
    given = ["--cases", "toy", "--rounds", "2", "--output", str(output)]
    training.main(given)
    found = json.loads(output.read_text())
    assert {"command", "commit", "machine", "load", "threads", "date"} < set(found)
    assert found["versions"] == {"x": "1"}
    workers = [("keras_worker",), ("keras_worker", "1"), ("keras_worker",)]
    workers.append(("torch_worker",))
    assert made == workers
    assert found["results"]["toy"]["best"] == "XLA"
    goals = found["results"]["toy"]["goals"]
    assert goals["eager, fused Adam"]["ratio"] == pytest.approx(1 / 3, abs=1e-4)
    assert "goal 0.4: reached" in capsys.readouterr().out
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    load[0] = 9.0
    output.unlink()
    with pytest.raises(SystemExit, match="Expected clean blocks"):
        monkeypatch.setattr(training, "idle", lambda threads, patience: 0.0)
        training.main(given)
    assert not output.exists()
    training.main([*given, "--anyway"])
    assert output.exists()


def test_batches_are_the_same_each_time():
    np.testing.assert_array_equal(cases.batches("toy"), cases.batches("toy"))
