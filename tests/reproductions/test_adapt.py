"""Adversarial domain adaptation: its data, and how seeds are compared."""

import functools
import json

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions.engine import Study
from reproductions.unifying.adapt import adapt, coloured, grey, networks, summary


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


def adaptation(lam: float, seed: int, steps: int, data: str, values) -> dict:
    assert data.startswith("mnist")
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
