"""The papers' settings as published: what a budget, and each choice, makes."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions.engine import Laws, execute
from reproductions.engine.build import compile_model, law
from reproductions.svae import cifar10, digits, mnist


def test_the_papers_budget_on_mnist_is_the_papers():
    paper = mnist.resolve(budget="paper")
    expected = {
        "learning_rate": 1e-4,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "binarize": "fixed",
        "likelihood": "bernoulli",
        "batch_norm": True,
        "critic_batch_norm": True,
        "critic_activation": "relu",
        "code_stddev": None,
    }
    assert {name: paper.get(name, "unset") for name in expected} == expected
    assert "annealed_importance_sampling" in paper["measures"]
    assert mnist.resolve(**json.loads(json.dumps(paper))) == paper
    model = mnist(budget="paper", width=0.1).model
    xavier = keras.initializers.GlorotUniform
    for network in (model.encoder, model.decoder, model.critic):
        for layer in network.layers:
            if hasattr(layer, "kernel_initializer"):
                assert isinstance(layer.kernel_initializer, xavier), layer.name


@pytest.mark.parametrize(
    ("role", "name", "given", "attribute", "value"),
    [
        ("posterior", "planar_flow", {}, "length", 8),
        ("posterior", "planar_flow", {"flow_length": 80}, "length", 80),
        ("likelihood", "planar_flow", {}, "length", 4),
        ("likelihood", "planar_flow", {"likelihood_length": 2}, "length", 2),
        ("likelihood", "shift_tanh", {}, "size", 5),
        ("likelihood", "shift_tanh", {"shift": 2}, "size", 2),
        ("likelihood", "laplace_tanh", {}, "scale", 1.0),
        ("likelihood", "gaussian_tanh", {"scale": 0.1}, "scale", 0.1),
        ("likelihood", "drawn_gaussian", {}, "scale", 0.3),
        ("likelihood", "drawn_gaussian", {"scale": 0.2}, "scale", 0.2),
    ],
)
def test_a_law_has_what_is_set(role, name, given, attribute, value):
    """Whatever the experiment; what is not set is the law's."""
    made = law(name, Laws(**{role: name}, **given), role)
    assert made.get_config()[attribute] == value


def test_a_flow_is_as_long_as_the_table_says():
    settings = mnist.resolve(method="nf_vae")
    made = law("planar_flow", mnist.group("laws", settings), "posterior")
    assert made.get_config()["length"] == settings["flow_length"] == 80


def test_ours_is_what_the_papers_budget_was():
    """Both budgets have the settings of `results/svae_mnist.json`."""
    ours, quick = (mnist.resolve(budget=one) for one in ("ours", "quick"))
    expected = {
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
    }
    for found in (ours, quick):
        assert {name: found[name] for name in expected} == expected
        assert "binarize" not in found and "code_stddev" not in found
    differ = {n for n in ours | quick if ours.get(n) != quick.get(n)}
    assert differ == {"budget", "epochs", "steps_per_epoch"}
    last = mnist(budget="ours", width=0.1).model.encoder.get_layer("code")
    assert isinstance(last.kernel_initializer, keras.initializers.RandomNormal)


def test_none_is_a_value_of_some_options_of_networks():
    assert mnist.resolve(budget="quick", code_stddev=None)["code_stddev"] is None
    assert mnist.resolve(budget="paper", code_stddev=0.02)["code_stddev"] == 0.02
    assert "width" not in mnist.resolve(budget="quick", width=None)


def test_weights_of_x_and_z():
    model = digits(lam=0.2, lam_z=0.3, reduction="mean").model
    assert model.lam == (0.2, 0.3) and model.reduction == "mean"
    assert digits(method="alice", lam=0.2, loss="sigmoid").model.fools_by == "sigmoid"
    assert digits(method="gan", loss="logit").model.fools_by == "logit"
    for method in ("svae", "alice"):
        found = cifar10.resolve(method=method, budget="paper")
        assert (found["lam"], found["reduction"]) == (1.0, "mean")
        assert found["two_sided"]
        assert cifar10.resolve(method=method, budget="quick")["lam"] == 1e-3
    with pytest.raises(ValueError, match="two_sided=True"):
        digits(method="alice", lam_z=0.1)
    with pytest.raises(ValueError, match="only with method svae, alice"):
        digits.resolve(method="gan", lam_z=0.1)


def test_wgan_is_trained_by_rmsprop():
    run = cifar10(method="wgan", budget="quick", width=0.05)
    assert type(run.model) is ks.WGAN and run.model.clip == 0.01
    assert run.model.turns == {"critic": 5, "generator": 1}
    compile_model(run.model, run.training, 10)
    for one in run.model.optimizers.values():
        assert type(one) is keras.optimizers.RMSprop and one.momentum == 0
        assert (float(one.learning_rate), one.rho) == (np.float32(5e-5), 0.99)


def test_the_likelihood_is_annealed_on_few_examples(tmp_path):
    call = digits.call(
        budget="quick", epochs=1, steps_per_epoch=2, units=8, depth=1, n=50,
        measures="annealed_importance_sampling,mse", ais_examples=3, ais_temperatures=4,
    )  # fmt: skip
    found = execute(call, tmp_path / "run", keep="record", verbose="none")
    ais = found["measures"]["annealed_importance_sampling"]
    assert (ais["n"], ais["n_temperatures"]) == (3, 4)
    assert found["measures"]["mse"]["n"] == 50
