"""Measures that users register; what is left out and what has failed."""

import dataclasses
import json
import pathlib
import types
import unittest.mock
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae import evaluate as command
from keras_svae.evaluation import MEASURES, Measurement, register
from keras_svae.evaluation.measurement import by_name
from keras_svae.evaluation.needs import NEEDS
from tests.models import tiny

X = tiny.data(n=30)


@pytest.fixture(autouse=True)
def table():
    """What a test registers is gone after it."""
    with unittest.mock.patch.dict(MEASURES):
        yield


@pytest.fixture
def few(table):
    """Of the package's own measures MSE alone, where the others say nothing new."""
    mse = MEASURES["mse"]
    MEASURES.clear()
    MEASURES["mse"] = mse


@pytest.fixture(scope="module")
def model():
    return tiny.build("vae", likelihood="bernoulli", compiled=False)


def measure(model, test=X, **given):
    given = {"n": 30, "measures": None, "verbose": False} | given
    return ks.evaluation.evaluate(model, test, **given)


class Several(NamedTuple):
    first: Measurement
    second: float
    counts: np.ndarray


@dataclasses.dataclass
class Mean:
    mean: Measurement
    each: np.ndarray


ONE = Measurement(1.5, "one", n=3)


@pytest.mark.parametrize(
    ("gives", "names"),
    [
        (ONE, {"mine": 1.5}),
        (2, {"mine": 2}),
        (np.float32(0.5), {"mine": 0.5}),
        (Several(ONE, 2.5, np.ones(3)), {"mine.first": 1.5, "mine.second": 2.5}),
        (Mean(ONE, np.ones(3)), {"mine": 1.5}),
        ({"": ONE, "more": 4.0}, {"mine": 1.5, "mine.more": 4}),
    ],
)
def test_a_function_gives_one_number_or_several(model, gives, names):
    register("mine")(lambda material: gives)
    found = measure(model, measures="mine")
    assert dict(found) == names and not found.left_out and not found.failed
    assert all(isinstance(one, Measurement) for one in found.values())
    assert json.dumps(found.asdict())


def test_it_is_given_material_and_options_and_runs_where_its_needs_are_met(few, model):
    @register("spread", needs="encoder")
    def spread(material, *, axis=0):
        assert material.subject.about["method"] == "VAE" and material.count == 30
        return material.codes.std(axis).mean()

    assert callable(spread)  # the decorator leaves it as it was
    found = measure(model, options={"spread": {"axis": 1}})
    codes = np.asarray(model.encode(X), np.float64)
    assert found["spread"] == pytest.approx(codes.std(1).mean(), rel=1e-4)
    gan = tiny.build("gan", likelihood="bernoulli", compiled=False)
    assert measure(gan).left_out["spread"] == "it needs a model with an encoder"
    with pytest.raises(ValueError, match="an encoder for spread; received: GAN, 30"):
        measure(gan, measures="spread")


def test_needs_may_be_functions_that_see_the_options(few, model):
    def many(material, options):
        wanted = options.get("wanted", 20)
        return None if material.count >= wanted else f"{wanted} test examples"

    register("many", needs=("encoder", many))(lambda material, wanted=20: wanted)
    assert measure(model)["many"] == 20
    found = measure(model, options={"many": {"wanted": 31}})
    assert found.left_out["many"] == "it needs 31 test examples"


def test_codes_with_a_category_are_not_compared_with_a_prior_of_numbers():
    model = ks.InfoGAN(
        tiny.dense([5], tiny.DATA, "generator"),
        tiny.dense([tiny.DATA], 1, "critic"),
        tiny.dense([tiny.DATA], 2 * 2 + 3, "encoder"),
        likelihood=ks.distributions.Gaussian(draw="mean"),
        categories=3,
    )
    why = "it needs codes that are numbers, without a category"
    found = measure(model, measures="aggregate_posterior", strict=False)
    assert found.left_out == {"aggregate_posterior": why}
    model = tiny.build("info_gan", likelihood="gaussian", compiled=False)
    found = measure(model, measures="aggregate_posterior")
    assert "aggregate_posterior.mmd" in found


def test_costly_ones_run_where_they_are_named(few, model):
    register("costly", costly=True)(lambda material: 1)
    assert "costly" in measure(model).left_out["costly"]
    assert measure(model, measures=["costly"])["costly"] == 1


