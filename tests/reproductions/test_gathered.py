"""Runs gathered: spread and intervals, rows, and TensorBoard's hparams."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from reproductions.engine import Study, board, cells, interval, spread, text_of
from tests.reproductions.conftest import calls


def test_spread_and_interval():
    assert spread([1.0, 3.0])["deviation"] == pytest.approx(2**0.5)
    # One run tells nothing of the spread.
    assert spread([1.0])["deviation"] is None and text_of(spread([1.0])) == "1"
    assert text_of(spread([1.0, 3.0])) == "2 +- 1.414"
    # By hand: t(.975, 2) = 4.302653, the deviation 1, n = 3.
    assert interval([1.0, 2.0, 3.0])["interval"] == pytest.approx(4.302653 / 3**0.5)
    assert interval([1.0])["interval"] is None


def test_rows_by_a_setting_that_is_a_list():
    def run(units, seed):
        return {"settings": {"units": units, "seed": seed}, "metrics": {"mse": seed}}

    records = [
        run(units, seed) for seed in (1, 3) for units in ([8], [8, [2]], {"a": 1})
    ]
    rows = cells(records, by=["units"], measures=["mse"])
    assert [row["units"] for row in rows] == [[8], [8, [2]], {"a": 1}]
    assert [row["mse"]["mean"] for row in rows] == [2, 2, 2]


def test_tensorboard_s_hparams(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        records = study(calls(0.5, 9.0))
        folder = study.hparams(records)
        assert study.hparams(records) == folder  # the older one is replaced
    assert board.varied(records) == ["lam", "seed"]
    assert board.varied(records[:1]) == ["lam", "seed"]
    for i, one in enumerate(records):
        events = EventAccumulator(str(folder / f"{i:03d}"), {"tensors": 0}).Reload()
        (content,) = events.PluginTagToContent("hparams").values()
        told = plugin_data_pb2.HParamsPluginData.FromString(content)
        told = told.session_start_info.hparams
        assert told["lam"].number_value == one["settings"]["lam"]
        assert told["seed"].number_value == one["settings"]["seed"]
        diverged = one["settings"]["lam"] > 5
        assert ("mse" in events.Tags()["tensors"]) is not diverged
    (value,) = EventAccumulator(str(folder / "000")).Reload().Tensors("mse")
    assert tf.make_ndarray(value.tensor_proto) == 0.5
    other = tmp_path / "mine"
    other.mkdir()
    (other / "file").touch()
    with pytest.raises(FileExistsError, match="received: .*mine"):
        board.write(other, records)
    with pytest.raises(ValueError, match="records of runs; received: none"):
        board.write(tmp_path / "new", [])


def test_hparams_that_cannot_be_written_leave_nothing(tmp_path):
    record = {"settings": {"lam": 0.1}, "metrics": {"mse": "no number"}}
    with pytest.raises(TypeError):
        board.write(tmp_path / "hparams", [record])
    assert not any(tmp_path.iterdir())
