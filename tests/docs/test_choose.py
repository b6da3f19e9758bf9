"""The table of `docs/choose.md` agrees with the classes."""

import inspect
import pathlib

import pytest

import keras_svae as ks

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "choose.md"
TABLE = PAGE.read_text().split("## By what they have")[1].split("## ")[0]
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in TABLE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
METHODS = {
    name: one
    for name, one in vars(ks).items()
    if inspect.isclass(one) and issubclass(one, ks.models.Game) and name != "Game"
}


def test_every_method_has_a_row():
    assert sorted(ROWS) == sorted(METHODS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_tells_what_the_class_has(name):
    networks, density, _, turns, classes = ROWS[name]
    method = METHODS[name]
    given = inspect.signature(method.__init__).parameters
    needed = [
        one.name
        for one in given.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty
    ]
    listed = ["self", *networks.split(", ")]
    assert listed[: len(needed)] == needed
    assert all(given[more].default is None for more in listed[len(needed) :])
    assert (density != "–") == issubclass(method, ks.models.Autoencoder)
    told = [player.turns for player in method.players.values()]
    assert turns == ("–" if len(told) == 1 else " : ".join(map(str, told)))
    assert classes == ("yes" if getattr(method, "conditional", True) else "no")
