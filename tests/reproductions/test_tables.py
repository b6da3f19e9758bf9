"""Tables of papers: methods over seeds and epochs, by hand."""

import numpy as np
import pytest

from keras_svae.networks.options import Options
from reproductions import aim, svae
from reproductions.engine import Study
from reproductions.engine.build import compile_model
from reproductions.svae.table1 import OF_DATA, OURS, ROWS


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """The data whose classifier was looked for; there is one."""
    found = []
    monkeypatch.setattr(Study, "check_backbone", lambda _, data: found.append(data))
    return found


class Rows(Study):
    """Gives a record for each call; AIM-'s runs with seed 1 diverge."""

    def __call__(self, calls):
        self.calls = calls
        return [one(**call.settings) for call in calls]


def one(method, seed, epochs, **more):
    settings = {"method": method, "seed": seed, "epochs": epochs, **more}
    found = {"settings": settings, "metrics": {}}
    if (method, seed) == ("aim_minus", 1):
        return found | {"diverged": "NaN"}
    metrics = {
        "inception_score": epochs + seed,
        "mse": 0.5 if method != "gan" else None,
    }
    about = {"measures": {"mse": {"n": 3}}, "data": {"name": "mnist"}}
    return found | about | {"metrics": metrics, "steps": 600 * epochs}


def test_table_1_by_hand(tmp_path):
    made = []
    with Rows(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        methods = ["aim_minus", "gan"]
        aim.table1(study=study, methods=methods, epochs=[16, 2], seeds=2)
    content, shown, figure = made
    assert [call.settings["epochs"] for call in study.calls] == 4 * [16] + 4 * [2]
    assert {call.settings["width"] for call in study.calls} == {0.25}
    rows = {(c["method"], c["epochs"]): c for c in content["cells"]}
    assert list(rows) == [(name, epochs) for name in methods for epochs in (2, 16)]
    assert rows["gan", 16]["inception_score"]["values"] == [16, 17]
    assert rows["gan", 16]["steps"] == 9600
    assert rows["aim_minus", 2]["diverged"] == 1
    assert rows["aim_minus", 2]["mse"]["mean"] == 0.5
    assert "mse" not in rows["gan", 2]
    assert content["settings"]["aim_minus"]["posterior"] == "unit_gaussian"
    assert {one["paper"] for one in content["published"]} == {"aim"}
    assert content["not run"] == ["aim", "ali", "alice"]
    assert "AIM-, 2" in shown and "(1 diverged)" in shown
    assert [ax.get_title() for ax in figure.axes] == ["inception score", "mse"]


def test_table_1_of_one_length_has_no_picture(tmp_path):
    made = []
    with Rows(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        aim.table1(study=study, methods=["aim_minus"], seeds=1)
    assert made[2] is None
    assert [c["epochs"] for c in made[0]["cells"]] == [8]


def test_settings_go_one_at_a_time_from_the_papers_to_ours(tmp_path):
    made = []
    with Rows(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        svae.mnist_settings(study=study, seeds=2)
    calls = [call.settings for call in study.calls]
    paper, *single, ours = calls[: len(calls) // 2]
    told = {name for one in single for name in one if one[name] != paper.get(name)}
    for one in single:
        assert one != paper and {*one} == {*paper} - ({"binarize"} - {*one})
    want = svae.mnist.resolve(budget="ours", seed=0, epochs=5)
    assert told | {"binarize"} == {n for n in ours if ours.get(n) != paper.get(n)}
    want |= {name: ours[name] for name in ("budget", "measures", "code_stddev")}
    # None that is given is kept; "ours" leaves the other one to the networks.
    assert ours == want | {"binarize": None}
    assert ours["code_stddev"] == Options.code_stddev
    assert [cell["row"] for cell in made[0]["cells"]][::5] == ["paper", "ours"]
    assert {cell["runs"] for cell in made[0]["cells"]} == {2}


def test_rows_of_svaes_tables(tmp_path):
    made = []
    with Rows(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        svae.table1(study=study, seeds=1, epochs=[25])
    names = ("method", "lam", "code_stddev")
    runs = [tuple(map(c.settings.get, names)) for c in study.calls]
    assert runs[:2] == [("svae", 0.1, None), ("svae", 0.0, None)]
    nets = [c.settings["nets"] for c in study.calls if c.settings["method"] == "gan"]
    assert nets == ["mnist", "dcgan"]
    assert not {"epochs", "seed"} & set(made[0]["settings"]["gan"])
    flow = next(c.settings for c in study.calls if c.settings["method"] == "nf_vae")
    assert (flow["posterior"], flow["flow_length"]) == ("planar_flow", 80)
    assert [cell["method"] for cell in made[0]["cells"]] == OF_DATA["mnist"]
    assert "not run" not in made[0]
    assert "sVAE-r, 25" in made[1]


def test_annealing_of_svaes_table_is_that_of_its_experiment_unless_it_is_given(
    tmp_path,
):
    with Rows(tmp_path) as study:
        study.write = lambda *given: None
        svae.table1(study=study, seeds=1, epochs=[25])
        assert {c.settings["ais_temperatures"] for c in study.calls} == {1000}
        svae.table1(study=study, seeds=1, epochs=[25], ais_temperatures=50)
        assert {c.settings["ais_temperatures"] for c in study.calls} == {50}
        assert {c.settings["ais_examples"] for c in study.calls} == {100}


@pytest.mark.parametrize(
    "data, row",
    [(data, row) for data in OF_DATA for row in OF_DATA[data] + OURS[data]],
)
def test_every_row_can_be_trained(data, row):
    run = {"mnist": svae.mnist, "cifar10": svae.cifar10}[data](
        **ROWS[row][1], width=0.05
    )
    compile_model(run.model, run.training, 1)
    shape = (4, *run.model.data_shape)
    low = run.model.likelihood_law.range[0]
    x = np.random.default_rng(0).uniform(low, 1, shape).astype("float32")
    losses = run.model.train_on_batch(x, return_dict=True)
    assert all(np.isfinite(value) for value in losses.values())


def test_cifar10_has_table_2_rows_alone(tmp_path, asked):
    with Rows(tmp_path) as study:
        study.write = lambda *_: None
        svae.table1(study=study, data="cifar10", seeds=1, epochs=[1])
        assert len(study.calls) == len(OF_DATA["cifar10"])
        assert {call.name for call in study.calls} == {"svae/cifar10"}
        with pytest.raises(ValueError, match="methods of cifar10, .*; received: avb"):
            svae.table1(study=study, data="cifar10", methods=["svae", "avb"])
    assert set(asked) == {"cifar10"}
