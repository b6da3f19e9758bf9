"""The tables of Hu et al. (2018): what is run, chosen and compared."""

import argparse
import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions import build, unifying_adapt, unifying_report
from reproductions import unifying_table as table
from reproductions.config import BUDGETS, Config
from reproductions.experiments import unifying
from reproductions.experiments.experiment import Experiment
from reproductions.inputs import Inputs
from reproductions.methods import METHODS
from reproductions.unifying_best import Best

SMALL = {"units": 8, "nets": "digits", "latent_dim": 2, "steps_per_epoch": 2}
DIGITS = Experiment(
    name="digits",
    title="scikit-learn's digits",
    source="none",
    settings=unifying.MNIST.settings
    | SMALL
    | {"data": "digits", "validation": None, "batch_size": 20},
    budgets={budget: {"epochs": 1} for budget in BUDGETS},
    methods=unifying.MNIST.methods,
)


def given(**more):
    settings = {"data": "digits", "budget": "quick", "epochs": None, "seeds": 2}
    settings |= {"shares": None}
    return argparse.Namespace(**settings | {"data_dir": None} | more)


@pytest.fixture
def digits(monkeypatch):
    monkeypatch.setitem(unifying.EXPERIMENTS, "digits", DIGITS)


@pytest.mark.parametrize("name", unifying.EXPERIMENTS)
@pytest.mark.parametrize("method", unifying.NAMES)
def test_every_experiment_has_every_method_of_the_tables(name, method):
    for budget in BUDGETS:
        config = unifying.EXPERIMENTS[name].config(method=method, budget=budget)
        assert Config(**json.loads(json.dumps(config.asdict()))) == config
        assert (config.labelled is not None) == (METHODS[method].labels == "some")


def test_extension_and_base_differ_in_the_method_alone():
    for budget in BUDGETS:
        for method, base in unifying.BASES.items():
            one, other = (
                unifying.MNIST.config(method=m, budget=budget).asdict()
                for m in (method, base)
            )
            assert {k for k in one if one[k] != other[k]} == {"method"}


# Those whose networks differ: colour images are of one size, and budgets are of steps.
CELLS = [("mnist", "paper"), ("mnist", "quick"), ("svhn", "quick")]
OF_NO_NETWORK = {"experiment", "data", "budget", "epochs", "steps_per_epoch", "width"}


def test_cells_have_all_networks_of_the_tables():
    for data in ("svhn", "cifar10"):
        for method in unifying.NAMES:
            one, other = (
                unifying.EXPERIMENTS[name].config(method=method, budget=budget).asdict()
                for name, budget in ((data, "paper"), CELLS[-1])
            )
            assert {k for k in one if one[k] != other[k]} <= OF_NO_NETWORK


@pytest.mark.parametrize(("name", "budget"), CELLS)
def test_all_methods_are_built_and_pairs_start_from_the_same_weights(
    name, budget, monkeypatch
):
    monkeypatch.setattr(ks.Game, "compile", lambda *_, **__: None)  # it takes long
    # The least width of DCGAN; dense networks have none.
    width = {} if (name, budget) == ("mnist", "quick") else {"width": 1 / 16}
    made = {
        method: build.model(
            unifying.EXPERIMENTS[name].config(method=method, budget=budget, **width)
        )
        for method in unifying.NAMES
    }
    for method, base in unifying.BASES.items():
        both = made[method], made[base]
        for network in ("encoder", "decoder", "critic", "classifier"):
            first, second = (getattr(one, network, None) for one in both)
            if second is None:
                continue
            assert first.name == second.name and first.count_params() > 0
            for a, b in zip(first.weights, second.weights, strict=True):
                np.testing.assert_array_equal(a, b, f"{network} of {method}")


def test_plan_is_paired_and_its_names_are_apart():
    runs = table.plan(given(), "vae", {"aavae": 3.0, "aacvae": 3.0})
    assert len(runs) == 2 * 3 * 4
    tried = table.choice(given(), "vae")
    assert len(tried) == 2 * 4 and {run["seed"] for run in tried} == {0}
    assert {run["share"] for run in tried} == {0.1}
    some = given(shares=[0.01])
    assert {run["share"] for run in table.choice(some, "vae")} == {0.01}
    assert {run["share"] for run in table.plan(some, "vae", {})} == {0.01}
    names = {table.name_of(run) for run in [*runs, *tried]}
    # Seed 0 with the chosen temperature is one of those that it was chosen from.
    assert len(names) == len(runs) + len(tried) - 2
    of_labels = table.configuration(
        table.run_of(given(data="mnist"), "ss_vae", 0.1, 0, 1)
    )
    assert (of_labels.labelled, of_labels.examples) == (0.1, None)
    of_data = table.configuration(table.run_of(given(data="mnist"), "vae", 0.1, 0, 1))
    assert (of_data.labelled, of_data.examples) == (None, 0.1)


def test_the_temperature_is_chosen_by_validation():
    runs = [
        {"method": "aavae", "share": 0.1, "temperature": t, "validation": v}
        | {"metrics": {"variational_bound": test}}
        for t, v, test in ((1.0, -9.0, -1.0), (3.0, -8.0, -2.0), (5.0, -8.5, 0.0))
    ]
    assert table.chosen(runs) == {"aavae": 3.0}


