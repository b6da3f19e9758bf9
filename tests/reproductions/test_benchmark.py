"""The benchmark's parts that need no PyTorch. Nothing here asserts a time."""

import io
import json
import sys

import numpy as np
import pytest

from reproductions.benchmarks import keras_worker, training, worker

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


@pytest.mark.parametrize("case", training.CASES)
def test_networks_are_those_of_the_other_side(case):
    model = keras_worker.build(case, 0.1, 1e-4)
    assert keras_worker.parameters(model) == PARAMETERS[case]


@pytest.mark.parametrize("case", training.CASES)
def test_batches_suit_the_networks(case):
    model = keras_worker.build(case, 0.1, 1e-4)
    batches = training.batches(case, number=2)
    assert batches.shape == (2, training.CASES[case]["batch"], *model.data_shape)
    for batch in batches:
        model.check_data(batch)


def test_a_block_trains_as_many_steps_as_asked():
    compiling = training.CONFIGURATIONS["graph, 16 steps per execution"]
    model = keras_worker.build("toy", 0.1, 1e-4, **compiling)
    run = keras_worker.block(model, training.batches("toy"))
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


def test_turns_alternate_and_each_block_is_kept():
    class Worker:
        calls = []

        def __init__(self, side):
            self.side = side

        def time(self, block, steps):
            self.calls.append((self.side, block))
            return 0.5, 1.0

    workers = {"torch": Worker("torch"), "keras": Worker("keras")}
    times = training.measure(workers, "toy", rounds=2, steps=16)
    ours = [name for name in times if name in training.CONFIGURATIONS]
    assert ours == list(training.CONFIGURATIONS)
    assert all(times[name] == [(31.25, 62.5)] * 2 for name in ours)
    plain = ("torch", "toy/eager")
    played = Worker.calls[2 * len(times) :]
    assert len(played) == 2 * 2 * (len(times) - 1)
    assert played[::2] == [plain] * (len(played) // 2)
    assert plain not in played[1::2]


def test_the_hopeless_has_three_blocks():
    class Worker:
        def time(self, block, steps):
            return (4.0 if block == "toy/XLA" else 1.0), 1.0

    worker = Worker()
    times = training.measure({"torch": worker, "keras": worker}, "toy", 5, steps=16)
    assert len(times.pop("XLA")) == 3
    assert len(times.pop("eager")) > 5
    assert {len(blocks) for blocks in times.values()} == {5}


def test_summary_names_the_best_and_its_ratio():
    ours = list(training.CONFIGURATIONS)
    times = {name: [(4.0, 8.0), (5.0, 8.0), (9.0, 8.0)] for name in ours}
    times[ours[2]] = [(2.0, 8.0), (1.0, 8.0), (3.0, 8.0)]
    # Not ours, so never the best.
    times |= {name: [(4.0, 6.0)] * 3 for name in training.REFERENCES}
    times[training.REFERENCES[1]] = [(0.1, 0.1)] * 3
    found = training.summary(times, goal=0.4)
    assert found["best"] == ours[2]
    assert found["ratio"] == 0.5
    assert not found["reached"]
    assert training.summary(times, goal=0.5)["reached"]
    assert found["configurations"][ours[0]] == {
        "median_ms": 5.0,
        "quartiles_ms": [4.5, 7.0],
        "median_cpu_ms": 8.0,
        "blocks": 3,
        "ratio_to_pytorch_eager": 1.25,
        "cpu_ratio_to_pytorch_eager": 1.3333,
    }
    assert ours[2] in training.table({"toy": found})


@pytest.mark.parametrize(
    "argv", [["--steps", "20"], ["--steps", "0"], ["--rounds", "1"], ["--cases", "x"]]
)
def test_what_cannot_be_measured_is_refused(argv, capsys):
    with pytest.raises(SystemExit):
        training.arguments(argv)
    assert "received" in capsys.readouterr().err or "--cases" in argv


def test_the_file_holds_what_was_measured(monkeypatch, tmp_path, capsys):
    class Worker:
        about = {"versions": {"x": "1"}, "parameters": {"toy": PARAMETERS["toy"]}}

        def __init__(self, python, module, data, threads):
            assert np.load(data)["toy"].shape[1:] == (128, 2)

        def time(self, block, steps):
            return (1.0 if block.startswith("toy/XLA") else 2.0), 2.0

        def close(self):
            pass

    monkeypatch.setattr(training, "Worker", Worker)
    monkeypatch.setattr(training, "torch_python", str)
    output = tmp_path / "new" / "benchmark.json"
    training.main(["--cases", "toy", "--rounds", "2", "--output", str(output)])
    found = json.loads(output.read_text())
    assert {"command", "commit", "machine", "load", "threads", "date"} < set(found)
    assert found["versions"] == {"x": "1"}
    assert found["results"]["toy"]["ratio"] == 0.5
    assert found["results"]["toy"]["best"] == "XLA"
    assert "goal 0.5: reached" in capsys.readouterr().out


def test_batches_are_the_same_each_time():
    np.testing.assert_array_equal(training.batches("toy"), training.batches("toy"))
