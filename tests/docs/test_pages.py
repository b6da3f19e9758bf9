"""The code in README and in the docs runs as it is printed.

All fenced ```python blocks of a page are run one after the other, in an empty folder.
A block that is only to be read is a ```{code-block} python.
"""

import ast
import inspect
import pathlib
import re
import runpy
import unittest.mock

import matplotlib
import pytest

import keras_svae as ks
from keras_svae.evaluation import MEASURES

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A page says what is printed in a comment below.
PRINTED = re.compile(r"^print\(.*\)\n# (.*)$", re.MULTILINE)
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in page.parts and BLOCK.search(page.read_text())
]
# What would need a network or minutes, and what is run in its place.
INSTEAD = {
    "README.md": [("mnist", "digits"), ("epochs=20", "epochs=1")],
}


# Pages about packages that are no dependencies of this one.
NEEDS = {
    "formats.md": ["tf2onnx", "onnxruntime", "ai_edge_litert.interpreter"],
    "wandb.md": ["wandb"],
    "mlflow.md": ["mlflow.keras"],
    "comet.md": ["comet_ml"],
    "keras_tuner.md": ["keras_tuner"],
}


# They train or measure for a while each; `make test-slow` runs them. The README, a
# method and a measure of one's own stay.
LONG = {
    "annealed_importance_sampling.md",
    "codes.md",
    "data.md",
    "deployment.md",
    "experiments.md",
    "flows.md",
    "hub.md",
    "index.md",  # of measures: all of them
    "kernel_distance.md",
    "machines.md",
    "networks.md",
    "own_pictures.md",
    "start.md",
    "step.md",
    "variational_bound.md",
    "watching.md",
}


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page.name in LONG else [])
        for page in PAGES
    ],
    ids=named,
)
def test_code_of_page_runs(page, tmp_path, monkeypatch, capsys):
    for module in NEEDS.get(page.name, []):
        pytest.importorskip(module, exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    code = code_of(page)
    # A file, since TensorFlow wants to read the source of what it traces.
    script = tmp_path / f"{page.stem}.py"
    script.write_text(code)
    # What a page registers is gone after it.
    with unittest.mock.patch.dict(MEASURES):
        runpy.run_path(str(script))
    output = capsys.readouterr().out.splitlines()
    for line in PRINTED.findall(code):
        assert line in output


def code_of(page) -> str:
    text = page.read_text()
    for old, new in INSTEAD.get(page.name, []):
        assert old in text
        text = text.replace(old, new)
    code = ""
    for block in BLOCK.finditer(text):
        # Empty lines, so that a traceback gives the page's line numbers.
        code += "\n" * (text[: block.start(1)].count("\n") - code.count("\n"))
        code += block[1]
    return code


def public(node: ast.expr):
    """What `ks.a.b` is; None for anything else."""
    if isinstance(node, ast.Name):
        return ks if node.id == "ks" else None
    if isinstance(node, ast.Attribute):
        base = public(node.value)
        return None if base is None else getattr(base, node.attr)
    return None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_names_is_there(page):
    """Of pages that only `make test-slow` runs, too: names and their arguments."""
    for node in ast.walk(ast.parse(code_of(page))):
        if isinstance(node, ast.Attribute):
            public(node)
        if isinstance(node, ast.Call) and callable(public(node.func)):
            named = {k.arg: None for k in node.keywords if k.arg is not None}
            inspect.signature(public(node.func)).bind_partial(**named)


def test_pages_were_found():
    names = {page.name for page in PAGES}
    own = {"own_method.md", "own_measure.md"}
    assert {"README.md", "start.md", "deployment.md"} | own <= names
