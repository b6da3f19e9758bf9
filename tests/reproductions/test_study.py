"""A study: its folder, its records, and what it refuses."""

import errno

import pytest

from keras_svae import files
from reproductions.engine import Call, Study, cells, execute, places
from reproductions.engine.folder import RunFolder
from tests.reproductions.conftest import calls, error_of
from tests.reproductions.locking import used_by_another_process


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


def test_a_study_that_is_refused_leaves_no_folder(tmp_path, marks):
    (tmp_path / "mine").mkdir()
    for name, left in (("study", False), ("mine", True)):
        with pytest.raises(ValueError, match="at least one run"):
            with Study(tmp_path / name) as study:
                study([])
        assert (tmp_path / name).exists() == left


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


@pytest.mark.parametrize("text", ["{}", "[]", "null", "3", '{"settings": {}}', ""])
@pytest.mark.parametrize("mix_commits", [False, True])
def test_a_file_of_another_kind_is_named(text, mix_commits, tmp_path, marks):
    with Study(tmp_path / "study") as study:
        study(calls(0.1, seeds=1))
    (file,) = (tmp_path / "study").glob("*.json")
    file.write_text(text)
    for report in (False, True):
        given = {"mix_commits": mix_commits, "report": report}
        with Study(tmp_path / "study", **given) as study:
            with pytest.raises(ValueError, match=f"Expected .*received: .*{file.name}"):
                study(calls(0.1, seeds=1))


def test_a_folder_that_may_only_be_read_can_be_reported(tmp_path, marks, monkeypatch):
    with Study(tmp_path / "study") as study:
        made = study(calls(0.1, seeds=1))

    def refused(folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "lock", refused)
    with Study(tmp_path / "study", report=True) as study:
        assert study(calls(0.1, seeds=1)) == made
    with pytest.raises(OSError, match="can be written, or --report to read.*denied"):
        Study(tmp_path / "study").__enter__()


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "12"])
def test_a_clock_of_another_kind_is_named(text, tmp_path, marks):
    call = Call(error_of, {"lam": 0.1, "seed": 0})
    folder = RunFolder(tmp_path / "run")
    with folder.opened(places.identity(call, places.Places()), resume=False):
        folder.clock_file.write_text(text)
    with pytest.raises(ValueError, match="names and values; .*clock.json"):
        execute(call, folder.path, resume=True)


def test_one_that_diverges_is_recorded_and_the_study_goes_on(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        found = study(calls(9.0, 0.1, seeds=1))
    assert "finite" in found[0]["diverged"] and found[1]["metrics"] == {"mse": 0.1}
    rows = cells(found, by=["lam"], measures=["mse"])
    assert rows[0] == {"lam": 9.0, "runs": 1, "diverged": 1}


def test_a_network_that_is_not_trained_gives_no_score(tmp_path):
    random = places.Places(backbone="random")
    with Study(tmp_path / "study", places=random) as study:
        with pytest.raises(ValueError, match="a classifier .*; received: random"):
            study.check_backbone("digits")
    Study(tmp_path, places=random, report=True).check_backbone("digits")
