"""Weights of examples: what they weigh, and where they are refused."""

import numpy as np
import pytest

from tests.game.still import still
from tests.models import tiny


def per_example(model, x):
    """Of a VAE of tests: each example's gradient, by a batch of it alone."""
    before = tiny.weights(model)
    rows = []
    for row in x:
        model.train_on_batch(row[None])
        after = tiny.weights(model)
        rows.append(
            [a - b for n in before for a, b in zip(after[n], before[n], strict=True)]
        )
        for name, values in before.items():
            for variable, start in zip(
                getattr(model, name).weights, values, strict=True
            ):
                variable.assign(start)
        model._step.assign(0)
    return rows


def test_sample_weights_weigh_the_gradients_of_examples():
    x, weight = tiny.data(n=3), np.array([2.0, 0.0, 1.0], "float32")
    model = still()
    first, _, third = per_example(model, x)
    before = tiny.weights(model)
    model.train_on_batch(x, sample_weight=weight)
    after = tiny.weights(model)
    moved = [a - b for n in before for a, b in zip(after[n], before[n], strict=True)]
    for found, one, other in zip(moved, first, third, strict=True):
        np.testing.assert_allclose(found, (2 * one + other) / 3, atol=1e-5)


def test_evaluation_weighs_examples_over_unequal_batches():
    x = tiny.data(n=5) * np.array([1, 1, 1, 1, 9], "float32")[:, None]
    weight = np.array([1, 2, 3, 0, 4], "float32")
    model = still()
    each = [
        model.evaluate(row[None], verbose=0, return_dict=True)["autoencoder_loss"]
        for row in x
    ]
    for given, expected in ((None, np.mean(each)), (weight, weight @ each / 10)):
        logs = model.evaluate(
            x, sample_weight=given, batch_size=2, verbose=0, return_dict=True
        )
        assert logs["autoencoder_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", ["as_vae", "unrolled_gan"])
def test_weights_are_refused_where_a_term_is_of_the_batch(method):
    model = tiny.build(method)
    x = tiny.data()
    for fed in (
        lambda: model.fit(x, sample_weight=np.ones(len(x)), verbose=0),
        lambda: model.train_on_batch(x, sample_weight=np.ones(len(x))),
    ):
        with pytest.raises(ValueError, match="no sample_weight for .*statistic of the"):
            fed()
    assert model.step == 0


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(4), "one sample_weight for each of 5"),
        (np.ones((5, 2)), "one sample_weight for each"),
        (np.array([1, 1, -1, 1, 1.0]), "finite and >= 0"),
        (np.array([1, 1, np.nan, 1, 1.0]), "finite and >= 0"),
    ],
)
def test_wrong_weights_are_refused(weight, message):
    model = tiny.build("vae")
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(tiny.data(), sample_weight=weight)


def test_class_weights_are_weights_of_examples():
    x, y = tiny.data(n=6), np.arange(6) % 3
    runs = []
    for given in (
        {"class_weight": {0: 2.0, 2: 0.0}},
        {"sample_weight": np.array([2, 1, 0, 2, 1, 0], "float32")},
    ):
        model = tiny.build("cvae")
        model.fit(x, y, batch_size=6, shuffle=False, verbose=0, **given)
        runs.append(tiny.weights(model))
    for a, b in zip(runs[0]["encoder"], runs[1]["encoder"], strict=True):
        np.testing.assert_array_equal(a, b)
    for wrong, message in (
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(6)}, "both of them"),
        ({"class_weight": {0: 1.0}, "y": None}, "no y"),
    ):
        given = {"y": y, **wrong}
        with pytest.raises(ValueError, match=message):
            tiny.build("cvae").fit(x, verbose=0, **given)
