"""The trained models of the repository load, and give what their cards say."""

import json
import pathlib

import pytest

import keras_svae as ks

FOLDER = pathlib.Path(__file__).parents[2] / "reproductions" / "models"
MODELS = sorted(path.name for path in FOLDER.iterdir())
TOLD = {"command", "seed", "commit", "machine", "seconds", "steps", "data", "licence"}


def test_they_are_small():
    assert MODELS == ["digits", "mnist", "toy"]
    total = sum(one.stat().st_size for one in FOLDER.rglob("*") if one.is_file())
    assert total < 5 * 2**20


@pytest.mark.fixed_seed  # the test data are those of the card
@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_what_its_card_says(name):
    about = json.loads((FOLDER / name / "measures.json").read_text())
    assert set(about) >= TOLD and about["data"]["train examples"]
    told = about["measures"]["mse"]
    card = (FOLDER / name / "README.md").read_text()
    assert about["command"] in card and f"{told['value']:.6g}" in card
    model = ks.hub.load(FOLDER / name)
    assert model.step == about["steps"]
    options = {"shuffle": False, "drop_remainder": False, "download": False}
    try:
        test = ks.data.load(about["data"]["name"], "test", batch_size=250, **options)
    except FileNotFoundError:
        # Its samples are in their range, and not all the same.
        x = model.generate(8, seed=0).numpy()
        assert x.min() >= 0 and x.max() <= 1 and x.std(0).max() > 0.2
        pytest.skip(f"{about['data']['name']} are not on this machine")
    # Seed and batches of the reproductions: the encoder of the toy is fed noise.
    given = {"measures": "mse", "seed": 1, "verbose": False}
    found = ks.evaluation.evaluate(model, test, **given)
    # Processors round differently.
    assert found["mse"] == pytest.approx(told["value"], rel=1e-3)
    assert found["mse"].details["n"] == told["n"]


def test_another_model_starts_from_one():
    nets = ks.networks.digits(latent_dim=8)
    model = ks.SVAE(*nets)
    taken = model.load_weights_from(FOLDER / "digits")
    assert set(taken) == {"critic", "encoder", "decoder"}
