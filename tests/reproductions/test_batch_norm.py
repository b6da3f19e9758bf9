"""Averages of batch normalisation: of which law they are, and what they change."""

import argparse
import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation import Backbone
from keras_svae.noise import Noise
from reproductions import batch_norm

SIZE = 100


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    nets = ks.networks.digits(latent_dim=3, units=6)
    model = ks.ALICE(*nets)
    for layer in (*batch_norm.norms(nets.encoder), *batch_norm.norms(nets.decoder)):
        layer.moving_mean.assign_add(0.1 * tf.ones_like(layer.moving_mean))
    return model


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return [rng.random((SIZE, 8, 8, 1), np.float32) for _ in range(3)]


@pytest.fixture(scope="module")
def calls(model):
    return batch_norm.Calls(model)


def moments(network, x):
    """By hand: mean and variance of what each layer reads in training mode."""
    read = [layer.input for layer in batch_norm.norms(network)]
    with batch_norm.kept(network):
        inputs = keras.Model(network.inputs, read)(x, training=True)
    return [(x.numpy().mean(0), x.numpy().var(0)) for x in inputs]


def assert_same(found, expected):
    for pair in zip(found, expected, strict=True):
        np.testing.assert_allclose(*map(np.stack, pair), rtol=1e-4, atol=1e-5)


def mean(several):
    """Of the moments of several batches."""
    return [tuple(np.mean(one, 0)) for one in zip(*several, strict=True)]


def codes(model, number):
    return model.prior.sample(SIZE, seed=Noise(batch_norm.SEED).fold(number).seed("z"))


def data_codes(model, x, number):
    with batch_norm.kept(model.encoder):
        raw = model.posterior_raw(x, True)
    return model.posterior_law.sample(
        raw, Noise(batch_norm.SEED).fold(number).seed("z_q")
    )


def test_averages_of_a_law_are_the_means_of_its_batches_moments(model, batches, calls):
    before = [batch_norm.averages(network) for network in calls.both]
    decoder, encoder = model.decoder, model.encoder
    p = [moments(decoder, codes(model, i)) for i in (1, 2, 3)]
    q = [
        moments(decoder, data_codes(model, x, number))
        for number, x in enumerate(batches, start=1)
    ]
    data = [moments(encoder, x) for x in batches]
    expected = {"p": mean(p), "q": mean(q), "data": mean(data)}
    found = {law: batch_norm.renewed(calls, law, batches) for law in expected}
    for law in expected:
        assert_same(found[law], expected[law])
    # In turn: the first and the last batch are of codes of the prior.
    assert_same(batch_norm.renewed(calls, "p q", batches), mean([p[0], q[1], p[2]]))
    # Of samples the encoder's, which are not those of data.
    samples = batch_norm.renewed(calls, "samples", batches)
    assert batch_norm.apart(found["data"], samples)[0]["mean"] > 0.1
    assert batch_norm.apart(samples, samples) == [{"mean": 0.0, "scale": 0.0}] * 2
    # The model is as it was.
    for network, values in zip(calls.both, before, strict=True):
        assert_same(batch_norm.averages(network), values)


def test_shadows_move_by_the_momentum_towards_their_law_alone(model, batches, calls):
    shadows = batch_norm.Shadows(calls, itertools.cycle(batches), start=1)
    expected = batch_norm.averages(model.decoder)
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
    p = batch_norm.renewed(calls, "p", batches)
    known = {
        "decoder": {"p": p},
        "encoder": {"data": batch_norm.renewed(calls, "data", batches)},
    }
    measured = batch_norm.Measured(model, known)
    x, z = batches[0], codes(model, 5).numpy()
    before = batch_norm.averages(model.decoder)
    by_p, log_p = measured.decode(z, "p", x)
    by_batch, _ = measured.decode(z, "batch", x)
    with batch_norm.kept(model.decoder):
        batch_norm.assign(model.decoder, p)
        np.testing.assert_allclose(by_p, model.decode(z), rtol=1e-4, atol=1e-5)
        law = model.likelihood(z)
        np.testing.assert_allclose(log_p, law.log_prob(x), rtol=1e-4)
        # This batch's own statistics as averages do the same.
        batch_norm.assign(model.decoder, moments(model.decoder, z))
        np.testing.assert_allclose(by_batch, model.decode(z), rtol=1e-3, atol=1e-4)
    assert np.abs(by_p - by_batch).max() > 1e-3
    assert_same(batch_norm.averages(model.decoder), before)
    mean_, drawn, kl = measured.encode(x, "data")
    with batch_norm.kept(model.encoder):
        batch_norm.assign(model.encoder, known["encoder"]["data"])
        np.testing.assert_allclose(mean_, model.encode(x), rtol=1e-4, atol=1e-5)
    assert drawn.shape == mean_.shape and (kl > 0).all()


def tiny_backbone(*_):
    images = keras.Input((8, 8, 1))
    seen = keras.layers.Dense(4, name="seen")(keras.layers.Flatten()(images))
    network = keras.Model(images, keras.layers.Dense(10)(seen))
    return Backbone(network, "tiny", features="seen", outputs="logits")


@pytest.mark.slow
def test_command_writes_the_record_and_does_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(ks.evaluation, "classifier", tiny_backbone)
    monkeypatch.setattr(batch_norm, "BATCHES", 2)
    path = tmp_path / "record.json"
    line = f"digits --methods ALICE --seeds 1 --steps 2 --n {SIZE} --out {tmp_path}"
    batch_norm.main([*line.split(), "--record", str(path)])
    written = json.loads(path.read_text())["digits"]
    assert {"command", "commit", "machine", "seconds"} <= set(written)
    assert written["data"] == {"name": "digits", "n": SIZE, "split": "test"}
    (run,) = written["runs"]
    assert set(run["samples"]) == set(batch_norm.GENERATED)
    assert len(run["reconstructions"]) == len(batch_norm.RECONSTRUCTED)
    assert run["samples"]["batch"]["difference, largest"] == 0
    assert run["samples"]["mix"]["difference, largest"] > 0
    summed = written["summary"]["ALICE"]["samples"]["p"]["Frechet distance"]
    assert summed["mean"] == run["samples"]["p"]["Frechet distance"]
    assert summed["from mix"]["mean"] == pytest.approx(
        summed["mean"] - run["samples"]["mix"]["Frechet distance"]
    )
    monkeypatch.setattr(batch_norm, "one_run", None)
    batch_norm.main([*line.split(), "--record", str(path)])


def test_unusable_numbers_are_refused():
    given = argparse.Namespace(nets="digits", steps=0, seeds=1, n=SIZE)
    with pytest.raises(ValueError, match="Expected --steps and --seeds >= 1"):
        batch_norm.run(given)


def test_spread():
    assert batch_norm.spread([1.0, 3.0]) == {
        "mean": 2.0,
        "deviation": pytest.approx(2**0.5),
    }
    # One run tells nothing of the spread.
    assert batch_norm.spread([1.0]) == {"mean": 1.0, "deviation": None}
    assert batch_norm.cell(batch_norm.spread([1.0])) == "1"
    assert batch_norm.cell(batch_norm.spread([1.0, 3.0])) == "2 ± 1.4"
