"""What is said, before any training, of a command that cannot be run."""

import pathlib

import numpy as np
import pytest

from reproductions.engine import (
    execute,
)
from reproductions.engine.study import Study
from reproductions.svae import digits
from tests.reproductions.commands import TINY, fails


def test_foreign_folder(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    line = fails(capsys, "toy", "--out", tmp_path, "--resume")
    assert "Expected a run to resume, a folder with config.json" in line
    line = fails(capsys, "toy", "--out", tmp_path)
    assert "Expected a new or empty run folder (--out); received" in line
    line = fails(capsys, "toy", "--out", tmp_path / "notes.txt")
    assert "Expected a folder; received: the file" in line


@pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="needs /proc")
def test_unwritable_folder(capsys):
    # Not even root can write there.
    line = fails(capsys, "toy", "--out", "/proc/nobody-writes-here/run")
    assert "Expected a run folder that can be written" in line


def test_unknown_data(tmp_path, capsys):
    line = fails(capsys, "toy", "--out", tmp_path / "run", "--data", "toy6")
    assert "toy5" in line


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--learning-rate", "-1"], "Expected learning_rate > 0; received: -1"),
        (
            ["--learning-rate", "nan"],
            "Expected --learning-rate to be a number; received: nan",
        ),
        (["--critic-learning-rate", "0"], "Expected critic_learning_rate > 0"),
        (["--clipnorm", "-1"], "Expected clipnorm > 0; received: -1"),
        (["--beta-1", "2"], "Expected beta_1 in [0, 1); received: 2"),
        (
            ["--backup-every", "0"],
            "Expected --backup-every to be an integer >= 1 or null; received: 0",
        ),
        (["--measures", ""], "Expected names of measures with commas between"),
        (["--measures", "mse, lpips"], "Expected lpips=, LPIPS's weights for lpips"),
        (["--patience", "1", "--monitor", "mse"], "Expected monitor to be one of"),
    ],
)
def test_what_means_nothing_is_refused_before_training(
    given, expected, tmp_path, capsys
):
    out = tmp_path / "run"
    assert expected in fails(capsys, "digits", *TINY, *given, "--out", out)
    assert not out.exists()


def test_measures_that_do_not_apply_are_told(tmp_path, capsys):
    one = (*TINY[:6], "--method", "gan", "--steps-per-epoch", "1", "--n", "50")
    out = tmp_path / "run"
    line = fails(capsys, "digits", *one, "--measures", "psnr", "--out", out)
    assert "Expected a model with an encoder for psnr" in line and not out.exists()
    run = digits.call(method="gan", units=8, epochs=1, n=50, measures="psnr,modes")
    execute(run, out, keep="record", verbose="line")
    assert "left out: psnr: it needs a model with an encoder" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["backbone", "lpips"])
def test_what_only_images_need_is_refused_beside_points(option, tmp_path, capsys):
    out = tmp_path / "toy"
    file = tmp_path / "weights.npz"
    np.savez(file, x=np.zeros(3))
    line = fails(capsys, "toy", *TINY, f"--{option}", file, "--out", out)
    assert f"Expected --{option} with data that are images" in line
    assert not out.exists()


def test_a_record_that_cannot_be_written_here(monkeypatch, tmp_path):
    # Rights do not tell: root has all of them, and no file can be made there.
    if pathlib.Path("/proc/self").exists():
        with pytest.raises(OSError, match="/proc cannot be written"):
            Study(tmp_path, record="/proc/record.json")


def test_a_study_s_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        line = fails(capsys, "toy-sweep", "--out", out)
        assert f"Expected a folder; received: the file {tmp_path / 'file'}" in line


def test_options_by_names_that_they_have_elsewhere(tmp_path, capsys):
    line = fails(capsys, "toy", "--lr", "1")
    assert "Did you mean '--learning-rate'?" in line
    assert "mean" not in fails(capsys, "toy", "--zebra", "1")
    line = fails(capsys, "table1", "--methods", "foo")
    assert line.rstrip().endswith("received: foo")
    run = tmp_path / "config.json"
    run.write_text('{"experiment": "svae/toy", "settings": {"lam": 1}}')
    line = fails(capsys, "toy", "--config", run)
    assert "below `settings`" in line


def test_what_fails_before_its_first_step_leaves_no_folder(tmp_path, capsys):
    out = tmp_path / "run"
    line = fails(capsys, "toy", *TINY, "--out", out, "--measures", "mse,none_such")
    assert "none_such" in line
    line = fails(capsys, "toy", *TINY, "--out", out, "--data", tmp_path / "none.npz")
    assert "none.npz" in line
    wide = np.zeros((200, 3), "float32")
    np.savez(tmp_path / "wide.npz", x_train=wide, x_test=wide)
    line = fails(capsys, "toy", *TINY, "--out", out, "--data", tmp_path / "wide.npz")
    assert "(3,)" in line
    assert not out.exists()


@pytest.mark.parametrize("file", [".", "file/record.json"])
def test_a_record_that_cannot_be_written_is_refused_before_training(
    file, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    out = tmp_path / "run"
    line = fails(capsys, "toy", *TINY, "--out", out, "--record", tmp_path / file)
    assert "Expected a file that can be written" in line
    assert not out.exists()
    with pytest.raises(OSError, match="Expected a file that can be written"):
        Study(tmp_path / "study", record=tmp_path / file)
