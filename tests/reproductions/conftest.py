"""Few examples and samples are enough to see that measures are taken."""

import pytest

from reproductions import measure


@pytest.fixture(scope="session", autouse=True)
def few_samples():
    kept, measure.LIMIT = measure.LIMIT, 500
    yield
    measure.LIMIT = kept
