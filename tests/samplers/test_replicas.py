"""Samplers of a model that is trained on replicas are those of one device."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.replicas import two_replicas
from tests.samplers.made import MADE


@pytest.fixture(scope="module")
def single():
    """A model on one device that keeps one sampler of each kind."""
    return with_samplers(tiny.build("vae"))


def with_samplers(model):
    for make in MADE.values():
        model.add_sampler(make().fit(model, tiny.data(n=40), seed=1))
    return model


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_samplers_of_a_model_on_replicas(single, inside, tmp_path):
    """Fitted inside of the strategy's scope or outside, saved, exported, loaded."""
    strategy = two_replicas()
    with strategy.scope():
        model = tiny.build("vae")
        if inside:
            with_samplers(model)
    if not inside:
        with_samplers(model)
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "saved")
    with strategy.scope():
        again = keras.saving.load_model(tmp_path / "model.keras")
    served = tf.saved_model.load(tmp_path / "saved").signatures
    for name in MADE:
        # The VAE of codes is itself trained on the replicas, each with its own noise.
        trained_there = inside and name == "second_stage_vae"
        expected = model if trained_there else single
        x, z = expected.generate_pairs(6, seed=2, sampler=name)
        for one in (model, again):
            found = one.generate_pairs(6, seed=2, sampler=name)
            np.testing.assert_allclose(found[0], x, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found[1], z, rtol=1e-5, atol=1e-6)
        made = served[f"generate_{name}"](n=tf.constant(6), seed=tf.constant(2))
        np.testing.assert_allclose(made["x"], x, rtol=1e-5, atol=1e-6)


def test_training_on_replicas_goes_on_with_a_sampler(single):
    """It does not change: no optimizer has it."""
    with two_replicas().scope():
        model = tiny.build("vae")
    sampler = ks.samplers.GaussianMixture(2).fit(model, tiny.data(n=40), seed=1)
    model.add_sampler(sampler)
    before = [v.numpy() for v in sampler.variables]
    model.fit(tiny.data(n=16), batch_size=8, verbose=0)
    assert model.step == 2
    for one, value in zip(sampler.variables, before, strict=True):
        np.testing.assert_array_equal(one.numpy(), value)
    with pytest.warns(UserWarning, match="was fitted at step 0.*is at step 2"):
        model.generate(2, sampler="gaussian_mixture")
