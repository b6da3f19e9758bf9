"""Faults other than kills, in one process: flipped bits, full disks, what raises."""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from reproductions.engine.folder import RunFolder
from reproductions.engine.watch import Table
from tests.faults import session

MB = 1_000_000


def trained(folder: pathlib.Path, **more) -> ks.Game:
    """A small model that has been trained for ten steps, with two backups."""
    model = session.build("svae_r", 1, False)
    fit(model, folder, **more)
    return model


def fit(model: ks.Game, folder: pathlib.Path, epochs: int = 1, **more):
    """Trains, or goes on."""
    data = ks.data.load("digits", examples=160, batch_size=16)
    given = {"every": 5, "verbose": 0, **more}
    return ks.fit(model, data, epochs=epochs, backup=folder, **given)


def values(model: ks.Game) -> list[bytes]:
    """All that a model and its optimizers know."""
    found = [*model.weights]
    for one in model.optimizers.values():
        found += one.variables
    return [v.numpy().tobytes() for v in found]


def flip(path: pathlib.Path, rng: random.Random) -> None:
    """One bit of a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(content))


@contextlib.contextmanager
def caught() -> Iterator[list]:
    """The warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


# ---- Flipped bits --------------------------------------------------------------------


def flips(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """One bit of a backup's description, of its weights, or of a .keras file."""
    model = trained(root / "backup")
    before = values(model)
    files = {one.name: one.read_bytes() for one in (root / "backup").iterdir()}
    newest = sorted(name for name in files if name.endswith(".json"))[-1]
    for what, tries in (("json", 200), ("weights.h5", 100), ("both", 20)):
        for number in range(tries):
            folder = root / f"{what}-{number}"
            folder.mkdir()
            for name, content in files.items():
                (folder / name).write_bytes(content)
            name = newest.removesuffix("json") + what
            broken = [folder / name]
            if what == "both":
                broken = [one for one in folder.iterdir() if one.suffix == ".json"]
            for one in broken:
                flip(one, rng)
            with caught() as told:
                try:
                    step = ks.callbacks.restore(model, folder)
                except Exception as error:
                    same = values(model) == before and isinstance(error, ValueError)
                    named = all(str(one) in str(error) for one in broken)
                    end = "refused, files named, model as before"
                    end = end if same and named else f"bad: {error!r}"
                else:
                    named = any(str(broken[0]) in str(one.message) for one in told)
                    fine = step == 5 == model.step and named
                    end = "older backup taken, file named" if fine else "bad"
            # For the next try, the state that no backup has.
            ks.callbacks.restore(model, root / "backup")
            yield f"bit of a backup: {what}", end
            shutil.rmtree(folder)
    path = root / "m.keras"
    model.save(path)
    whole = path.read_bytes()
    for _ in range(100):
        path.write_bytes(whole)
        flip(path, rng)
        try:
            again = keras.saving.load_model(path)
        except Exception as error:
            yield "bit of a .keras file", "refused"
            del error
        else:
            equal = values(again) == values(model)
            end = "no weight's, no setting's bit: the same model" if equal else "bad"
            yield "bit of a .keras file", end


# ---- Full disks ----------------------------------------------------------------------


class Disk:
    """A small file system in memory, that can be filled up.

    Args:
        path: Where it is mounted.
        size: Its size, in bytes.
    """

    def __init__(self, path: pathlib.Path, size: int = 8 * MB):
        path.mkdir()
        options = f"size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
        subprocess.run(command, check=True)
        self.path, self.filler = path, path / "filler"

    def leave(self, room: int) -> None:
        """Fills it up, but for so many bytes (a multiple of a page)."""
        self.filler.unlink(missing_ok=True)
        free = shutil.disk_usage(self.path).free
        self.filler.write_bytes(bytes(max(0, free - room)))

    def close(self) -> None:
        """Takes it away. Event files may still be open."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


def tree(path: pathlib.Path) -> dict[str, bytes]:
    """All files below a folder, but the filler."""
    return {
        str(one.relative_to(path)): one.read_bytes()
        for one in path.rglob("*")
        if one.is_file() and one.name not in ("filler", ".lock")
    }


def full(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """A disk that is full after some bytes, while something is written."""
    model = trained(root / "elsewhere")
    disk = Disk(root / "disk")
    try:
        yield from _full(model, disk, root, rng)
    finally:
        disk.close()


def _full(model, disk: Disk, root, rng) -> Iterator[tuple[str, str]]:
    here = disk.path
    backup = ks.callbacks.Backup(here / "backup")
    backup.set_model(model)
    looked = shutil.disk_usage

    def unseen(path):  # it fills up after the look
        return looked(path)._replace(free=10**12)

    writers: dict[str, tuple[Callable[[], object], int]] = {
        "backup, seen before": (backup.save, 20),
        "backup, full after the look": (backup.save, 40),
        "model.save over a file": (lambda: model.save(here / "m.keras"), 20),
        "save_weights over a file": (
            lambda: model.save_weights(here / "m.weights.h5"),
            20,
        ),
        "export": (lambda: model.export(here / "saved"), 5),
    }
    for name, (write, tries) in writers.items():
        for _ in range(tries):
            ks.callbacks.restore(model, root / "elsewhere")
            disk.filler.unlink(missing_ok=True)
            # A backup that the last try made would be found, and not written again.
            shutil.rmtree(here / "backup", ignore_errors=True)
            if name != "export":
                write()
            before = tree(here)
            model._step.assign_add(1)  # another backup
            disk.leave(rng.randrange(0, 120_000) // 4096 * 4096)
            if name.endswith("look"):
                shutil.disk_usage = unseen
            try:
                write()
                end = "there was room"
            except Exception as error:
                kept = tree(here) == before
                # Of TensorFlow, for an export.
                clear = isinstance(error, (OSError, tf.errors.OpError))
                end = "clear error, old files kept, nothing left"
                end = end if kept and clear else f"bad: {error!r}, {sorted(tree(here))}"
            finally:
                shutil.disk_usage = looked
            disk.filler.unlink()
            if end.startswith("clear"):
                write()
                end += ", next try works"
            shutil.rmtree(here / "saved", ignore_errors=True)
            yield f"disk full: {name}", end


def shown(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """A disk that is full while pictures, event files and log.csv are written."""
    model = trained(root / "elsewhere")
    for number in range(5):
        disk = Disk(root / f"disk-{number}")
        end = _shown(model, disk, root, number)
        disk.close()
        yield "disk full: pictures, events, log.csv", end


def _shown(model, disk: Disk, root: pathlib.Path, number: int) -> str:
    """What is shown of a training is on a full disk; its backups are elsewhere."""
    here, there = disk.path / f"shown-{number}", root / f"backup-{number}"
    here.mkdir()
    x = np.concatenate(list(ks.data.load("digits", "test", examples=32)))
    folder = RunFolder(here)

    class Filling(keras.callbacks.Callback):
        """The disk is full from the second epoch to the fourth."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                disk.leave(4096 * number)
            if epoch == 4:
                disk.filler.unlink()

    callbacks = [
        Filling(),
        Table(folder, 0),
        keras.callbacks.CSVLogger(here / "keras.csv"),
        keras.callbacks.TensorBoard(here, write_graph=False),
        ks.callbacks.Pictures(here, x, n=4, examples=20),
    ]
    model._step.assign(0)
    with caught() as told:
        try:
            fit(model, there, epochs=6, callbacks=callbacks)
        except Exception as error:
            return f"bad: {error!r}"
    epochs = [line.split(",")[0] for line in folder.log.read_text().splitlines()]
    warned = sorted({str(one.message).split(" failed")[0] for one in told})
    fine = model.step == 60 and (there / "step-000000060.json").exists()
    fine = fine and epochs == ["epoch", *"012345"]
    last = (here / "pictures" / "epoch-0006-samples.png").exists()
    left = [name for name in tree(here) if ".writing" in name]
    if fine and last and not left and "Pictures" in warned:
        return "training ends well, backups there, log.csv whole, later pictures there"
    return f"bad: step {model.step}, {epochs}, {warned}, picture {last}, {left}"


# ---- What raises, and folders that change --------------------------------------------


def places(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Pictures that raise; a folder that is removed, or is a file; a clock set back."""
    model = trained(root / "first")

    class Raising(ks.callbacks.Pictures):
        def write(self, epoch):
            raise RuntimeError("a picture")

    x = np.concatenate(list(ks.data.load("digits", "test", examples=32)))
    for number in range(5):
        model._step.assign(0)
        folder = root / f"raising-{number}"
        with caught() as told:
            fit(model, folder, 2, callbacks=[Raising(root / "p", x, n=4, examples=9)])
        fine = any("a picture" in str(one.message) for one in told)
        fine = fine and (folder / "step-000000020.json").exists()
        yield "pictures raise", "training and backup go on" if fine else "bad"

    def doing(what):
        class Doing(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if self.model.step == 7:
                    what()

        return [Doing()]

    for number in range(5):
        model._step.assign(0)
        folder = root / f"removed-{number}"
        fit(model, folder, 2, callbacks=doing(lambda: shutil.rmtree(folder)))  # noqa: B023
        fine = (folder / "step-000000020.json").exists()
        yield "folder removed", "made again, training goes on" if fine else "bad"
    for number in range(5):
        model._step.assign(0)
        folder = root / f"file-{number}"

        def replaced():
            shutil.rmtree(folder)  # noqa: B023
            folder.write_text("")  # noqa: B023

        try:
            fit(model, folder, 2, callbacks=doing(replaced))
            end = "bad: no error"
        except OSError as error:
            end = "clear error" if str(folder) in str(error) else f"bad: {error!r}"
        yield "a file in the folder's place, in training", end
        try:
            model._step.assign(0)
            fit(model, folder)
            end = "bad: no error"
        except OSError as error:
            fine = str(folder) in str(error) and model.step == 0
            end = "refused before training" if fine else f"bad: {error!r}"
        yield "a file in the folder's place, before", end
    for _ in range(10):
        for one in (root / "first").iterdir():
            when = time.time() - rng.uniform(0, 1e8)
            os.utime(one, (when, when))
        fine = ks.callbacks.restore(model, root / "first") == 10
        yield "clock set back", "the latest step is taken" if fine else "bad"


ALL = {"flips": flips, "full": full, "shown": shown, "places": places}
