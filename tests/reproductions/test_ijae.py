"""IJAE's experiments: one footing for all methods, and the plane with its front."""

import argparse
import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions import build, plane, plane_report
from reproductions.config import BUDGETS, Config
from reproductions.experiments import ijae
from reproductions.experiments.experiment import Experiment
from reproductions.methods import METHODS

SMALL = {"units": 4, "latent_dim": 3, "steps_per_epoch": 2, "epochs": 1}


def given(**more):
    settings = {"data": "mnist", "methods": ["ijae", "vae"], "lams": [0.3, 0.7]}
    settings |= {"seeds": 2, "budget": "quick", "epochs": None, "data_dir": None}
    settings |= {"lpips": None, "backbone": None, "record": None, "report": False}
    return argparse.Namespace(**settings | {"workers": 1} | more)


def test_options_of_the_pairs_critic_and_of_arithmetic():
    options = {"stack": "channels", "stop_code": False, "dtype": "mixed_bfloat16"}
    config = ijae.CIFAR10.config(method="ijae", width=0.1, **options)
    model = build.model(config)
    assert not model.stop_code
    joined = next(
        one
        for one in model.critic_pair.layers
        if isinstance(one, keras.layers.Concatenate)
    )
    assert joined.output.shape == (None, 32, 32, 6)
    kernel = next(
        one for one in model.decoder.layers if isinstance(one, keras.layers.Conv2D)
    )
    assert (kernel.compute_dtype, kernel.variable_dtype) == ("bfloat16", "float32")
    assert model.decoder.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("name", ijae.EXPERIMENTS)
@pytest.mark.parametrize("method", ijae.NAMES)
def test_every_experiment_has_every_method(name, method):
    for budget in BUDGETS:
        config = ijae.EXPERIMENTS[name].config(method=method, budget=budget)
        assert Config(**json.loads(json.dumps(config.asdict()))) == config
        assert config.data == name


def test_paper_is_appendix_d():
    config = ijae.CIFAR10.config()
    expected = {"lam": 0.3, "latent_dim": 128, "learning_rate": 1e-4, "beta_1": 0.5}
    expected |= {"beta_2": 0.9, "likelihood": "shift_tanh", "posterior": "implicit"}
    expected |= {"shift": 5, "width": None, "nets": "ijae_cifar10"}
    assert {name: getattr(config, name) for name in expected} == expected
    adam = build.adam(config, config.learning_rate, 1)
    assert (adam.beta_1, adam.beta_2) == (0.5, 0.9)


def test_variants_differ_in_the_likelihood_alone():
    one, l1, l2 = (
        ijae.CIFAR10.config(method=method, lam=0.7).asdict() for method in ijae.SWEPT
    )
    for other in (l1, l2):
        assert {k for k in one if one[k] != other[k]} == {"method", "likelihood"}


@pytest.mark.parametrize("method", ijae.NAMES)
def test_all_have_the_same_generator_and_an_optimizer_each_player(method):
    config = ijae.MNIST.config(method=method, budget="quick", **SMALL)
    model = build.model(config, 2)
    # Of all but AGE, which does not learn with it.
    assert config.batch_norm == (method != "age")
    same = {"batch_norm": config.batch_norm, **SMALL}
    reference = build.model(ijae.MNIST.config(budget="quick", **same), 2)
    for a, b in zip(model.decoder.weights, reference.decoder.weights, strict=True):
        assert a.shape == b.shape
    assert build.value_range(config) == model.likelihood_law.range == (-1, 1)
    for name, player in model.players.items():
        adam = getattr(model, player.optimizer)
        rate = config.critic_learning_rate if name == "critic" else 1e-3
        rate = 5e-4 if method == "age" else rate
        assert float(adam.learning_rate) == pytest.approx(rate)
        # The rate falls to zero with this player's last update.
        adam.iterations.assign(2 * model.turns[name])
        assert float(adam.learning_rate) == pytest.approx(0, abs=1e-9)
    if "lam" in METHODS[method].options:
        assert model.lam == config.lam
    if method == "ijae":
        assert model.likelihood_law.steps == config.shift == 1
        assert [tuple(one.shape[1:]) for one in model.critic_pair.inputs] == [
            (28, 28, 1),
            (3,),
            (28, 28, 1),
        ]
    if method == "two_stage_vae":
        assert model.second_encoder.input_shape == (None, 3)
    if method in ("alpha_gan", "wae_gan"):
        critic = model.critic_code if method == "alpha_gan" else model.critic
        assert critic.input_shape == (None, 3)


