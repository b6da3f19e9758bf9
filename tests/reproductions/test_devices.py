"""--strategy and --replicas: what follows from what, and who the workers are."""

import json
import pathlib
import re
import subprocess

import pytest
import tensorflow as tf
import yaml

from reproductions.engine import Study, command, devices
from reproductions.svae import mnist, toy
from tests.workers import Workers, free_ports

GIVEN = {"units": 8, "depth": 1}


def two(index=0, **more):
    cluster = {"worker": ["a:1", "b:2"], **more}
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})


def test_a_strategy_follows_from_replicas(monkeypatch):
    """So a run with or without the word is the same run."""
    plain = toy.resolve(**GIVEN)
    assert "strategy" not in plain and plain["replicas"] == 1
    assert toy.resolve(strategy="none", **GIVEN) == plain
    mirrored = toy.resolve(strategy="mirrored", replicas=2, **GIVEN)
    assert mirrored == toy.resolve(replicas=2, **GIVEN)
    assert mirrored == plain | {"replicas": 2}
    monkeypatch.setenv("TF_CONFIG", two())
    workers = toy.resolve(strategy="multiworker", **GIVEN)
    assert workers == mirrored | {"strategy": "multiworker"}
    assert toy.resolve(**workers) == workers  # as a resumed run gives them


def test_contradictions_are_refused(monkeypatch, tmp_path):
    def refused(text, **given):
        with pytest.raises(ValueError, match=text):
            toy.resolve(**GIVEN, **given)

    monkeypatch.delenv("TF_CONFIG", raising=False)
    refused("replicas=1 with strategy=none", strategy="none", replicas=2)
    refused("TF_CONFIG, or the variables of a step", strategy="multiworker")
    refused("at least 2 GPUs, or replicas=", strategy="mirrored")
    refused("one of", strategy="several")
    for wrong in ("{", "[]", "{}", two(2), two(ps=["c:3"]), two().replace("task", "x")):
        monkeypatch.setenv("TF_CONFIG", wrong)
        refused("Expected TF_CONFIG=", strategy="multiworker")
    monkeypatch.setenv("TF_CONFIG", two())
    refused("replicas=2, those of all workers", strategy="multiworker", replicas=3)
    refused("share evenly", strategy="multiworker", batch_size=63)
    with Study(tmp_path / "study") as study:
        with pytest.raises(
            ValueError, match="no strategy=multiworker in a study.*one machine each"
        ):
            study([toy.call(strategy="multiworker", **GIVEN)])


def slurm(monkeypatch, **variables):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    made = devices.cluster()
    return made.cluster_spec().as_dict()["worker"], made.task_id


def test_slurm_names_the_workers(monkeypatch):
    """Nodes are sorted by name in the cluster, by number in Slurm."""
    given = {"STEP_NODELIST": "node[9-10]", "STEP_NUM_TASKS": "3", "JOB_ID": "5"}
    given |= {"STEP_TASKS_PER_NODE": "2,1"}
    monkeypatch.setenv("SLURMD_NODENAME", "node9")
    found, index = slurm(monkeypatch, PROCID="0", LOCALID="0", **given)
    assert found == ["node10:20160", "node9:20160", "node9:20161"] and index == 1
    _, index = slurm(monkeypatch, PROCID="1", LOCALID="1")
    assert index == 2
    monkeypatch.setenv("SLURMD_NODENAME", "node10")
    _, index = slurm(monkeypatch, PROCID="2", LOCALID="0")
    assert index == 0
    other, _ = slurm(monkeypatch, JOB_ID="6")
    assert not {*other} & {*found}


def test_one_process_does_all_by_itself():
    strategy = tf.distribute.get_strategy()
    assert devices.first_alone(strategy, lambda: 3) == 3
    assert devices.about(strategy) == {}


def test_what_the_page_prints_for_clusters(tmp_path, monkeypatch):
    """The commands are parsed, and the manifest's shell makes a TF_CONFIG."""
    page = (pathlib.Path(__file__).parents[2] / "docs" / "machines.md").read_text()
    scripts = re.findall(r"^```sh\n(#!.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (manifest,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    service, job = yaml.safe_load_all(manifest)
    spec = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == spec["subdomain"]
    (container,) = spec["containers"]
    (shell,) = container["args"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 2
    for text in [*scripts, shell]:
        words = re.search(r"python -m reproductions.svae mnist (.*)", text, re.DOTALL)
        words = words[1].partition("&& break")[0].replace("\\\n", " ")
        words = words.replace("$resume", "").split()
        assert command.parse(mnist, words)["strategy"] == "multiworker"
    told = shell[: shell.index("test -e")] + 'printf "%s" "$TF_CONFIG"'
    given = {"JOB_COMPLETION_INDEX": "1"}
    config = subprocess.check_output(["bash", "-c", told], env=given, text=True)
    monkeypatch.setenv("TF_CONFIG", config)
    resolver = devices.cluster()
    assert resolver.task_id == 1
    assert resolver.cluster_spec().as_dict()["worker"] == [
        f"{job['metadata']['name']}-{i}.{spec['subdomain']}:2222" for i in range(2)
    ]


@pytest.mark.slow
def test_an_experiment_on_two_workers_of_slurm(tmp_path):
    """Its record is one device's but for replicas; a second start finds it finished."""
    (port,) = free_ports(1)
    job = (port - 20_000) // 32 % 900
    options = ["--strategy", "multiworker", "--epochs", "2", "--steps-per-epoch", "2"]
    options += ["--units", "8", "--depth", "1", "--turns", "1", "--n", "100"]
    options += ["--measures", "mse", "--patience", "1", "--batch-size", "8"]
    options += ["--out", str(tmp_path / "run")]
    environments = [
        {
            "SLURM_PROCID": str(i),
            "SLURM_LOCALID": str(i),
            "SLURM_JOB_ID": str(job),
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_TASKS_PER_NODE": "2",
            "SLURMD_NODENAME": "localhost",
        }
        for i in range(2)
    ]
    words = ["reproductions.svae", "toy", *options]
    with Workers(words, environments, tmp_path) as workers:
        assert workers.ends(400) == [0, 0], workers.printed(0)[-3000:]
        assert "The record" in workers.printed(0) or "tensorboard" in workers.printed(0)
        assert "ours" not in workers.printed(1)
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    about = {"name": "multiworker", "replicas": 2, "workers": 2}
    assert record["strategy"] == about and record["failed"] == {}
    assert record["settings"]["strategy"] == "multiworker"
    assert record["settings"]["replicas"] == 2 and "mse" in record["metrics"]
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) >= 2
    assert (tmp_path / "run" / "savedmodel" / "saved_model.pb").exists()
    # A folder that is in use: both end, the first one says why.
    with Workers(words, environments, tmp_path) as workers:
        statuses = workers.ends(200)
        assert 0 not in statuses, statuses
        assert "or --resume to go on with the run there" in workers.printed(0)
        assert "Expected the first worker to go on" in workers.printed(1)
