"""AIM's experiments are the paper's; its table of modes is what its runs say."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions import aim
from reproductions.aim.baselines import METHODS, NAMES, TABLE2
from reproductions.aim.toy import figure3, summary, text
from reproductions.engine import Study, build, execute
from reproductions.engine.command import parse

STUDIES = "table1", "table2"
EXPERIMENTS = [getattr(aim, name) for name in aim.__all__ if name not in STUDIES]
SMALL = {"units": 4, "depth": 1}


def named(experiment):
    return experiment.name


@pytest.mark.parametrize("one", EXPERIMENTS, ids=named)
@pytest.mark.parametrize("method", NAMES)
def test_every_experiment_has_every_method_of_the_tables(one, method):
    for budget in one.budgets:
        settings = one.resolve(method=method, budget=budget)
        assert one.resolve(**json.loads(json.dumps(settings))) == settings


def test_table_3_is_the_papers_training():
    settings = aim.mnist.resolve()
    expected = {
        "method": "aim",
        "latent_dim": 32,
        "batch_size": 100,
        "epochs": 400,
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "decay": "inverse_sqrt_epoch",
    }
    assert {name: settings[name] for name in expected} == expected
    assert not {"code_lam", "width"} & set(settings)
    training = aim.mnist.group("training", settings)
    optimizer = build._optimizer(training, training.learning_rate, 600)
    assert float(optimizer.learning_rate) == pytest.approx(2e-4)
    optimizer.build([])
    optimizer.iterations.assign(3 * 600)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)


@pytest.mark.parametrize("method", TABLE2)
def test_the_grids_methods_have_the_same_generator(method):
    small = {"units": 4, "depth": 2}
    model = aim.grid25(method=method, **small).model
    assert model.decoder(np.zeros((1, 2), "f")).shape == (1, 2)
    reference = aim.grid25(**small).model
    for a, b in zip(model.decoder.weights, reference.decoder.weights, strict=True):
        assert a.shape == b.shape
    assert (method in ("ali", "veegan")) == isinstance(model.critic.input_shape, list)
    if method.startswith("aim"):
        assert model.lam == 0.5
        assert model.variance == ("learned" if method == "aim" else "unit")


OF_IMAGES = [name for name in NAMES if name != "vae"]


def compiled(one, method):
    more = {"unrolled": 1} if method == "unrolled_gan" else {}
    run = one(method=method, width=0.01, **more)
    build.compile_model(run.model, run.training, 100)
    assert run.model.compiled
    return run


# The losses are computed as with any networks: tests/models has each method's.
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=() if name == "aim" else pytest.mark.slow)
        for name in OF_IMAGES
    ],
)
def test_losses_of_the_images_methods_are_computed_once(method):
    assert compiled(aim.mnist, method).model.metrics


@pytest.mark.parametrize(
    "one",
    [aim.mnist, pytest.param(aim.cifar10, marks=pytest.mark.slow)],
    ids=named,
)
@pytest.mark.parametrize("method", OF_IMAGES)
def test_the_images_methods_can_be_built(one, method, monkeypatch):
    """All that is asked of networks."""
    monkeypatch.setattr(ks.models.Game, "_make_means", lambda model: None)
    run = compiled(one, method)
    norms = [
        layer
        for layer in run.model.critic.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert bool(norms) == (method not in ("unrolled_gan", "wgan_gp"))


def test_the_other_experiments_have_the_same_networks_and_methods():
    pairs = (aim.mnist2d, aim.mnist), (aim.celeba, aim.cifar10), (aim.ring8, aim.grid25)
    for one, other in pairs:
        assert one.networks == other.networks
        assert one.methods == other.methods
        assert one.by_method == other.by_method
    assert aim.ring8.resolve() == aim.grid25.resolve() | {"data": "ring8"}
    assert tuple(aim.mnist.methods.values()) == METHODS


@pytest.mark.parametrize("one", [aim.mnist, aim.mnist2d], ids=named)
def test_veegan_keeps_its_own_weight_of_codes(one):
    """The quick budget's is AIM's alone."""
    for budget in one.budgets:
        assert one.resolve(method="veegan", budget=budget)["code_lam"] == 1
    quick = aim.mnist.resolve(method="aim", budget="quick")
    assert quick["code_lam"] == 0.25
    assert aim.mnist.resolve(method="veegan", code_lam=0.5)["code_lam"] == 0.5


BIGAN = ["--method", "ali", "--posterior", "implicit", "--likelihood", "implicit"]


def test_the_command_of_bigan_makes_deterministic_maps():
    for more in (["--no-noise"], []):
        model = aim.grid25(**parse(aim.grid25, [*BIGAN, *more]), **SMALL).model
        assert type(model) is ks.ALI
        x = np.ones((3, 2), "f")
        encoded = [model.encode(x, seed=seed) for seed in (1, 2)]
        assert np.array_equal(*encoded) == bool(more)
        np.testing.assert_array_equal(*(model.decode(x, seed=s) for s in (1, 2)))


@pytest.mark.parametrize("method", ["aim", "aim_minus", "gan", "veegan"])
@pytest.mark.parametrize("said", [(), ("--play", "simultaneous"), ("--turns", "2")])
def test_play_of_the_command_line_reaches_the_model(method, said):
    given = parse(aim.grid25, ["--method", method, *said])
    run = aim.grid25(**given, **SMALL)
    model = run.model
    assert model.play == aim.grid25.resolve(**given)["play"]
    unsaid = "simultaneous" if method.startswith("aim") and not said else "alternating"
    assert model.play == ("simultaneous" if "--play" in said else unsaid)
    assert model.turns == run.training.turns_of(type(model))


def test_runs_of_different_play_are_different_runs():
    plays = (None, "alternating", "simultaneous")
    of_aim, of_gan = (
        [aim.grid25.call(method=method, play=play) for play in plays]
        for method in ("aim", "gan")
    )
    assert of_aim[0] == of_aim[2] != of_aim[1]
    assert of_gan[0] == of_gan[1] != of_gan[2]
    assert of_aim[0].title != of_aim[1].title


@pytest.mark.parametrize("name", ["seeds", "epochs"])
def test_the_table_refuses_nothing_at_all(name):
    with pytest.raises(ValueError, match=f"{name} >= 1"):
        aim.table2.resolve(**{name: 0})
    with pytest.raises(ValueError, match=name):
        parse(aim.table2, [f"--{name}", "0"])


def record(method, seed, captured, quality, **more):
    metrics = {"modes.captured": captured, "modes.high_quality": quality}
    return {
        "settings": aim.grid25.resolve(method=method, seed=seed),
        "metrics": metrics,
        "processor seconds": 1.0,
        **more,
    }


def test_the_table_has_means_and_spreads_beside_the_published():
    points = {"points": [[0.0, 0.0], [2.0, 2.0]]}
    records = [record("aim", s, 25 - s, 0.5 + 0.1 * s, **points) for s in range(3)]
    records += [record("gan", 0, 20, 0.5, **points)]
    records += [record("gan", 1, 0, 0, diverged="NaN") | {"metrics": {}}]
    found = summary(records)
    row = found["aim"]
    assert row["seeds"] == 3 and row["diverged"] == 0
    assert row["modes"]["mean"] == 24 and row["modes"]["least"] == 23
    assert row["high quality, %"]["mean"] == pytest.approx(60)
    assert row["high quality, %"]["deviation"] == pytest.approx(10)
    assert row["published"] == {"modes": 25, "high quality, %": 81.1}
    plays = {name: one["play"] for name, one in found.items()}
    assert plays == {"aim": "simultaneous", "gan": "alternating"}
    # What diverged has captured nothing.
    assert found["gan"]["diverged"] == 1
    assert found["gan"]["modes"]["values"] == [20, 0]
    lines = text(found).splitlines()
    assert lines[0].split()[:2] == ["seeds", "modes"]
    assert lines[1].split() == (
        ["AIM", "3", "24.00", "+-", "1.00", "(23)", "25"]
        + ["60.0", "+-", "10.0", "81.1", "simultaneous"]
    )
    assert "+-" not in text(summary(records[:1]))
    titles = [ax.get_title() for ax in figure3(records, np.zeros((1, 2))).axes]
    assert titles == ["AIM, seed 0: 25 modes, 50%", "GAN, seed 0: 20 modes, 50%"]


@pytest.fixture
def small_grid(monkeypatch):
    small = {"units": 8, "depth": 1, "steps_per_epoch": 10, "steps_per_execution": 1}
    small |= {"batch_norm": False}
    for name, value in small.items():
        monkeypatch.setitem(aim.grid25.settings, name, value)
        monkeypatch.setitem(aim.ring8.settings, name, value)


class Planned(Study):
    """Takes calls instead of running them."""

    def __call__(self, calls):
        self.calls = calls
        raise InterruptedError


def test_the_table_runs_what_is_missing(tmp_path, small_grid, capsys):
    given = {"quick": True, "epochs": 1, "data": "ring8", "methods": ["gan"]}
    with Planned(tmp_path) as study, pytest.raises(InterruptedError):
        aim.table2(study=study, **given)
    assert len(study.calls) == 2
    # A number that is given counts, also with quick.
    with Planned(tmp_path) as study, pytest.raises(InterruptedError):
        aim.table2(study=study, seeds=5, **given)
    assert len(study.calls) == 5
    with Study(tmp_path) as study:
        aim.table2(study=study, seeds=1, **given)
    assert "0 of 1 runs are done" in capsys.readouterr().out
    given |= {"seeds": 1, "methods": ["aim", "gan"], "play": "alternating"}
    with Study(tmp_path, record=tmp_path / "copy") as study:
        aim.table2(study=study, **given)
    assert "1 of 2 runs are done" in capsys.readouterr().out  # GAN's
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found == json.loads((tmp_path / "copy.json").read_text())
    assert found["by_method"]["aim"]["play"] == found["settings"]["play"]
    assert found["settings"]["play"] == "alternating"
    assert [(run["method"], run["seed"]) for run in found["runs"]] == (
        [("aim", 0), ("gan", 0)]
    )
    assert all(len(run["counts"]) == 8 and "points" not in run for run in found["runs"])
    assert all(run["steps"] == 10 for run in found["runs"])
    assert (tmp_path / "copy.png").exists()


def test_one_run_measures_what_it_trained(tmp_path, small_grid):
    call = aim.grid25.call(method="aim", seed=1, epochs=2, ema=0.9)
    found = execute(call, tmp_path / "run", keep="record", verbose="none")
    assert json.loads((tmp_path / "run.json").read_text()) == found
    assert found["steps"] == 20 and len(found["points"]) == 2500
    share = found["metrics"]["modes.high_quality"]
    assert sum(found["counts"]) == round(share * call.settings["n"])
    law = ks.data.mixture("grid25")
    points = np.array(found["points"])
    nearest = np.linalg.norm(points[:, None] - law.means, axis=-1).min(1)
    # Of 2500 others: 5 errors.
    assert abs((nearest <= 3 * law.sigma).mean() - share) < 0.05
