"""Experiments as functions: what their settings are."""

import inspect
import json

import pytest

import keras_svae as ks
from reproductions import as_vae, ijae, methods, unifying
from reproductions.engine import Call, Parts, experiment
from reproductions.engine.command import PAPERS, experiments, options_of, parse
from reproductions.engine.settings import Data, Training
from reproductions.svae import mnist, toy

ALL = {
    f"{p} {n}": e for p in (*PAPERS, "batch_norm") for n, e in experiments(p).items()
}
WITH_METHODS = {name: one for name, one in ALL.items() if one.methods}
BUILDERS = {
    name: one
    for name, one in vars(methods).items()
    if inspect.isfunction(one) and not name.startswith("_") and one is not Parts
}


@pytest.mark.parametrize("name", WITH_METHODS)
def test_settings_of_every_method_and_budget_are_plain_and_whole(name):
    one = WITH_METHODS[name]
    for method in one.methods:
        for budget in one.budgets or [None]:
            given = {"method": method} | ({"budget": budget} if budget else {})
            settings = one.resolve(**given)
            again = json.loads(json.dumps(settings))
            assert one.resolve(**again) == settings
            assert settings.items() >= given.items()
            # So a record has the name that it has always had.
            normal = Call(one, settings).normal.settings
            assert json.dumps(normal) == json.dumps(settings)
            assert settings["play"] in ("alternating", "simultaneous")


@pytest.mark.parametrize("name", ALL)
def test_every_option_has_a_help(name):
    for option in options_of(ALL[name]).values():
        assert option.help, option


@pytest.mark.parametrize("name", BUILDERS)
def test_every_method_names_its_class(name):
    model = inspect.signature(BUILDERS[name]).return_annotation
    assert issubclass(model, ks.Game) and BUILDERS[name].__doc__


def test_toy_is_the_setting_of_alices_released_code():
    expected = {
        "units": 256,
        "depth": 2,
        "latent_dim": 2,
        "batch_size": 128,
        "epochs": 100,
        "turns": 5,
        "critic_turns": 1,
        "learning_rate": 1e-3,
        "beta_1": 0.5,
        "noise": True,
        "two_sided": True,
        "data": "toy5",
    }
    for method in ("svae", "alice"):
        assert toy.resolve(method=method).items() >= expected.items()


def test_what_is_given_wins_over_budget_and_method():
    given = {"budget": "quick", "method": "vae", "epochs": 7, "posterior": "laplace"}
    assert toy.resolve(**given).items() >= given.items()
    assert toy.resolve(method="vae", turns=3)["turns"] == 3


def test_none_that_is_given_is_kept():
    settings = toy.resolve(turns=None)
    assert settings["turns"] is None and toy.resolve(**settings) == settings
    assert toy(**settings).model.turns == {"critic": 1, "autoencoder": 1}
    assert "validation" not in toy.resolve(validation=None)  # as without it
    given = parse(toy, ["--turns", "null"])
    assert given == {"turns": None} and toy.resolve(**given) == settings


def test_none_for_what_has_no_such_value_is_as_if_it_were_not_given():
    given = dict.fromkeys(("epochs", "seed", "batch_size", "method", "budget", "lam"))
    assert toy.resolve(**given) == toy.resolve()
    assert toy(epochs=None).training.epochs == 100
    recorded = toy.resolve(epochs=7)
    assert toy.resolve(recorded, epochs=None) == recorded


def test_replicas_take_as_many_steps_at_a_time():
    assert toy.resolve()["steps_per_execution"] == 16
    assert toy.resolve(replicas=2)["steps_per_execution"] == 16


