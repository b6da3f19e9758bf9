"""The benchmark of lambda-IJAE's step measures every case, and writes a record."""

import json

import pytest

from reproductions.benchmarks import ijae


@pytest.mark.slow
def test_it_measures_every_case_and_writes_a_record(tmp_path, capsys):
    output = tmp_path / "found" / "ijae.json"
    small = "--experiments cifar10 --dtypes float32 --stacks channels --width 0.03"
    more = "--batch-size 2 --rounds 2 --steps 1"
    ijae.main([*small.split(), *more.split(), "--output", str(output)])
    report = json.loads(output.read_text())
    assert report["width"] == 0.03 and report["batch_size"] == 2 and report["machine"]
    rows = report["results"]["cifar10"]
    assert list(rows) == ["float32, channels"]
    for row in rows.values():
        low, high = row["range"]
        assert 0 < low <= row["median seconds"] <= high < 60
        assert 0.1 < row["peak memory, GB"] < 20
    assert "s/step" in capsys.readouterr().out
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize("wrong", ["--batch-size 0", "--rounds 0", "--steps -1"])
def test_what_is_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        ijae.main(wrong.split())
    assert f"Expected {wrong.split()[0]} >= 1" in capsys.readouterr().err
