"""What samplers are fitted to, and which samplers, models and data are refused."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.batches import Batches
from tests.models import tiny
from tests.models.tiny import CODE, dense
from tests.samplers.made import MADE


@pytest.mark.parametrize("name", MADE)
def test_the_same_seed_fits_the_same_law(name, model):
    again = MADE[name]().fit(model, tiny.data(n=100), seed=1)
    kept = model.samplers[name]
    np.testing.assert_array_equal(again.sample(5), kept.sample(5))
    assert np.any(kept.sample(5) != kept.sample(5, seed=1))
    assert not kept.trainable_weights


@pytest.mark.parametrize("name", ["second_stage_vae", "masked_autoregressive_flow"])
def test_the_programs_own_seed_has_no_effect(name):
    z = np.random.default_rng(0).normal(size=(100, 2)).astype("float32")
    found = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        found.append(MADE[name]().fit_codes(z, seed=1).sample(5).numpy())
    np.testing.assert_array_equal(*found)


def test_data_of_any_kind_give_the_same_codes(model):
    x = tiny.data(n=100)
    labels = np.arange(100)
    kept = model.samplers["aggregated_posterior"].means.numpy()
    for data in (
        (x, labels),
        tf.data.Dataset.from_tensor_slices(x).batch(7),
        tf.data.Dataset.from_tensor_slices((x, labels)).batch(100),
        Batches(x, labels),
    ):
        found = ks.samplers.AggregatedPosterior().fit(model, data)
        # Means near 0 have the rounding of larger terms.
        np.testing.assert_allclose(found.means, kept, rtol=1e-5, atol=1e-6)
    part = ks.samplers.AggregatedPosterior().fit(model, x, n=10)
    rows = {tuple(row) for row in kept.round(4).tolist()}
    assert part.means.shape == (10, CODE)
    assert {tuple(row) for row in part.means.numpy().round(4).tolist()} <= rows


def test_codes_of_any_kind_give_the_same_law():
    z = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    expected = ks.samplers.GaussianMixture(1).fit_codes(z).means
    for codes in (tf.data.Dataset.from_tensor_slices(z).batch(7), Batches(z), [*z]):
        found = ks.samplers.GaussianMixture(1).fit_codes(codes)
        np.testing.assert_array_equal(found.means, expected)


ENCODERS = ["ali", "svae_r", "as_vae", "avb", "aim", "veegan", "info_gan", "aae"]


@pytest.mark.parametrize("method", ENCODERS)
def test_every_method_with_an_encoder_has_samplers(method):
    model = tiny.build(method, compiled=False)
    sampler = ks.samplers.GaussianMixture(2).fit(model, tiny.data(n=40))
    assert model.generate(3, sampler=sampler).shape == (3, tiny.DATA)


def category():
    encoder, critic = dense([tiny.DATA], 2, "e"), dense([tiny.DATA], 1, "c")
    return ks.InfoGAN(dense([CODE], tiny.DATA, "g"), critic, encoder, categories=2)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: tiny.build("gan", compiled=False), "GAN, which has no encoder"),
        (lambda: tiny.build("cvae", compiled=False), "CVAE, which has classes"),
        (category, "InfoGAN, which has codes that end in one of 2 categories"),
    ],
)
def test_models_without_such_codes_are_refused(make, reason, model):
    with pytest.raises(ValueError, match="Expected a model with an enc.*" + reason):
        ks.samplers.GaussianMixture(2).fit(make(), tiny.data(n=40))
    for use in (
        lambda one: make().generate(2, sampler=one),
        lambda one: make().add_sampler(one),
    ):
        with pytest.raises(ValueError, match=reason):
            use(model.samplers["gaussian_mixture"])


def test_wrong_samplers_are_refused(model):
    new = ks.samplers.GaussianMixture(2)
    other = ks.samplers.GaussianMixture(2).fit_codes(np.eye(5))
    for wrong, message in {
        "gmm": r"one of \['prior', 'gaussian_mixture', .*received: 'gmm'",
        3: "Expected a sampler of ks.samplers.*received: 3",
        new: "Expected a fitted sampler: call fit.*GaussianMixture",
        other: "Expected a sampler of codes of 2 dim.*GaussianMixture of 5",
    }.items():
        with pytest.raises(ValueError, match=message):
            model.generate(2, sampler=wrong)
    with pytest.raises(ValueError, match="Expected a fitted sampler"):
        new.sample(3)
    with pytest.raises(ValueError, match="n to be an integer >= 1"):
        other.sample(tf.constant(2.5))
    np.testing.assert_array_equal(other.sample(tf.constant(3)), other.sample(3))
    with pytest.raises(ValueError, match=r"Expected codes \(2,\).*\(3,\)"):
        model.samplers["gaussian_mixture"].log_prob(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="Expected the name of a sampler.*'gmm'"):
        model.remove_sampler("gmm")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: s.GaussianMixture(0), "n_components to be an integer >= 1"),
        (lambda s: s.GaussianMixture(2, "round"), "covariance_type to be one of"),
        (lambda s: s.GaussianMixture(name="a b"), "name to be a Python name.*'a b'"),
        (lambda s: s.GaussianMixture(name="prior"), "name to be a Python name"),
        (lambda s: s.SecondStageVAE(units=0), "units to be an integer >= 1"),
        (lambda s: s.SecondStageVAE(depth=0), "depth"),
        (lambda s: s.MaskedAutoregressiveFlow(length=0), "length to be an integer"),
        (lambda s: s.MaskedAutoregressiveFlow(learning_rate=0), "learning_rate"),
        (lambda s: s.GaussianMixture(9).fit_codes(np.eye(3)), "at least 9 codes"),
        (
            lambda s: s.GaussianMixture(1).fit_codes((np.eye(3), np.arange(3))),
            "codes .n, latent_dim. alone; received: a tuple of 2",
        ),
        (lambda s: s.GaussianMixture(1).fit_codes(np.ones(3)), r"codes \(n, latent"),
        (
            lambda s: s.GaussianMixture(1).fit_codes(np.full((3, 2), np.nan)),
            "finite codes.*6 values not finite",
        ),
        (lambda s: s.SecondStageVAE().fit_codes(np.eye(3)), "at least 10 codes"),
        (
            lambda s: s.MaskedAutoregressiveFlow().fit_codes(np.ones((20, 1))),
            "at least 2 dimensions",
        ),
        (
            lambda s: s.GaussianMixture(1).fit_codes(np.eye(3)).fit_codes(np.eye(4)),
            "new sampler for codes of another",
        ),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match="Expected .*" + message):
        make(ks.samplers)


def test_a_failed_fit_changes_nothing(model):
    kept = model.samplers["gaussian_mixture"]
    before = kept.means.numpy()
    with pytest.raises(ValueError, match=r"Expected data \(batch, 3\)"):
        kept.fit(model, tiny.data(n=40)[:, :2])
    np.testing.assert_array_equal(kept.means, before)


def test_a_list_of_data_and_labels_is_refused_by_its_name(model):
    x = tiny.data(n=40)
    with pytest.raises(ValueError, match="one array; received: a list of 2.*a tuple"):
        ks.samplers.GaussianMixture(2).fit(model, [x, np.arange(40)])


def test_a_sampler_of_one_s_own_says_what_it_lacks():
    own = type("Own", (ks.samplers.Sampler,), {})
    with pytest.raises(NotImplementedError, match=r"Own has no make\(latent_dim, "):
        own().fit_codes(np.ones((4, 2), "float32"))
