"""Flipped bits: in a backup, in a .keras file."""

import pathlib
import random
import shutil
from collections.abc import Iterator

import keras

import keras_svae as ks
from tests.faults.trained import caught, trained, values

__all__ = ["ALL"]


def flip(path: pathlib.Path, rng: random.Random) -> None:
    """One bit of a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(content))


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


ALL = {"flips": flips}
