"""What raises in training, folders that change, clocks that are set back."""

import os
import pathlib
import random
import shutil
import time
from collections.abc import Iterator

import keras
import numpy as np

import keras_svae as ks
from tests.faults.trained import caught, fit, trained

__all__ = ["ALL"]


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


ALL = {"places": places}
