"""The command line that is made from experiments: options, lists, costs, errors."""

import re

import pytest
import yaml

from reproductions import __main__ as listing
from reproductions import ijae, real_scores, svae
from reproductions.engine import command, costs
from reproductions.engine.command import PAPERS, experiments, options_of, parse, parser
from reproductions.svae import mnist, toy, toy_sweep


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


def test_the_list_has_every_experiment_and_its_time(capsys):
    listing.main([])
    shown = capsys.readouterr().out
    for paper in PAPERS:
        for name in experiments(paper):
            assert f"python -m reproductions.{paper} {name}\n" in shown
    for name in ("batch_norm compare", "side_by_side table"):
        assert f"python -m reproductions.{name}" in shown
    # What is of no paper has its time, too: the last line of its three.
    lines = shown.splitlines()
    for name in ("demo", "unified_view", "real_scores", "benchmarks.scores"):
        found = lines.index(f"  python -m reproductions.{name}")
        assert re.fullmatch(r" {6}(not timed|\d+ s .*\.json\))", lines[found + 2])
    found = lines.index("  python -m reproductions.benchmarks.training")
    assert re.fullmatch(r" {6}\d+ s on .* \(benchmark.json\)", lines[found + 2])
    assert "_worker" not in shown
    # Its command was typed with a hyphen, or with an underscore.
    assert "not timed" not in command.time_taken(ijae.tiny_imagenet)
    assert "not timed" in shown
    assert "s of processor time on" in shown and "(svae_toy.json)" in shown
    # The options that make the time what it is, and not where its files are.
    (line,) = (one for one in lines if "(svae_saturation.json)" in one)
    assert "with" not in line
    (line,) = (one for one in lines if "(svae_toy_sample.json)" in one)
    assert "--out" not in line and "--record" not in line
    assert "--torch-python" not in shown and "--json" not in shown
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
        ("toy --epochz 3", "received: --epochz. Did you mean '--epochs'?"),
        ("toy --method aim", "--method to be one of svae, ali, "),
        ("toy --method gan --lam 3", "lam only with method svae, alice; received: lam"),
        ("toy-sweep --seeds 0", "--seeds to be an integer >= 1; received: 0"),
        ("toy-sweep --seeds x", "--seeds to be an integer >= 1; received: x"),
        ("toy-sweep --seeds=", "--seeds to be an integer >= 1; received: nothing"),
        ("toy --backup-every 0", "an integer >= 1 or null; received: 0"),
        ("toy --backup-every 1.5", "an integer >= 1 or null; received: 1.5"),
        ("saturation --updates 5 0", "each an integer >= 1; received: 0"),
        (
            "toy-sweep --workers 0",
            "Expected --workers to be an integer >= 1; received: 0",
        ),
        ("toy-sweep --lams a", "--lams to be several values, each a number; received"),
        (
            "mnist --units 3",
            "Expected only options that this command has; received: --units.",
        ),
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


def test_a_studys_own_option_may_have_the_name_of_the_one_that_chooses_networks(capsys):
    command.main("batch_norm", ["compare", "--nets", "digits", "--print-config"])
    shown = capsys.readouterr().out
    assert yaml.safe_load(shown)["nets"] == "digits" and "#" not in shown


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
        command.time_taken(toy)
