"""The table of laws in `docs/networks.md` agrees with the names that the code knows."""

import pathlib
import re

import pytest

import keras_svae as ks
from keras_svae.distributions import names

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "networks.md"
TABLE = PAGE.read_text(encoding="utf-8").split("## Laws by name")[1].split("## ")[0]
ROWS = {
    cells[0].strip('`"'): cells[1:]
    for line in TABLE.splitlines()
    if line.startswith('| `"')
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def test_every_name_has_a_row():
    assert set(ROWS) == {*names.LIKELIHOODS, *names.POSTERIORS}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_tells_the_law(name):
    known = names.LIKELIHOODS, names.POSTERIORS
    for cell, laws in zip(ROWS[name], known, strict=True):
        assert (cell == "–") == (name not in laws)
        if name in laws:
            (call,) = re.findall(r"^`(.*?)`", cell)
            said = eval(call, vars(ks.distributions))
            law = laws[name]()
            assert type(said) is type(law)
            assert said.get_config() == law.get_config()
