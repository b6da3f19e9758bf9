"""Full disks: while backups, files, exports, pictures and logs are written."""

import pathlib
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from reproductions.engine.callbacks import Table
from reproductions.engine.folder import RunFolder
from tests.faults.trained import caught, fit, trained

__all__ = ["ALL"]

MB = 1_000_000


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


ALL = {"full": full, "shown": shown}
