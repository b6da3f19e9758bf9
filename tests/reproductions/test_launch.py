"""Runs of a study as jobs: of this machine, and of a Slurm that is played here."""

import os
import pathlib
import sys
import time
import types

import pytest

from reproductions.engine import Call, Study, command, jobs, launch
from reproductions.engine.files import read_json

submitit = pytest.importorskip("submitit")

# Slurm's commands, as far as submitit calls them. Jobs are processes of this machine.
COMMANDS = {
    "sbatch": """
import os, re, subprocess, sys
said = os.environ["PLAYED"] + "/refusal"
if os.path.exists(said):
    sys.exit(open(said).read())
text = open(sys.argv[1]).read()
count = int((re.search("--array=0-([0-9]+)", text) or [0, 0])[1]) + 1
options = os.environ["PLAYED"] + "/options"
open(options, "a").write(text)
for i in range(count):
    task = {"SLURM_JOB_ID": f"7{i}", "SLURM_LOCALID": "0", "SLURM_PROCID": "0"}
    task |= {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(i)}
    task |= {"SLURM_NTASKS": "1", "SLURM_NODEID": "0", "SLURM_JOB_NUM_NODES": "1"}
    task |= {"SLURM_JOB_NODELIST": "localhost"}
    if count == 1:
        del task["SLURM_ARRAY_JOB_ID"], task["SLURM_ARRAY_TASK_ID"]
        task["SLURM_JOB_ID"] = "7"
    if os.path.exists(os.environ["PLAYED"] + "/cancelled"):
        continue
    with open(os.environ["PLAYED"] + f"/log-{i}", "w") as log:
        subprocess.Popen(["bash", sys.argv[1]], env=os.environ | task, stdout=log,
                         stderr=log, start_new_session=True)
print("Submitted batch job 7")
""",
    "sacct": """
import os, sys
state = open(os.environ["PLAYED"] + "/state").read()
if not state:
    sys.exit("Slurm accounting storage is disabled")
print("JobID|State|NodeList")
for name in ("7", "7_0", "7_1"):
    print(f"{name}|{state}|localhost")
""",
    "squeue": """
import os, sys
name = os.environ["PLAYED"] + "/queue"
if not os.path.exists(name):
    sys.exit("slurm_load_jobs error: Invalid job id specified")
print(open(name).read())
""",
    "srun": """
import os, sys
words = sys.argv[1:]
while words[0].startswith("--"):
    words = words[1 if words[0] == "--unbuffered" or "=" in words[0] else 2:]
os.execvp(words[0], words)
""",
}


def value_of(lam: float) -> dict:
    if lam > 5:
        raise ValueError("Expected a small lam")
    time.sleep(float(os.environ.get("PAUSE", 0)))
    with open(os.environ["MARK"], "a") as file:
        file.write(f"{lam}\n")
    return {"mse": lam}


def calls(*lams):
    return [Call(value_of, {"lam": lam}) for lam in lams]


@pytest.fixture
def marks(tmp_path, monkeypatch):
    path = tmp_path / "marks"
    path.touch()
    monkeypatch.setenv("MARK", str(path))
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    return lambda: sorted(path.read_text().split())


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    folder = tmp_path / "played"
    folder.mkdir()
    for name, text in COMMANDS.items():
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)
    (folder / "state").write_text("RUNNING")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PLAYED", str(folder))
    monkeypatch.setitem(launch._LOOKS, "slurm", 0.2)
    monkeypatch.setattr(launch, "PATIENCE", 2.0)
    submitit.SlurmJob.watcher.clear()
    return folder


def interrupted(seconds):
    raise KeyboardInterrupt


def mse(records):
    return [one["metrics"]["mse"] for one in records]


@pytest.mark.slow
def test_jobs_of_this_machine_give_the_records(tmp_path, marks):
    with Study(tmp_path / "study", workers=2, launcher="local") as study:
        assert mse(study(calls(0.1, 0.2))) == [0.1, 0.2]
        assert mse(study(calls(0.2, 0.1))) == [0.2, 0.1]  # found again
    assert marks() == ["0.1", "0.2"]


@pytest.mark.slow
def test_a_job_that_fails_is_named_and_the_others_are_kept(tmp_path, marks):
    with Study(tmp_path / "study", workers=1, launcher="local") as study:
        with pytest.raises(ChildProcessError, match=r"received: .*small lam \(log: "):
            study(calls(0.1, 9.0))
        assert mse(study(calls(0.1))) == [0.1]
    assert marks() == ["0.1"]


@pytest.mark.slow
def test_jobs_of_slurm_go_on_when_the_study_has_ended(
    tmp_path, marks, slurm, monkeypatch
):
    """The same command waits for them, and submits only what nobody makes."""
    monkeypatch.setenv("PAUSE", "3")
    given = {"workers": 2, "launcher": "slurm", "slurm": "partition=short"}
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", interrupted)
        with Study(tmp_path / "study", **given) as study:
            study(calls(0.1, 0.2))
    with Study(tmp_path / "study", **given) as study:
        assert mse(study(calls(0.1, 0.2))) == [0.1, 0.2]
        known = read_json(tmp_path / "study" / "jobs" / "jobs.json")
        assert sorted(known) == ["7_0", "7_1"]
    assert marks() == ["0.1", "0.2"]
    options = (slurm / "options").read_text()
    assert options.count("--partition=short") == 1 and "--array=0-1%2" in options
    # Slurm signals the time limit to the step that srun makes.
    assert "--signal=USR2@" in options and "\nsrun " in options