@pytest.mark.parametrize(
    ("name", "needs", "why"),
    [
        ("my measure", (), "letters, digits and underscores"),
        ("a.b", (), "letters"),
        (3, (), "letters"),
        ("failed", (), "none of"),
        ("mine", ("encodr",), "Did you mean 'encoder'"),
        ("mine", "image", "Did you mean 'images'"),
        ("mine", (3,), "received: '3'"),
        ("mine", 3, "received: '3'"),
        ("mine", [["encoder"]], "received: .*encoder"),
    ],
)
def test_names_and_needs_that_are_refused(name, needs, why):
    with pytest.raises(ValueError, match=f"Expected .*received.*|{why}") as error:
        register(name, needs=needs)(lambda material: 1)
    assert error.match(why)
    assert name not in MEASURES


def test_the_page_names_all_needs():
    page = pathlib.Path(__file__).parents[2] / "docs" / "own_measure.md"
    text = page.read_text()
    assert all(f"`{need}`" in text for need in ks.evaluation.NEEDS)


def test_a_name_is_given_once_but_a_function_may_be_defined_again():
    def first(material):
        return 1

    register("mine")(first)
    register("mine", needs="images")(first)
    assert MEASURES["mine"].needs == ("images",)
    with pytest.raises(ValueError, match="not in use; received: 'mine', which is test"):
        register("mine")(lambda material: 2)
    with pytest.raises(ValueError, match="received: 'mse'"):
        register("mse")(first)

    def in_a_notebook(material):
        return 2

    def by_a_better_name(material):
        return 3

    in_a_notebook.__module__ = by_a_better_name.__module__ = "__main__"
    register("cell")(in_a_notebook)
    register("cell")(by_a_better_name)
    assert MEASURES["cell"].compute is by_a_better_name
    with pytest.raises(ValueError, match="received: 'cell', which is __main__"):
        register("cell")(first)
    with pytest.raises(ValueError, match="Expected a function"):
        register("other")(3)


def broken(error):
    def compute(material):
        raise error

    return compute


def test_an_error_is_reported_and_loses_nothing(model):
    register("broken")(broken(IndexError("no such row\nand more")))
    register("strange")(lambda material: "text")
    found = measure(model)
    assert found.failed["broken"] == "IndexError: no such row\nand more"
    assert "received: str" in found.failed["strange"]
    assert "mse" in found and not {"broken", "strange"} & {*found, *found.left_out}
    assert "\nfailed: broken: IndexError: no such row\n" in str(found)
    assert measure(model, measures="all", options=QUICK).failed == found.failed
    # What is named is raised.
    with pytest.raises(IndexError):
        measure(model, measures=["mse", "broken"])


QUICK = {
    "importance_weighted_bound": {"k": 2},
    "annealed_importance_sampling": {"n_chains": 1, "n_temperatures": 3},
}


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "no memory"),
    ],
)
def test_want_of_memory_and_interrupts_are_no_measures_failures(few, model, error):
    register("broken")(broken(error))
    with pytest.raises(type(error)):
        measure(model)


