"""Mode missing and mode covering: what is counted, summed up and written."""

import json

import numpy as np
import pytest

from reproductions.engine import Study
from reproductions.unifying import view
from reproductions.unifying.view import (
    DECODERS,
    METHODS,
    WEIGHTS,
    masses,
    picture,
    sample,
    summary,
    target_density,
    text,
)

PARTS = ["mode at -4", "mode at 0", "mode at 4", "between", "beyond"]


def test_masses_are_shares_of_modes_between_and_beyond():
    # Modes end 1.5 off their means, three of their deviations.
    x = np.array([-4, -5.4, -2.6, -2.4, 0, 1.4, 1.6, 4, 5.6, -5.6])
    assert list(masses(x)) == PARTS
    assert list(masses(x).values()) == pytest.approx([0.3, 0.2, 0.1, 0.2, 0.2])
    assert sum(masses(np.linspace(-9, 9, 1001)).values()) == pytest.approx(1)


def test_the_target_has_the_mass_of_its_modes():
    x = sample(100_000, 0)
    found = masses(x[:, 0])
    for part, weight in zip(PARTS, WEIGHTS, strict=False):
        assert found[part] == pytest.approx(weight, abs=0.01)
    edges = np.linspace(-9, 9, 181)
    shares, _ = np.histogram(x, edges, density=True)
    density = target_density((edges[1:] + edges[:-1]) / 2)
    # Six standard errors, as there are 180 bins; a bin's width matters little.
    error = np.sqrt(density / (len(x) * 0.1))
    assert (np.abs(shares - density) < 6 * error + 0.003).all()
    assert error.max() < 0.01
    assert density.max() > 0.3


def records(mass):
    """Two seeds of each fit; of one decoder's GAN as given."""
    found = []
    for decoder in DECODERS:
        for method in METHODS:
            for seed in range(2):
                mine = (decoder, method) == ("one Gaussian", "GAN")
                values = mass[seed] if mine else (0.4, 0.3, 0.3, 0.0, 0.0)
                one = {"decoder": decoder, "method": method, "seed": seed}
                metrics = dict(zip(PARTS, values, strict=True))
                found.append({"settings": one, "metrics": metrics})
    return found


def test_summary_has_means_ranges_and_missed_modes_of_each_fit():
    rows = summary(records([(0.0, 1.0, 0.0, 0.0, 0.0), (0.6, 0.04, 0.06, 0.1, 0.2)]))
    assert len(rows) == 1 + 2 * 4 and rows[0]["method"] == "target"
    (gan,) = (
        row
        for row in rows
        if (row["decoder"], row["method"]) == ("one Gaussian", "GAN")
    )
    assert gan["mass"]["mode at -4"] == {"mean": 0.3, "least": 0.0, "most": 0.6}
    assert gan["mass"]["beyond"]["mean"] == pytest.approx(0.1)
    # A mode of less than a twentieth is missed.
    assert gan["modes missed, by seed"] == [2, 1]
    assert all(row["modes missed, by seed"] == [0, 0] for row in rows[2:])
    assert "0.520" in text(rows) and "[2, 1]" in text(rows)


def test_a_fit_that_diverged_is_left_out():
    some = records([(0.4, 0.3, 0.3, 0.0, 0.0)] * 2)
    for one in some[:3]:  # both of a GAN, one of the IWGANs
        one["metrics"] = {}
    rows = summary(some)
    names = [(row["decoder"], row["method"]) for row in rows]
    assert ("one Gaussian", "GAN") not in names and len(rows) == 8
    assert rows[1]["modes missed, by seed"] == [0]
    assert len(picture(some).axes) == 8


def test_a_short_run_is_written(tmp_path, monkeypatch):
    names = view.function.__globals__
    monkeypatch.setitem(names, "DECODERS", {"one Gaussian": (0, 0)})
    monkeypatch.setitem(names, "METHODS", {"AA-VAE": METHODS["AA-VAE"]})
    monkeypatch.setitem(names, "SAMPLES", 500)
    with Study(tmp_path) as study:
        view(study=study, seeds=1, steps=100)
        with pytest.raises(ValueError, match="multiple of 100; received: 90"):
            view(study=study, steps=90)
    found = json.loads((tmp_path / "summary.json").read_text())
    assert [row["method"] for row in found["rows"]] == ["target", "AA-VAE"]
    for row in found["rows"]:
        means = [part["mean"] for part in row["mass"].values()]
        assert sum(means) == pytest.approx(1)
    assert (tmp_path / "summary.png").read_bytes()[:4] == b"\x89PNG"
    (one,) = (json.loads(p.read_text()) for p in tmp_path.glob("fit-*.json"))
    within = one["density"]
    assert 0 < sum(within) * 18 / len(within) <= 1 + 1e-3
