"""A function that studies run, and the marks that it leaves of its calls."""

import os

import pytest

import keras_svae as ks
from reproductions.engine import Call


def error_of(lam: float, seed: int) -> dict:
    """A user's own function; it leaves a mark of each call."""
    if lam > 5:
        raise ks.Diverged("Expected finite losses")
    with open(os.environ["MARK"], "a") as file:
        file.write(f"{lam} {seed}\n")
    return {"mse": lam + seed, "extra": {"points": [seed]}}


def calls(*lams, seeds=2):
    return [
        Call(error_of, {"lam": lam, "seed": seed})
        for seed in range(seeds)
        for lam in lams
    ]


@pytest.fixture
def marks(tmp_path, monkeypatch):
    path = tmp_path / "marks"
    path.touch()
    monkeypatch.setenv("MARK", str(path))
    return lambda: path.read_text().split("\n")[:-1]
