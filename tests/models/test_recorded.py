"""Values of before: a change of the code's shape leaves numbers and files alone."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests import invariants

RECORDED = json.loads(pathlib.Path(__file__).with_name("recorded.json").read_text())
# `python -P tests/invariants.py save` with the package of commit 85a2d02.
SAVED = pathlib.Path(__file__).with_name("saved_by_85a2d02")
GIVES = json.loads((SAVED / "gives.json").read_text())
# Processors round differently, and the steps carry it on.
pytestmark = pytest.mark.fixed_seed
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_every_method_has_its_values():
    names = {cls for cls in vars(ks).values() if isinstance(cls, type)}
    methods = {c for c in names if issubclass(c, ks.Game) and c is not ks.Game}
    built = {type(invariants.MODELS[name](seed=3)) for name in invariants.MODELS}
    assert built == methods
    assert set(RECORDED) == set(invariants.MODELS)


@pytest.mark.parametrize("name", RECORDED)
def test_steps_give_the_recorded_losses(name):
    model = invariants.build(name, eager=True)
    _same(invariants.losses(model, invariants.KEPT), RECORDED[name])


@pytest.mark.parametrize("name", invariants.SAVED)
def test_a_model_saved_before_is_the_same(name):
    model = keras.saving.load_model(SAVED / f"{name}.keras")
    assert model.step == 3
    _same(invariants.outputs(model), GIVES[name])


def test_a_backup_of_before_goes_on(tmp_path):
    shutil.copytree(SAVED / "backup", tmp_path / "backup")
    model = invariants.build(invariants.BACKED_UP, eager=True)
    assert ks.callbacks.restore(model, tmp_path / "backup") == 3
    _same(invariants.losses(model, 2), GIVES[invariants.BACKED_UP])


def test_a_file_says_what_made_it():
    model = invariants.build("vae")
    assert model.get_config()["made_by"] == f"keras_svae {ks.__version__}"


def _same(found, wanted):
    # Of one player, its loss has a second name since.
    assert set(found) - {"loss"} == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, err_msg=name, **CLOSE)
