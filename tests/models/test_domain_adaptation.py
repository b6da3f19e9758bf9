"""Adversarial domain adaptation against (18) and (19) in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.models.tiny import run, softplus

FEATURES = 2


def build(compiled=False, **kwargs):
    model = ks.AdversarialDomainAdaptation(
        tiny.dense([tiny.DATA], FEATURES, "extractor"),
        tiny.dense([FEATURES], tiny.CLASSES, "classifier"),
        tiny.dense([FEATURES], 1, "critic"),
        **{"lam": 0.7, **kwargs},
    )
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    if compiled:
        model.compile(optimizer="sgd", critic_optimizer="sgd")
    return model


def domains(n=tiny.BATCH):
    y = np.arange(n) % tiny.CLASSES
    return (tiny.data(0, n), y), 3 * tiny.data(1, n)


@pytest.mark.parametrize("lam", [0.7, 0.0])
def test_losses_and_gradients_match_numpy(lam):
    model = build(lam=lam)
    (x, y), target = domains()
    w = tiny.weights(model)

    def f(x):
        return run(w["critic"], run(w["extractor"], x))

    def critic():
        return softplus(-f(x)).mean() + softplus(f(target)).mean()

    def classifier():
        q = np.exp(run(w["classifier"], run(w["extractor"], x)))
        log_q = np.log(q[range(len(y)), y] / q.sum(-1))
        swapped = softplus(f(x)).mean() + softplus(-f(target)).mean()
        return -log_q.mean() + lam * swapped

    batch = model.unpack(((x, y), target))
    for player, expected in {"critic": critic, "classifier": classifier}.items():
        tiny.check(model, player, expected, w, examples=batch)


def test_it_trains_evaluates_and_is_saved(tmp_path):
    model = build(compiled=True)
    (x, y), target = domains(20)
    labels = model.classify(target).numpy().argmax(-1)
    source = tf.data.Dataset.from_tensor_slices((x, y)).batch(10)
    other = tf.data.Dataset.from_tensor_slices((target, labels)).batch(10)
    found = model.evaluate(
        tf.data.Dataset.zip(source, other), verbose=0, return_dict=True
    )
    assert found["accuracy_target"] == 1
    share = np.mean(model.classify(x).numpy().argmax(-1) == y)
    np.testing.assert_allclose(found["accuracy_source"], share, rtol=1e-6)
    model.fit(tf.data.Dataset.zip(source, other.map(lambda x, y: x)), verbose=0)
    assert model.step == 2
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    p = run_classifier(model, x)
    np.testing.assert_allclose(model.classify(x), p, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(again.classify(x), p, rtol=1e-4, atol=1e-5)
    found = saved.classify(x)["probabilities"]
    np.testing.assert_allclose(found, p, rtol=1e-4, atol=1e-5)
    found = saved.features(x)["features"]
    np.testing.assert_allclose(found, model.features(x), rtol=1e-5, atol=1e-5)


def run_classifier(model, x):
    w = tiny.weights(model)
    q = np.exp(run(w["classifier"], run(w["extractor"], x)))
    return q / q.sum(-1, keepdims=True)


def test_bad_input():
    model = build(compiled=True)
    (x, y), target = domains()

    def fit(source, target):
        parts = tf.data.Dataset.from_tensor_slices((source, target)).batch(5)
        model.fit(parts, verbose=0)

    with pytest.raises(ValueError, match="Expected pairs of batches.*no y for the so"):
        fit(x, target)
    with pytest.raises(ValueError, match=r"integers in 0\.\.2; received: 3"):
        fit((x, y + 1), target)
    with pytest.raises(ValueError, match=r"integers in 0\.\.2; received: -1"):
        fit((x, y - 1), target)
    with pytest.raises(ValueError, match="each example to have shape"):
        fit((x, y), target[:, :2])
    assert model.step == 0
    nets = [tiny.dense([tiny.DATA], 2, "extractor")]
    with pytest.raises(ValueError, match=r"classifier to read \(2,\), what the extrac"):
        ks.AdversarialDomainAdaptation(
            *nets, tiny.dense([3], 3, "c"), tiny.dense([2], 1, "d")
        )
    with pytest.raises(ValueError, match="lam to be finite and >= 0; received"):
        build(lam=-1.0)