def test_the_command_line_imports_measures_and_fails_with_one(
    few, model, tmp_path, monkeypatch, capsys
):
    nets = ks.networks.toy(latent_dim=2, units=8)
    ks.ALI(*nets, likelihood="gaussian").export(tmp_path / "saved")
    (tmp_path / "my_measures.py").write_text(
        "import keras_svae as ks\n"
        "@ks.evaluation.register('mine')\n"
        "def mine(material): return 7\n"
        "@ks.evaluation.register('broken')\n"
        "def broken(material): return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "found.json"
    arguments = [str(tmp_path / "saved"), "--data", "toy5", "--n", "40"]
    with pytest.raises(SystemExit) as stopped:
        command.main([*arguments, "--import", "my_measures", "--json", str(out)])
    assert stopped.value.code == 1
    found = json.loads(out.read_text())
    assert found["mine"] == {"value": 7} and found["mse"]["n"] == 40
    assert found["failed"] == {"broken": "ZeroDivisionError: division by zero"}
    assert "encoder" not in found["left_out"]
    printed = capsys.readouterr().out
    assert "mine  " in printed and "failed: broken: ZeroDivisionError" in printed
    # So it is if it is named.
    command.main([*arguments, "--measures", "mine"])
    named = ["--measures", "mse,broken", "--json", str(out)]
    with pytest.raises(SystemExit) as stopped:
        command.main([*arguments, *named])
    assert stopped.value.code == 1
    assert "failed: broken: ZeroDivisionError" in capsys.readouterr().out
    again = json.loads(out.read_text())
    assert again["failed"] == found["failed"] and again["mse"] == found["mse"]
    # What is known before is an error of the command.
    register("of_images", needs="images")(lambda material: 1)
    for name, said in (("none", "received: 'none'"), ("of_images", "for of_images")):
        with pytest.raises(SystemExit) as stopped:
            command.main([*arguments, "--measures", f"broken,{name}"])
        assert stopped.value.code == 2 and said in capsys.readouterr().err
    (tmp_path / "half_a_module.py").write_text("def mine(material:\n")
    for module in ("no_such_module", "half_a_module"):
        with pytest.raises(SystemExit) as stopped:
            command.main([*arguments, "--import", module])
        assert stopped.value.code == 2
        assert "Expected --import MODULE" in capsys.readouterr().err


# ---- What the package's own measures need --------------------------------------------


def seen(channels=1):
    x = keras.Input((8, 8, channels))
    net = keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    return ks.evaluation.Backbone(net, "a net", outputs="logits")


def images(channels, likelihood, n=24):
    """A model of images, and images."""
    shape = (8, 8, channels)
    encoder = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(64 * channels),
            keras.layers.Reshape(shape),
        ]
    )
    x = np.random.default_rng(0).random((n, *shape)).astype("float32")
    return ks.VAE(encoder, decoder, likelihood=likelihood, seed=0), x


def test_options_of_an_own_measure_are_its_arguments_after_the_material(few, model):
    register("mine")(lambda material, *, axis=0: axis)
    register("any")(lambda material, **options: len(options))
    register("named", options=["axis"])(lambda material, **options: len(options))
    found = measure(model, options={"mine": {"axis": 2}, "any": {"of": 1, "all": 2}})
    assert (found["mine"], found["any"], found["named"]) == (2, 2, 0)
    for name in ("mine", "named"):
        with pytest.raises(ValueError, match=f"options of {name} among .'axis'."):
            measure(model, options={name: {"axes": 1}})


def test_too_few_examples_for_an_option_are_known_before():
    model, x = images(1, "bernoulli")
    y = np.arange(24) % 2
    given = {"train": (x[:4], y[:4]), "backbone": seen(), "n": 24}
    found = measure(model, (x, y), **given)
    assert set(found.left_out) >= {"nearest_neighbours"} and not found.failed
    assert "5 training examples or more" in found.left_out["nearest_neighbours"]
    few = {
        "inception_score": {"splits": 25},
        "kernel_distance": {"subset_size": 25},
        "precision_recall": {"k": 24},
        "density_coverage": {"k": 23},
        "nearest_neighbours": {"k": 4},
        "ssim": {"window": 7},
    }
    found = measure(model, (x, y), options=few, **given)
    assert not found.failed
    assert {"density_coverage.density", "nearest_neighbours", "ssim"} <= set(found)
    assert "25 samples or more, for splits=25" in found.left_out["inception_score"]
    assert "for subset_size=25" in found.left_out["kernel_distance"]
    assert "25 test examples" in found.left_out["precision_recall"]
    one = measure(model, x[:1], backbone=seen(), n=24)
    assert not one.failed
    of_one = {"frechet_distance", "kernel_distance", "aggregate_posterior"}
    assert of_one | {"active_units"} <= set(one.left_out)


@pytest.mark.parametrize(
    ("train", "test", "why"),
    [
        (np.zeros(24, int), np.arange(24) % 2, "two classes"),
        (np.eye(24), np.eye(24), "one integer, boolean or string"),
        (np.zeros(24), np.zeros(24), "one integer, boolean or string"),
    ],
)
def test_labels_that_probes_do_not_read_are_known_before(train, test, why):
    model, x = images(1, "bernoulli")
    found = measure(model, (x, test), train=(x, train))
    assert why in found.left_out["linear_probe"] and not found.failed


def test_unknown_classes_of_training_data_are_known_before():
    model = tiny.build("cvae", likelihood="bernoulli", compiled=False)
    y = np.arange(30) % 3
    found = measure(model, (X, y), train=(X, y - 1))
    assert "known classes, 0..2" in found.left_out["linear_probe"]
    assert not found.failed


