"""The tests of a module share their models."""

import pytest

from tests.anew import Stock
from tests.callbacks import small


@pytest.fixture(scope="module")
def stock():
    stock = Stock()
    yield stock
    stock.clear()


@pytest.fixture(autouse=True)
def as_new(stock, monkeypatch):
    """Each test begins with all models as they were made."""
    stock.begin()
    monkeypatch.setattr(small, "STOCK", stock)
