"""Mode missing and mode covering: what is counted, summed up and written."""

import json

import numpy as np
import pytest

from reproductions import unified_view as view

PARTS = ["mode at -4", "mode at 0", "mode at 4", "between", "beyond"]


def test_masses_are_shares_of_modes_between_and_beyond():
    # Modes end 1.5 off their means, three of their deviations.
    x = np.array([-4, -5.4, -2.6, -2.4, 0, 1.4, 1.6, 4, 5.6, -5.6])
    assert list(view.masses(x)) == PARTS
    assert list(view.masses(x).values()) == pytest.approx([0.3, 0.2, 0.1, 0.2, 0.2])
    assert sum(view.masses(np.linspace(-9, 9, 1001)).values()) == pytest.approx(1)


def test_the_target_has_the_mass_of_its_modes():
    x = view.sample(100_000, 0)
    found = view.masses(x[:, 0])
    for part, weight in zip(PARTS, view.WEIGHTS, strict=False):
        assert found[part] == pytest.approx(weight, abs=0.01)
    edges = np.linspace(-9, 9, 181)
    shares, _ = np.histogram(x, edges, density=True)
    density = view.target_density((edges[1:] + edges[:-1]) / 2)
    # Six standard errors, as there are 180 bins; a bin's width matters little.
    error = np.sqrt(density / (len(x) * 0.1))
    assert (np.abs(shares - density) < 6 * error + 0.003).all()
    assert error.max() < 0.01
    assert density.max() > 0.3


def runs(mass):
    """Two seeds of each fit; of one decoder's GAN as given."""
    found = []
    for decoder in view.DECODERS:
        for method in view.METHODS:
            for seed in range(2):
                mine = (decoder, method) == ("one Gaussian", "GAN")
                values = mass[seed] if mine else (0.4, 0.3, 0.3, 0.0, 0.0)
                one = {"decoder": decoder, "method": method, "seed": seed}
                found.append(one | {"mass": dict(zip(PARTS, values, strict=True))})
    return found


def test_summary_has_means_ranges_and_missed_modes_of_each_fit():
    rows = view.summary(runs([(0.0, 1.0, 0.0, 0.0, 0.0), (0.6, 0.04, 0.06, 0.1, 0.2)]))
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
    assert "0.520" in view.text(rows) and "[2, 1]" in view.text(rows)


def test_a_short_run_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(view, "DECODERS", {"one Gaussian": (0, 0)})
    monkeypatch.setattr(view, "METHODS", {"AA-VAE": "AAVAE"})
    monkeypatch.setattr(view, "SAMPLES", 500)
    view.main(["--out", str(tmp_path), "--seeds", "1", "--steps", "100"])
    found = json.loads((tmp_path / "unified_view.json").read_text())
    assert [row["method"] for row in found["rows"]] == ["target", "AA-VAE"]
    for row in found["rows"]:
        means = [part["mean"] for part in row["mass"].values()]
        assert sum(means) == pytest.approx(1)
    assert (tmp_path / "unified_view.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(
        ValueError, match="multiple of 100; received: seeds=1, steps=90"
    ):
        view.main(["--out", str(tmp_path), "--seeds", "1", "--steps", "90"])
