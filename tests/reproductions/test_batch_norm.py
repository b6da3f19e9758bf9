"""Averages of batch normalisation: of which law they are, and what they change."""

import importlib
import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation import Backbone
from keras_svae.noise import Noise
from reproductions.batch_norm import averages, compare, measured, trained
from reproductions.engine import Places, Study, execute, execution, measure

SIZE = 100


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    nets = ks.networks.digits(latent_dim=3, units=6)
    model = ks.ALICE(*nets)
    for layer in (*averages.norms(nets.encoder), *averages.norms(nets.decoder)):
        layer.moving_mean.assign_add(0.1 * tf.ones_like(layer.moving_mean))
    return model


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return [rng.random((SIZE, 8, 8, 1), np.float32) for _ in range(3)]


@pytest.fixture(scope="module")
def calls(model):
    return averages.Calls(model)


def moments(network, x):
    """By hand: mean and variance of what each layer reads in training mode."""
    read = [layer.input for layer in averages.norms(network)]
    with averages.kept(network):
        inputs = keras.Model(network.inputs, read)(x, training=True)
    return [(x.numpy().mean(0), x.numpy().var(0)) for x in inputs]


def assert_same(found, expected):
    for pair in zip(found, expected, strict=True):
        np.testing.assert_allclose(*map(np.stack, pair), rtol=1e-4, atol=1e-5)


def mean(several):
    """Of the moments of several batches."""
    return [tuple(np.mean(one, 0)) for one in zip(*several, strict=True)]


def codes(model, number):
    return model.prior.sample(SIZE, seed=Noise(averages.SEED).fold(number).seed("z"))


def data_codes(model, x, number):
    with averages.kept(model.encoder):
        raw = model.posterior_raw(x, True)
    return model.posterior_law.sample(
        raw, Noise(averages.SEED).fold(number).seed("z_q")
    )


def test_averages_of_a_law_are_the_means_of_its_batches_moments(model, batches, calls):
    before = [averages.averages(network) for network in calls.both]
    decoder, encoder = model.decoder, model.encoder
    p = [moments(decoder, codes(model, i)) for i in (1, 2, 3)]
    q = [
        moments(decoder, data_codes(model, x, number))
        for number, x in enumerate(batches, start=1)
    ]
    data = [moments(encoder, x) for x in batches]
    expected = {"p": mean(p), "q": mean(q), "data": mean(data)}
    found = {law: averages.renewed(calls, law, batches) for law in expected}
    for law in expected:
        assert_same(found[law], expected[law])
    # In turn: the first and the last batch are of codes of the prior.
    assert_same(averages.renewed(calls, "p q", batches), mean([p[0], q[1], p[2]]))
    # Of samples the encoder's, which are not those of data.
    samples = averages.renewed(calls, "samples", batches)
    assert measured.apart(found["data"], samples)[0]["mean"] > 0.1
    assert measured.apart(samples, samples) == [{"mean": 0.0, "scale": 0.0}] * 2
    # The model is as it was.
    for network, values in zip(calls.both, before, strict=True):
        assert_same(averages.averages(network), values)


def test_shadows_move_by_the_momentum_towards_their_law_alone(model, batches, calls):
    shadows = averages.Shadows(calls, itertools.cycle(batches), start=1)
    expected = averages.averages(model.decoder)
    for step in (1, 2, 3):
        shadows.on_train_batch_end(step)
        if step == 1:
            assert not shadows.values
            continue
        new = moments(model.decoder, codes(model, step))
        expected = [
            tuple(0.9 * np.stack(old) + 0.1 * np.stack(one))
            for old, one in zip(expected, new, strict=True)
        ]
    assert set(shadows.values) == {"p", "q", "data"}
    assert_same(shadows.values["p"], expected)


