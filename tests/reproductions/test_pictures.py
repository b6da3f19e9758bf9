"""What a run shows of its model: which pictures, of which examples, and labels."""

import numpy as np
import PIL.Image
import pytest

import keras_svae as ks
from keras_svae.callbacks.pictures import some_examples
from keras_svae.pictures import views
from reproductions.engine import Images, Training, execute, execution, measure
from reproductions.engine.inputs import Inputs
from reproductions.svae import digits, toy
from tests.batches import rows
from tests.callbacks import small

TINY = {"units": 8, "depth": 1, "epochs": 1}


def inputs_of(one):
    """The inputs of a run that is not trained."""
    return Inputs(one.model, one.data, one.training)


def png(path):
    return np.asarray(PIL.Image.open(path))[..., None]


def model(posterior):
    nets = ks.networks.digits(posterior=posterior, **small.SMALL)
    return ks.ALI(*nets, posterior=posterior)


DRAWN = {
    "a posterior that draws": (lambda: model("gaussian"), ["neighbours", "traversals"]),
    "one that does not": (
        lambda: model(ks.distributions.Gaussian(1.0, draw="mean")),
        ["traversals"],
    ),
    "no density": (lambda: model("implicit"), ["traversals"]),
    "no encoder": (small.gan, []),
    "points": (lambda: small.svae(ks.networks.toy, likelihood="gaussian"), []),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_neighbours_and_traversals_where_they_mean_something(kind, tmp_path):
    build, expected = DRAWN[kind]
    x, labels = small.points() if kind == "points" else small.digits()
    measure.write_pictures(build(), (x, labels), tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == expected


def test_conditional_models_are_shown_with_their_classes(tmp_path):
    nets = ks.networks.digits(classes=10, **small.SMALL)
    made = ks.CVAE(nets.encoder, nets.decoder)
    x, y = small.digits()
    measure.write_pictures(made, (x, y), tmp_path)
    x, y = some_examples((x, y), 1000, 8, measure.SEED)
    expected = views.neighbours(made, x[:8], y=y[:8])
    np.testing.assert_array_equal(png(tmp_path / "neighbours.png"), expected)
    expected = views.traversals(made, x, y=y)
    np.testing.assert_array_equal(png(tmp_path / "traversals.png"), expected)
    assert np.any(expected != views.traversals(made, x, y=(y + 1) % 10))


def test_a_run_draws_them_of_its_last_weights(tmp_path, monkeypatch):
    """And its other pictures have labels, of which validation knows nothing."""
    trained, seen = [], []
    fit = ks.SVAE.fit

    def fitted(self, *arguments, **given):
        seen.append(given["validation_data"])
        return fit(self, *arguments, **given)

    monkeypatch.setattr(ks.SVAE, "fit", fitted)
    monkeypatch.setattr(measure, "measure", lambda *_: ks.evaluation.Report())
    monkeypatch.setattr(execution, "save", lambda model, folder: trained.append(model))
    given = TINY | {"latent_dim": 3}
    execute(digits.call(**given), tmp_path / "run", verbose="none")
    x, labels = inputs_of(digits(**given)).picture_examples()
    validation = x
    _, order = some_examples((x, labels), 1000, 64, seed=0)  # as `Pictures` has them
    x, _ = some_examples((x, labels), 1000, 8, measure.SEED)
    expected = views.traversals(trained[0], x)
    np.testing.assert_array_equal(png(tmp_path / "run/traversals.png"), expected)
    expected = views.neighbours(trained[0], x[:8])
    np.testing.assert_array_equal(png(tmp_path / "run/neighbours.png"), expected)
    told = (tmp_path / "run/pictures/metadata.tsv").read_text().split()
    assert told == [str(label) for label in order]
    np.testing.assert_array_equal(seen[0], validation)


# ---- Which examples ----------------------------------------------------------------


def split(name, data="digits"):
    """A whole split, examples and labels."""
    found = ks.data.load(data, name, 10_000, labels=True, shuffle=False)
    return next(found.as_numpy_iterator())


@pytest.mark.parametrize("experiment", [digits, toy], ids=["digits", "toy5"])
def test_pictures_have_labels_wherever_data_have_them(experiment):
    inputs = inputs_of(experiment(units=8))
    x, labels = inputs.picture_examples()
    expected = split("test", experiment.settings["data"])
    drawn = rows(len(expected[0]), 1000, seed=0)
    np.testing.assert_array_equal(x, expected[0][drawn])
    np.testing.assert_array_equal(labels, expected[1][drawn])
    np.testing.assert_array_equal(inputs.validation_examples(), x)


def test_where_weights_are_chosen_no_picture_is_of_test_data():
    inputs = inputs_of(digits(patience=2, units=8))
    expected = split("validation")
    for found, one in zip(inputs.picture_examples(), expected, strict=True):
        np.testing.assert_array_equal(found, one)
    np.testing.assert_array_equal(inputs.validation_examples(), expected[0])


def test_a_method_that_reads_classes_is_validated_with_them():
    nets = ks.networks.digits(classes=10, **small.SMALL)
    training = Training(epochs=1, batch_size=8, learning_rate=1e-3)
    made = ks.CVAE(nets.encoder, nets.decoder)
    x, labels = Inputs(made, Images(data="digits"), training).validation_examples()
    expected = split("test")
    np.testing.assert_array_equal(x, expected[0])
    np.testing.assert_array_equal(labels, expected[1])


@pytest.mark.parametrize("labelled", [False, True])
def test_dequantised_pictures_keep_their_labels(labelled, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.integers(0, 256, (40, 4, 4, 1)).astype("uint8")}
    arrays["x_test"] = arrays["x_train"][:8]
    if labelled:
        arrays |= {"y_train": np.arange(40) % 3, "y_test": np.arange(8) % 3}
    np.savez(tmp_path / "x.npz", **arrays)
    nets = ks.networks.dense(2, shape=(4, 4, 1), likelihood="gaussian", **small.SMALL)
    training = Training(epochs=1, batch_size=8, learning_rate=1e-3)
    data = Images(data=str(tmp_path / "x.npz"), dequantise=True)
    inputs = Inputs(ks.SVAE(*nets), data, training)
    found = inputs.picture_examples()
    assert isinstance(found, tuple) == labelled
    x = found[0] if labelled else found
    np.testing.assert_array_equal(inputs.validation_examples(), x)
    noise = 256 * x - arrays["x_test"]
    assert -1e-3 < noise.min() and noise.max() < 1.001 and noise.std() > 0.2
    if labelled:
        np.testing.assert_array_equal(found[1], arrays["y_test"])
