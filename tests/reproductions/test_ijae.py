"""IJAE's experiments: one footing for all methods, and the plane with its front."""

import importlib
import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions.engine import (
    Images,
    Run,
    Study,
    Training,
    build,
    experiment,
    measure,
)
from reproductions.engine import study as study_module
from reproductions.engine.files import read_json
from reproductions.engine.options import DENSE
from reproductions.ijae import cifar10, mnist, plane, tiny_imagenet
from reproductions.ijae.images import SWEPT
from reproductions.ijae.plane import NAMES, front, gathered, reading, table, title
from reproductions.methods import vae

# The package has the study by the module's name.
module = importlib.import_module("reproductions.ijae.plane")
SMALL = {"units": 4, "latent_dim": 3, "steps_per_epoch": 2, "epochs": 1}


def compiled(one, **given):
    """A run's settings and its model, as the engine makes them."""
    settings = one.resolve(**given)
    with build.policy(settings["dtype"]):
        run = one(**settings)
    build.compile_model(run.model, run.training, 2)
    return settings, run.model


def test_options_of_the_pairs_critic_and_of_arithmetic():
    options = {"stack": "channels", "stop_code": True, "dtype": "mixed_bfloat16"}
    _, model = compiled(cifar10, method="ijae", width=0.1, **options)
    assert model.stop_code
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


@pytest.mark.parametrize("one", [cifar10, tiny_imagenet, mnist], ids=lambda e: e.name)
@pytest.mark.parametrize("method", NAMES)
def test_every_experiment_has_every_method(one, method):
    # A diagnosis of MNIST's alone has one more.
    more = ["ijae_separate"] if one is mnist else []
    assert set(one.methods) == {*NAMES, *more}
    for budget in ("paper", "quick"):
        settings = one.resolve(method=method, budget=budget)
        # What is not unset is all of it, and survives JSON.
        assert one.resolve(**json.loads(json.dumps(settings))) == settings
        assert settings["data"] == one.function.__name__
        assert settings["nets"].startswith("ijae_") == (method in SWEPT)


@pytest.fixture
def without_losses(monkeypatch):
    """Compiling computes no losses: `test_losses_are_computed_once` is of them."""
    monkeypatch.setattr(ks.models.Game, "_make_means", lambda model: None)


def test_paper_is_appendix_d(without_losses):
    settings = cifar10.resolve()
    expected = {"lam": 0.3, "latent_dim": 128, "learning_rate": 1e-4, "beta_1": 0.5}
    expected |= {"beta_2": 0.9, "likelihood": "shift_tanh", "posterior": "implicit"}
    expected |= {"shift": 5, "nets": "ijae_cifar10", "method": "ijae"}
    assert {name: settings[name] for name in expected} == expected
    assert "width" not in settings
    _, model = compiled(cifar10, width=0.1)
    for player in model.players.values():
        adam = getattr(model, player.optimizer)
        assert (adam.beta_1, adam.beta_2) == (0.5, 0.9)


def test_variants_differ_in_the_likelihood_alone():
    one, l1, l2 = (cifar10.resolve(method=method, lam=0.7) for method in SWEPT)
    assert one.pop("stop_code") is False  # of the critic that the others do not have
    for other in (l1, l2):
        assert {k for k in one if one[k] != other[k]} == {"method", "likelihood"}
        assert one.keys() == other.keys()


# The losses are computed as with any networks: tests/models has each method's.
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=() if name == "ijae" else pytest.mark.slow)
        for name in NAMES
    ],
)
def test_losses_are_computed_once(method):
    _, model = compiled(mnist, method=method, budget="quick", **SMALL)
    assert model.metrics