@pytest.mark.parametrize("method", ["aacvae", "aa_ss_vae", "vae"])
def test_a_run_is_measured_with_its_best_weights(method, digits, tmp_path):
    run = table.run_of(given(epochs=2), method, 0.5, 0, 1.5)
    found = table.one_run(run, str(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text()) == found
    assert found["steps"] == 4 and len(found["history"]) == 2
    assert found["validation"] == pytest.approx(max(found["history"]), abs=1e-3)
    bound = "marginal_bound" if method == "aa_ss_vae" else "variational_bound"
    assert -80 < found["metrics"][bound] < -20
    accuracy = found["metrics"].get("classification_accuracy")
    assert (accuracy is not None) == (method == "aa_ss_vae")


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    # Nothing may come before the look.
    for place, name in ((build, "model"), (table, "kept"), (table.many, "run_all")):
        monkeypatch.setattr(place, name, lambda *_, **__: pytest.fail("too late"))


def test_a_classifier_that_is_missing_is_missed_before_training(empty_cache, tmp_path):
    run = table.run_of(given(data="svhn"), "gan", 1.0, 0, 1.0)
    missed = "svhn_cropped.keras; received: no such file"
    with pytest.raises(FileNotFoundError, match=missed):
        table.one_run(run, str(tmp_path / "run.json"))
    settings = {"out": tmp_path / "out", "workers": 1, "groups": ["vae", "gan"]}
    with pytest.raises(FileNotFoundError, match=missed):
        table.main(given(data="svhn", report=False, **settings))


def test_best_takes_the_weights_of_the_best_epoch():
    config = DIGITS.config(method="cvae")
    inputs = Inputs(config)
    model, best = build.model(config), Best(inputs, 100)
    best.set_model(model)
    bounds, kept = [], []
    for scale in (0.1, 0.0, 1.0):  # a decoder of zeros is better than noise
        model.decoder.set_weights([w * scale for w in model.decoder.get_weights()])
        kept.append(model.decoder.get_weights())
        best.on_epoch_end(len(kept) - 1)
        x, y = inputs.arrays("validation", 100, labels=True)
        bounds.append(float(np.mean(model.bound(x, y))))
    np.testing.assert_allclose(best.history, bounds, atol=2e-3)
    best.take()
    assert best.epoch == int(np.argmax(bounds))
    for a, b in zip(model.decoder.get_weights(), kept[best.epoch], strict=True):
        np.testing.assert_array_equal(a, b)


def test_differences_are_of_the_same_seeds():
    def run(method, seed, value):
        return {"method": method, "share": 1.0, "seed": seed, "metrics": {"m": value}}

    values = {"gan": (8.0, 9.0, 7.0), "iwgan": (8.2, 9.1, 7.5)}
    runs = [
        run(method, seed, value)
        for method, some in values.items()
        for seed, value in enumerate(some)
    ]
    runs += [run("iwgan", 3, 100.0)]  # its partner is not done
    for one in runs:
        one["metrics"] = {"inception_score": one["metrics"]["m"]}
    (row,) = unifying_report.cells(runs, "mnist")
    difference = row["difference"]
    assert difference["n"] == 3 and difference["mean"] == pytest.approx(0.8 / 3)
    # t(.975, 2) = 4.3027; the deviation of .2, .1, .5 is .20817.
    assert difference["interval"] == pytest.approx(4.3027 * 0.20817 / 3**0.5, rel=1e-4)
    assert row["published"] == {"gan": 8.34, "iwgan": 8.45, "difference": 0.11}
    shown = unifying_report.text({"rows": [row], "temperatures": {"aavae": 3.0}})
    assert "0.27 +- 0.52" in shown and "+0.11" in shown


def test_the_target_is_the_digit_on_a_field_of_colour():
    x = np.zeros((2, 28, 28, 1), "f")
    x[:, 10:18, 10:18] = 1
    key = tf.constant([1, 4], tf.int64)
    made = np.asarray(unifying_adapt.coloured(x, key))
    assert made.shape == (2, 28, 28, 3) and 0 <= made.min() and made.max() <= 1
    field = np.asarray(unifying_adapt.coloured(np.zeros_like(x), key))
    np.testing.assert_allclose(made, np.abs(field - x), atol=1e-6)
    assert field[..., 0].std() > 0.1 and np.abs(field[0] - field[1]).mean() > 0.1
    other = np.asarray(unifying_adapt.coloured(x, key + 2))
    assert np.abs(other - made).mean() > 0.1
    np.testing.assert_array_equal(unifying_adapt.grey(x)[..., 2], x[..., 0])


def test_adaptation_is_compared_by_seed():
    runs = [
        {
            "lam": lam,
            "seed": seed,
            "metrics": {"source accuracy": 0.9, "target accuracy": a},
        }
        for lam, some in ((0.0, (0.4, 0.5)), (1.0, (0.6, 0.8)))
        for seed, a in enumerate(some)
    ]
    found = unifying_adapt.summary(runs, 1.0)["target accuracy"]
    assert found["without"]["mean"] == pytest.approx(0.45)
    assert found["difference"]["mean"] == pytest.approx(0.25)
    extractor, classifier, critic = unifying_adapt.networks(0)
    model = ks.models.AdversarialDomainAdaptation(extractor, classifier, critic)
    assert model.classes == 10 and critic.output_shape == (None, 1)


def test_bad_input():
    with pytest.raises(ValueError, match="Expected seeds >= 1"):
        table.main(given(seeds=0))
    with pytest.raises(ValueError, match="Expected shares among"):
        table.plan(given(shares=[0.5]), "gan", {})
    with pytest.raises(ValueError, match="Expected seeds and steps"):
        unifying_adapt.main(argparse.Namespace(seeds=0, steps=1))
    config = unifying.MNIST.config(method="vae")
    with pytest.raises(ValueError, match="Expected dequantise=False"):
        dataclasses.replace(config, method="cvae", dequantise=True)
