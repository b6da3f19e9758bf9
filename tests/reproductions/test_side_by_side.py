"""All methods side by side: every method is in it, and all have the same budget."""

import inspect
import math

import pytest

from reproductions import methods, side_by_side
from reproductions.engine import command
from reproductions.side_by_side import COSTS, MEASURES, NAMES, digits, summary, text

SAME = (
    "data", "units", "latent_dim", "batch_size", "learning_rate", "epochs", "beta_1",
    "steps_per_epoch", "decay", "measures", "n",
)  # fmt: skip


def test_every_method_is_in_it():
    functions = inspect.getmembers(methods, inspect.isfunction)
    known = {
        name for name, one in functions if "parts" in inspect.signature(one).parameters
    }
    own = {name for name in known if not name.startswith("_")}
    assert own == {*NAMES}


def test_all_have_the_same_budget():
    every = [digits.resolve(method=name) for name in NAMES]
    for key in SAME:
        assert len({one[key] for one in every}) == 1, key
    assert {*command.experiments("side_by_side")} == {"digits", "table"}


@pytest.mark.parametrize(
    "method", ["vae", "ijae", "two_stage_vae", "infogan", "aae", "cgan"]
)
def test_a_method_is_made_and_its_weights_are_counted(method):
    run = digits(method=method, units=4)
    counted = run.extra(run.model, None)["weights"]
    sizes = [math.prod(weight.shape) for weight in run.model.trainable_weights]
    assert counted == sum(sizes)


def record(method, seed, **more):
    metrics = {"inception_score": 5.0 + seed, "psnr": 20.0}
    found = {"settings": {"method": method, "seed": seed}, "metrics": metrics}
    return found | {"processor seconds": 2.0, "weights": 100} | more


def test_the_summary_has_what_was_measured():
    lost = record("gan", 1) | {"diverged": "nan", "metrics": {}}
    found = summary([record("vae", 0), record("vae", 1), record("gan", 0), lost])
    assert found["vae"]["inception_score"]["mean"] == 5.5
    assert found["vae"]["processor seconds"]["n"] == 2 and found["gan"]["diverged"] == 1
    assert "variational_bound" not in found["vae"]
    shown = text(found).splitlines()
    assert len(shown) == 3 and shown[1].startswith("VAE") and "5.5 +- 0.707" in shown[1]


def test_a_bound_of_densities_stands_beside_no_other():
    with_bound = {"metrics": {"variational_bound": -7.0, "psnr": 20.0}}
    records = [record(name, 0, **with_bound) for name in ("vae", "two_stage_vae")]
    found = summary(records)
    assert found["vae"]["variational_bound"]["mean"] == -7
    assert "variational_bound" not in found["two_stage_vae"]
    assert found["two_stage_vae"]["psnr"]["mean"] == 20


def test_measures_are_named_once():
    assert len({*MEASURES, *COSTS}) == len(MEASURES) + len(COSTS)
    assert {*side_by_side.QUESTIONS} == {
        "generation", "coverage", "inference", "likelihood",
    }  # fmt: skip


def test_a_policy_is_that_of_all_runs():
    class Asked(Exception):
        pass

    class Asks:
        def check_backbone(self, data):
            assert data == "digits"

        def __call__(self, calls):
            self.calls = calls
            raise Asked

    for given in ({}, {"dtype": "mixed_bfloat16"}):
        study = Asks()
        with pytest.raises(Asked):
            side_by_side.table(study=study, seeds=1, methods=["vae"], **given)
        (call,) = study.calls
        assert call.settings["dtype"] == given.get("dtype", "float32")