def test_at_the_time_limit_a_job_asks_for_another_one_of_the_same_runs(tmp_path):
    runs = launch.Runs([("call", tmp_path / "record.json")], None, None, {})
    asked = runs.checkpoint()
    assert isinstance(asked, submitit.helpers.DelayedSubmission)
    assert asked.function is runs and not asked.args


def test_wrong_settings_of_jobs_are_refused(tmp_path, marks, slurm, monkeypatch):
    def refused(text, **given):
        with pytest.raises(ValueError, match=text):
            with Study(tmp_path / "study", **{"workers": 1, **given}) as study:
                study(calls(0.1))

    refused("only with launcher local or slurm", slurm="partition=gpu")
    refused("workers >= 1 with launcher=slurm", launcher="slurm", workers=0)
    refused("launcher", launcher="cluster")
    refused("NAME=VALUE", launcher="slurm", slurm="partition")
    refused("that submitit knows.*kind", launcher="slurm", slurm="kind=fast")
    refused("partition only with launcher=slurm", launcher="local", slurm="partition=a")
    monkeypatch.setenv("PATH", "/nothing")
    refused("Expected Slurm here", launcher="slurm")
    monkeypatch.setitem(sys.modules, "submitit", None)
    refused("Expected the package submitit", launcher="slurm")
    assert marks() == []


def fails(folder, capsys, *lams) -> str:
    """The one line that a study with these runs ends with."""
    with pytest.raises(SystemExit) as stop, command.guarded("reproductions.mine"):
        with Study(folder, workers=2, launcher="slurm") as study:
            study(calls(*lams))
    line = capsys.readouterr().err
    assert stop.value.code == 2 and line.endswith("\n")
    return line


def test_what_sbatch_refuses_is_told_in_one_line(tmp_path, marks, slurm, capsys):
    (slurm / "refusal").write_text("sbatch: error: invalid partition\nsbatch: no job")
    line = fails(tmp_path / "study", capsys, 0.1, 0.2)
    assert "received: sbatch: error: invalid partition sbatch: no job. Repeat" in line
    assert line.count("\n") == 1 and "squeue" not in line
    (slurm / "sbatch").write_text("#!/bin/sh\necho queued\n")
    line = fails(tmp_path / "study", capsys, 0.1)
    assert 'output "queued". Repeat' in line and "If squeue shows" in line
    assert line.count("\n") == 1


class Job:
    """One of a Slurm that says these states, one after the other."""

    def __init__(self, folder, number, states):
        self.job_id, self.states = number, states
        self.paths = types.SimpleNamespace(result_pickle=folder / "none")
        self.watcher, self.seen = self, "UNKNOWN"

    def done(self, force_check):
        self.seen = self.states[0]
        return self.seen not in ("RUNNING", "UNKNOWN")

    def get_state(self, number, mode):
        return self.seen

    def clear(self):
        self.seen = "UNKNOWN"
        del self.states[0]


def test_a_suspended_job_is_not_over(tmp_path):
    job = Job(tmp_path, "7", ["SUSPENDED", "RUNNING"])
    gone = Job(tmp_path, "8", ["CANCELLED by 1000"])
    assert jobs.over([job, gone]) == [gone]
    assert job.seen == "SUSPENDED" and jobs.unknown([job], {}) == {}
    # submitit asks no more for what it takes for an end.
    assert jobs.over([job]) == [] and job.seen == "RUNNING"


@pytest.mark.slow
def test_the_runs_of_a_suspended_job_are_not_submitted_again(
    tmp_path, marks, slurm, monkeypatch
):
    monkeypatch.setenv("PAUSE", "3")
    (slurm / "state").write_text("SUSPENDED")
    given = {"workers": 2, "launcher": "slurm"}
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", interrupted)
        with Study(tmp_path / "study", **given) as study:
            study(calls(0.1))
    with Study(tmp_path / "study", **given) as study:
        assert mse(study(calls(0.1))) == [0.1]
    assert marks() == ["0.1"]


def test_a_job_that_is_lost_without_accounting_ends_the_study(
    tmp_path, marks, slurm, capfd
):
    """The same command submits its runs again."""
    (slurm / "state").write_text("")
    (slurm / "cancelled").touch()
    line = fails(tmp_path / "study", capfd, 0.1, 0.2).splitlines()[-1]
    assert "received: a job that neither sacct nor squeue knows" in line
    assert line.endswith("Repeat the command to go on")
    assert read_json(tmp_path / "study" / "jobs" / "jobs.json") == {}


def test_a_job_that_squeue_knows_is_not_lost(tmp_path, slurm, monkeypatch):
    job, other = (Job(tmp_path, name, ["UNKNOWN"]) for name in ("7_0", "7_1"))
    (slurm / "queue").write_text("7_0\n")
    missed = jobs.unknown([job, other], {other: 1})
    assert missed == {other: 2}
    (slurm / "queue").write_text("7_0\n7_1\n")
    assert jobs.unknown([job, other], missed) == {}
    (slurm / "squeue").write_text("#!/bin/sh\necho no contact >&2\nexit 1\n")
    assert jobs.unknown([job, other], missed) == missed  # nobody says so
    monkeypatch.setenv("PATH", "/nothing")
    assert jobs.unknown([job, other], missed) == missed