# Every third: they are built by the same few lines.
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=() if i % 3 == 0 else pytest.mark.slow)
        for i, name in enumerate(NAMES)
    ],
)
def test_all_have_the_same_generator_and_an_optimizer_each_player(
    method, without_losses
):
    settings, model = compiled(mnist, method=method, budget="quick", **SMALL)
    # Of all but AGE, which does not learn with it.
    assert settings["batch_norm"] == (method != "age")
    same = {"batch_norm": settings["batch_norm"], **SMALL}
    reference = mnist(**mnist.resolve(budget="quick", **same)).model
    for a, b in zip(model.decoder.weights, reference.decoder.weights, strict=True):
        assert a.shape == b.shape
    assert model.likelihood_law.range == (-1, 1)
    for name, player in model.players.items():
        adam = getattr(model, player.optimizer)
        rate = settings["critic_learning_rate"] if name == "critic" else 1e-3
        rate = 5e-4 if method == "age" else rate
        assert float(adam.learning_rate) == pytest.approx(rate)
        # The rate falls to zero with this player's last update.
        adam.iterations.assign(2 * model.turns[name])
        assert float(adam.learning_rate) == pytest.approx(0, abs=1e-9)
    if "lam" in settings:
        assert model.lam == settings["lam"]
    if method == "ijae":
        assert model.likelihood_law.steps == settings["shift"] == 1
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


class Planned(Study):
    """Takes calls instead of running them."""

    def __call__(self, calls):
        self.calls = calls
        raise InterruptedError


def test_plan_has_every_cell_of_a_seed_before_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(study_module, "load_backbone", lambda *_: "a classifier")
    monkeypatch.setattr(module, "load_lpips", lambda *_: "a network")
    with Planned(tmp_path) as study, pytest.raises(InterruptedError):
        plane(study=study, methods=["ijae", "vae"], lams=[0.3, 0.7], seeds=2)
    runs = [call.settings for call in study.calls]
    assert [(r["method"], r.get("lam"), r["seed"]) for r in runs] == [
        ("ijae", 0.3, 0),
        ("ijae", 0.7, 0),
        ("vae", None, 0),
        ("ijae", 0.3, 1),
        ("ijae", 0.7, 1),
        ("vae", None, 1),
    ]
    same = {"data": "mnist", "budget": "quick", "n": 5000}
    same |= {"measures": "inception_score,lpips,mse,decoder_probe"}
    assert all(run | same == run for run in runs)


def fake(method, lam, score, distance, seed=0):
    settings = {"method": method, "lam": lam, "seed": seed}
    metrics = {"inception_score": score, "lpips": distance, "mse": 0.1}
    return {"settings": settings, "metrics": metrics}


def diverged(*given, **more):
    return fake(*given, 0, 0, **more) | {"diverged": "NaN", "metrics": {}}


def test_front_and_spread_by_hand():
    cells = gathered(
        [
            fake("vae", None, 4.0, 0.14),
            fake("ijae", 0.3, 7.0, 0.20),
            fake("ijae", 0.3, 9.0, 0.10, seed=1),  # mean 8, .15
            fake("ijae", 0.7, 6.0, 0.12),
            # Worse than .7 in one, as good in the other.
            fake("ijae_l1", 0.3, 6.0, 0.13),
            fake("ijae_l1", 0.7, 5.0, 0.11),
            diverged("vae", None, seed=1),
            fake("alpha_gan", 1.0, 1.0, 0.9),
        ],
        "mnist",
    )
    by_title = {title(cell): cell for cell in cells}
    expected = ["IJAE 0.3", "IJAE 0.7", "IJAE-L1 0.3", "IJAE-L1 0.7", "VAE"]
    assert list(by_title) == [*expected, "alpha-GAN"]
    first = by_title["IJAE 0.3"]
    assert first["inception_score"]["mean"] == 8
    assert first["inception_score"]["deviation"] == pytest.approx(np.sqrt(2))
    assert first["lpips"]["mean"] == pytest.approx(0.15)
    assert by_title["VAE"]["runs"] == 2 and by_title["VAE"]["diverged"] == 1
    assert [title(c) for c in front(cells)] == ["IJAE 0.3", "IJAE 0.7", "IJAE-L1 0.7"]
    assert "(1 diverged)" in table(cells)


