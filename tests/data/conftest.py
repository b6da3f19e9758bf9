"""Where TensorFlow Datasets prepares data."""

import pytest


@pytest.fixture
def place(tmp_path):
    return {"data_dir": tmp_path / "data"}
