"""One call measures what applies, and says why it leaves out the rest."""

import json

import keras
import numpy as np
import pytest

import keras_svae as ks
from keras_svae import evaluate as command
from keras_svae.evaluation import MEASURES
from keras_svae.evaluation.reading.part import at_random
from tests.models import tiny

SMALL = {
    "importance_weighted_bound": {"k": 20},
    "annealed_importance_sampling": {"n_chains": 4, "n_temperatures": 20},
    "kernel_distance": {"subsets": 4, "subset_size": 50},
}


@pytest.fixture(scope="module")
def images():
    """A model of 8 x 8 images, its data with labels, and something to see them with."""
    train = ks.data.load("digits", labels=True, batch_size=100)
    test = ks.data.load("digits", "test", labels=True, batch_size=100)
    nets = ks.networks.digits(latent_dim=4, units=32)
    model = ks.SVAE(*nets, lam=0.1, seed=1)
    x = keras.Input((8, 8, 1))
    h = keras.layers.Dense(6, activation="tanh", name="seen")(keras.layers.Flatten()(x))
    net = keras.Model(x, keras.layers.Dense(10)(h))
    backbone = ks.evaluation.Backbone(net, "a net", features="seen", outputs="logits")
    return model, train, test, backbone


@pytest.fixture(scope="module")
def report(images):
    model, train, test, backbone = images
    return ks.evaluation.evaluate(
        model,
        test,
        train=train,
        n=150,
        backbone=backbone,
        measures="all",
        options=SMALL,
        verbose=False,
    )


def test_all_that_applies_is_measured(images, report):
    # Neither a mixture nor LPIPS's weights were given, 8 x 8 is small for SSIM, and the
    # model has no classes.
    of_classes = {"class_accuracy", "classification_accuracy", "marginal_bound"}
    others = {"ssim", "lpips", "modes", "mixture_score"}
    assert set(report.left_out) == others | of_classes
    assert "11 x 11" in report.left_out["ssim"]
    assert not report.failed
    for name, value in report.items():
        assert np.isfinite(value), name
    model, _, test, backbone = images
    x = np.concatenate([x for x, _ in test])
    x = at_random([x], 150, seed=0)[0]
    assert report["mse"] == pytest.approx(ks.evaluation.mse(x, model.reconstruct(x)))
    assert report["mse"].details["n"] == 150
    about = report["frechet_distance"].details
    assert about["backbone"] == "a net" and about["resize"] == "none"
    assert about["reference"] == "test data"
    assert {"precision_recall.recall", "calibration.log_loss"} <= set(report)
    assert report["precision_recall.recall"].details["backbone"] == "a net"
    assert 1 <= report["inception_score"] <= 10
    assert report["inception_score"].details["backbone"] == "a net"


def test_likelihoods_are_ordered_and_are_the_models_own(images, report):
    bound = report["variational_bound"]
    tighter = report["importance_weighted_bound"]
    assert tighter.details["k"] == 20
    assert bound < tighter < 0
    model, _, test, _ = images
    p = ks.evaluation.density(model)
    x = np.concatenate([x for x, _ in test])
    x = at_random([x], 150, seed=0)[0]
    own = ks.evaluation.variational_bound(x, p.log_likelihood, p.posterior, p.prior)
    assert bound == pytest.approx(own.mean, abs=4 * own.mean.deviation)


def test_probes_of_partly_labelled_data(images):
    """`ks.data.load(labelled=...)` gives y = -1 where a class is not known."""
    model, _, test, _ = images
    x, y = (np.concatenate(parts) for parts in zip(*test, strict=True))
    known = np.arange(len(y)) % 3 == 0
    given = {"measures": ["linear_probe", "nearest_neighbours"], "verbose": False}
    found = ks.evaluation.evaluate(model, test, train=(x, y * known - ~known), **given)
    alone = ks.evaluation.evaluate(model, test, train=(x[known], y[known]), **given)
    for name, value in alone.items():
        assert found[name] == pytest.approx(value, abs=0.01)
        assert found[name].details["classes"] == 10
        assert found[name].details["n_train"] == known.sum()
    with pytest.raises(ValueError, match="Expected examples of known classes"):
        ks.evaluation.evaluate(model, test, train=(x, -np.ones(len(x), int)), **given)
    few = {**given, "measures": "nearest_neighbours"}
    with pytest.raises(ValueError, match="5 training examples or more"):
        train = (x, np.where(np.arange(len(y)) < 4, y, -1))
        ks.evaluation.evaluate(model, test, train=train, **few)