def test_plan_has_every_cell_of_a_seed_before_the_next():
    runs = plane.plan(given())
    assert [(r["method"], r["lam"], r["seed"]) for r in runs] == [
        ("ijae", 0.3, 0),
        ("ijae", 0.7, 0),
        ("vae", None, 0),
        ("ijae", 0.3, 1),
        ("ijae", 0.7, 1),
        ("vae", None, 1),
    ]
    assert len({plane.name_of(run) for run in runs}) == len(runs)
    config = plane.configuration(runs[4])
    assert (config.method, config.lam, config.seed) == ("ijae", 0.7, 1)


def fake(method, lam, score, distance, seed=0):
    metrics = {"inception_score": score, "lpips": distance, "mse": 0.1}
    run = {"method": method, "lam": lam, "seed": seed, "steps": 7, "cpu seconds": 1.0}
    run |= {"experiment": "mnist", "budget": "quick", "epochs": None}
    return run | {"metrics": metrics}


def test_front_and_spread_by_hand():
    runs = [
        fake("ijae", 0.3, 7.0, 0.20),
        fake("ijae", 0.3, 9.0, 0.10, seed=1),  # mean 8, .15
        fake("ijae", 0.7, 6.0, 0.12),
        fake("ijae_l1", 0.3, 6.0, 0.13),  # worse than .7 in one, as good in the other
        fake("ijae_l1", 0.7, 5.0, 0.11),
        fake("vae", None, 4.0, 0.14),
        {**fake("vae", None, 0, 0, seed=1), "diverged": "NaN"},
    ]
    del runs[-1]["metrics"]
    cells = plane_report.cells(runs)
    by_title = {plane_report.title(cell): cell for cell in cells}
    assert list(by_title) == [
        "IJAE 0.3",
        "IJAE 0.7",
        "IJAE-L1 0.3",
        "IJAE-L1 0.7",
        "VAE",
    ]
    first = by_title["IJAE 0.3"]
    assert first["inception_score"] == {
        "mean": 8.0,
        "deviation": pytest.approx(np.sqrt(2)),
    }
    assert first["lpips"]["mean"] == pytest.approx(0.15)
    assert by_title["VAE"]["seeds"] == 2 and by_title["VAE"]["diverged"] == 1
    front = [plane_report.title(cell) for cell in plane_report.front(cells)]
    assert front == ["IJAE 0.3", "IJAE 0.7", "IJAE-L1 0.7"]
    assert "(1 diverged)" in plane_report.table(cells)


def test_published_numbers_are_of_lam_3():
    runs = [fake("ijae", lam, 7.0, 0.2) for lam in (0.1, 0.3)]
    runs += [fake("ijae_l1", 0.3, 7.0, 0.2), fake("age", None, 7.0, 0.2)]
    published = ijae.CIFAR10.published
    cells = plane_report.beside_published(plane_report.cells(runs), published)
    found = {plane_report.title(cell): cell.get("published") for cell in cells}
    assert found["IJAE 0.1"] is found["IJAE-L1 0.3"] is None
    assert found["IJAE 0.3"]["inception_score"] == "6.90 +- .10 (lam .3)"
    assert found["AGE"] == {"inception_score": "5.90 +- .04", "lpips": ".06 +- .02"}
    assert "published: 5.90 +- .04, .06 +- .02" in plane_report.table(cells)