def test_images_that_a_range_or_a_backbone_does_not_take_are_known_before():
    model, x = images(3, "gaussian")
    found = measure(model, 2 * x - 1, backbone=seen(1))
    assert not found.failed
    for name in ("psnr", "variational_bound"):
        assert "test data in [0, 1], the value_range" in found.left_out[name]
    assert "of such images" in found.left_out["inception_score"]
    assert "of such images" in found.left_out["frechet_distance"]
    found = measure(model, 2 * x - 1, backbone=seen(3), value_range=(-1, 1))
    names = {"psnr", "variational_bound", "inception_score", "frechet_distance"}
    assert names <= set(found) and not found.failed
    with pytest.raises(ValueError, match="value_range as two numbers"):
        measure(model, x, value_range=(1, 0))


def test_codes_are_recovered_from_samples_that_leave_the_range_of_data():
    law = ks.distributions.Gaussian(0.5, "sigmoid")
    model = tiny.build("vae", likelihood=law, compiled=False)
    drawn = np.concatenate(list(ks.evaluation.Subject.of(model).generate(30)))
    assert drawn.min() < 0 and drawn.max() > 1
    found = measure(model)
    assert np.isfinite(found["code_mse"]) and not found.failed


def test_shuffled_data_keep_their_pairs_or_are_left_out():
    """Classes that a code tells, in data sets of another order at each reading."""
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    x = np.repeat(tiny.data(n=2), 40, 0)
    y = np.repeat([0, 1], 40)
    whole = tf.data.Dataset.from_tensor_slices((x, y))
    shuffled = whole.shuffle(80, seed=1).batch(16)
    found = measure(model, whole.batch(16), train=shuffled, n=80)
    assert found["linear_probe"] == found["nearest_neighbours"] == 1
    found = measure(model, shuffled, train=shuffled, n=80)
    paired = {"mse", "rmse", "linear_probe", "nearest_neighbours"}
    assert paired <= set(found.left_out) and not found.failed
    assert "not shuffled" in found.left_out["mse"] and "variational_bound" in found
    with pytest.raises(ValueError, match="same at each reading.* for mse"):
        measure(model, shuffled, measures="mse", n=80)


@keras.saving.register_keras_serializable(package="tests")
class Counts(ks.distributions.Law):
    """Poisson, whose data have no largest value."""

    range = (0.0, float("inf"))

    def __init__(self):
        super().__init__(draw="mean")

    def distribution(self, raw):
        return tfp.distributions.Poisson(log_rate=raw)

    def get_config(self):
        return {}


def counts():
    """A model of sequences (7, 5) of counts, and data."""
    encoder = keras.Sequential(
        [keras.Input((7, 5)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(35), keras.layers.Reshape((7, 5))]
    )
    x = np.random.default_rng(0).poisson(2.0, (8, 7, 5)).astype("float32")
    return ks.VAE(encoder, decoder, likelihood=Counts()), x


def test_measures_of_features_are_left_out_of_sequences():
    """Features are vectors; these measures failed, and the command's status was 1."""
    names = "frechet_distance kernel_distance precision_recall density_coverage".split()
    assert all("features" in MEASURES[name].needs for name in names)

    def missing(shape):
        subject = types.SimpleNamespace(data_shape=shape)
        material = types.SimpleNamespace(backbone=None, images=False, subject=subject)
        return NEEDS["features"](material, {})

    assert missing((35,)) is None
    assert missing((7, 5)).startswith("backbone=")


def test_a_range_without_an_end_is_no_range_of_values():
    model, x = counts()
    about = json.dumps(model.about(), allow_nan=False)
    assert json.loads(about)["range"] == [0.0, None]
    names = ["variational_bound", "mse"]
    found = ks.evaluation.evaluate(model, x, n=8, measures=names)
    assert set(names) <= set(found) and found.failed == {}
    assert ks.evaluation.density(model).value_range is None
    with pytest.raises(ValueError, match=r"data in \[0, inf\].*received"):
        ks.evaluation.evaluate(model, -x, n=8, measures=names)


def test_parts_of_a_measure_have_names():
    with pytest.raises(TypeError, match="names in texts; received: the name 1"):
        by_name("mine", {1: 2.0})