@pytest.mark.parametrize(
    "given, message",
    [
        ({"method": "svea"}, "Expected method to be one of .*'svae'.*received: 'svea'"),
        (
            {"method": "ali", "lam": 1.0},
            "lam only with method svae, alice; received: lam=1.0 with 'ali'",
        ),
        ({"likelihood": "normal"}, "Expected likelihood to be one of"),
        ({"epochs": 0}, "Expected epochs >= 1; received: 0"),
        ({"epochs": "3"}, "Expected epochs to be int; received: '3'"),
        ({"epochs": True}, "Expected epochs to be int; received: True"),
        ({"play": "both"}, "Expected play to be one of .*; received: 'both'"),
        (
            {"play": "simultaneous"},  # the toy's encoder and decoder have five turns
            "one turn per player .*; received: turns=.*'autoencoder': 5.* with SVAE",
        ),
        (
            {"method": "vae", "critic_turns": 2},
            "critic_turns only with a method that has a critic; .*=2 with 'vae'",
        ),
        ({"batch_size": 33, "replicas": 2}, "received: batch_size=33, replicas=2"),
        (
            {"method": "wgan", "beta_1": 0.7},
            "beta_1 only with optimizer adam; received: beta_1=0.7 without it",
        ),
        ({"monitor": "val_loss"}, "monitor only with patience; received"),
        ({"importance_samples": 7}, "only with measures importance_weighted_bound"),
        (
            {"ais_examples": 7, "measures": "mse,my_annealed_importance_sampling"},
            "ais_examples only with measures annealed_importance_sampling",
        ),
    ],
)
def test_impossible_settings(given, message):
    with pytest.raises(ValueError, match=message):
        toy.resolve(**given)


def test_laws_have_their_own_options():
    for given, needed in (
        ({"shift": 2, "method": "ijae_l1"}, "shift only with likelihood shift_tanh"),
        ({"scale": 0.1}, "scale only with likelihood drawn_gaussian, gaussian_tanh"),
    ):
        with pytest.raises(ValueError, match=needed):
            ijae.mnist.resolve(**given)
    assert ijae.mnist.resolve(shift=2)["shift"] == 2
    with pytest.raises(ValueError, match="flow_length only with posterior planar_flow"):
        as_vae.mnist.resolve(method="vae", posterior="gaussian", flow_length=3)


@pytest.mark.parametrize(
    "one, given, message",
    [
        (
            mnist,
            {"method": "nf_vae", "posterior": "gaussian"},
            "Expected posterior=planar_flow with method=nf_vae; received: "
            "posterior=gaussian",
        ),
        (
            ijae.mnist,
            {"method": "ijae_l1", "likelihood": "shift_tanh"},
            "Expected likelihood=unit_laplace_tanh or laplace_tanh or laplace with "
            "method=ijae_l1; received: likelihood=shift_tanh",
        ),
        (
            ijae.mnist,
            {"method": "ijae_l2", "likelihood": "unit_laplace_tanh"},
            "with method=ijae_l2; received: likelihood=unit_laplace_tanh",
        ),
        (
            ijae.mnist,
            {"likelihood": "unit_laplace_tanh"},
            "Expected likelihood=shift_tanh with method=ijae; received",
        ),
        (
            mnist,
            {"method": "vae", "critic_activation": "leaky_relu"},
            "Expected critic_activation only with a method that has a critic; received",
        ),
        (
            mnist,
            {"method": "gan", "posterior": "laplace"},
            "Expected posterior only with a method that has an encoder; received: "
            "posterior=laplace",
        ),
    ],
)
def test_a_method_has_its_own_laws_and_networks(one, given, message):
    with pytest.raises(ValueError, match=message):
        one.resolve(**given)
    # A run that has been recorded so goes on, if it is not said again.
    recorded = one.resolve(method=given.get("method", "ijae")) | given
    assert one.resolve(recorded) == recorded
    assert one.resolve(recorded, method=recorded["method"]) == recorded
    with pytest.raises(ValueError, match=message):
        one.resolve(recorded, **given)


def test_an_experiment_gives_each_method_its_laws():
    """What an experiment itself says is checked, too, and not only what is given."""
    without = experiment(methods=(methods.nf_vae,), settings={"epochs": 1})

    def run(model, data: Data, training: Training):
        """Its default posterior is Gaussian."""

    with pytest.raises(ValueError, match="posterior=planar_flow with method=nf_vae"):
        without(run).resolve(batch_size=8, learning_rate=1e-3)