def test_readings_signs():
    """A dial as the paper has it: score falls and LPIPS falls as lam grows."""
    runs = [fake("ijae", lam, 9 - lam, 0.3 - lam / 5) for lam in (0.1, 0.5, 0.9)]
    runs += [fake("ijae_l1", 0.5, score, 0.25) for score in (8.2, 8.7, 9.5)]
    runs.append({**fake("ijae", 0.9, 0, 0), "diverged": "NaN"})
    del runs[-1]["metrics"]
    said = plane_report.reading(runs, plane_report.cells(runs))
    found = said["IJAE: rank correlation with lam"]
    assert {name: one["rho"] for name, one in found.items()} == {
        "inception_score": -1.0,
        "lpips": -1.0,
    }
    # Scores 8.9, 8.5, 8.1 against 8.2, 8.7, 9.5; LPIPS .28, .2, .12 against .25.
    assert said["pairs of runs in which IJAE is better than IJAE-L1"] == {
        "inception_score": pytest.approx(3 / 9),
        "lpips": pytest.approx(2 / 3),
    }
    assert not any("-L2" in name and "pairs" in name for name in said)


def test_what_cannot_be_measured_is_said_before_training(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="seeds >= 1; received: 0"):
        plane.check(given(seeds=0))
    monkeypatch.setattr(plane, "eyes", lambda *_: (None, None))
    with pytest.raises(ValueError, match="Expected a classifier .*received: none"):
        plane.main(given(out=str(tmp_path)))
    monkeypatch.setattr(plane, "eyes", lambda *_: ("a classifier", None))
    with pytest.raises(ValueError, match="Expected LPIPS's weights.*neither"):
        plane.check(given())
    monkeypatch.setattr(plane, "eyes", lambda *_: ("a classifier", "a network"))
    plane.check(given())
    with pytest.raises(ValueError, match=r"lams in \[0, 1\]; received: 1.5"):
        plane.check(given(lams=[0.3, 1.5]))


@pytest.fixture
def digits(monkeypatch):
    """The experiment on 8 x 8 digits, seen by untrained networks."""
    one = Experiment(
        name="mnist",
        title="scikit-learn's digits",
        source="none",
        settings=ijae.MNIST.settings | SMALL | {"nets": "digits", "data": "digits"},
        budgets={},
        methods={"vae": {}},
    )
    monkeypatch.setitem(ijae.EXPERIMENTS, "mnist", one)
    monkeypatch.setattr(plane, "LIMIT", 100)
    x = keras.Input((8, 8, 1))
    h = keras.layers.Dense(4, name="seen")(keras.layers.Flatten()(x))
    net = keras.Model(x, keras.layers.Dense(10)(h))
    backbone = ks.evaluation.Backbone(net, "a net", features="seen", outputs="logits")
    random = np.random.default_rng(0)
    shapes = [(11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256)]
    weights = {}
    for i, (side, before, after) in enumerate(shapes):
        kernel = random.normal(0, 0.01, (side, side, before, after))
        weights[f"conv{i + 1}/kernel"] = kernel.astype("f")
        weights[f"conv{i + 1}/bias"] = np.zeros(after, "f")
        weights[f"lin{i}/weight"] = np.ones(after, "f")
    seen = backbone, ks.evaluation.LPIPS(weights)
    monkeypatch.setattr(plane, "eyes", lambda *_: seen)


def test_a_run_is_trained_and_measured_and_drawn(digits, tmp_path, capsys):
    one = given(methods=["vae"], seeds=1, out=str(tmp_path / "plane"))
    (run,) = plane.plan(one)
    (tmp_path / "plane").mkdir()
    found = plane.one_run(run, str(tmp_path / "plane" / plane.name_of(run)))
    assert found["steps"] == 2 and "diverged" not in found
    assert 1 <= found["metrics"]["inception_score"] <= 10
    assert found["metrics"]["lpips"] > 0
    record = tmp_path / "record"
    # What is done is not done again.
    plane.main(argparse.Namespace(**vars(one) | {"record": str(record)}))
    content = json.loads(record.with_suffix(".json").read_text())
    assert content["cells"][0]["lpips"]["mean"] == found["metrics"]["lpips"]
    assert {"command", "commit", "machine", "budget", "steps"} <= set(content)
    assert record.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert "1 of 1 runs are done" in shown and "front: ['VAE']" in shown
