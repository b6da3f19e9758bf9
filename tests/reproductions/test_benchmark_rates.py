"""The benchmark of rates, and the bytes of weights that a step moves."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from reproductions.benchmarks import rates
from reproductions.benchmarks.traffic import traffic


def test_traffic_of_a_vae_is_counted_by_hand():
    """Two weights of 120,000 numbers (.48 MB), x is no variable and needs no gradient.

    The encoder's is read once and its gradient written; the decoder's is read once for
    the value, once for the gradient of its input, and its gradient is written: 5 times.
    Each gradient is summed once by the check; Adam moves seven numbers a weight.
    """
    law = ks.distributions.Gaussian(1.0)
    encoder = keras.Sequential([keras.Input((300,)), keras.layers.Dense(400)])
    decoder = keras.Sequential([keras.Input((200,)), keras.layers.Dense(600)])
    decoder.add(keras.layers.Dense(300, use_bias=False, trainable=False))
    model = ks.VAE(encoder, decoder, likelihood=law)
    model.compile(optimizer=ks.optimizers.Adam(1e-3))
    found = traffic(model, np.zeros((7, 300), "float32"))
    assert found["weights"] == pytest.approx(0.96, abs=0.06)
    assert found["products"] == pytest.approx(5 * 0.48, abs=0.06)
    assert found["sums"] == pytest.approx(2 * 0.48, abs=0.06)
    assert found["Adam"] == pytest.approx(14 * 0.48, abs=0.06)
    assert found["in all"] == pytest.approx(21 * 0.48, abs=0.15)


def test_rates_are_amounts_by_time():
    blocks = {"memory": [{"ms": ms, "marks": []} for ms in (50.0, 100.0, 200.0)]}
    found = rates.summary(blocks, {"memory": ("GB", 0.8, None)})
    assert found == {
        "memory": {"a second": 8.0, "quartiles": [6.0, 12.0], "unit": "GB"}
    }
    blocks["memory"][0]["marks"] = ["busy"]
    with pytest.raises(ValueError, match="three undisturbed blocks of memory"):
        rates.summary(blocks, {"memory": ("GB", 0.8, None)})


def test_too_few_rounds_are_refused():
    with pytest.raises(SystemExit):
        rates.main(["--rounds", "2"])


@pytest.mark.slow
def test_it_runs(tmp_path, monkeypatch, capsys):
    """Nothing here asserts a time."""
    monkeypatch.setattr(rates, "VECTOR", 2**10)
    monkeypatch.setattr(rates, "CHAIN", 10)
    monkeypatch.setattr(rates, "PICTURES", 10)
    monkeypatch.setattr(rates, "MEASURED", 64)
    monkeypatch.setattr(rates, "SECONDS", 0.001)
    path = tmp_path / "rates.json"
    rates.main(["--rounds", "3", "--anyway", "--output", str(path)])
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found["rows"]) == 8
    assert all(row["a second"] > 0 for row in found["rows"].values())
    assert "examples a second" in capsys.readouterr().out
