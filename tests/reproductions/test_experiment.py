"""Experiments as functions: their settings, and the command line made from them."""

import inspect
import json
import re

import pytest
import yaml

import keras_svae as ks
from reproductions import __main__ as listing
from reproductions import as_vae, ijae, methods, real_scores, svae, unifying
from reproductions.engine import Call, Parts, command, costs, experiment
from reproductions.engine.command import PAPERS, experiments, options_of, parse, parser
from reproductions.engine.settings import Data, Training
from reproductions.svae import mnist, toy, toy_sweep

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
            {"ais_examples": 7, "measures": "mse"},
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
        TypeError, match=r"of svae toy; received: \['learning_rat'\]. Di"
    ):
        toy.resolve(learning_rat=1)
    with pytest.raises(TypeError, match="received: .'units'"):
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


# ---- The command line --------------------------------------------------------------


@pytest.mark.parametrize("one", [mnist, toy, toy_sweep], ids=["mnist", "toy", "sweep"])
def test_help_shows_options_and_defaults(one):
    shown = " ".join(parser(one).format_help().split())
    for name in options_of(one):
        assert f"--{name.replace('_', '-')}" in shown
    assert "--config" in shown and "--print-config" in shown
    if one is not toy_sweep:
        epochs = [f"{b}: {one.resolve(budget=b)['epochs']}" for b in one.budgets]
        assert {"paper", "quick"} <= set(one.budgets)
        assert f"How many epochs [{', '.join(epochs)}]" in shown


def test_the_list_has_every_experiment_and_its_cost(capsys):
    listing.main([])
    shown = capsys.readouterr().out
    for paper in PAPERS:
        for name in experiments(paper):
            assert f"python -m reproductions.{paper} {name}\n" in shown
    for name in ("batch_norm compare", "side_by_side table"):
        assert f"python -m reproductions.{name}" in shown
    # What is of no paper has its cost, too: the last line of its three.
    lines = shown.splitlines()
    for name in ("demo", "unified_view", "real_scores", "benchmarks.scores"):
        found = lines.index(f"  python -m reproductions.{name}")
        assert re.fullmatch(r" {6}(not timed|\d+ s .*\.json\))", lines[found + 2])
    found = lines.index("  python -m reproductions.benchmarks.training")
    assert re.fullmatch(r" {6}\d+ s on .* \(benchmark.json\)", lines[found + 2])
    assert "_worker" not in shown
    # Its command was typed with a hyphen, or with an underscore.
    assert "not timed" not in command.cost(ijae.tiny_imagenet)
    assert "not timed" in shown
    assert "s of processor time on" in shown and "(svae_toy.json)" in shown
    # The options that make the time what it is, and not where its files are.
    (line,) = (one for one in lines if "(svae_saturation.json)" in one)
    assert "with" not in line
    (line,) = (one for one in lines if "(svae_toy_sample.json)" in one)
    assert "--out" not in line and "--record" not in line
    (line,) = (one for one in lines if "(aim_mnist.json)" in one)
    assert line.endswith(", with --budget quick (aim_mnist.json)")
    listing.main(["svae"])
    shown = capsys.readouterr().out
    assert "reproductions.aim" not in shown and svae.__doc__.splitlines()[0] in shown
    with pytest.raises(ValueError, match="among svae, .*; received: none"):
        listing.main(["none"])


def test_published_numbers_beside_ours_are_of_the_same_networks():
    one = experiments("svae")["mnist"]
    metrics = {"inception_score": 8.0}

    def shown(data, **settings):
        record = {"settings": {"data": data, **settings}, "metrics": metrics}
        return command.report(one, record).splitlines()[1]

    gan = shown("mnist", method="gan", nets="mnist")
    assert "8.34" in gan and "8.93" not in gan
    dcgan = shown("mnist", method="gan", nets="dcgan")
    assert "8.93" in dcgan and "8.34" not in dcgan
    resnet = shown("cifar10", method="wgan_gp", nets="resnet")
    assert "7.86" in resnet and "6.56" not in resnet
    assert "6.56" in shown("cifar10", method="wgan_gp", nets="cifar10")


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_no_error(word, capsys):
    listing.main([word])
    shown = capsys.readouterr().out
    assert "python -m reproductions.svae mnist\n" in shown
    assert "python -m reproductions verdicts\n" in shown
    for words in ([word], ["mnist", word]):
        with pytest.raises(SystemExit) as stop:
            real_scores.main(words)
        assert stop.value.code == 0
        shown = capsys.readouterr().out
        assert "real_scores DATA [options]" in shown and "--classifier" in shown


@pytest.mark.parametrize("words", [[], ["--no-download"]])
def test_scores_of_real_images_need_data(words):
    said = f"an .npz; received: {words[0] if words else 'none'}$"
    with pytest.raises(ValueError, match=said):
        real_scores.main(words)


