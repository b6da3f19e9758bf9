"""The command that prints torch-fidelity's scores beside ours."""

import json
import os
import pathlib
import re

import keras
import numpy as np
import PIL.Image
import pytest

import keras_svae as ks
from reproductions.benchmarks import scores

N = 24


def small():
    """A network that takes no time, in place of Inception."""
    keras.utils.set_random_seed(3)
    x = keras.Input((8, 8, 3))
    seen = keras.layers.Dense(5, name="features")(keras.layers.Flatten()(x))
    net = keras.Model(x, keras.layers.Dense(4)(seen))
    return ks.evaluation.Backbone(net, "small", features="features", outputs="logits")


@pytest.fixture
def sets(tmp_path):
    rng = np.random.default_rng(0)
    for name, high in (("real", 256), ("samples", 200)):
        images = rng.integers(0, high, (30, 8, 8, 3), np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=images)
    return [str(tmp_path / f"{name}.npz") for name in ("real", "samples")]


def test_both_see_the_same_pictures_and_the_record_says_all(
    sets, tmp_path, monkeypatch, capsys
):
    read = []

    def theirs(*folders_and_more):
        for folder in folders_and_more[:2]:
            files = sorted(folder.iterdir())
            read.append(np.stack([np.asarray(PIL.Image.open(one)) for one in files]))
        numbers = dict.fromkeys((key for _, key in scores.ROWS.values()), 2.0)
        return {
            "versions": {"torch": "?"},
            "scores": {"whole": numbers, "default": numbers},
        }

    monkeypatch.setattr(scores, "of_theirs", theirs)
    monkeypatch.setattr(ks.evaluation, "inception_2015", lambda weights: small())
    output = tmp_path / "scores.json"
    more = f"--name noise --n {N} --seed 1 --output {output}".split()
    scores.main([*sets, *more])
    found = json.loads(output.read_text())["noise"]
    assert found["N"] == N and found["seed"] == 1 and found["command"]
    assert found["data"]["real"] == "real.npz, split train, 8 x 8"
    rows = {row["score"]: row["ours"] for row in found["rows"]}
    assert list(rows) == list(scores.ROWS)
    real, samples = read
    assert len(real) == N and real.max() > 200 >= samples.max()
    net, whole = small(), (0, 255)
    want = ks.evaluation.frechet_distance(real, samples, net, whole)
    assert rows["Fréchet distance"] == pytest.approx(want, rel=1e-4)
    want = ks.evaluation.kernel_distance(real, samples, net, whole)
    assert rows["kernel distance, all pictures"] == pytest.approx(want, rel=1e-3)
    order = np.random.RandomState(2020).permutation(N)
    want = ks.evaluation.inception_score(samples[order], 10, net, whole)
    name = "inception score, 10 splits, torch-fidelity's order"
    assert rows[name] == pytest.approx(want, rel=1e-5)
    assert rows["its deviation"] == pytest.approx(want.deviation, rel=1e-3)
    want = ks.evaluation.precision_recall(real, samples, net, whole)
    assert [rows[f"{name}, k = 3"] for name in want._fields] == pytest.approx(want)
    assert found["rows"][0]["relative difference"] == pytest.approx(
        abs(rows["Fréchet distance"] - 2) / 2
    )
    assert "torch-fidelity" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("--n 5", "--n >= 20; received: 5"),
        ("--weights none.pth", "received: none.pth"),
        ("--n 28", "at least 28 pictures .*received: .*real.npz"),
        ("--torch-python false", "received: exit status 1"),
    ],
)
def test_what_is_refused(sets, more, why, capsys):
    with pytest.raises(SystemExit) as stop:
        scores.main([*sets, "--n", "20", *more.split()])
    said = f"{capsys.readouterr().err}{stop.value.code}"
    assert "Expected" in said
    assert re.search(why, said)


@pytest.mark.slow
def test_scores_are_torch_fidelitys(sets, tmp_path):
    """Where an environment with torch-fidelity was made by the command."""
    made = pathlib.Path(scores.ROOT, ".venv-torch-fidelity", "bin", "python")
    python = os.environ.get("KERAS_SVAE_TORCH_PYTHON", str(made))
    if not pathlib.Path(python).exists():
        pytest.skip("there is no environment with torch-fidelity")
    output = tmp_path / "scores.json"
    scores.main([*sets, "--n", "20", "--torch-python", python, "--output", str(output)])
    (found,) = json.loads(output.read_text()).values()
    for row in found["rows"][:7]:
        # The distance's own rounding: 20 pictures in 2,048 dimensions.
        assert row["relative difference"] < 2e-3, row
