"""How the demo ends, if its run does not end well."""

import pytest

import keras_svae as ks
from reproductions import demo


@pytest.fixture
def record(monkeypatch, tmp_path):
    """Stands for a run."""
    found = {"metrics": {"mse": 0.02}}
    monkeypatch.setattr(demo, "load_backbone", lambda: None)
    monkeypatch.setattr(demo, "execute", lambda *_, **__: found)
    return found


def test_a_demo_that_diverged_says_so_and_lists_no_files(record, tmp_path, capsys):
    record["diverged"] = "Expected finite losses"
    with pytest.raises(ks.Diverged, match="finite losses"):
        demo.main(["--out", str(tmp_path)])
    assert "What there is" not in capsys.readouterr().out


def test_a_measure_that_failed_is_in_the_exit_status(record, tmp_path, capsys):
    demo.main(["--out", str(tmp_path)])
    assert "0.0200" in capsys.readouterr().out
    record["failed"] = {"psnr": "ValueError"}
    with pytest.raises(SystemExit) as stop:
        demo.main(["--out", str(tmp_path)])
    assert stop.value.code == 1