@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("gan", marks=pytest.mark.slow)]
)
def test_a_saved_model_measures_as_its_model(method, tmp_path):
    model = tiny.build(method, likelihood="bernoulli")
    model.export(tmp_path / "saved")
    x = tiny.data(n=120)
    given = {"measures": "all", "options": SMALL, "n": 120, "verbose": False}
    one = ks.evaluation.evaluate(model, x, **given)
    other = ks.evaluation.evaluate(tmp_path / "saved", x, **given)
    assert list(one) == list(other) and one.left_out == other.left_out
    assert ("mse" in one) == (method == "svae_r")
    assert "annealed_importance_sampling" in one
    for name, value in one.items():
        assert other[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_any_posterior_is_asked_through_the_endpoints(tmp_path):
    """A law that mean and scale do not tell: draws and densities come from it."""
    model = tiny.build("svae_r", posterior="laplace")
    model.export(tmp_path / "saved")
    x = tiny.data(n=400)
    options = {"variational_bound": {"samples": 20}}
    given = {"measures": ["variational_bound"], "options": options, "verbose": False}
    bound = ks.evaluation.evaluate(tmp_path / "saved", x, **given)["variational_bound"]
    p = ks.evaluation.density(model)
    own = ks.evaluation.variational_bound(
        x, p.log_likelihood, p.posterior, p.prior, samples=20
    ).mean
    assert bound == pytest.approx(own, rel=0.02)


def test_points_are_their_own_features_and_have_a_mixture():
    law = ks.data.mixture("toy5")
    test = ks.data.load("toy5", "test")
    nets = ks.networks.toy(latent_dim=2, units=16)
    model = ks.ALI(*nets, likelihood="gaussian", seed=0)
    found = ks.evaluation.evaluate(model, test, mixture=law, n=300, verbose=False)
    distance = found["frechet_distance"]
    assert distance.details["backbone"] == "none: the points themselves"
    x = np.concatenate(list(test))
    x = at_random([x], 300, seed=0)[0]
    made = np.concatenate(list(ks.evaluation.Subject.of(model).generate(300)))
    assert distance == pytest.approx(ks.evaluation.frechet_distance(x, made))
    score = ks.evaluation.mixture_score(made, law.means, law.sigma)
    assert found["mixture_score"] == pytest.approx(score)
    assert "modes.captured" in found and not {"psnr", "inception_score"} & set(found)


def test_costly_measures_run_only_where_they_are_named(images):
    model, _, test, _ = images
    found = ks.evaluation.evaluate(model, test, train=test, n=50, verbose=False)
    costly = [name for name, one in MEASURES.items() if one.costly]
    assert costly and all("costly" in found.left_out[name] for name in costly)
    named = ks.evaluation.evaluate(model, test, measures="mse", n=50, verbose=False)
    assert list(named) == ["mse"] and not named.left_out
    assert str(named).startswith("MSE  0.")


def test_measures_that_need_not_apply_are_left_out(images):
    model, _, test, _ = images
    given = {"measures": ["mse", "modes"], "n": 50, "verbose": False}
    with pytest.raises(ValueError, match="for modes; received"):
        ks.evaluation.evaluate(model, test, **given)
    found = ks.evaluation.evaluate(model, test, strict=False, **given)
    assert list(found) == ["mse"] and list(found.left_out) == ["modes"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"measures": ["ms"]}, "Did you mean 'mse'"),
        ({"measures": ["lpips"]}, "LPIPS's weights for lpips"),
        ({"measures": ["linear_probe"]}, "labelled data"),
        ({"options": {"ssimm": {}}}, "Did you mean 'ssim'"),
        ({"n": 1}, "n=1"),
    ],
)
def test_what_cannot_be_measured_is_refused(images, given, why):
    model, _, test, _ = images
    with pytest.raises(ValueError, match=f"Expected .*{why}"):
        ks.evaluation.evaluate(model, test, verbose=False, **given)


def test_data_that_do_not_go_with_the_model_are_refused_before_anything_runs(images):
    model = images[0]
    x = np.zeros((10, 8, 8, 1), "float32")
    for bad in (x[..., 0], x - 1, np.full_like(x, np.nan)):
        with pytest.raises(ValueError, match="Expected .*received"):
            ks.evaluation.evaluate(model, bad, verbose=False)
    with pytest.raises(ValueError, match="decoder density .*annealed"):
        model = tiny.build("gan", likelihood="implicit", compiled=False)
        ks.evaluation.evaluate(
            model, tiny.data(), measures="annealed_importance_sampling"
        )


