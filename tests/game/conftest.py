"""Fixtures that several files of tests share."""

import pytest

from tests.game.still import still


@pytest.fixture(scope="module")
def vae():
    """A model that no step changes."""
    model = still()
    model.optimizer.learning_rate = 0.0
    return model