def test_outputs_are_by_the_averages_or_by_the_batch(model, batches, calls):
    p = averages.renewed(calls, "p", batches)
    known = {
        "decoder": {"p": p},
        "encoder": {"data": averages.renewed(calls, "data", batches)},
    }
    both = measured.Measured(model, known)
    x, z = batches[0], codes(model, 5).numpy()
    before = averages.averages(model.decoder)
    by_p, log_p = both.decode(z, "p", x)
    by_batch, _ = both.decode(z, "batch", x)
    with averages.kept(model.decoder):
        averages.assign(model.decoder, p)
        np.testing.assert_allclose(by_p, model.decode(z), rtol=1e-4, atol=1e-5)
        law = model.likelihood(z)
        np.testing.assert_allclose(log_p, law.log_prob(x), rtol=1e-4)
        # This batch's own statistics as averages do the same.
        averages.assign(model.decoder, moments(model.decoder, z))
        np.testing.assert_allclose(by_batch, model.decode(z), rtol=1e-3, atol=1e-4)
    assert np.abs(by_p - by_batch).max() > 1e-3
    assert_same(averages.averages(model.decoder), before)
    mean_, drawn, kl = both.encode(x, "data")
    with averages.kept(model.encoder):
        averages.assign(model.encoder, known["encoder"]["data"])
        np.testing.assert_allclose(mean_, model.encode(x), rtol=1e-4, atol=1e-5)
    assert drawn.shape == mean_.shape and (kl > 0).all()


def tiny_backbone(*_):
    images = keras.Input((8, 8, 1))
    seen = keras.layers.Dense(4, name="seen")(keras.layers.Flatten()(images))
    network = keras.Model(images, keras.layers.Dense(10)(seen))
    return Backbone(network, "tiny", features="seen", outputs="logits")


@pytest.mark.slow
def test_study_writes_the_record_and_does_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "load_backbone", tiny_backbone)
    monkeypatch.setattr(averages, "BATCHES", 2)
    given = {"nets": "digits", "methods": ["ALICE"], "seeds": 1, "steps": 2, "n": SIZE}
    with Study(tmp_path) as study:
        compare(study=study, **given)
        monkeypatch.setattr(execution, "train", None)  # would be called
        compare(study=study, **given)
    written = json.loads((tmp_path / "summary.json").read_text())
    assert {"command", "commit", "machine"} <= set(written)
    assert written["data"]["name"] == "digits"
    (one,) = written["runs"]
    assert set(one["samples"]) == set(measured.GENERATED)
    assert len(one["reconstructions"]) == len(measured.RECONSTRUCTED)
    assert one["samples"]["batch"]["difference, largest"] == 0
    assert one["samples"]["mix"]["difference, largest"] > 0
    summed = written["summary"]["ALICE"]["samples"]["p"]["Frechet distance"]
    assert summed["mean"] == one["samples"]["p"]["Frechet distance"]
    assert summed["from mix"]["mean"] == pytest.approx(
        summed["mean"] - one["samples"]["mix"]["Frechet distance"]
    )


def test_a_network_that_is_not_trained_gives_no_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(averages, "BATCHES", 2)
    call = trained.call(
        method="alice", nets="digits", data="digits", units=6, latent_dim=3,
        steps_per_epoch=2, n=SIZE,
    )  # fmt: skip
    given = {"keep": "record", "verbose": "none"}
    made = execute(call, tmp_path / "run", Places(backbone="random"), **given)
    assert made["failed"] == {} and "Frechet distance" not in made["samples"]["p"]
    assert made["samples"]["mix"]["difference, largest"] > 0


def test_unusable_numbers_are_refused(tmp_path):
    study = Study(tmp_path)
    with pytest.raises(ValueError, match="Expected steps >= 1; received: 0"):
        compare(study=study, steps=0)
    with pytest.raises(ValueError, match="Expected n >= 100; received: 20"):
        compare(study=study, n=20)


def test_runs_that_diverged_are_counted_and_left_out(tmp_path, monkeypatch):
    kept = {"Frechet distance": 1.0}
    measured_ = {
        "samples": {"mix": kept, "p": kept},
        "reconstructions": {"mix / mix": kept},
    }
    module = importlib.import_module("reproductions.batch_norm.compare")

    class Known(Study):
        def __call__(self, calls):
            records = [
                {"settings": call.settings, "data": {"name": "digits"}, **measured_}
                for call in calls
            ]
            for name in measured_:
                del records[1][name]
            records[1]["diverged"] = "NaN"
            return records

    monkeypatch.setattr(module, "summary", lambda runs: len(runs))
    monkeypatch.setattr(module, "text", str)
    made = []
    with Known(tmp_path) as study:
        study.write = lambda content, text: made.append(content)
        compare(study=study, nets="digits", methods=["ALICE"], seeds=3)
    assert (made[0]["diverged"], made[0]["summary"], len(made[0]["runs"])) == (1, 2, 2)