def test_a_decoder_that_is_fed_noise_has_no_density():
    nets = ks.networks.toy(latent_dim=2, units=8, noise=True)
    model = ks.ALI(*nets, likelihood="gaussian")
    assert model.about()["fed_noise"] == ["decoder", "encoder"]
    x = np.zeros((4, 2), "float32")
    found = ks.evaluation.evaluate(model, x, n=4, measures="all", verbose=False)
    assert "decoder density" in found.left_out["variational_bound"]
    # Four samples are too few for some measures, which does not lose the others.
    assert "6 test examples" in found.left_out["density_coverage"] and "mse" in found
    assert not found.failed
    with pytest.raises(ValueError, match="decoder density"):
        ks.evaluation.evaluate(model, x, measures="variational_bound")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"measures": "mse", "options": {"ssim": {}}}, "are named, .'mse'.*'ssim'"),
        (
            {"options": {"precision_recall": {"kk": 5}}},
            "options of precision_recall among .*'k'.*received: 'kk'",
        ),
        ({"options": {"mse": {"k": 5}}}, r"options of mse among \[\]; received: 'k'"),
        ({"options": {"lpips": {"weights": 1}}}, "options of lpips among"),
        ({"options": {"k": 5}}, "options by measure.*received: options={'k': 5}"),
        ({"options": 3}, "options by measure"),
        ({"measures": []}, r"Expected measures as names.*measures=\[\]"),
        ({"measures": ()}, "Expected measures as names"),
        ({"measures": ks.evaluation.mse}, "Expected measures as names"),
    ],
)
def test_names_and_options_are_checked_before_the_model_is_read(given, why):
    with pytest.raises(ValueError, match=why):
        ks.evaluation.evaluate("no such file", None, **given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"backbone": keras.Sequential()}, "Expected backbone as .*Sequential"),
        ({"backbone": 3}, "Expected backbone as .*received: int"),
        ({"mixture": "grid25"}, "Expected mixture with means.*'grid25'"),
    ],
)
def test_wrong_companions_are_refused(given, why):
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    with pytest.raises(ValueError, match=why):
        ks.evaluation.evaluate(model, tiny.data(n=10), verbose=False, **given)


@pytest.mark.parametrize("form", ["tf", "objects", "bytes"])
def test_labels_may_be_texts_of_any_form(form):
    import tensorflow as tf

    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    x, texts = tiny.data(n=40), np.array(["one", "three"] * 20)
    given = {"measures": ["linear_probe", "nearest_neighbours"], "verbose": False}
    data = {
        "tf": lambda: tf.data.Dataset.from_tensor_slices((x, texts)).batch(15),
        "objects": lambda: (x, texts.astype(object)),  # as a column of pandas
        "bytes": lambda: (x, texts.astype("S")),
    }[form]()
    expected = ks.evaluation.evaluate(model, (x, texts), train=(x, texts), **given)
    found = ks.evaluation.evaluate(model, data, train=data, **given)
    assert dict(found) == dict(expected) and len(found) == 2
    with pytest.raises(ValueError, match="labels of one kind, texts or numbers"):
        numbers = x, np.arange(40) % 2
        ks.evaluation.evaluate(model, data, train=numbers, **given)
    with pytest.raises(ValueError, match="labels of one kind, texts or numbers"):
        ks.evaluation.linear_probe(x, numbers[1], x, texts)


def test_tensorflow_does_not_warn_of_retracing(caplog):
    model, x = tiny.build("vae", compiled=False), tiny.data(n=4)
    for _ in range(6):
        list(ks.evaluation.Subject.of(model).codes(x))
    assert not [one for one in caplog.messages if "retracing" in one]


def test_every_measure_tells_its_options():
    assert all(one.options is not None for one in MEASURES.values())
    assert MEASURES["lpips"].options == ("value_range", "resize")


def test_the_seed_reaches_all_that_is_drawn():
    model, x = tiny.build("vae", likelihood="bernoulli"), tiny.data(n=60)
    names = ["kernel_distance", "aggregate_posterior"]
    options = {"kernel_distance": {"subset_size": 20}}
    given = {"measures": names, "options": options, "verbose": False}
    found = ks.evaluation.evaluate(model, x, seed=3, **given)
    assert found["kernel_distance"].details["seed"] == 3
    direct = ks.evaluation.Subject.of(model)
    codes = np.concatenate(list(direct.encode(x, 3)))
    for name, value in (
        ks.evaluation.aggregate_posterior(codes, "normal", seed=3)._asdict().items()
    ):
        if f"aggregate_posterior.{name}" in found:
            assert found[f"aggregate_posterior.{name}"] == value


