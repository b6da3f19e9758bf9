"""A study of a user's own functions: their settings, and the numbers they return."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from reproductions.engine import Call, Study, cells
from tests.reproductions.conftest import calls, error_of


def returned(kind: str) -> dict | None:
    """A user's own function, of what others return."""
    return {
        "numpy": {"float32": np.float32(0.5), "array": np.array(2), "nan": np.nan},
        "tensor": {"loss": tf.constant(0.5), "extra": {"each": np.arange(2)}},
        "nothing": None,
        "text": {"mse": "small"},
        "several": {"mse": np.ones(3)},
        "object": {"mse": 1.0, "extra": {"model": object()}},
        "reserved": {"mse": 1.0, "extra": {"settings": {}, "more": 1}},
        "no extra": {"mse": 1.0, "extra": None},
    }[kind]


def test_a_function_of_ones_own_is_run_once_for_each_setting(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        first = study(calls(0.1, 0.2, 0.2))
        again = study(calls(0.1, 0.2))
        more = study(calls(0.3))
    assert len(first) == 4 and again == first and len(marks()) == 6
    assert [one["points"] for one in more] == [[0], [1]]
    (row,) = cells(more, by=["lam"], measures=["mse", "none"])
    assert row["lam"] == 0.3 and row["runs"] == 2 and "none" not in row
    assert row["mse"].pop("values") == [0.3, 1.3]
    assert row["mse"] == pytest.approx({"mean": 0.8, "deviation": 0.5**0.5, "n": 2})


def test_settings_that_numpy_counts_are_those_that_python_counts(tmp_path, marks):
    settings = {"lam": np.logspace(-1, 0, 2)[0], "seed": np.arange(1, 2)[0]}
    with Study(tmp_path / "study") as study:
        counted = study([Call(error_of, settings)])
        assert study([Call(error_of, {"lam": 0.1, "seed": 1})]) == counted
    assert marks() == ["0.1 1"]
    assert Call(error_of, {"lam": (1, np.float32(0.5))}).settings == {"lam": [1, 0.5]}
    with pytest.raises(TypeError, match="Expected settings .*received: PosixPath"):
        Call(error_of, {"lam": pathlib.Path("here")})


@pytest.mark.parametrize("lam", [float("inf"), -np.inf, [1.0, float("nan")]])
def test_settings_that_a_record_cannot_hold_are_refused(lam):
    with pytest.raises(ValueError, match="settings that are finite .*(inf|nan)"):
        Call(error_of, {"lam": lam, "seed": 0})


def consumed(options: dict, sizes: list) -> dict:
    """A function that changes its arguments."""
    return {"mse": options.pop("lr") + sizes.pop()}


def test_a_function_may_change_its_arguments(tmp_path):
    settings = [{"options": {"lr": lr}, "sizes": [3]} for lr in (1, 2)]
    with Study(tmp_path / "study") as study:
        records = study([Call(consumed, one) for one in settings])
    assert [one["settings"] for one in records] == settings
    assert [one["metrics"]["mse"] for one in records] == [4, 5]


def unsigned(lam, sizes=(), flag=False) -> dict:
    """A function that says nothing of its arguments' types."""
    return {"mse": 1.0}


def named(lam: float, seed: int = 0, sizes: list[float] | None = None) -> dict:
    """A function that does."""
    return {"mse": 1.0}


@pytest.mark.parametrize("function", [unsigned, named])
def test_equal_settings_are_one_run(function, tmp_path):
    values = (0.0, -0.0, 0)
    several = [[2, 0.0], [2.0, -0.0], [2.0, 0]]
    with Study(tmp_path / "study") as study:
        found = study([Call(function, {"lam": value}) for value in values])
        found += study([Call(function, {"lam": 1, "sizes": one}) for one in several])
        found += study([Call(function, {"lam": 0.5})])
    assert [one["settings"]["lam"] for one in found] == [0.0, 1, 0.5]
    with Study(tmp_path / "study") as study:  # whichever was the first
        for value in values:
            assert study([Call(function, {"lam": value})]) == found[:1]
    assert len([*(tmp_path / "study").glob("*.json")]) == 3
    (row,) = cells(found[:1], by=["lam"], measures=["mse"])
    assert row["mse"]["n"] == 1 and str(row["lam"]) == "0.0"


def test_a_run_is_given_its_settings_as_they_are():
    call = Call(unsigned, {"lam": 2.0, "sizes": [1, 2.0], "flag": True})
    assert repr(call.settings) == "{'lam': 2.0, 'sizes': [1, 2.0], 'flag': True}"
    assert call.normal.title == "unsigned-lam-2-sizes-_1__2_-flag-True"
    # As its names were, where an annotation says it.
    assert Call(named, {"lam": 2.0}).normal.title == "named-lam-2.0"
    assert Call(named, {"lam": 2, "seed": 1.0}).normal.title == "named-lam-2.0-seed-1"


def test_true_is_no_one(tmp_path):
    with Study(tmp_path / "study") as study:
        found = study([Call(unsigned, {"lam": 1, "flag": f}) for f in (True, 1)])
    assert len(cells(found, by=["flag"], measures=["mse"])) == len(found) == 2


def outer(scale=None):
    def inner(lam: float) -> dict:
        return {"mse": lam}

    def scaled(lam: float) -> dict:
        return {"mse": scale * lam}

    return inner if scale is None else scaled


def decorated(function):
    @functools.wraps(function)
    def twice(lam: float) -> dict:
        return {"mse": 2 * function(lam)["mse"]}

    return twice


@decorated
def doubled(lam: float) -> dict:
    return {"mse": lam}


class Object:
    def method(self, lam: float) -> dict:
        return {"mse": lam}

    @staticmethod
    def static(lam: float) -> dict:
        return {"mse": lam}


@pytest.mark.parametrize(
    "function",
    [lambda lam: {}, outer(2.0), Object().method, functools.partial(returned, kind="")],
    ids=["lambda", "inner", "method", "partial"],
)
def test_a_function_that_its_name_does_not_tell_is_refused(function):
    with pytest.raises(
        ValueError, match="Expected a function with a name .* top of a module.*received"
    ):
        Call(function, {"lam": 1.0})
    assert Call(Object.static, {"lam": 1.0}).name.endswith("Object.static")
    assert Call(doubled, {"lam": 1.0}).name.endswith("doubled")
    assert Call(outer(), {"lam": 1.0}).name.endswith("outer.<locals>.inner")


def test_results_are_numbers_of_any_library(tmp_path):
    with Study(tmp_path / "study") as study:
        found = study([Call(returned, {"kind": one}) for one in ("numpy", "tensor")])
    assert found[0]["metrics"] == {"float32": 0.5, "array": 2, "nan": None}
    assert found[1]["metrics"] == {"loss": 0.5} and found[1]["each"] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        ("nothing", "returned to return a dictionary of numbers.*received: None"),
        ("text", "returned.*received: mse=small"),
        ("several", r"returned.*received: mse=\[1.0, 1.0, 1.0\]"),
        ("object", "results as numbers.*received: <object"),
        ("reserved", "without the names.*'settings'.*which a record has; received: {"),
        ("no extra", "as a dictionary without.*received: None"),
    ],
)
def test_results_that_are_no_numbers_are_named(kind, received, tmp_path):
    with (
        Study(tmp_path / "study") as study,
        pytest.raises(TypeError, match=f"Expected .*{received}"),
    ):
        study([Call(returned, {"kind": kind})])


def failing(lam: float) -> dict:
    """A function whose second run has a measure that failed."""
    metrics = {"mse": lam} if lam < 1 else {}
    errors = {} if lam < 1 else {"mse": "ValueError: no"}
    return metrics | {"other": 1.0, "extra": {"failed": errors}}


def test_measures_that_failed_are_told_and_not_hidden(tmp_path):
    with Study(tmp_path / "study") as study:
        records = study([Call(failing, {"lam": lam}) for lam in (0.1, 2.0)])
    ((name, errors),) = study.failed.items()
    assert name.startswith("failing-lam-2.0") and errors == {"mse": "ValueError: no"}
    (row,) = cells(records, by=[], measures=["mse", "other"])
    assert row["without"] == {"mse": 1} and "mse" not in row
    assert row["other"]["n"] == 2
    # Where none has it, nothing is missing.
    (row,) = cells(records[1:], by=[], measures=["mse"])
    assert "without" not in row
