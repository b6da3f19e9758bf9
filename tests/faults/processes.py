"""Kills while a file is replaced, and two processes in one folder."""

import os
import pathlib
import random
import time
from collections.abc import Iterator

from tests.faults import kills, session

SETTING = {"method": "svae_r", "replicas": 1, "ema": False}


def saving(folder: str, export: bool) -> None:
    """Saves a model again and again, or exports it; the first time comes unharmed."""
    import shutil

    path = pathlib.Path(folder)
    model = session.build("svae_r", 1, False)
    progress = session.Progress(path / "progress")
    while True:
        if export:
            if (path / "saved").exists():
                shutil.rmtree(path / "saved")
            model.export(path / "saved")
        else:
            model.save(path / "m.keras")
        progress.set(progress.get() + 1)


def loading(folder: str, export: bool) -> None:
    """Reads what was left; saves it again."""
    import keras
    import tensorflow as tf

    path = pathlib.Path(folder)
    model = session.build("svae_r", 1, False)
    if export:
        # None, or a whole one.
        if (path / "saved").exists():
            tf.saved_model.load(path / "saved").signatures["generate"]
        else:
            model.export(path / "saved")
    else:
        keras.saving.load_model(path / "m.keras")
        model.save(path / "m.keras")
    left = [name for name in os.listdir(path) if ".writing" in name]
    assert not left, left


def replaced(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """SIGKILL while `model.save` replaces a file, or `export` writes."""
    for export in (False, True):
        for number in range(10):
            folder = root / f"{export}-{number}"
            given = {"export": export}
            process = kills.Process(folder, given, work=saving)
            kills.until(process, 1)
            if number % 2:  # half of them hit the moment of the writing
                while not kills.being_written(folder) and not process.ended():
                    pass
                time.sleep(rng.uniform(0, 0.003))
            else:
                time.sleep(rng.uniform(0, 1))
            process.kill()
            half = kills.being_written(folder)
            again = kills.Process(folder, given, work=loading)
            good = again.wait() == 0
            end = "readable, or none; the next try works, nothing left"
            if not good:
                end = f"bad: {(folder / 'output.txt').read_text()[-500:]}"
            name = "export" if export else "model.save over a file"
            yield f"SIGKILL in {name}", end + " (half a file was there)" * half


def beside(root: pathlib.Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """A second process in the folder of a running one."""
    for number in range(3):
        folder = root / f"first-{number}"
        first = kills.Process(folder, SETTING)
        kills.until(first, rng.randrange(10, 60))
        second = root / f"second-{number}"
        second.mkdir()
        (second / "backup").symlink_to(folder / "backup")
        refused = kills.Process(second, SETTING).wait() == 1
        told = (second / "output.txt").read_text()
        whole = first.wait() == 0
        fine = refused and whole and "that no other process works in" in told
        yield (
            "two processes in one folder",
            "refused; the first goes on" * fine or "bad",
        )


ALL = {"replaced": replaced, "beside": beside}
