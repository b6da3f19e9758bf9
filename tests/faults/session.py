"""One training process: it begins a run or goes on with it, until it is killed."""

import contextlib
import json
import mmap
import pathlib

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from tests.invariants import MODELS
from tests.replicas import two_replicas

# Of different kinds: pairs and densities; a critic of data with turns; features of a
# discriminator; three critics; two critics of pairs and of products.
METHODS = ("svae_r", "wgan_gp", "aim", "ijae", "as_vae")
STEPS, EPOCHS, EVERY, BATCH = 20, 8, 7, 16
# A float32 as text, exactly.
EXACT = ".9g"


class Progress:
    """The step of a process, for those who watch it: a number in a shared file."""

    def __init__(self, path: pathlib.Path):
        if not path.exists():
            path.write_bytes(bytes(8))
        with open(path, "rb+") as file:
            self.map = mmap.mmap(file.fileno(), 8)

    def get(self) -> int:
        """The number of steps; 0 before the first."""
        return int.from_bytes(self.map[:], "little")

    def set(self, step: int) -> None:
        """Tells the step."""
        self.map[:] = step.to_bytes(8, "little")


class Log(keras.callbacks.Callback):
    """Writes down all that is logged, a line per step and per epoch."""

    def __init__(self, folder: pathlib.Path, progress: Progress):
        super().__init__()
        self.file = open(folder / "log.jsonl", "a")  # noqa: SIM115
        self.progress = progress

    def on_train_batch_end(self, batch, logs=None):
        self._write("step", self.model.step, logs)
        self.progress.set(self.model.step)

    def on_epoch_end(self, epoch, logs=None):
        self._write("epoch", epoch, logs)

    def _write(self, kind: str, number: int, logs) -> None:
        found = {name: format(float(one), EXACT) for name, one in logs.items()}
        self.file.write(json.dumps([kind, number, found]) + "\n")
        self.file.flush()


def build(method: str, replicas: int, ema: bool) -> ks.Game:
    """A compiled model, on one or two logical CPUs."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    keras.utils.set_random_seed(5)
    scope = two_replicas().scope() if replicas == 2 else contextlib.nullcontext()
    with scope:
        model = MODELS[method](seed=5)
        names = sorted({player.optimizer for player in model.players.values()})
        adams = {one: ks.optimizers.Adam(1e-3, beta_1=0.5) for one in names}
        model.compile(**adams, ema=0.9 if ema else None)
    return model


def run(folder: str, method: str, replicas: int, ema: bool) -> None:
    """Trains to the end, from what is in the folder; leaves all in final.npz."""
    path = pathlib.Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    progress = Progress(path / "progress")
    model = build(method, replicas, ema)
    law = getattr(model, "likelihood_law", None)
    given = {"batch_size": BATCH, "scale": (law and law.range) or (0.0, 1.0)}
    data = ks.data.load("digits", examples=STEPS * BATCH, seed=5, **given)
    more, callbacks = {}, [Log(path, progress), keras.callbacks.CSVLogger(path / "csv")]
    if ema:
        callbacks.append(ks.callbacks.AveragedWeights())
        more["validation_data"] = ks.data.load("digits", "test", examples=32, **given)
    ks.fit(
        model,
        data,
        epochs=EPOCHS,
        backup=path / "backup",
        every=EVERY,
        callbacks=callbacks,
        verbose=0,
        **more,
    )
    found = {f"{i}:{v.path}": v.numpy() for i, v in enumerate(model.variables)}
    for name, one in model.optimizers.items():
        found |= {
            f"{name}:{i}:{v.path}": v.numpy() for i, v in enumerate(one.variables)
        }
    # Not of the training: the sums of the last evaluation, and of the last epoch.
    np.savez(path / "final.npz", **found)


def logged(folder: pathlib.Path) -> dict[tuple[str, int], list[dict]]:
    """What was logged, by step and by epoch; more than once where it was repeated."""
    found: dict[tuple[str, int], list[dict]] = {}
    for line in (folder / "log.jsonl").read_text().split("\n"):
        try:
            kind, number, logs = json.loads(line)
        except ValueError:
            continue  # half a line: killed while it was written
        found.setdefault((kind, number), []).append(logs)
    return found


def rows(folder: pathlib.Path) -> list[str]:
    """The lines of the CSV file."""
    return (folder / "csv").read_text().splitlines()


def differences(one: pathlib.Path, other: pathlib.Path) -> list[str]:
    """What differs between two finished runs, by a bit or more; nothing if equal."""
    a, b = np.load(one / "final.npz"), np.load(other / "final.npz")
    found = [] if set(a.files) == set(b.files) else ["names"]
    found += [n for n in a.files if n in b.files and a[n].tobytes() != b[n].tobytes()]
    found += [] if rows(one) == rows(other) else ["rows of the CSV file"]
    logs, others = logged(one), logged(other)
    if set(logs) != set(others):
        found.append(f"logged: {sorted(set(logs) ^ set(others))[:4]}")
    for key in set(logs) & set(others):
        for logs_of in logs[key]:
            if any(logs_of != again for again in others[key]):
                found.append(f"{key[0]} {key[1]} of the log")
    return found
