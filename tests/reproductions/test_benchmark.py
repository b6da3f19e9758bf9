"""How the benchmark takes turns, sums up and refuses. Nothing here asserts a time."""

import io
import json
import time
import types

import numpy as np
import pytest

from reproductions.benchmarks import blocks, cases, sides, summaries, training
from reproductions.benchmarks.cases import CASES


class Fake:
    """A worker whose blocks take this long."""

    def __init__(self, seconds=lambda block: 0.5):
        self.seconds, self.calls, self.others = seconds, [], 0.1

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
    found[cases.UPDATE] = kind(11.0)
    rows = summaries.summary(found, case)["configurations"]
    # 2 * 2048^3 = 17.18 GFLOP in 80 ms, so 17.5 GFLOP in 81.49 ms.
    assert rows[cases.FLOOR]["median_ms"] == pytest.approx(81.4907, abs=1e-3)
    assert rows["graph"]["ratios"][cases.FLOOR] == pytest.approx(1.2394, abs=1e-4)
    assert rows[cases.UPDATE]["median_ms"] == 11.0


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
        about = {"versions": {"x": "1"}, "parameters": {"toy": [1, 2, 3]}}

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


def test_what_others_compute_makes_a_block_busy(monkeypatch):
    """Three processors' work at a load of 3, two threads of one's own among them."""
    assert blocks.marks([], load=3.0, threads=2, others=0.1) == []
    assert blocks.marks([], load=3.0, threads=2, others=1.0) == ["busy"]
    # 5 s of all, of which the block worked 3, in 2 s.
    clock = iter([10.0, 12.0])
    works = iter([100.0, 105.0])
    monkeypatch.setattr(sides, "worked", lambda: next(works))
    monkeypatch.setattr(sides.time, "perf_counter", lambda: next(clock))
    worker = object.__new__(sides.Worker)
    worker.process = types.SimpleNamespace(stdin=io.StringIO())
    worker._answer = lambda: {"seconds": 1.9, "cpu_seconds": 3.0}
    assert worker.run("toy/eager", 3)["seconds"] == 1.9
    assert worker.others == pytest.approx(1.0)


def test_the_machines_work_grows_with_ours():
    before, until = blocks.worked(), time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert blocks.worked() - before > 0.2
