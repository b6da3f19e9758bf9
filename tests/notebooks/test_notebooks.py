"""The notebooks of the docs run from top to bottom, in an empty folder."""

import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Seconds for one cell: training on slow cores.
LIMIT = 1800


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    # The kernel is a process of its own, which imports this checkout.
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), known])))
    monkeypatch.setenv("NOTEBOOK_DATA", "digits")  # no download
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=LIMIT, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    text = "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    CHECKS[path.stem](text)


def anomaly_detection(text):
    """The error of reconstruction finds what was never seen, above chance."""
    (area,) = re.findall(r"reconstruction error: AUROC (\S+)", text)
    usual, strange = 322, 36
    # The standard error of the area at chance (Mann and Whitney).
    error = ((usual + strange + 1) / (12 * usual * strange)) ** 0.5
    assert float(area) > 0.5 + 4 * error


def mnist_in_ten_minutes(text):
    """It reaches its end, with numbers."""
    assert "saved, loaded and served: the same samples" in text
    # The mean picture has an error of .07 to .08.
    (error,) = re.findall(r"^MSE\D+([\d.]+)", text, re.MULTILINE)
    assert 0 < float(error) < 0.06


CHECKS = {
    "anomaly_detection": anomaly_detection,
    "mnist_in_ten_minutes": mnist_in_ten_minutes,
}


def test_notebooks_were_found():
    assert {path.stem for path in NOTEBOOKS} == set(CHECKS)
