"""The tables of Hu et al. (2018): what is run, chosen and compared."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions.engine import Study, build, execute
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import load_backbone
from reproductions.unifying import cifar10, gain, mnist, svhn, table
from reproductions.unifying.adapt import adapt
from reproductions.unifying.images import BATCH, VALIDATION, held_out_bound
from reproductions.unifying.pairs import BASES, TEMPERATURES
from reproductions.unifying.table import (
    EXPERIMENTS,
    chosen,
    compared,
    row_of,
    run_of,
    text,
)
from tests.reproductions.unifying import DIGITS, Asked, differing

METHODS = list(mnist.methods)


@pytest.mark.parametrize("one", [mnist, svhn, cifar10], ids=lambda one: one.name)
@pytest.mark.parametrize("method", METHODS)
def test_every_experiment_has_every_method_of_the_tables(one, method):
    assert set(METHODS) == {*BASES, *BASES.values()}
    for budget in one.budgets:
        settings = one.resolve(method=method, budget=budget)
        assert one.resolve(**json.loads(json.dumps(settings))) == settings
        of_some = issubclass(one.model_of(settings), ks.SemiSupervisedVAE)
        assert ("labelled" in settings) == of_some


def test_extension_and_base_differ_in_the_method_alone():
    for budget in mnist.budgets:
        for method, base in BASES.items():
            both = (mnist.resolve(method=m, budget=budget) for m in (method, base))
            assert differing(*both) <= {"method", "temperature"}


# Those whose networks differ: colour images are of one size, and budgets are of steps.
CELLS = [
    pytest.param(mnist, "paper", marks=pytest.mark.slow),
    (mnist, "quick"),
    pytest.param(svhn, "quick", marks=pytest.mark.slow),
]
OF_NO_NETWORK = {"data", "budget", "epochs", "steps_per_epoch", "width", "n"}
OF_NO_NETWORK |= {"labelled_batch"}


def test_cells_have_all_networks_of_the_tables():
    for other, budget in ((svhn, "paper"), (cifar10, "paper"), (cifar10, "quick")):
        assert other.networks == svhn.networks
        for method in METHODS:
            first = svhn.resolve(method=method, budget="quick")
            second = other.resolve(method=method, budget=budget)
            assert differing(first, second) <= OF_NO_NETWORK


@pytest.mark.parametrize(("one", "budget"), CELLS, ids=["paper", "quick", "svhn"])
def test_all_methods_are_built_and_pairs_start_from_the_same_weights(one, budget):
    # The least width of DCGAN; dense networks have none.
    width = {} if (one, budget) == (mnist, "quick") else {"width": 1 / 16}
    made = {}
    for method in METHODS:
        keras.utils.set_random_seed(0)
        made[method] = one(method=method, budget=budget, **width).model
    for method, base in BASES.items():
        both = made[method], made[base]
        for network in ("encoder", "decoder", "critic", "classifier"):
            first, second = (getattr(one, network, None) for one in both)
            if second is None:
                continue
            assert first.name == second.name and first.count_params() > 0
            for a, b in zip(first.weights, second.weights, strict=True):
                np.testing.assert_array_equal(a, b, f"{network} of {method}")


def test_plan_is_paired_and_temperatures_are_chosen_before_it():
    study = Asked()
    table(study=study, groups=["vae", "m2", "gan"], seeds=2)
    tried, runs, of_labels, m2, gans = study.asked
    assert len(tried) == 2 * 4 and len(runs) == 2 * 3 * 4
    assert len(of_labels) == 4 and len(m2) == 2 * 2 * 2 and len(gans) == 2 * 4
    assert {c.settings["temperature"] for c in tried} == set(TEMPERATURES)
    assert {(c.settings["seed"], c.settings["examples"]) for c in tried} == {(0, 0.1)}
    assert all("labelled" not in call.settings for call in runs)
    assert {c.settings["labelled"] for c in m2} == {0.01, 0.1}
    assert all("examples" not in call.settings for call in m2)
    assert {call.settings.get("temperature") for call in runs} == {None, 3.0}
    # The weights of what has a bound are chosen, too; a GAN has none.
    assert all(call.settings["choose"] for call in [*tried, *runs, *of_labels, *m2])
    assert not any(call.settings["choose"] for call in gans)
    for method, base in BASES.items():
        cells = [
            [c.settings for c in (*runs, *m2, *gans) if c.settings["method"] == one]
            for one in (method, base)
        ]
        for both in zip(*cells, strict=True):
            assert differing(*both) <= {"method", "temperature"}
    # Seed 0 with the chosen temperature is one of those that it was chosen from.
    every = {json.dumps(c.settings) for c in (*runs, *tried)}
    assert len(every) == len(runs) + len(tried) - 2
    content = study.content
    assert content["temperatures"] == {"aavae": 3.0, "aacvae": 3.0, "aa_ss_vae": 3.0}
    assert len(content["runs"]) == 40 and len(content["configs"]) == 12 + 4 + 4
    assert content["choice"][2] == {
        "method": "aavae",
        "share": 0.1,
        "temperature": 3.0,
        "seed": 0,
        "validation": -80.0,
    }


def test_shares_leave_others_out():
    study = Asked()
    table(study=study, groups=["vae"], shares=[0.01], seeds=1)
    assert {c.settings["examples"] for calls in study.asked for c in calls} == {0.01}
    with pytest.raises(ValueError, match="Expected shares among"):
        table(study=study, groups=["vae", "gan"], shares=[0.5])


def test_the_temperature_is_chosen_by_validation():
    runs = [
        {"method": "aavae", "share": 0.1, "temperature": t, "validation": v}
        | {"metrics": {"variational_bound": test}}
        for t, v, test in ((1.0, -9.0, -1.0), (3.0, -8.0, -2.0), (5.0, -8.5, 0.0))
    ]
    # One that diverged at once has no bound.
    runs.append({"method": "aavae", "temperature": 1.5, "diverged": "!"})
    assert chosen(runs) == {"aavae": 3.0}


@pytest.fixture
def digits(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "mnist", DIGITS)


@pytest.mark.slow
def test_the_table_of_small_runs(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(table.function.__globals__, "TEMPERATURES", (1.0, 3.0))
    given = {"groups": ["m2"], "shares": [0.1], "seeds": 1, "epochs": 1}
    with Study(tmp_path) as study:
        table(study=study, **given)
    # Of the two runs of the table one was among those that chose T.
    assert "1 of 2 runs are done" in capsys.readouterr().out
    content = json.loads((tmp_path / "summary.json").read_text())
    assert len(content["runs"]) == 2 and len(content["choice"]) == 2
    measures = ["marginal_bound", "classification_accuracy"]
    assert [row["measure"] for row in content["rows"]] == measures
    for row in content["rows"]:
        low, high = (-80, -20) if "bound" in row["measure"] else (0, 1)
        assert low < row["base value"]["mean"] < high
        assert low < row["method value"]["mean"] < high
        assert row["difference"]["interval"] is None
    with Study(tmp_path, report=True) as study:  # what is done, though gan is not
        table(study=study, **given | {"groups": ["m2", "gan"], "shares": None})
    again = json.loads((tmp_path / "summary.json").read_text())
    assert again["rows"] == content["rows"]


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("aacvae", marks=pytest.mark.slow),
        pytest.param("aa_ss_vae", marks=pytest.mark.slow),
        "vae",
    ],
)
def test_a_run_is_measured_with_its_best_weights(method, tmp_path):
    call = DIGITS.call(method=method, choose=True, last=True, epochs=2, n=500)
    record = execute(call, tmp_path / "run", keep="record", verbose="none")
    found = row_of(record)
    assert len(record["validation"]) == 2
    bounds = [-one["value"] for one in record["validation"]]
    assert found["validation"] == max(bounds)
    assert found["best epoch"] == 1 + int(np.argmax(bounds))
    assert record["steps"] == 2 * found["best epoch"]
    bound = "marginal_bound" if method == "aa_ss_vae" else "variational_bound"
    assert -80 < found["metrics"][bound] < -20
    last = record["last"]["metrics"][bound]
    assert (last == found["metrics"][bound]) == (found["best epoch"] == 2)
    accuracy = found["metrics"].get("classification_accuracy")
    assert (accuracy is not None) == (method == "aa_ss_vae")


def test_steps_of_the_papers_budget_do_not_hang_on_the_share():
    for one, steps in ((mnist, 42_900), (svhn, 53_300), (cifar10, 35_100)):
        for method, share in (("vae", 0.01), ("vae", 1.0), ("gan", None)):
            found = one.resolve(method=method, budget="paper", examples=share)
            assert found["epochs"] * found["steps_per_epoch"] == steps


def test_gans_of_the_papers_budget_are_dcgans():
    for one in (mnist, svhn, cifar10):
        for method in ("gan", "iwgan", "cgan", "iwcgan"):
            found = one.resolve(method=method, budget="paper")
            assert (found["prior"], found["n"]) == ("uniform", 50_000)
            assert found["likelihood"] == "unit_gaussian_tanh"
            assert "validation" not in found
            call = run_of(one, method, 1.0, 0, budget="paper")
            assert call.settings["n"] == 50_000
        run = one(method="gan", budget="paper", width=1 / 16)
        assert run.model.likelihood_law.range == (-1, 1)
        z = run.model.prior.sample(100, seed=1)
        assert float(np.abs(z).max()) <= 1 and float(np.ptp(z)) > 1.9
    assert mnist.resolve(method="gan", budget="quick")["validation"] == 5000


def test_labelled_examples_weigh_in_a_batch_as_in_the_data():
    for share, labelled in ((0.01, 1), (0.1, 13)):
        call = run_of(mnist, "ss_vae", share, 0, budget="paper")
        assert call.settings["labelled_batch"] == labelled
        quick = run_of(mnist, "ss_vae", share, 0, budget="quick")
        assert quick.settings["labelled_batch"] == 10


def test_a_classifier_that_is_missing_is_missed_before_training(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    load_backbone.cache_clear()
    # Nothing may come before the look.
    monkeypatch.setattr(Study, "__call__", lambda *_, **__: pytest.fail("too late"))
    missed = "a classifier.*train_classifier svhn_cropped"
    for groups in (None, ["vae", "gan"]):
        with (
            Study(tmp_path / "out") as study,
            pytest.raises(ValueError, match=missed),
        ):
            table(study=study, data="svhn", groups=groups)


@pytest.mark.parametrize("method", ["cvae", "ss_vae", "vae"])
def test_the_bound_is_of_held_out_data(method):
    run = DIGITS(method=method)
    inputs = Inputs(run.model, run.data, run.training)
    build.compile_model(run.model, run.training, inputs.steps_per_epoch)
    value = held_out_bound(run.model, inputs)
    x, y = inputs.arrays("validation", VALIDATION, labels=True)
    assert 100 < len(x) <= BATCH  # so that the noise is the same
    if method == "ss_vae":  # as if no class were known
        y = np.full(len(x), -1)
    given = [x] if method == "vae" else [x, y]
    for scale in (0.1, 0.0, 1.0):
        weights = run.model.decoder.get_weights()
        run.model.decoder.set_weights([w * scale for w in weights])
        found = value(run.model)  # of the weights as they are now
        bound = float(np.mean(run.model.bound(*given)))
        assert found == pytest.approx(bound, abs=2e-3)


def test_differences_are_of_the_same_seeds():
    values = {"gan": (8.0, 9.0, 7.0), "iwgan": (8.2, 9.1, 7.5)}
    runs = [
        {"method": method, "share": 1.0, "seed": seed}
        | {"metrics": {"inception_score": value}}
        for method, some in values.items()
        # The last one's partner is not done.
        for seed, value in enumerate(some + (100.0,) * (method == "iwgan"))
    ]
    runs.append({"method": "gan", "share": 1.0, "seed": 3, "metrics": {}})
    (row,) = compared(runs, "mnist")
    difference = row["difference"]
    assert difference["n"] == 3 and difference["mean"] == pytest.approx(0.8 / 3)
    # t(.975, 2) = 4.3027; the deviation of .2, .1, .5 is .20817.
    assert difference["interval"] == pytest.approx(4.3027 * 0.20817 / 3**0.5, rel=1e-4)
    assert row["published"] == {"gan": 8.34, "iwgan": 8.45, "difference": 0.11}
    shown = text([row], {"aavae": 3.0})
    assert "0.27 +- 0.52" in shown and "+0.11" in shown and "AA-VAE: 3" in shown


PAPERS = [
    ("mnist", "vae", "variational_bound", 0.01, "aavae", 0.74),
    ("mnist", "cvae", "variational_bound", 0.1, "aacvae", 1.0),
    ("mnist", "vae", "variational_bound", 1.0, "aavae", 0.11),
    ("mnist", "ss_vae", "marginal_bound", 0.1, "aa_ss_vae", 0.63),
    ("mnist", "ss_vae", "classification_accuracy", 0.01, "aa_ss_vae", 0.0013),
    ("svhn_cropped", "cgan", "class_accuracy", 1.0, "iwcgan", 0.001),
    ("cifar10", "gan", "inception_score", 1.0, "iwgan", 0.03),
]


@pytest.mark.parametrize(("data", "base", "measure", "share", "method", "gain"), PAPERS)
def test_the_papers_number_is_of_the_same_cell(
    data, base, measure, share, method, gain
):
    runs = [
        {"method": one, "share": share, "seed": 0, "metrics": {measure: 1.0}}
        for one in (base, method)
    ]
    (row,) = compared(runs, data)
    assert row["published"]["difference"] == pytest.approx(gain)


def test_bad_input():
    for one, more in (
        (table, {"seeds": 0}),
        (adapt, {"seeds": 0}),
        (gain, {"steps": 0}),
        (adapt, {"steps": 0}),
    ):
        with pytest.raises(ValueError, match="Expected (seeds|steps) >= 1"):
            one(study=Asked(), **more)
    with pytest.raises(ValueError, match="Expected labelled with ss_vae and aa_ss_vae"):
        mnist(method="vae", budget="quick", labelled=0.1)
    with pytest.raises(ValueError, match="Expected choose with a method that has a"):
        mnist(method="gan", budget="quick", choose=True)
    with pytest.raises(ValueError, match="Expected last only with choose"):
        mnist(method="vae", budget="quick", last=True)
    with pytest.raises(ValueError, match="Expected every to divide steps"):
        gain(study=Asked(), steps=250)
    with pytest.raises(ValueError, match="Expected constants to be finite and >= 0"):
        gain(study=Asked(), constants=[0.5, -1.0])
    run = DIGITS(method="cvae", dequantise=True)
    with pytest.raises(ValueError, match="Expected dequantise=False"):
        Inputs(run.model, run.data, run.training)
