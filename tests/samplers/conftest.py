"""The tests of a module share a model with samplers."""

import pytest

from tests.models import tiny
from tests.samplers.made import MADE


@pytest.fixture(scope="module")
def model():
    """A VAE that keeps one sampler of each kind."""
    made = tiny.build("vae")
    for make in MADE.values():
        made.add_sampler(make().fit(made, tiny.data(n=100), seed=1))
    return made
