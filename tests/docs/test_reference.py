"""The reference has every public name, and a picture in the docs says what it shows."""

import importlib
import importlib.util
import inspect
import pathlib
import pkgutil
import re

import pytest

import keras_svae as ks

DOCS = pathlib.Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "api.md").read_text()
MODULES = set(re.findall(r"automodule:: (\S+)", REFERENCE))
ALONE = set(re.findall(r"auto(?:class|function|exception):: (\S+)", REFERENCE))
PACKAGES = ["", ".models", ".networks", ".data", ".callbacks", ".pictures", ".hub"]
PACKAGES += [".evaluation", ".distributions", ".game", ".samplers", ".codes"]
PACKAGES += [".optimizers", ".schedules", ".ratios", ".noise", ".page"]
# What has a page of its own, or is another's name.
ELSEWHERE = {"__version__"}


def public():
    """Every public name of the packages that users import, and what it names."""
    for package in PACKAGES:
        module = importlib.import_module("keras_svae" + package)
        for name in module.__all__:
            yield module.__name__, name, getattr(module, name)


def in_reference(package: str, name: str, one) -> bool:
    """Whether the reference has it, by itself or with its module."""
    if inspect.ismodule(one):
        return any(
            m == one.__name__ or m.startswith(one.__name__ + ".") for m in MODULES
        )
    last = {said.rsplit(".", 1)[-1] for said in ALONE}
    home = getattr(one, "__module__", package)
    return name in last or package in MODULES or home in MODULES


def test_the_reference_has_every_public_name():
    missing = {
        f"{package}.{name}"
        for package, name, one in public()
        if name not in ELSEWHERE and not in_reference(package, name, one)
    }
    assert not missing


def test_every_public_name_has_a_docstring():
    missing = []
    for package, _, one in public():
        if inspect.isclass(one) or inspect.isroutine(one):
            own = [one] if not inspect.isclass(one) else [one, *methods(one)]
            missing += [
                f"{package}.{o.__qualname__}" for o in own if not inspect.getdoc(o)
            ]
    assert not missing


def methods(one: type) -> list:
    """The public methods that a class of ours has, and Keras's bases have not."""
    return [
        member
        for name, member in vars(one).items()
        if inspect.isfunction(member) and not name.startswith("_")
        if not any(hasattr(base, name) for base in one.__mro__[1:])
    ]


def test_every_module_says_what_it_is_for():
    missing = []
    for found in pkgutil.walk_packages(ks.__path__, "keras_svae."):
        module = importlib.util.find_spec(found.name)
        text = pathlib.Path(module.origin).read_text().lstrip()
        if text and not text.startswith('"""'):
            missing.append(found.name)
    assert not missing


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_every_picture_has_words(page):
    text = page.read_text()
    assert not re.findall(r"!\[\s*\]\(", text)
    for block in re.findall(r"^```\{(?:image|figure)\}.*?^```", text, re.M | re.S):
        assert re.search(r"^:alt: \S", block, re.M), block
