"""The notebooks of the docs run from top to bottom, in an empty folder.

The quick tests look at what is stored; the slow ones run it.
"""

import ast
import functools
import importlib.metadata
import json
import os
import pathlib
import re
import sys

import pytest

from tests.test_release import RUN, canonicalize_name

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# Seconds for one cell: training on slow cores.
LIMIT = 1800
# Bytes of one file.
SIZE = 300_000


def code(path):
    """The cells of code, as they are stored."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def printed(cells):
    """What the cells printed."""
    outputs = [one for cell in cells for one in cell.get("outputs", [])]
    return "".join("".join(one.get("text", "")) for one in outputs)


@functools.cache
def required():
    """The modules of the packages that setup.cfg requires."""
    found = importlib.metadata.packages_distributions()
    return {
        m for m, names in found.items() if set(map(canonicalize_name, names)) & set(RUN)
    }


@each
def test_a_notebook_is_stored_with_its_output(path):
    assert path.stat().st_size < SIZE
    cells = code(path)
    # As after "Restart and run all".
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    pictures = 0
    for cell in cells:
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
            if output.get("data", {}).pop("image/png", None):
                pictures += 1
                assert cell["metadata"]["mystnb"]["image"]["alt"]
            # A folder of the machine that ran it.
            assert not re.search(r"/(tmp|home|root|work)/", json.dumps(output))
    assert pictures
    CHECKS[path.stem](printed(cells))


@each
def test_the_code_of_a_notebook_imports_what_is_installed(path):
    """All of it compiles, without what only a notebook understands."""
    known = {*sys.stdlib_module_names, "keras_svae", "IPython", *required()}
    for cell in code(path):
        source = "".join(cell["source"])
        compile(source, path.name, "exec")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            assert {module.split(".")[0] for module in modules} <= known, modules


@pytest.mark.slow
@each
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
    CHECKS[path.stem](printed(notebook.cells))


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


def your_own_pictures(text):
    """Both models' scores, and a file that gives the same pictures."""
    assert "270 pictures to learn from, 30 held out" in text
    errors = re.findall(
        r"^s?VAE: mse ([\d.]+), frechet_distance\S+ [\d.]+$", text, re.M
    )
    # The mean colour of each picture has an error of .029.
    assert len(errors) == 2 and all(0 < float(error) < 0.029 for error in errors)
    assert "saved, loaded and served: the same pictures" in text


def a_method_of_your_own(text):
    """The losses agree, and the codes of data look like draws of the prior."""
    assert "the losses are those of the paper" in text
    # 1.386: the critic does not know one from the other.
    (loss,) = re.findall(r"^critic_loss: \S+ -> (\S+)$", text, re.M)
    assert 1.2 < float(loss) < 1.5
    assert "saved, loaded and served: the same numbers" in text


def few_labels(text):
    """The pictures without a label help the classifier."""
    assert "50 labelled pictures; of each class: 5 5 5 5 5 5 5 5 5 5" in text
    (found,) = re.findall(r"^M2, all pictures: accuracy (\S+)", text, re.M)
    # .94 here; four standard errors below, .88. Logistic regression alone has .87.
    assert float(found) > 0.88


def reading_tensorboard(text):
    """Each run shows what it was made for."""
    found = re.findall(r"^(.+): critic_loss (\S+), mse (\S+)$", text, re.M)
    losses = {name: float(loss) for name, loss, _ in found}
    errors = {name: float(error) for name, _, error in found}
    assert losses["critic too fast"] < 0.2 < 1 < losses["good"] < 1.5
    assert losses["critic too slow"] > 1.6
    assert errors["good"] < 0.05 < 0.1 < errors["critic too fast"]


CHECKS = {
    one.__name__: one
    for one in (
        anomaly_detection,
        mnist_in_ten_minutes,
        your_own_pictures,
        a_method_of_your_own,
        few_labels,
        reading_tensorboard,
    )
}


def test_notebooks_were_found():
    assert {path.stem for path in NOTEBOOKS} == set(CHECKS)