def test_only_what_is_typed_is_given(tmp_path):
    given = parse(mnist, "--lam 0.1 --seed 3 --budget quick".split())
    assert given == {"lam": 0.1, "seed": 3, "budget": "quick"}
    given = parse(toy, ["--no-noise", "--critic-batch-norm", "--lam", "1"])
    assert given == {"noise": False, "critic_batch_norm": True, "lam": 1.0}
    given = parse(toy, ["--critic_turns=2", "--noise", "--resume"])
    assert given == {"critic_turns": 2, "noise": True, "resume": True}
    for lams in ("0 .1", "0,.1", "[0,.1]", "[0, .1]", "[ 0 , .1 ]"):
        given = parse(toy_sweep, f"--lams {lams} --workers 3".split())
        assert given == {"lams": [0.0, 0.1], "workers": 3}
    file = tmp_path / "run.yaml"
    file.write_text("method: vae\nepochs: 7\n")
    given = parse(toy, ["--config", str(file), "--epochs", "8"])
    assert given == {"method": "vae", "epochs": 8}


@pytest.mark.parametrize(
    "line, message",
    [
        ("toy --epochs x", "Expected --epochs to be an integer; received: x"),
        ("toy --epochs 0", "Expected epochs >= 1; received: 0"),
        ("toy --epochz 3", "received: ['--epochz']. Did you mean '--epochs'?"),
        ("toy --method aim", "--method to be one of svae, ali, "),
        ("toy --method gan --lam 3", "lam only with method svae, alice; received: lam"),
        ("toy-sweep --seeds 0", "--seeds to be an integer >= 1; received: 0"),
        ("toy-sweep --seeds x", "--seeds to be an integer >= 1; received: x"),
        ("toy-sweep --seeds=", "--seeds to be an integer >= 1; received: nothing"),
        ("toy --backup-every 0", "an integer >= 1 or null; received: 0"),
        ("toy --backup-every 1.5", "an integer >= 1 or null; received: 1.5"),
        ("saturation --updates 5 0", "each an integer >= 1; received: 0"),
        ("toy-sweep --workers 0", "Expected workers >= 1; received: 0"),
        ("toy-sweep --lams a", "--lams to be several values, each a number; received"),
        ("mnist --units 3", "received: ['--units']"),
        ("toyy", "Expected an experiment, one of ['celeba', "),
        ("toy --config none.yaml", "none.yaml"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(line, message, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main("svae", line.split())
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "aim table2 --epochs 0",
            "--epochs to be an integer >= 1 or null; received: 0",
        ),
        ("aim table2 --seeds 0", "--seeds to be an integer >= 1 or null; received: 0"),
        ("aim table2 --seeds -3", "an integer >= 1 or null; received: -3"),
        ("ijae plane --epochs 0", "an integer >= 1 or null; received: 0"),
        ("ijae plane --epochs x", "an integer >= 1 or null; received: x"),
        ("aim table1 --epochs 0", "each an integer >= 1 or null; received: 0"),
        ("aim table1 --epochs 1 0", "each an integer >= 1 or null; received: 1, 0"),
        ("aim table1 --epochs a", "each an integer >= 1 or null; received: a"),
    ],
)
def test_a_value_of_an_option_that_may_be_unset_is_shown(line, message, capsys):
    paper, *words = line.split()
    with pytest.raises(SystemExit) as stop:
        command.main(paper, words)
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f"{message}\n")


def test_the_settings_are_printed(capsys):
    line = "mnist --method alice --budget quick --print-config"
    command.main("svae", line.split())
    shown = capsys.readouterr().out
    assert "method: alice\n" in shown and "two_sided: false\n" in shown
    assert "epochs: 4\n" in shown and "steps_per_epoch: 234\n" in shown
    assert "critic_activation: leaky_relu\n" in shown


def test_what_is_left_to_the_networks_stands_in_comments(capsys):
    command.main("svae", ["digits", "--depth", "3", "--print-config"])
    shown = capsys.readouterr().out
    assert "# units: as digits has it (not set: the networks' own)" in shown
    assert "\ndepth: 3\n" in shown and "# depth" not in shown
    command.main("svae", ["mnist", "--print-config"])
    shown = capsys.readouterr().out
    assert "# width: 1.0 (not set" in shown
    # Null is a value here: Xavier, as in the paper.
    assert "\ncode_stddev: null\n" in shown and "# code_stddev" not in shown


def test_what_is_printed_can_be_given_as_a_file(tmp_path, capsys):
    line = "toy --method alice --lam 0.3 --epochs 3 --print-config"
    command.main("svae", line.split())
    file = tmp_path / "run.yaml"
    file.write_text(capsys.readouterr().out)
    command.main("svae", ["toy", "--config", str(file), "--print-config"])
    again = yaml.safe_load(capsys.readouterr().out)
    assert again == yaml.safe_load(file.read_text()) and again["lam"] == 0.3
    given = parse(toy, ["--config", str(file)])
    assert toy.resolve(**given) == toy.resolve(method="alice", lam=0.3, epochs=3)


@pytest.mark.parametrize("text", ['{"command": "py', "[]", "null"])
def test_a_record_that_is_cut_off_or_of_another_kind_is_named(
    text, tmp_path, monkeypatch
):
    (tmp_path / "half.json").write_text(text)
    monkeypatch.setattr(costs, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="a .*JSON file.*; received: .*half.json"):
        command.cost(toy)
