"""Runs in worker processes: the same results, failures and interruptions."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from reproductions.engine import Call, Study, command
from reproductions.engine import results as results_
from tests.reproductions.conftest import calls


# Each worker imports TensorFlow.
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_workers_do_the_same(workers, tmp_path, marks):
    with Study(tmp_path / "study", workers=workers) as study:
        found = study(calls(0.1, 0.2))
    assert [one["metrics"]["mse"] for one in found] == [0.1, 0.2, 1.1, 1.2]
    assert sorted(marks()) == ["0.1 0", "0.1 1", "0.2 0", "0.2 1"]


def slow(seed: int) -> dict:
    """Takes a minute, and leaves a mark when it begins."""
    with open(os.environ["MARK"], "a") as file:
        file.write(f"{seed}\n")
    time.sleep(60)
    return {"mse": 0.0}


def test_an_interrupted_study_ends_its_workers(tmp_path, marks):
    # A worker has the next run already, and would make it, too.
    script = (
        "import pathlib, sys\n"
        "from reproductions.engine import Call, Study\n"
        "from tests.reproductions.test_study_workers import slow\n"
        "if __name__ == '__main__':\n"
        "    with Study(sys.argv[1], workers=1, mix_commits=True) as study:\n"
        "        study([Call(slow, {'seed': seed}) for seed in range(3)])\n"
    )
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "study")]
    environment = os.environ | {"PYTHONPATH": str(results_.ROOT)}
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stderr=subprocess.PIPE
    ) as process_:
        while not marks():
            assert process_.poll() is None, process_.stderr.read()
            time.sleep(0.1)
        os.killpg(process_.pid, signal.SIGINT)  # as a terminal does
        process_.wait(timeout=30)
    assert marks() == ["0"]


def one_fails(seed: int) -> dict:
    """The second fails while the first is under way."""
    time.sleep(0 if seed else 3)
    if seed:
        raise ValueError("Expected nothing of this kind")
    return {"mse": 0.5}


@pytest.mark.slow
def test_a_run_that_fails_leaves_those_beside_it_to_their_end(tmp_path):
    calls = [Call(one_fails, {"seed": seed}) for seed in (0, 1)]
    with pytest.raises(ValueError, match="nothing of this kind"):
        with Study(tmp_path / "study", workers=2) as study:
            study(calls)
    (file,) = (tmp_path / "study").glob("*.json")
    assert json.loads(file.read_text())["metrics"] == {"mse": 0.5}


def killed(seed: int) -> dict:
    """The second is ended from outside, once, as by a system without memory."""
    with open(os.environ["MARK"], "a+") as file:
        file.seek(0)
        first = str(seed) not in file.read().split()
        file.write(f"{seed}\n")
    if seed == 1 and first:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"mse": 0.5}


def test_a_worker_that_is_killed_is_told_in_one_line(tmp_path, marks, capsys):
    calls = [Call(killed, {"seed": seed}) for seed in range(3)]
    with pytest.raises(SystemExit) as stop, command.guarded("reproductions.mine"):
        with Study(tmp_path / "study", workers=1) as study:
            study(calls)
    line = capsys.readouterr().err
    assert stop.value.code == 2 and line.count("\n") == 1
    assert "Under way: killed-seed-1-" in line
    assert "seed-0" not in line and "seed-2" not in line
    assert line.endswith("Repeat the command to go on\n")
    with Study(tmp_path / "study", workers=1) as study:
        assert len(study(calls)) == 3


@pytest.mark.slow
def test_a_script_that_each_worker_would_run_again_is_told_so(tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from reproductions.engine import Call, Study, command\n"
        "from tests.reproductions.test_study_workers import slow\n"
        "with command.guarded('script'):\n"
        "    with Study(sys.argv[1], workers=2, mix_commits=True) as study:\n"
        "        study([Call(slow, {'seed': 0})])\n"
    )
    made = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "study")],
        env=os.environ | {"PYTHONPATH": str(results_.ROOT)},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 2 and "Traceback" not in made.stderr
    assert made.stderr.count("Expected") == 1
    assert 'needs `if __name__ == "__main__":`' in made.stderr
