"""Experiments as data, and the command line that is made from them."""

import dataclasses
import json

import pytest

from reproductions import command, sweep
from reproductions.config import BUDGETS, Config
from reproductions.experiments.aim import GRID25
from reproductions.experiments.svae import EXPERIMENTS, TOY
from reproductions.folder import RunFolder
from reproductions.methods import METHODS


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize(
    "method", [name for name, one in METHODS.items() if one.labels == "none"]
)
def test_every_experiment_has_every_method_and_budget(name, method):
    for budget in BUDGETS:
        config = EXPERIMENTS[name].config(method=method, budget=budget)
        again = Config(**json.loads(json.dumps(config.asdict())))
        assert again == config
        assert config.experiment == name and config.budget == budget
        assert config.lam == 0 or "lam" in METHODS[method].options


def test_methods_of_classes_say_what_they_miss():
    for method, one in METHODS.items():
        if one.labels != "none":
            with pytest.raises(ValueError, match="Expected classes.*received: none"):
                TOY.config(method=method)
    with pytest.raises(ValueError, match="Expected labelled with ss_vae"):
        TOY.config(method="ss_vae", classes=5)
    with pytest.raises(ValueError, match="only with them; received: labelled=0.1"):
        TOY.config(method="vae", labelled=0.1)


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
        config = TOY.config(method=method).asdict()
        assert {name: config[name] for name in expected} == expected


def test_what_is_given_wins_over_budget_and_method():
    given = {"budget": "quick", "method": "vae", "epochs": 7, "posterior": "laplace"}
    config = TOY.config(**given)
    assert {name: getattr(config, name) for name in given} == given
    assert TOY.config(method="vae", turns=3).turns == 3


def test_replicas_take_one_step_at_a_time():
    assert TOY.config().steps_per_execution == 16
    assert TOY.config(replicas=2).steps_per_execution == 1


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"method": "svea"},
            "Expected method to be one of .*'svae'.*; received: 'svea'",
        ),
        ({"method": "ali", "lam": 1.0}, "lam only with .*; received: lam=1 with 'ali'"),
        ({"likelihood": "normal"}, "Expected likelihood to be one of"),
        ({"epochs": 0}, "Expected epochs >= 1; received: 0"),
        ({"play": "both"}, "Expected play to be one of .*; received: 'both'"),
        (
            {"play": "simultaneous"},  # the toy's encoder and decoder have five turns
            "one turn per player .*; received: turns=.*'autoencoder': 5.* with 'svae'",
        ),
        ({"batch_size": 33, "replicas": 2}, "received: batch_size=33, replicas=2"),
    ],
)
def test_impossible_configurations(given, message):
    with pytest.raises(ValueError, match=message):
        TOY.config(**given)


def test_play_is_written_out_and_told_from_the_other():
    for method, one in METHODS.items():
        more = {"classes": 5} if one.labels != "none" else {}
        more |= {"labelled": 0.1} if one.labels == "some" else {}
        config = TOY.config(method=method, turns=1, critic_turns=1, **more)
        aim = method in ("aim", "aim_minus")
        assert config.play == ("simultaneous" if aim else "alternating")
        assert (
            config.asdict()["play"] == config.play and config.play not in config.title
        )
        other = "alternating" if aim else "simultaneous"
        config = dataclasses.replace(config, play=other)
        assert config.title.startswith(f"toy-{method}") and other in config.title
    assert TOY.config(method="aim").turns == 5
    assert TOY.config(method="aim").play == "alternating"
    for name in ("age", "wgan_gp"):  # several turns of their class
        assert Config(**TOY.config(method=name).asdict() | BARE).play == "alternating"
        with pytest.raises(ValueError, match="one turn per player"):
            Config(**TOY.config(method=name).asdict() | BARE | {"play": "simultaneous"})


BARE = {"turns": None, "critic_turns": None, "play": None}


def test_a_run_of_a_time_without_play_alternated(tmp_path):
    config = GRID25.config()
    old = {name: one for name, one in config.asdict().items() if name != "play"}
    (tmp_path / "config.json").write_text(json.dumps(old))
    folder = RunFolder(tmp_path)
    assert Config(**folder.known()).play == "alternating"
    folder.open(GRID25.config(play="alternating"), resume=True)
    with pytest.raises(ValueError, match="play='alternating' there, 'simultaneous' he"):
        folder.open(config, resume=True)
    # Those of a method whose default has stayed go on as they are.
    again = tmp_path / "gan"
    again.mkdir()
    config = GRID25.config(method="gan")
    old = {name: one for name, one in config.asdict().items() if name != "play"}
    (again / "config.json").write_text(json.dumps(old))
    RunFolder(again).open(config, resume=True)


def test_unknown_field():
    with pytest.raises(TypeError, match="learning"):
        TOY.config(learning=1)


def parse(*arguments):
    parser = command.parser("p", "About.", EXPERIMENTS, {"toy-sweep": sweep})
    return vars(parser.parse_args(arguments))


@pytest.mark.parametrize("name", [*EXPERIMENTS, "toy-sweep"])
def test_help_shows_options_and_defaults(name, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(name, "--help")
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    if name == "toy-sweep":
        assert "--workers" in shown and "runs/toy-sweep" in shown
        return
    for field in dataclasses.fields(Config):
        if field.name not in ("experiment", "nets"):
            assert f"--{field.name.replace('_', '-')}" in shown
    epochs = [EXPERIMENTS[name].config(budget=b).epochs for b in BUDGETS]
    assert f"how many epochs [paper: {epochs[0]}, quick: {epochs[1]}]" in shown
    for option in ("--out", "--resume", "--data-dir", "--manual-dir", "--record"):
        assert option in shown


def test_help_lists_the_experiments(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*EXPERIMENTS, "toy-sweep"))


def test_only_what_is_typed_is_given():
    given = parse("mnist", "--lam", "0.1", "--seed", "3", "--budget", "quick")
    typed = {"lam": 0.1, "seed": 3, "budget": "quick", "experiment": "mnist"}
    assert given | typed == given
    fields = {field.name for field in dataclasses.fields(Config)}
    assert fields & set(given) == set(typed)
    given = parse("toy", "--no-noise", "--critic-batch-norm")
    assert given["noise"] is False and given["critic_batch_norm"] is True