def test_options_of_networks_are_for_methods_that_train_them():
    given = {"critic_activation": "leaky_relu", "posterior": "laplace"}
    assert mnist.resolve(method="svae", **given).items() >= given.items()
    assert unifying.mnist.resolve(
        method="ss_vae", budget="quick", critic_activation="elu"
    )
    as_vae.mnist.resolve(method="as_vae_g", critic_batch_norm=True)
    with pytest.raises(ValueError, match="code_stddev only with .* an encoder"):
        mnist.resolve(method="wgan", code_stddev=0.02)


def test_all_settings_of_a_run_may_be_given_again():
    """So a run is continued. What has no effect is as it is without."""
    for given in ({"method": "wgan"}, {"method": "vae"}, {"measures": "mse"}):
        settings = toy.resolve(**given)
        assert {"beta_1", "monitor", "ais_examples"} <= set(settings)
        assert toy.resolve(**settings) == settings


def test_a_run_goes_on_with_settings_that_have_no_effect_today():
    old = toy.resolve(optimizer="rmsprop") | {"beta_1": 0.123}
    with pytest.raises(ValueError, match="beta_1 only with optimizer adam"):
        toy.resolve(**old)
    assert toy.resolve(old) == old
    assert toy.call(old, epochs=9).settings == old | {"epochs": 9}
    with pytest.raises(ValueError, match="monitor only with patience"):
        toy.resolve(old, monitor="val_loss")
    assert toy.apply(old).training.beta_1 == 0.123
    # An option that came later is not among them.
    del old["monitor"], old["turns"]
    assert toy.resolve(old) == old


def test_unknown_option():
    with pytest.raises(
        TypeError, match=r"that svae toy has; received: learning_rat\. Did"
    ):
        toy.resolve(learning_rat=1)
    with pytest.raises(TypeError, match="received: units"):
        mnist.resolve(units=3)  # table 3's networks have a width


@pytest.mark.parametrize("name", BUILDERS)
def test_play_is_written_out(name):
    model = inspect.signature(BUILDERS[name]).return_annotation
    given = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3}
    single = all(n == 1 for n in Training(**given).turns_of(model).values())
    aim = model is ks.AIM
    play = "simultaneous" if aim else "alternating"
    assert Training(**given).play_of(model) == play
    assert Training(**given, turns=5).play_of(model) == "alternating"
    if single:
        other = "alternating" if aim else "simultaneous"
        assert Training(**given, play=other).play_of(model) == other
    else:  # several turns of their class
        with pytest.raises(ValueError, match="one turn per player"):
            Training(**given, play="simultaneous").play_of(model)


def test_titles_tell_the_play_that_is_not_the_class_s():
    settings = toy.resolve(method="gan", critic_turns=1)
    assert toy.title(settings) == "toy-gan-seed0-paper"
    settings = toy.resolve(method="gan", critic_turns=1, play="simultaneous")
    assert toy.title(settings) == "toy-gan-simultaneous-seed0-paper"
    assert toy.title(toy.resolve(lam=0.1, seed=3)) == "toy-svae-lam0.1-seed3-paper"


# ---- A function of one's own -------------------------------------------------------


@experiment(
    settings={"depth": 3}, budgets={"long": {"steps": 9}, "short": {"steps": 2}}
)
def own(steps: int, depth: int = 1, *, name: str | None = None) -> dict:
    """One's own.

    Args:
        steps: How many.
        depth: How deep.
        name: Its name.
    """
    return {"product": steps * depth}


def test_a_function_of_ones_own_has_options_and_budgets():
    assert own.resolve() == {"steps": 9, "depth": 3, "budget": "long"}
    assert own(budget="short") == {"product": 6}
    assert own.options["steps"].help == "How many"
    assert own.resolve(name="x", depth=4)["depth"] == 4
