"""Measures that users register; what is left out and what has failed."""

import dataclasses
import json
import pathlib
import unittest.mock
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae import evaluate as command
from keras_svae.evaluation import MEASURES, Measurement, register
from keras_svae.evaluation.measurement import by_name
from tests.evaluation.measuring import X, measure
from tests.models import tiny


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


def test_a_measure_cannot_change_what_others_read(few, model):
    def centred(material):
        codes = material.codes
        codes -= codes.mean(0)
        return 1.0

    register("centred", needs=["encoder"])(centred)
    register("after", needs=["encoder"])(lambda m: float(np.square(m.codes).sum()))
    found = measure(model)
    assert "read-only" in found.failed["centred"]
    assert found["after"] == measure(model, measures="after")["after"]


@pytest.mark.parametrize(
    "need", [lambda m, o: m.subject.data_shape[7], lambda *_: True]
)
def test_a_need_that_ends_with_an_error_is_its_measure_s_failure(need, few, model):
    register("mine", needs=[need])(lambda material: 1.0)
    found = measure(model)
    assert list(found.failed) == ["mine"] and "mse" in found
    with pytest.raises(ValueError, match="needs of mine that can be asked; received"):
        measure(model, measures="mine")


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


def test_options_of_an_own_measure_are_its_arguments_after_the_material(few, model):
    register("mine")(lambda material, *, axis=0: axis)
    register("any")(lambda material, **options: len(options))
    register("named", options=["axis"])(lambda material, **options: len(options))
    found = measure(model, options={"mine": {"axis": 2}, "any": {"of": 1, "all": 2}})
    assert (found["mine"], found["any"], found["named"]) == (2, 2, 0)
    for name in ("mine", "named"):
        with pytest.raises(ValueError, match=f"options of {name} among .'axis'."):
            measure(model, options={name: {"axes": 1}})


def test_parts_of_a_measure_have_names():
    with pytest.raises(TypeError, match="names in texts; received: the name 1"):
        by_name("mine", {1: 2.0})
