"""AIM's experiments are the paper's; its table of modes goes on where it stopped."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions import build, command, modes
from reproductions.config import BUDGETS, PLAYS, Config
from reproductions.experiments.aim import EXPERIMENTS, GRID25, MNIST


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("method", modes.NAMES)
def test_every_experiment_has_every_method_of_the_tables(name, method):
    for budget in BUDGETS:
        config = EXPERIMENTS[name].config(method=method, budget=budget)
        assert Config(**json.loads(json.dumps(config.asdict()))) == config


def test_table_3_is_the_papers_training():
    config = MNIST.config()
    expected = {
        "method": "aim",
        "latent_dim": 32,
        "batch_size": 100,
        "epochs": 400,
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "decay": "inverse_sqrt_epoch",
        "code_lam": None,
        "width": None,
    }
    assert {name: getattr(config, name) for name in expected} == expected
    optimizer = build.adam(config, config.learning_rate, 600)
    assert float(optimizer.learning_rate) == pytest.approx(2e-4)
    optimizer.build([])
    optimizer.iterations.assign(3 * 600)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)


@pytest.mark.parametrize("method", modes.METHODS)
def test_the_grids_methods_have_the_same_generator(method):
    small = {"units": 4, "depth": 2}
    model = build.model(GRID25.config(method=method, **small), 500)
    x = model.decoder(np.zeros((1, 2), "f"))
    assert x.shape == (1, 2)
    reference = build.model(GRID25.config(**small), 500)
    for a, b in zip(model.decoder.weights, reference.decoder.weights, strict=True):
        assert a.shape == b.shape
    assert (method in ("ali", "veegan")) == isinstance(model.critic.input_shape, list)
    if method.startswith("aim"):
        assert model.lam == 0.5
        assert model.variance == ("learned" if method == "aim" else "unit")


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("method", modes.NAMES)
def test_the_images_methods_can_be_built(name, method, monkeypatch):
    """All that is asked of networks; of losses the dry run, on the smaller images."""
    if name == "cifar10":
        monkeypatch.setattr(ks.models.Game, "_make_means", lambda model: None)
    small = {"width": 0.01, "unrolled": 1}
    model = build.model(EXPERIMENTS[name].config(method=method, **small))
    assert model.compiled
    norms = [
        layer
        for layer in model.critic.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert bool(norms) == (method != "unrolled_gan")


def test_the_other_experiments_have_the_same_networks_and_methods():
    for name, built in {"mnist2d": "mnist", "celeba": "cifar10"}.items():
        one, other = EXPERIMENTS[name], EXPERIMENTS[built]
        assert one.settings["nets"] == other.settings["nets"]
        assert one.methods == other.methods
    assert EXPERIMENTS["ring8"].methods == GRID25.methods


@pytest.mark.parametrize("name", ["mnist", "mnist2d"])
def test_veegan_keeps_its_own_weight_of_codes(name):
    """The quick budget's is AIM's alone."""
    for budget in BUDGETS:
        assert EXPERIMENTS[name].config(method="veegan", budget=budget).code_lam == 1
    assert MNIST.config(method="aim", budget="quick").code_lam == 0.25
    assert MNIST.config(method="veegan", code_lam=0.5).code_lam == 0.5


BIGAN = ["--method", "ali", "--posterior", "implicit", "--likelihood", "implicit"]


def test_the_command_of_bigan_makes_deterministic_maps():
    parser = command.parser("aim", "", EXPERIMENTS, {})
    small = {"units": 4, "depth": 1}
    for more in (["--no-noise"], []):
        given = vars(parser.parse_args(["grid25", *BIGAN, *more]))
        given = {n: given[n] for n in Config.__dataclass_fields__ if n in given}
        del given["experiment"]
        model = build.model(GRID25.config(**given, **small))
        assert type(model) is ks.ALI
        x = np.ones((3, 2), "f")
        encoded = [model.encode(x, seed=seed) for seed in (1, 2)]
        assert np.array_equal(*encoded) == bool(more)
        np.testing.assert_array_equal(*(model.decode(x, seed=s) for s in (1, 2)))


@pytest.mark.parametrize("method", ["aim", "aim_minus", "gan", "age", "veegan"])
@pytest.mark.parametrize("said", [(), ("--play", "simultaneous"), ("--turns", "2")])
def test_play_of_the_command_line_reaches_the_model(method, said):
    parser = command.parser("aim", "", EXPERIMENTS, {})
    given = vars(parser.parse_args(["grid25", "--method", method, *said]))
    given = {n: given[n] for n in Config.__dataclass_fields__ if n in given}
    del given["experiment"]
    if method == "age" and "--play" in said:
        given["turns"] = 1
    config = GRID25.config(**given, units=4, depth=1)
    model = build.model(config)
    assert model.play == config.play == config.asdict()["play"]
    unsaid = "simultaneous" if method.startswith("aim") and not said else "alternating"
    assert model.play == ("simultaneous" if "--play" in said else unsaid)
    assert model.turns == config.turns_by_player


def test_runs_of_different_play_have_files_of_their_own(tmp_path):
    methods = ("aim", "gan")
    plans = [modes.plan(methods, 1, "grid25", 24, play) for play in (None, *PLAYS)]
    names = [[modes.name_of(run) for run in runs] for runs in plans]
    old = ["grid25-aim-epochs24-seed0.json", "grid25-gan-epochs24-seed0.json"]
    new = ["grid25-aim-simultaneous-epochs24-seed0.json"]
    new += ["grid25-gan-simultaneous-epochs24-seed0.json"]
    assert names == [[new[0], old[1]], old, new]
    assert [run["play"] for run in plans[0]] == ["simultaneous", "alternating"]
    # A file of a time before there was a choice.
    modes.write_json(tmp_path / old[0], {"method": "aim"})
    assert modes.read(tmp_path / old[0])["play"] == "alternating"


def test_table_of_modes_skips_what_is_done(tmp_path, monkeypatch, capsys):
    made = []

    def instead(run, path):
        made.append(run)
        quality = 0.5 + 0.1 * run["seed"]
        done = dict(run) | {"steps": 7, "seconds": 1.0, "cpu seconds": 1.0}
        done |= {"modes": 25 - run["seed"], "high quality": quality}
        done["points"] = [[0.0, 0.0], [2.0, 2.0]]
        modes.write_json(path, done)
        return done

    class Pool:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, function, *arguments):
            import concurrent.futures

            future = concurrent.futures.Future()
            future.set_result(instead(*arguments))
            return future

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Pool)

    def table(*more):
        words = ["table2", "--out", str(tmp_path), "--methods", "aim", "gan"]
        command.main("aim", "", EXPERIMENTS, {"table2": modes}, [*words, *more])

    table("--seeds", "2")
    assert len(made) == 4
    table("--seeds", "3", "--report")
    assert len(made) == 4
    assert (
        json.loads((tmp_path / "summary.json").read_text())["by_method"]["gan"]["seeds"]
        == 2
    )
    table("--seeds", "3")
    assert [run["seed"] for run in made[4:]] == [2, 2]
    found = json.loads((tmp_path / "summary.json").read_text())
    aim = found["by_method"]["aim"]
    assert aim["seeds"] == 3 and aim["modes"]["mean"] == 24
    assert aim["high quality, %"]["mean"] == pytest.approx(60)
    assert aim["high quality, %"]["sd"] == pytest.approx(10)
    assert aim["modes"]["least"] == 23
    assert aim["published"] == {"modes": 25, "high quality, %": 81.1}
    assert all("points" not in run for run in found["runs"])
    assert (tmp_path / "summary.png").exists()
    assert "published" in capsys.readouterr().out
    plays = {name: one["play"] for name, one in found["by_method"].items()}
    assert plays == {"aim": "simultaneous", "gan": "alternating"}
    assert found["config"]["play"] == "simultaneous"
    table("--seeds", "2", "--play", "alternating")
    assert [run["method"] for run in made[6:]] == ["aim", "aim"]  # GAN's are done
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["by_method"]["aim"]["play"] == found["config"]["play"] == "alternating"


def test_one_run_measures_what_it_trained(tmp_path, monkeypatch):
    small = {"units": 8, "depth": 1, "steps_per_epoch": 10, "steps_per_execution": 10}
    monkeypatch.setitem(GRID25.settings, "ema", 0.9)
    for name, value in small.items():
        monkeypatch.setitem(GRID25.settings, name, value)
    run = {"experiment": "grid25", "method": "aim", "seed": 1, "epochs": 2}
    run["play"] = "simultaneous"
    found = modes.one_run(run, str(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text()) == found
    assert found["steps"] == 20 and len(found["points"]) == 2500
    assert sum(found["counts"]) == round(found["high quality"] * modes.SAMPLES)
    assert found["last weights"]["counts"] != found["counts"]
    law = ks.data.mixture("grid25")
    points = np.array(found["points"])
    nearest = np.linalg.norm(points[:, None] - law.means, axis=-1).min(1)
    share = (nearest <= 3 * law.sigma).mean()
    assert abs(share - found["high quality"]) < 0.05  # of 2500 others: 5 errors
