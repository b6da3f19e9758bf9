"""Paths that are not local: TensorFlow's own file system in memory stands for all."""

import csv
import io
import json
import os
import stat
import threading

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae import files
from keras_svae.paths import Remote, any_path, is_local
from reproductions.engine import Study, command
from reproductions.svae import toy
from tests.models import tiny

gfile = tf.io.gfile


@pytest.fixture
def ram(tmp_path, monkeypatch):
    """A folder in memory; nothing may appear in the local one."""
    monkeypatch.chdir(tmp_path)
    root = f"ram://{tmp_path.name}"
    yield root
    assert list(tmp_path.iterdir()) == [], "taken for a local path"
    if gfile.exists(root):
        gfile.rmtree(root)


def test_which_paths_are_local():
    for one in ("a", "/a/b", "./gs:/a", "a/b://c", "~/x", "C:/a"):
        assert is_local(one) and not isinstance(any_path(one), Remote)
    for one in ("gs://b/a", "s3://b", "ram://x/y", "my-fs+1://a"):
        assert not is_local(one) and isinstance(any_path(one), Remote)


def test_a_path_that_is_not_local_is_used_as_a_local_one(ram):
    folder = Remote(f"{ram}/a//b/")
    assert str(folder) == f"{ram}/a/b" and folder.name == "b"
    assert not folder.exists()
    folder.mkdir()
    files.write(folder / "x.txt", b"one")
    assert folder.is_dir() and (folder / "x.txt").is_file()
    assert [one.name for one in folder.iterdir()] == ["x.txt"]
    assert (folder / "x.txt").read_text() == "one"
    assert (folder / "x.txt").parent == folder
    assert (folder / "x.tar").with_name("y.csv").suffix == ".csv"
    with pytest.raises(FileNotFoundError, match="none"):
        (folder / "none").read_bytes()
    folder.remove_all()
    assert not folder.exists()


def test_all_that_training_writes(ram):
    """And all of it can be read again; a run goes on from its backup."""
    x = tiny.data(n=16)
    data = tf.data.Dataset.from_tensor_slices(x).batch(8)

    def fit(epochs, model):
        ks.fit(
            model,
            data,
            epochs=epochs,
            backup=f"{ram}/backup",
            callbacks=[
                ks.callbacks.Pictures(ram, x),
                keras.callbacks.CSVLogger(f"{ram}/log.csv"),
                keras.callbacks.TensorBoard(ram, write_graph=False),
                keras.callbacks.ModelCheckpoint(f"{ram}/last.weights.h5", **weights),
            ],
            verbose=0,
        )
        return model

    weights = {"save_weights_only": True}
    fit(1, tiny.build("svae_r"))
    model = fit(2, tiny.build("svae_r"))
    assert model.step == 4
    found = {one for _, _, names in Remote(ram).walk() for one in names}
    assert {"log.csv", "tensors.tsv", "codes.png", "epoch-0002-codes.png"} <= found
    with gfile.GFile(f"{ram}/log.csv") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert gfile.glob(f"{ram}/train/events.*")
    assert gfile.glob(f"{ram}/pictures/events.*")
    model.save(f"{ram}/model.keras")
    model.export(f"{ram}/savedmodel")
    with pytest.raises(FileExistsError):
        model.export(f"{ram}/savedmodel")
    other = tiny.build("svae_r")
    other.load_weights(f"{ram}/last.weights.h5")
    third = tiny.build("svae_r")
    third.load_weights_from(f"{ram}/model.keras")
    for one in (other, third):
        for a, b in zip(one.trainable_weights, model.trainable_weights, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(FileNotFoundError):
        other.load_weights(f"{ram}/none.weights.h5")
    kinds = [ks.evaluation.evaluate(one, x, measures=["mse"], verbose=False)["mse"]
             for one in (model, f"{ram}/savedmodel", f"{ram}/model.keras")]  # fmt: skip
    assert kinds[1:] == pytest.approx(kinds[:1] * 2)
    assert not [one for one in found if "writing" in one]


def test_a_folder_of_pictures(ram, tmp_path):
    """The same data, by the same name, as from a local copy."""
    rng = np.random.default_rng(0)
    here = tmp_path / "pictures"
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/.x", "dog/notes.txt"):
        memory = io.BytesIO()
        PIL.Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).save(
            memory, format="PNG"
        )
        content = b"no picture" if "txt" in name else memory.getvalue()
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)
        gfile.makedirs(f"{ram}/pictures/{name.partition('/')[0]}")
        files.write(f"{ram}/pictures/{name}", content)
    for cache in (True, False):
        given = {"split": "train", "labels": True, "cache": cache, "shuffle": False}
        with pytest.warns(UserWarning, match="notes.txt"):
            there = list(ks.data.load(f"{ram}/pictures", **given))
        local = list(ks.data.load(here, **given))
        for one, other in zip(there, local, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
        ks.data.listing._TOLD.clear()
    assert ks.data.identify(f"{ram}/pictures") == ks.data.identify(here)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        ks.data.load(f"{ram}/none")
    for path in here.rglob("*"):
        path.unlink() if path.is_file() else None
    for path in [*here.iterdir(), here]:
        path.rmdir()


@pytest.mark.slow
def test_a_run_of_an_experiment(ram):
    words = ["--units=8", "--depth=1", "--epochs=2", "--steps-per-epoch=2", "--turns=1"]
    words += ["--n=100", "--measures=mse", "--verbose=none", f"--out={ram}/run"]
    command.command(toy, [*words, f"--record={ram}/record.json"])
    record = json.loads(files.read(f"{ram}/run/metrics.json"))
    assert record["steps"] == 4 and record["failed"] == {}
    assert json.loads(files.read(f"{ram}/record.json")) == record
    rows = files.read(f"{ram}/run/log.csv").decode().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["epoch", "0", "1"]
    command.command(toy, [*words, "--resume"])  # it is finished
    with pytest.raises(FileExistsError, match="new or empty run folder"):
        command.command(toy, words)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_device_is_written_and_not_replaced(tmp_path):
    """A file in the place of /dev/null would break the machine."""
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    files.write(pipe, b"one")
    reader.join(10)
    assert found == [b"one"] and stat.S_ISFIFO(pipe.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_what_has_to_be_local_says_so(ram):
    with pytest.raises(ValueError, match=r"study's folder in the local .*gs://a/b"):
        Study("gs://a/b")
    with pytest.raises(ValueError, match=r"\.npz file in the local .*ram://"):
        files.make_folder(ram)
        files.write(f"{ram}/x.npz", b"")
        ks.data.load(f"{ram}/x.npz")
    with pytest.raises(ValueError, match="new folder in the local"):
        ks.hub.push(tiny.build("vae"), "gs://a/b")