def test_published_numbers_are_of_lam_3():
    runs = [fake("ijae", lam, 7.0, 0.2) for lam in (0.1, 0.3)]
    runs += [fake("ijae_l1", 0.3, 7.0, 0.2), fake("age", 250.0, 7.0, 0.2)]
    cells = gathered(runs, "cifar10")
    found = {title(cell): cell.get("published") for cell in cells}
    assert found["IJAE 0.1"] is found["IJAE-L1 0.3"] is None
    score = found["IJAE 0.3"]["inception_score"]
    assert score == "6.9 +- 0.1 (lam 0.3, ijae, table 1)"
    assert found["AGE"] == {
        "inception_score": "5.9 +- 0.04 (ijae, table 1)",
        "lpips": "0.06 +- 0.02 (ijae, table 1)",
    }
    assert f"published: {', '.join(found['AGE'].values())}" in table(cells)


def test_readings_signs():
    """A dial as the paper has it: score falls and LPIPS falls as lam grows."""
    runs = [fake("ijae", lam, 9 - lam, 0.3 - lam / 5) for lam in (0.1, 0.5, 0.9)]
    runs += [fake("ijae_l1", 0.5, score, 0.25) for score in (8.2, 8.7, 9.5)]
    runs.append(diverged("ijae", 0.9))
    said = reading(gathered(runs, "mnist"))
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
    def fails(match, classifier=None, network=None, **given):
        monkeypatch.setattr(study_module, "load_backbone", lambda *_: classifier)
        monkeypatch.setattr(module, "load_lpips", lambda *_: network)
        with Planned(tmp_path) as study, pytest.raises(ValueError, match=match):
            plane(study=study, **given)
        assert not hasattr(study, "calls")

    fails("seeds >= 1; received: 0", "a classifier", "a network", seeds=0)
    fails("Expected a classifier .*received: none")
    fails("Expected LPIPS's weights.*neither", "a classifier")
    match = r"lams in \[0, 1\]; received: 1.5"
    fails(match, "a classifier", "a network", lams=[0.3, 1.5])
    match = "--lams beside one of ijae, .*received: --methods vae, svae"
    fails(match, "a classifier", "a network", methods=["vae", "svae"], lams=[0.4])


@experiment(
    methods=(vae,),
    networks={"digits": (ks.networks.digits, DENSE)},
    settings=mnist.settings | SMALL | {"data": "digits"},
    budgets={"quick": {}},
)
def digits(model: ks.Game, data: Images, training: Training) -> Run:
    """scikit-learn's digits."""
    return Run(model, data, training)


@pytest.fixture
def seen(monkeypatch):
    """Runs of 8 x 8 digits, seen by untrained networks."""
    monkeypatch.setitem(module.DATA, "mnist", digits)
    monkeypatch.setattr(module, "N", 100)
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
    network = ks.evaluation.LPIPS(weights)
    for one in (study_module, measure):
        monkeypatch.setattr(one, "load_backbone", lambda *_: backbone)
    for one in (module, measure):
        monkeypatch.setattr(one, "load_lpips", lambda *_: network)


def test_a_run_is_trained_and_measured_and_drawn(seen, tmp_path, capsys):
    with Study(tmp_path, record=tmp_path / "there" / "plane.json") as study:
        plane(study=study, methods=["vae"], seeds=1)
        assert "0 of 1 runs are done" in capsys.readouterr().out
        # What is done is not done again.
        plane(study=study, methods=["vae"], seeds=1)
    shown = capsys.readouterr().out
    assert "1 of 1 runs are done" in shown and "front: ['VAE']" in shown
    content = read_json(tmp_path / "there" / "plane.json")
    (cell,) = content["cells"]
    assert content["steps"] == [2] and cell["diverged"] == 0
    assert 1 <= cell["inception_score"]["mean"] <= 10
    assert cell["lpips"]["mean"] > 0
    assert cell["lpips"]["deviation"] is None
    assert {"command", "commit", "machine", "budget", "settings"} <= set(content)
    assert (tmp_path / "there" / "plane.png").read_bytes().startswith(b"\x89PNG")
