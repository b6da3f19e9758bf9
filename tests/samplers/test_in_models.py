"""What a model does with its samplers: generates from them, saves, exports them."""

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
from tests.samplers.made import MADE


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """Where it is saved and exported."""
    found = tmp_path_factory.mktemp("kept")
    model.save(found / "model.keras")
    model.export(found / "saved")
    return found


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


@pytest.mark.parametrize(
    "copied",
    [
        keras.models.clone_model,
        lambda model: type(model).from_config(model.get_config()),
        lambda model: keras.models.model_from_json(model.to_json()),
    ],
)
def test_a_copy_without_weights_has_no_fitted_samplers(model, copied):
    copy = copied(model)
    assert list(copy.samplers) == list(MADE)
    sampler = copy.samplers["gaussian_mixture"]
    for act in (
        lambda: copy.generate(3, sampler="gaussian_mixture"),
        lambda: copy.generate(3, sampler=sampler),
        lambda: copy.add_sampler(sampler),
        lambda: sampler.sample(3),
        lambda: sampler.log_prob(np.zeros((1, CODE))),
    ):
        with pytest.raises(ValueError, match="Expected a fitted sampler.*no weights"):
            act()
    copy.set_weights(model.get_weights())
    drawn = (m.generate(3, seed=1, sampler="gaussian_mixture") for m in (model, copy))
    np.testing.assert_array_equal(*drawn)


def test_a_sampler_is_fitted_to_a_saved_model(model, folder):
    x = tiny.data(n=100)
    found = ks.samplers.GaussianMixture(2).fit(folder / "saved", x, seed=1)
    expected = model.samplers["gaussian_mixture"].means
    np.testing.assert_allclose(found.means, expected, rtol=1e-3, atol=1e-4)


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
