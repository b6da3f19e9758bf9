"""The benchmark of what is deployed. Nothing here asserts a time."""

import importlib.util
import json

import numpy as np
import pytest

import keras_svae as ks
from reproductions.benchmarks import inference, inference_worker

ONNX = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None, reason="needs tf2onnx"
)


@pytest.fixture
def folder(tmp_path):
    """What the first worker leaves, of a small model."""
    model = ks.SVAE(*ks.networks.toy(units=8), likelihood="gaussian")
    names = [*inference_worker.ENDPOINTS]
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "saved", endpoints=names)
    model.export(tmp_path / "onnx", format="onnx", endpoints=names)
    rng = np.random.default_rng(0)
    given = rng.normal(size=(3, 256, 2)).astype("float32")
    np.savez(
        tmp_path / "inputs.npz", **dict(zip("x z normal".split(), given, strict=True))
    )
    return tmp_path


@ONNX
@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_a_runtime_calls_each_endpoint_at_each_batch(name, folder, monkeypatch):
    # This process has begun to compute: its threads are what they are.
    monkeypatch.setattr(inference_worker, "limit", lambda tf, threads: None)
    blocks = inference_worker.RUNTIMES[name](folder, 2)
    wanted = {f"{e}/{b}" for e in ("decode", "encode", "reconstruct") for b in (1, 256)}
    assert set(blocks) == wanted
    for run in blocks.values():
        run(2)


def test_calls_are_counted():
    calls = []
    inference_worker.several(lambda: calls.append(1))(3)
    assert len(calls) == 3
    assert inference_worker.peak() > 100  # TensorFlow alone takes more


class Fake:
    """A process in which a call takes so long."""

    others = 0.0

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, []

    def time(self, block, times):
        self.asked.append(times)
        return self.seconds * times, 0.0


def test_blocks_are_long_and_take_turns(monkeypatch):
    monkeypatch.setattr(inference.psutil, "getloadavg", lambda: (1.0, 1.0, 1.0))
    runtimes = {"onnx": Fake(0.001), "keras": Fake(0.01)}
    found = inference.timed(runtimes, "decode/1", 3, 2)
    assert runtimes["onnx"].asked == [5, 500, 500, 500]
    assert runtimes["keras"].asked == [5, 50, 50, 50]
    assert found["onnx"]["median ms"] == 1 and found["keras"]["median ms"] == 10
    assert found["keras"]["clean blocks"] == 3
    # On a busy machine the blocks are kept, and counted as what they are.
    monkeypatch.setattr(inference.psutil, "getloadavg", lambda: (9.0, 9.0, 9.0))
    found = inference.timed(runtimes, "decode/1", 3, 2)
    assert found["keras"]["clean blocks"] == 0
    assert found["keras"]["blocks"][0]["marks"] == ["busy"]


@pytest.mark.slow
@ONNX
def test_the_command_writes_a_record(tmp_path, capsys):
    file = tmp_path / "found.json"
    inference.main(["--cases", "toy", "--blocks", "1", "--json", str(file)])
    found = json.loads(file.read_text(encoding="utf-8"))
    row = found["results"]["toy"]
    assert set(row["calls"]) == {
        f"{e}/{b}" for e in ("decode", "encode", "reconstruct") for b in (1, 256)
    }
    for calls in row["calls"].values():
        assert set(calls) == {"saved_model", "onnx", "keras"}
        assert all(one["median ms"] > 0 for one in calls.values())
    assert row["training"]["seconds"]["first step"] > 0
    assert row["runtimes"]["onnx"]["MiB"] < row["runtimes"]["saved_model"]["MiB"]
    assert "peak MiB" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--blocks", "0"], ["--threads", "-1"]])
def test_what_is_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        inference.main(wrong)
    assert "Expected --" in capsys.readouterr().err
