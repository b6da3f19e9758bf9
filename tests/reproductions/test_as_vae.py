"""AS-VAE's script: its methods, a run that stops early, and the table."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions import as_vae
from reproductions.as_vae.table import NAMES, summary, text
from reproductions.engine import Study, execute
from reproductions.engine.inputs import Inputs

EXPERIMENTS = [as_vae.mnist, as_vae.cifar10, as_vae.imagenet64]
SMALL = {"units": 8, "depth": 1, "flow_length": 2}


@pytest.fixture
def small(monkeypatch):
    """Digits in place of MNIST, with a validation split of their own."""
    for name, value in {"data": "digits", "size": 28, "validation": None}.items():
        monkeypatch.setitem(as_vae.mnist.settings, name, value)
    for name, value in SMALL.items():
        monkeypatch.setitem(as_vae.mnist.budgets["quick"], name, value)


@pytest.mark.parametrize("one", EXPERIMENTS, ids=lambda one: one.name)
@pytest.mark.parametrize("method", NAMES)
def test_every_experiment_has_the_tables_methods(one, method):
    for budget in one.budgets:
        made = one.resolve(method=method, budget=budget)
        assert one.resolve(**json.loads(json.dumps(made))) == made
    flow = "planar_flow" if one is as_vae.mnist else "gaussian"
    expected = {"vae": "gaussian", "nf_vae": "planar_flow", "avb": "implicit"}
    assert made["posterior"] == expected.get(method, flow)


@pytest.mark.parametrize("method", NAMES)
def test_methods_are_built_as_they_are_called(method):
    # Of the others' posteriors a flow's length is refused.
    small = {n: v for n, v in SMALL.items() if n != "flow_length"}
    small |= {} if method in ("vae", "avb") else SMALL
    model = as_vae.mnist(method=method, budget="quick", **small).model
    cls = {"vae": ks.VAE, "nf_vae": ks.VAE, "avb": ks.AdversarialVariationalBayes}
    assert type(model) is cls.get(method, ks.ASVAE)
    flow = ks.distributions.PlanarFlow
    assert isinstance(model.posterior_law, flow) == (method not in ("vae", "avb"))
    parts = {"as_vae": "both", "as_vae_r": "reconstruction", "as_vae_g": "generation"}
    assert getattr(model, "part", None) == parts.get(method)
    if method == "as_vae":
        kernels = [c.get_weights()[0] for c in (model.critic_x, model.critic_z)]
        assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    if method == "avb":
        assert model.adaptive_contrast and not model.posterior_law.explicit


def test_methods_of_the_table_differ_only_where_they_must():
    """In networks and laws; the rest says what is measured, and when training stops."""
    for budget in ("quick", "paper"):
        base = as_vae.mnist.resolve(method="as_vae", budget=budget)
        for method in NAMES:
            found = as_vae.mnist.resolve(method=method, budget=budget)
            differ = {n for n in found | base if found.get(n) != base.get(n)}
            assert differ - {"method", "measures", "monitor", "patience"} == {
                "as_vae_g": {"likelihood"},
                "vae": {"posterior"},
                "nf_vae": {"noise"},  # as the others, which have no noise unset
                "avb": {"posterior", "adaptive_contrast"},
            }.get(method, set())
    draws = as_vae.mnist(method="as_vae_g", budget="quick", **SMALL).model
    law = draws.likelihood_law
    assert (law.scale, law.draw, law.activation) == (0.3, "sample", "sigmoid")


def test_a_likelihood_may_be_a_flow():
    flow = {"likelihood": "planar_flow", "likelihood_length": 2}
    model = as_vae.mnist(method="as_vae", budget="quick", **SMALL, **flow).model
    assert isinstance(model.likelihood_law, ks.distributions.PlanarLikelihood)
    assert isinstance(model.posterior_law, ks.distributions.PlanarFlow)
    assert model.data_shape == (28, 28, 1) and model.likelihood_law.length == 2


def test_the_normalised_error_is_one_for_the_best_constants(small):
    run = as_vae.mnist(method="as_vae", budget="quick")
    inputs = Inputs(run.model, run.data, run.training)
    (value,) = run.criteria(run.model, inputs).values()
    x = inputs.validation_examples()
    constant = float(((x - x.mean(0)) ** 2).mean())
    logs = {"val_mse": constant, "val_mse_z": 1.0}
    assert value(logs) == pytest.approx(1)
    assert value({"val_mse": 0.0, "val_mse_z": 1.0}) == pytest.approx(0.5)
    assert value({"val_mse": constant, "val_mse_z": 0.0}) == pytest.approx(0.5)


def test_dequantised_batches_are_a_function_of_the_step(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 4, 4, 1)).astype("uint8")
    np.savez(tmp_path / "x.npz", x_train=images, x_test=images[:8])
    data = {"data": str(tmp_path / "x.npz"), "validation": 8}
    run = as_vae.cifar10(batch_size=8, width=0.05, **data)
    inputs = Inputs(run.model, run.data, run.training)
    first = list(inputs.stream(0).take(6).as_numpy_iterator())
    later = list(inputs.stream(4).take(2).as_numpy_iterator())
    np.testing.assert_array_equal(first[4:], later)
    plain = next(iter(inputs.load("train", start=0))).numpy()
    noise = 256 * first[0] - 255 * plain
    assert -1e-3 < noise.min() < 0.05 and 0.95 < noise.max() < 1.001
    assert np.abs(256 * first[1] - np.round(255 * plain)).max() > 1
    assert inputs.validation_examples().shape == (8, 4, 4, 1)
    assert inputs.count("train") == 32


@pytest.mark.slow
def test_a_stopped_run_ends_with_its_best_weights(tmp_path, small):
    call = as_vae.mnist.call(
        budget="quick",
        epochs=12,
        steps_per_epoch=14,
        learning_rate=0.05,  # too high: it soon gets worse
        posterior="gaussian",  # a flow takes longer to trace
        patience=1,
        measures="mse",
    )
    assert call.settings["monitor"] == "val_normalised_error"
    record = execute(call, tmp_path / "run", keep="record", verbose="none")
    history = record["validation"]
    best = min(history, key=lambda one: one["value"])
    assert len(history) < 12 and history[-1] != best
    assert record["steps"] == best["step"]  # the model's, with its weights


# ---- The table ---------------------------------------------------------------------


def record(method, seed, bound, mse):
    metrics = {"mse": mse} | ({"variational_bound": bound} if bound else {})
    settings = {"method": method, "seed": seed}
    more = {"seconds": 1.0 + seed, "steps": 10}
    return {"settings": settings, "metrics": metrics, **more}


def test_summary_has_means_and_spreads():
    records = [
        record("vae", 0, -100.0, 0.1),
        record("avb", 0, None, 0.5),
        record("vae", 1, -90.0, 0.3),
        record("vae", 2, 0, 0) | {"diverged": "NaN", "metrics": {}, "seconds": None},
    ]
    found = summary(records)
    bound = found["vae"]["NLL bound, nats"]
    assert bound["mean"] == 95 and bound["values"] == [100, 90] and bound["n"] == 2
    assert bound["deviation"] == pytest.approx(np.sqrt(50))
    assert found["vae"]["diverged"] == 1 and found["vae"]["seconds"]["mean"] == 1.5
    assert "NLL bound, nats" not in found["avb"]
    assert found["avb"]["test MSE"]["deviation"] is None
    shown = text(found).splitlines()
    assert shown[0].split() == ["vae", "avb"]
    assert shown[1].split()[-4:] == ["95", "+-", "7.071", "-"]


class Recorded:
    """A study that runs nothing."""

    def __call__(self, calls):
        self.calls = calls
        return [
            record(call.settings["method"], call.settings["seed"], -1.0, 0.1)
            | {"data": {}}
            for call in calls
        ]

    def write(self, content, text):
        self.content = content


def test_plan_goes_round_all_methods_for_each_seed():
    study = Recorded()
    as_vae.table(study=study, seeds=2)
    found = [(one.settings["seed"], one.settings["method"]) for one in study.calls]
    assert found == [(seed, method) for seed in (0, 1) for method in NAMES]
    assert len({one.title for one in study.calls}) == len(found) == 12
    assert study.content["runs"] == "12 of 12"
    assert set(study.content["table"]) == set(study.content["settings"]) == set(NAMES)


@pytest.mark.slow
def test_table_is_of_its_runs(tmp_path, small, monkeypatch, capsys):
    for name, value in {"epochs": 1, "steps_per_epoch": 2, "n": 20}.items():
        monkeypatch.setitem(as_vae.mnist.budgets["quick"], name, value)
    with Study(tmp_path, record=tmp_path / "copy.json") as study:
        as_vae.table(study=study, seeds=1, methods=["vae", "avb"])
    found = json.loads((tmp_path / "copy.json").read_text())
    assert json.loads((tmp_path / "summary.json").read_text()) == found
    assert found["runs"] == "2 of 2" and found["commit"]
    assert found["table"]["vae"]["steps"]["values"] == [2]
    assert found["table"]["vae"]["NLL bound, nats"]["mean"] > 0
    assert {one["method"] for one in found["published"]} == {"vae", "avb"}
    shown = capsys.readouterr().out
    assert "test MSE" in shown and "+-" not in shown


def test_a_drawn_gaussian_s_means_are_scored_and_no_others(monkeypatch):
    """Noise around them hides digits from a classifier."""
    monkeypatch.setattr(as_vae.images, "N", 40)
    monkeypatch.setattr(as_vae.images, "SIZE", 20)
    x = keras.Input((28, 28, 1))
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    seen = []

    class Given:
        backbone = ks.evaluation.Backbone(
            keras.Model(x, keras.layers.Softmax()(logits)), "any"
        )

    def score(images, backbone):
        seen.append((images, backbone))
        return ks.evaluation.Measurement(3.0, "inception score")

    monkeypatch.setattr(ks.evaluation, "inception_score", score)
    small = {"units": 8, "depth": 1}
    model = as_vae.mnist(method="vae", budget="quick", **small).model
    assert as_vae.images.score_of_means(model, Given) == {}  # a Bernoulli's
    model = as_vae.mnist(method="as_vae_g", budget="quick", **SMALL).model
    found = as_vae.images.score_of_means(model, Given)
    assert found == {"inception_score_of_means": 3.0}
    (images, backbone), z = seen[0], model.prior.sample(40, seed=(model.seed, 0))
    means = tf.sigmoid(model.decoder(z, training=False))
    np.testing.assert_allclose(images, means, atol=1e-5)
    assert backbone is Given.backbone
