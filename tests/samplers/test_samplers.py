"""Samplers: what a model does with them, how they are saved, what is refused."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.hub.card import card
from tests.models import tiny
from tests.models.tiny import CODE, dense, run

QUICK = {"epochs": 2, "batch_size": 50}
# Each in a size that is quick to fit.
MADE = {
    "gaussian_mixture": lambda: ks.samplers.GaussianMixture(2),
    "aggregated_posterior": lambda: ks.samplers.AggregatedPosterior(),
    "second_stage_vae": lambda: ks.samplers.SecondStageVAE(units=8, depth=1, **QUICK),
    "masked_autoregressive_flow": lambda: ks.samplers.MaskedAutoregressiveFlow(
        length=2, units=8, **QUICK
    ),
}


@pytest.fixture(scope="module")
def model():
    """A VAE that keeps one sampler of each kind."""
    made = tiny.build("vae")
    for make in MADE.values():
        made.add_sampler(make().fit(made, tiny.data(n=100), seed=1))
    return made


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """Where it is saved and exported."""
    found = tmp_path_factory.mktemp("kept")
    model.save(found / "model.keras")
    model.export(found / "saved")
    return found


@pytest.mark.parametrize("name", MADE)
def test_the_same_seed_fits_the_same_law(name, model):
    again = MADE[name]().fit(model, tiny.data(n=100), seed=1)
    kept = model.samplers[name]
    np.testing.assert_array_equal(again.sample(5), kept.sample(5))
    assert np.any(kept.sample(5) != kept.sample(5, seed=1))
    assert not kept.trainable_weights


@pytest.mark.parametrize("name", MADE)
def test_a_model_generates_from_the_sampler(name, model):
    sampler = model.samplers[name]
    x, z = model.generate_pairs(5, seed=7, sampler=name)
    np.testing.assert_array_equal(z, sampler.sample(5, seed=7))
    w = tiny.weights(model)["decoder"]
    np.testing.assert_allclose(model.decode(z), run(w, z), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(x, model.generate(5, seed=7, sampler=sampler))
    # Without a sampler it is as it was.
    np.testing.assert_array_equal(
        model.generate(5, seed=7, sampler="prior"), model.generate(5, seed=7)
    )
    assert np.any(x != model.generate(5, seed=7))


def test_parts_come_and_go_though_the_user_has_built_the_model():
    """Keras then lets a model have no new layers or metrics."""
    model = tiny.build("vae")
    model.build((None, *model.input_specs()["x"].shape[1:]))
    names, count = [one.name for one in model.layers], len(model.weights)
    for _ in range(2):
        model.compile("adam", ema=0.9)
        model.fit(tiny.data(), verbose=0)
        model.add_sampler(ks.samplers.GaussianMixture(2).fit(model, tiny.data(n=50)))
        kept = [one.name for one in model.layers]
        assert sorted(kept) == sorted([*names, "averages", "gaussian_mixture"])
        assert len(model.weights) > count
    model.compile("adam")
    model.remove_sampler("gaussian_mixture")
    assert [one.name for one in model.layers] == names
    assert len(model.weights) == count


def test_parts_come_after_the_networks_and_are_in_a_checkpoint(tmp_path):
    x = tiny.data(n=50)

    def made(seed):
        model = tiny.build("vae")
        model.compile("adam", ema=0.9)
        model.fit(x, verbose=0)
        model.add_sampler(ks.samplers.GaussianMixture(2).fit(model, x, seed=seed))
        return model

    model, other = made(1), made(2)
    paths = [v.path for v in model.weights]
    parts = [i for i, path in enumerate(paths) if path.startswith(("aver", "gauss"))]
    assert parts == [*range(parts[0], len(paths))]
    other.generate(2, seed=1)
    saved = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=other).read(saved).expect_partial()
    for one, again in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, again, err_msg=one.path)


def test_a_quantised_model_takes_a_sampler():
    """Keras locks what it has quantised."""
    model = tiny.build("vae")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    model.add_sampler(ks.samplers.GaussianMixture(2).fit(model, tiny.data(n=50)))
    assert model.generate(3, sampler="gaussian_mixture").shape[0] == 3


def test_samplers_are_saved_and_exported(model, folder, tmp_path):
    again = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    assert list(again.samplers) == list(MADE)
    saved = tf.saved_model.load(folder / "saved").signatures
    for name in MADE:
        x, z = model.generate_pairs(6, seed=2, sampler=name)
        np.testing.assert_array_equal(x, again.generate(6, seed=2, sampler=name))
        made = saved[f"generate_{name}"](n=tf.constant(6), seed=tf.constant(2))
        np.testing.assert_allclose(made["x"], x, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(made["z"], z, rtol=1e-5, atol=1e-6)
    # A loaded model's samplers may change, and are saved again.
    sampler = again.samplers["gaussian_mixture"]
    np.testing.assert_array_equal(
        sampler.log_prob(np.zeros((1, CODE))),
        model.samplers["gaussian_mixture"].log_prob(np.zeros((1, CODE))),
    )
    again.remove_sampler("second_stage_vae")
    again.add_sampler(ks.samplers.GaussianMixture(3).fit(again, tiny.data(n=50)))
    again.add_sampler(ks.samplers.GaussianMixture(1, name="m").fit(again, tiny.data()))
    again.save(tmp_path / "again.keras")
    third = keras.saving.load_model(tmp_path / "again.keras")
    kept = {
        "aggregated_posterior": "AggregatedPosterior",
        "gaussian_mixture": "GaussianMixture",
        "m": "GaussianMixture",
        "masked_autoregressive_flow": "MaskedAutoregressiveFlow",
    }
    assert third.about()["samplers"] == kept
    # What is there to ask for is seen in the model, its card and its SavedModel.
    assert f"; samplers {', '.join(third.samplers)}; players" in repr(third)
    told = card(third, {}, picture=False, place="here")
    assert "`m` (GaussianMixture)" in told and "Samplers" in told
    about = json.loads(saved["about"]()["about"].numpy())
    assert list(about["samplers"]) == list(MADE)
    assert third.samplers["gaussian_mixture"].means.shape == (3, CODE)
    for name in third.samplers:
        a, b = (m.generate(3, sampler=name) for m in (again, third))
        np.testing.assert_array_equal(a, b)


def test_a_sampler_is_fitted_to_a_saved_model(model, folder):
    x = tiny.data(n=100)
    found = ks.samplers.GaussianMixture(2).fit(folder / "saved", x, seed=1)
    expected = model.samplers["gaussian_mixture"].means
    np.testing.assert_allclose(found.means, expected, rtol=1e-3, atol=1e-4)


def test_data_of_any_kind_give_the_same_codes(model):
    x = tiny.data(n=100)
    labels = np.arange(100)
    kept = model.samplers["aggregated_posterior"].means.numpy()
    for data in (
        (x, labels),
        tf.data.Dataset.from_tensor_slices(x).batch(7),
        tf.data.Dataset.from_tensor_slices((x, labels)).batch(100),
    ):
        found = ks.samplers.AggregatedPosterior().fit(model, data)
        # Means near 0 have the rounding of larger terms.
        np.testing.assert_allclose(found.means, kept, rtol=1e-5, atol=1e-6)
    part = ks.samplers.AggregatedPosterior().fit(model, x, n=10)
    rows = {tuple(row) for row in kept.round(4).tolist()}
    assert part.means.shape == (10, CODE)
    assert {tuple(row) for row in part.means.numpy().round(4).tolist()} <= rows


ENCODERS = ["ali", "svae_r", "as_vae", "avb", "aim", "veegan", "info_gan", "aae"]


@pytest.mark.parametrize("method", ENCODERS)
def test_every_method_with_an_encoder_has_samplers(method):
    model = tiny.build(method, compiled=False)
    sampler = ks.samplers.GaussianMixture(2).fit(model, tiny.data(n=40))
    assert model.generate(3, sampler=sampler).shape == (3, tiny.DATA)


def test_the_second_stage_of_a_two_stage_vae_is_its_prior():
    model = ks.TwoStageVAE(
        dense([tiny.DATA], 2 * CODE, "a"),
        dense([CODE], tiny.DATA, "b"),
        dense([CODE], 2 * CODE, "c"),
        dense([CODE], CODE, "d"),
    )
    sampler = ks.samplers.GaussianMixture(1).fit(model, tiny.data(n=40))
    _, z = model.generate_pairs(4, seed=1, sampler="prior")
    seed = ks.noise.Noise(1).seed("second")
    np.testing.assert_array_equal(z, model.second.generate(4, seed=seed))
    _, z = model.generate_pairs(4, seed=1, sampler=sampler)
    np.testing.assert_array_equal(z, sampler.sample(4, seed=1))


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


def test_a_law_of_older_codes_is_told():
    model = tiny.build("vae", optimizer=lambda: keras.optimizers.SGD(1e-3))
    sampler = ks.samplers.GaussianMixture(1).fit(model, tiny.data(n=20))
    model.add_sampler(sampler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(2, sampler=sampler)
    model.train_on_batch(tiny.data())
    with pytest.warns(UserWarning, match="was fitted at step 0.*is at step 1") as told:
        model.generate(2, sampler="gaussian_mixture")
    assert told[0].filename == __file__
    sampler.fit(model, tiny.data(n=20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(2, sampler=sampler)


def test_measures_take_a_sampler(model, folder):
    points = np.random.default_rng(0).uniform(size=(60, tiny.DATA)).astype("float32")
    given = {"measures": ["code_mse", "frechet_distance"], "n": 60, "verbose": False}
    subject = ks.evaluation.Subject.of(folder / "saved")
    prior, mixture = (
        ks.evaluation.evaluate(subject, points, sampler=name, **given)
        for name in ("prior", "gaussian_mixture")
    )
    drawn = np.concatenate([*subject.generate(60, 0, "gaussian_mixture")])
    expected = ks.evaluation.frechet_distance(points, drawn)
    np.testing.assert_allclose(mixture["frechet_distance"], expected, rtol=1e-4)
    assert mixture["frechet_distance"] != prior["frechet_distance"]
    assert mixture["frechet_distance"].details["sampler"] == "gaussian_mixture"
    assert "sampler" not in prior["frechet_distance"].details
    # The way back of the prior's codes has nothing to do with it.
    assert mixture["code_mse"] == prior["code_mse"]
    assert "sampler" not in mixture["code_mse"].details
    with pytest.raises(ValueError, match=r"sampler to be one of \['prior', 'aggreg"):
        ks.evaluation.evaluate(subject, points, sampler="gmm", **given)
