"""How the demo ends, if its run does not end well."""

import json

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


def test_a_demo_that_goes_on_has_its_own_settings(record, tmp_path, monkeypatch):
    made = []

    def execute(call, *_, **__):
        made.append(call)
        return record

    monkeypatch.setattr(demo, "execute", execute)
    demo.main(["--out", str(tmp_path), "--epochs", "2", "--seed", "3"])
    content = {"experiment": "svae/digits", "settings": made[0].settings}
    (tmp_path / "config.json").write_text(json.dumps(content))
    demo.main(["--out", str(tmp_path), "--resume"])
    assert made[1].settings == made[0].settings
    assert (made[0].settings["epochs"], made[0].settings["seed"]) == (2, 3)


def test_a_measure_that_failed_is_in_the_exit_status(record, tmp_path, capsys):
    demo.main(["--out", str(tmp_path)])
    assert "0.0200" in capsys.readouterr().out
    record["failed"] = {"psnr": "ValueError"}
    with pytest.raises(SystemExit) as stop:
        demo.main(["--out", str(tmp_path)])
    assert stop.value.code == 1
