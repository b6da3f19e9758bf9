"""What a release is made of: versions, workflows, and the commands they call."""

import configparser
import pathlib
import re

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = pathlib.Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PYTHONS = ["3.11", "3.12", "3.13"]

setup = configparser.ConfigParser()
setup.read(ROOT / "setup.cfg", encoding="utf-8")


def requirements(text: str) -> dict[str, Requirement]:
    """The requirements that lines of setup.cfg name."""
    lines = [line for line in text.split("\n") if line and line[0] not in "#%"]
    return {canonicalize_name((one := Requirement(line)).name): one for line in lines}


def pinned(file: str) -> dict[str, Version]:
    """The version of each package in a constraints file."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            found[canonicalize_name(name)] = Version(version)
    return found


RUN = requirements(setup["options"]["install_requires"])
TEST = requirements(setup["options.extras_require"]["test"])
EXTRAS = {
    name: requirements(text) for name, text in setup["options.extras_require"].items()
}


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = pinned("constraints-oldest.txt")
    bounds = {}
    for name, one in (RUN | TEST).items():
        (bounds[name],) = [
            Version(s.version) for s in one.specifier if s.operator == ">="
        ]
    tools = {"pip", "setuptools", "wheel"}
    assert {name: v for name, v in oldest.items() if name not in tools} == bounds
    assert tools <= set(oldest)


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_the_tested_versions_are_allowed(extra):
    newest = pinned("constraints.txt")
    for name, one in (EXTRAS[extra] if extra else RUN).items():
        assert newest[name] in one.specifier, f"{one}; received: {newest[name]}"


def test_the_gpu_extra_is_the_same_tensorflow():
    gpu = EXTRAS["gpu"]["tensorflow"]
    assert gpu.extras == {"and-cuda"}
    assert gpu.specifier == RUN["tensorflow"].specifier


def test_the_classifiers_name_the_pythons_that_are_tested():
    said = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert said == PYTHONS and setup["options"]["python_requires"] == ">=3.11"
    assert "project_urls" not in setup["metadata"]  # none is known yet
    tests = read(ROOT / ".github" / "workflows" / "tests.yml")
    assert tests["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS


def test_the_version_is_said_once_more_in_the_citation():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == setup["metadata"]["version"]


def read(path: pathlib.Path) -> dict:
    """A workflow. YAML takes its `on` for True."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: dict):
    """Every step, and the matrix of its job."""
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for step in job["steps"]:
            yield step, matrix


def test_there_are_workflows_for_tests_docs_and_publishing():
    assert [path.stem for path in WORKFLOWS] == ["docs", "publish", "tests"]
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow[True] and workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            # "-latest" is another system next year.
            assert not job["runs-on"].endswith("latest")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_commands_of_workflows_are_in_the_makefile(path):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    called, files = set(), set()
    for step, matrix in steps(read(path)):
        command = step.get("run", "")
        files |= set(re.findall(r"(?<![\w/])(?:tests|\.ci)/[\w./]+", command))
        for target in re.findall(
            r"\bmake ([a-z-]+|\$\{\{ matrix\.target \}\})", command
        ):
            if not target.startswith("$"):
                called.add(target)
                continue
            called |= {*matrix["target"]}
            called |= {one["target"] for one in matrix.get("include", ())}
    assert called and called <= set(targets), called
    assert all((ROOT / file).exists() for file in files), files


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_have_a_whole_version(path):
    for step, _ in steps(read(path)):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", step["uses"])


def test_publishing_is_trusted_and_has_no_password():
    path = ROOT / ".github" / "workflows" / "publish.yml"
    publish = read(path)["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi" and publish["needs"] == "build"
    assert "secrets." not in path.read_text() and "password:" not in path.read_text()


def test_files_stay_short():
    """A file of more lines than this holds more than one thing: cut it."""
    lines = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("keras_svae", "reproductions")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert lines
    assert {path: n for path, n in lines.items() if n > 300} == {}
    assert len([*(ROOT / "keras_svae" / "evaluation").glob("*.py")]) <= 12
