"""The tables of Hu et al. (2018): what is run, chosen and compared."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions.engine import Experiment, Study, build, execute
from reproductions.engine.inputs import Inputs
from reproductions.engine.places import load_backbone
from reproductions.unifying import cifar10, gain, mnist, svhn, table
from reproductions.unifying.adapt import adapt, coloured, grey, networks, summary
from reproductions.unifying.gain import configurations
from reproductions.unifying.gain import summary as of_gain
from reproductions.unifying.images import BATCH, VALIDATION, held_out_bound
from reproductions.unifying.table import (
    BASES,
    EXPERIMENTS,
    TEMPERATURES,
    chosen,
    compared,
    row_of,
    text,
)

METHODS = list(mnist.methods)
DIGITS = Experiment(
    mnist.function,
    methods=tuple(mnist.methods.values()),
    networks={"digits": (ks.networks.digits, "latent_dim units")},
    settings=mnist.settings
    | {"data": "digits", "units": 8, "latent_dim": 2, "steps_per_epoch": 2}
    | {"validation": None, "batch_size": 20, "epochs": 1},
    budgets={"quick": {}},
    by_method=mnist.by_method,
)


@pytest.mark.parametrize("one", [mnist, svhn, cifar10], ids=lambda one: one.name)
@pytest.mark.parametrize("method", METHODS)
def test_every_experiment_has_every_method_of_the_tables(one, method):
    assert set(METHODS) == {*BASES, *BASES.values()}
    for budget in one.budgets:
        settings = one.resolve(method=method, budget=budget)
        assert one.resolve(**json.loads(json.dumps(settings))) == settings
        of_some = issubclass(one.model_of(settings), ks.SemiSupervisedVAE)
        assert ("labelled" in settings) == of_some


def differing(one: dict, other: dict) -> set[str]:
    # GAN's form of the loss is a choice, and by default that of its extensions.
    one, other = ({"loss": "non_saturating"} | some for some in (one, other))
    return {k for k in {*one, *other} if one.get(k) != other.get(k)}


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
OF_NO_NETWORK = {"data", "budget", "epochs", "steps_per_epoch", "width"}


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


class Asked:
    """A study that is told the runs and makes up their results."""

    report, places = True, Study("unused").places

    def __init__(self, best: float = 3.0):
        self.best, self.asked = best, []

    def __call__(self, calls, optional=False):
        self.asked.append(calls)
        return [
            {"settings": call.settings, "metrics": {}, "processor seconds": 3600.0}
            | {"validation": [self._seen(call.settings)]}
            for call in calls
        ]

    def _seen(self, settings):
        distance = abs(settings.get("temperature", 0) - self.best)
        return {"epoch": 0, "step": 2, "value": 80 + distance}

    def write(self, content, text):
        self.content = content


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
    assert content["processor hours"] == 8 + 24 + 4 + 8 + 8 - 3
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


def test_the_plan_of_the_gain_is_paired():
    study = Asked()
    gain(study=study, bases=["vae", "cvae"], shares=[0.01, 1.0], seeds=2, steps=600)
    (calls,) = study.asked
    assert len(calls) == len({str(c.settings) for c in calls}) == 2 * 2 * 2 * 7
    # A seed is whole before the next one begins.
    assert [call.settings["seed"] for call in calls] == [0] * 28 + [1] * 28
    for i in range(0, len(calls), 7):
        base, *others = (call.settings for call in calls[i : i + 7])
        assert base["epochs"] * base["steps_per_epoch"] == 600
        assert base["choose"] and base["last"]
        for other in others:
            assert differing(base, other) <= {"method", "temperature", "constant"}
    runs, rows = (study.content[name] for name in ("runs", "rows"))
    assert rows == [] and len(runs) == 56 and study.content["runs done"] == "56 of 56"
    assert {run["base"] for run in runs} == {"vae", "cvae"}


@pytest.mark.parametrize("method", ["aavae", "aacvae"])
def test_the_weights_of_data_and_samples_are_told(method):
    for constant in (None, 0.5):
        run = DIGITS(method=method, temperature=2.0, constant=constant)
        inputs = Inputs(run.model, run.data, run.training)
        # Constant logits: of 2 log 3 and T = 2 the weight is .75.
        kernel, bias = run.model.critic.weights[-2:]
        kernel.assign(0 * kernel)
        bias.assign(0 * bias + 2 * np.log(3))
        expected = {"data": 1.0, "samples": 0.5}
        if constant is None:
            expected = {"data": 0.75, "samples": 0.75}
        assert run.extra(run.model, inputs)["weights"] == pytest.approx(expected)


def test_the_gain_is_of_the_same_seeds_and_chooses_anew_in_each():
    runs = [
        {"base": "vae", "share": 0.01, "seed": seed, "best step": 100}
        | {"kind": kind, "value": value, "history": [-90.0, chosen]}
        | {"best": -80.0 + seed + gained, "last": -85.0}
        for seed in range(3)
        for kind, value, chosen, gained in [
            ("base", None, -90.0, 0.0),
            *(("T", t, -80.0 + t * (-1) ** seed, t) for t in TEMPERATURES),
            *(("constant", c, -80.0 - c, 2 * c) for c in (0.5, 1.0)),
        ]
    ]
    rows = {
        row["name"]: row for row in of_gain(runs[:-1], (0.5, 1.0))
    }  # one is not done
    over = rows["AA-VAE T by held-out data"]["best over"]
    assert over["base"]["values"] == [5.0, 1.0] and over["base"]["says"] == "undecided"
    assert over["constant by held-out data"]["values"] == [4.0, 0.0]
    over = rows["AA-VAE T 3"]["best over"]["constant 1"]
    assert over["values"] == [1.0, 1.0] and over["says"] == "better"
    assert rows["VAE"]["best over"]["constant 1"]["says"] == "worse"
    assert rows["AA-VAE T 3"]["last over"]["base"]["says"] == "undecided"
    assert rows["VAE"]["published"]["difference"] == pytest.approx(0.74)
    assert of_gain(runs[:4], (0.5, 1.0)) == []
    every = [
        c.get("constant", c.get("temperature")) for c in configurations("cvae", [0.5])
    ]
    assert every == [None, *TEMPERATURES, 0.5]


def test_steps_of_the_papers_budget_do_not_hang_on_the_share():
    for one, steps in ((mnist, 42_900), (svhn, 53_300), (cifar10, 35_100)):
        for method, share in (("vae", 0.01), ("vae", 1.0), ("gan", None)):
            found = one.resolve(method=method, budget="paper", examples=share)
            assert found["epochs"] * found["steps_per_epoch"] == steps


def test_a_classifier_that_is_missing_is_missed_before_training(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path / "cache"))
    load_backbone.cache_clear()
    # Nothing may come before the look.
    monkeypatch.setattr(Study, "__call__", lambda *_, **__: pytest.fail("too late"))
    missed = "svhn_cropped.keras; received: no such file"
    for groups in (None, ["vae", "gan"]):
        with (
            Study(tmp_path / "out") as study,
            pytest.raises(FileNotFoundError, match=missed),
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


def test_the_target_is_the_digit_on_a_field_of_colour():
    x = np.zeros((2, 28, 28, 1), "f")
    x[:, 10:18, 10:18] = 1
    key = tf.constant([1, 4], tf.int64)
    made = np.asarray(coloured(x, key))
    assert made.shape == (2, 28, 28, 3) and 0 <= made.min() and made.max() <= 1
    field = np.asarray(coloured(np.zeros_like(x), key))
    np.testing.assert_allclose(made, np.abs(field - x), atol=1e-6)
    assert field[..., 0].std() > 0.1 and np.abs(field[0] - field[1]).mean() > 0.1
    other = np.asarray(coloured(x, key + 2))
    assert np.abs(other - made).mean() > 0.1
    np.testing.assert_array_equal(grey(x)[..., 2], x[..., 0])


def adaptation(lam: float, seed: int, steps: int, values) -> dict:
    metrics = {"source accuracy": 0.9, "target accuracy": values[lam][seed]}
    return metrics | {"extra": {"last losses": {"loss": 1.0}}}


def test_adaptation_is_compared_by_seed(tmp_path, monkeypatch, capsys):
    values = {0.0: (0.4, 0.5), 1.0: (0.6, 0.8)}
    made = functools.partial(adaptation, values=values)
    made.__name__ = made.__qualname__ = "adapted"
    monkeypatch.setitem(adapt.function.__globals__, "adapted", made)
    with Study(tmp_path) as study:
        adapt(study=study, seeds=2, steps=1, lam=1.0)
    assert "difference 0.2500 +- 0.6353 (95%)" in capsys.readouterr().out
    content = json.loads((tmp_path / "summary.json").read_text())
    assert [(run["lam"], run["seed"]) for run in content["runs"]] == [
        (0.0, 0), (1.0, 0), (0.0, 1), (1.0, 1)
    ]  # fmt: skip
    assert content["runs"][0]["last losses"] == {"loss": 1.0}
    found = summary(content["runs"], 1.0)["target accuracy"]
    assert found == content["summary"]["target accuracy"]
    assert found["without"]["mean"] == pytest.approx(0.45)
    assert found["difference"]["mean"] == pytest.approx(0.25)
    extractor, classifier, critic = networks(0)
    model = ks.models.AdversarialDomainAdaptation(extractor, classifier, critic)
    assert model.classes == 10 and critic.output_shape == (None, 1)


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