def test_a_law_of_zeros_and_ones_has_no_bits_of_grey_values():
    model = tiny.build("vae", likelihood="bernoulli")
    grey = np.random.default_rng(0).integers(0, 256, (20, tiny.DATA)) / 255
    given = {"measures": ["mse", "variational_bound"], "verbose": False}
    with pytest.raises(ValueError, match="Expected a likelihood that is a density"):
        ks.evaluation.evaluate(model, grey, dequantise=True, **given)
    older = ks.evaluation.Subject.of(model)
    del older.about["discrete"]  # as a SavedModel of before
    for source in (model, older):
        more = {"dequantise": True, "strict": False}
        found = ks.evaluation.evaluate(source, grey, **more, **given)
        assert "a likelihood that is a density" in found.left_out["variational_bound"]
        assert "mse" in found
    for x, told in ((grey, True), (grey.round(), False)):
        notes = ks.evaluation.evaluate(model, x, **given).notes
        assert any("Bernoulli gives a cross entropy" in one for one in notes) == told
    density = tiny.build("vae", likelihood="continuous_bernoulli")
    found = ks.evaluation.evaluate(density, grey, dequantise=True, **given)
    assert "variational_bound.bits_per_dimension" in found
    assert not any("cross entropy" in one for one in found.notes)


def test_samples_are_told_of_only_where_they_are_drawn(images):
    model, _, test, _ = images
    given = {"verbose": False}
    found = ks.evaluation.evaluate(model, test, measures="mse", **given)
    assert not found.notes
    found = ks.evaluation.evaluate(model, test, measures="code_mse", **given)
    assert any("samples were drawn" in one for one in found.notes)


def test_the_command_line(images, tmp_path, capsys):
    model = images[0]
    model.export(tmp_path / "run" / "savedmodel")
    arguments = [str(tmp_path / "run"), "--data", "digits", "--n", "60"]
    chosen = ["--measures", "mse,importance_weighted_bound", "--json"]
    out = tmp_path / "found.json"
    k = ["--set", "importance_weighted_bound.k=7"]
    command.main([*arguments, *chosen, str(out), *k])
    found = json.loads(out.read_text())
    assert found["mse"]["n"] == 60
    assert found["importance_weighted_bound"]["k"] == 7
    assert "MSE" in capsys.readouterr().out
    for bad in (["--measures", "no"], ["--set", "k=7"], ["--backbone", "nothing"]):
        with pytest.raises(SystemExit) as stopped:
            command.main([*arguments, *bad])
        assert stopped.value.code == 2
        assert "Expected" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # what to do, and of which data
        command.main([*arguments, "--size", "16"])
    said = capsys.readouterr().err
    assert "(--size 8" in said and "digits of shape (16, 16, 1)" in said


def test_what_the_command_line_writes_keeps_links_and_permissions(tmp_path):
    place, link = tmp_path / "found.json", tmp_path / "link.json"
    place.write_text("old")
    place.chmod(0o640)
    link.symlink_to(place)
    command._write(str(link))
    assert place.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    command._write(str(link), {"mse": 1.0})
    assert link.is_symlink() and json.loads(place.read_text()) == {"mse": 1.0}
    assert place.stat().st_mode & 0o777 == 0o640
    for wrong in (tmp_path, tmp_path / "nowhere" / "found.json"):
        with pytest.raises(OSError, match="Expected --json FILE that can be written"):
            command._write(str(wrong))


def test_images_of_a_linear_likelihood_are_clipped_to_their_range(images):
    law = {"likelihood": "gaussian"}
    nets = ks.networks.digits(latent_dim=4, units=32, joint=False, **law)
    model = ks.GAN(nets.decoder, nets.critic)
    _, _, test, backbone = images
    x = np.concatenate(list(ks.evaluation.Subject.of(model).generate(300)))
    with pytest.raises(ValueError, match=r"Expected images in \[0, 1\]"):
        ks.evaluation.inception_score(x, backbone=backbone)
    found = ks.evaluation.evaluate(
        model, test, backbone=backbone, measures="inception_score", n=300, verbose=False
    )
    clipped = ks.evaluation.inception_score(np.clip(x, 0, 1), backbone=backbone)
    assert found["inception_score"] == pytest.approx(clipped)
