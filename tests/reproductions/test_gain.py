"""AA-VAE's gain: what its study plans, and how it compares."""

import numpy as np
import pytest

from reproductions.engine.inputs import Inputs
from reproductions.unifying import gain
from reproductions.unifying.gain import configurations
from reproductions.unifying.gain import summary as of_gain
from reproductions.unifying.pairs import TEMPERATURES
from tests.reproductions.unifying import DIGITS, Asked, differing


def test_the_plan_of_the_gain_is_paired():
    study = Asked()
    gain(study=study, bases=["vae", "cvae"], shares=[0.01, 1.0], seeds=2, steps=600)
    (calls,) = study.asked
    assert len(calls) == len({str(c.settings) for c in calls}) == 2 * 2 * 2 * 7
    # A seed is whole before the next one begins.
    assert [call.settings["seed"] for call in calls] == [0] * 28 + [1] * 28
    for i in range(0, len(calls), 7):
        base, *others = (call.settings for call in calls[i : i + 7])
        assert base["epochs"] * base["steps_per_epoch"] == 600
        assert base["choose"] and base["last"]
        for other in others:
            assert differing(base, other) <= {"method", "temperature", "constant"}
    runs, rows = (study.content[name] for name in ("runs", "rows"))
    assert rows == [] and len(runs) == 56 and study.content["runs done"] == "56 of 56"
    assert {run["base"] for run in runs} == {"vae", "cvae"}


def test_the_plan_of_m2_has_as_many_labels_in_a_batch_as_in_the_data():
    study = Asked()
    gain(study=study, bases=["ss_vae"], shares=[0.01, 0.1], seeds=1, constants=[0.5])
    (calls,) = study.asked
    settings = [call.settings for call in calls]
    assert [one["method"] for one in settings[:2]] == ["ss_vae", "aa_ss_vae"]
    assert [one["labelled"] for one in settings] == [0.01] * 6 + [0.1] * 6
    for one in settings:
        assert one["labelled_batch"] / one["batch_size"] == one["labelled"]
        assert one["alpha"] == 0.1 and "examples" not in one
        assert one["measures"] == "marginal_bound,classification_accuracy"
    for one in settings[1:6]:
        changed = {"method", "temperature", "constant"}
        assert differing(settings[0], one) <= changed


def test_accuracies_of_m2_are_compared_as_its_bounds_are():
    run = {"base": "ss_vae", "share": 0.01, "best step": 100, "history": [-90.0]}
    values = [("base", None), *(("T", t) for t in TEMPERATURES), ("constant", 0.5)]
    runs = [
        run
        | {"seed": seed, "kind": kind, "value": value, "best": -90.0, "last": -90.0}
        | {"accuracy": 0.9 + (kind == "T") * 0.01 + seed / 100}
        for seed in range(3)
        for kind, value in values
    ]
    rows = {row["name"]: row for row in of_gain(runs, [0.5])}
    over = rows["AA-M2 T 5"]["accuracy over"]
    assert over["base"]["mean"] == pytest.approx(0.01)
    assert over["constant 0.5"]["says"] == "better"
    assert rows["M2"]["accuracy"]["mean"] == pytest.approx(0.91)
    # The paper's gain in the bound, of its AA-SVAE.
    assert rows["M2"]["published"]["difference"] == pytest.approx(0.61)


@pytest.mark.parametrize("method", ["aavae", "aacvae"])
def test_the_weights_of_data_and_samples_are_told(method):
    for weight in ({"temperature": 2.0}, {"constant": 0.5}):
        run = DIGITS(method=method, **weight)
        inputs = Inputs(run.model, run.data, run.training)
        # Constant logits: of 2 log 3 and T = 2 the weight is .75.
        kernel, bias = run.model.critic.weights[-2:]
        kernel.assign(0 * kernel)
        bias.assign(0 * bias + 2 * np.log(3))
        expected = {"data": 1.0, "samples": 0.5}
        if "temperature" in weight:
            expected = {"data": 0.75, "samples": 0.75}
        assert run.extra(run.model, inputs)["weights"] == pytest.approx(expected)


def test_the_gain_is_of_the_same_seeds_and_chooses_anew_in_each():
    runs = [
        {"base": "vae", "share": 0.01, "seed": seed, "best step": 100}
        | {"kind": kind, "value": value, "history": [-90.0, chosen]}
        | {"best": -80.0 + seed + gained, "last": -85.0}
        for seed in range(3)
        for kind, value, chosen, gained in [
            ("base", None, -90.0, 0.0),
            *(("T", t, -80.0 + t * (-1) ** seed, t) for t in TEMPERATURES),
            *(("constant", c, -80.0 - c, 2 * c) for c in (0.5, 1.0)),
        ]
    ]
    rows = {
        row["name"]: row for row in of_gain(runs[:-1], (0.5, 1.0))
    }  # one is not done
    over = rows["AA-VAE T by held-out data"]["best over"]
    assert over["base"]["values"] == [5.0, 1.0] and over["base"]["says"] == "undecided"
    assert over["constant by held-out data"]["values"] == [4.0, 0.0]
    over = rows["AA-VAE T 3"]["best over"]["constant 1"]
    assert over["values"] == [1.0, 1.0] and over["says"] == "better"
    assert rows["VAE"]["best over"]["constant 1"]["says"] == "worse"
    assert rows["AA-VAE T 3"]["last over"]["base"]["says"] == "undecided"
    assert rows["VAE"]["published"]["difference"] == pytest.approx(0.74)
    assert of_gain(runs[:4], (0.5, 1.0)) == []
    every = [
        c.get("constant", c.get("temperature")) for c in configurations("cvae", [0.5])
    ]
    assert every == [None, *TEMPERATURES, 0.5]


@pytest.mark.parametrize("method", ["aavae", "aacvae", "aa_ss_vae"])
def test_a_temperature_beside_a_constant_is_refused(method):
    with pytest.raises(ValueError, match="--temperature or --constant.*both, 3 and"):
        DIGITS(method=method, temperature=3.0, constant=0.5)
