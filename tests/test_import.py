"""What an import of the package brings, and what it does without."""

import ast
import concurrent.futures
import configparser
import errno
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import keras_svae
import reproductions
from keras_svae import files, untrusted
from keras_svae.game.feeding import reader
from reproductions.engine import results

FOLDERS = [pathlib.Path(one.__file__).parent for one in (keras_svae, reproductions)]
SOURCES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]


def printed(code: str) -> str:
    """What a new process prints."""
    paths = [str(FOLDERS[0].parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert not done.returncode, done.stderr[-3000:]
    return done.stdout


# TFP imports its parts when they are first asked for.
LIBRARIES = """
import sys
import tensorflow, tensorflow_probability, keras
from tensorflow_probability import bijectors, distributions
distributions.Normal, bijectors.Exp
"""


def test_the_import_brings_nothing_heavy_beside_tensorflow_and_tfp():
    new = printed(f"""{LIBRARIES}
before = set(sys.modules)
import keras_svae
print(*sorted(set(sys.modules) - before))
""").split()
    assert "keras_svae.game.game" in new
    others = {name.split(".")[0] for name in new} - sys.stdlib_module_names
    assert others <= {"keras_svae", "PIL", "psutil", "tqdm"}


# As on Windows. What other libraries need on Linux, they import first.
WINDOWS = f"""{LIBRARIES}
import importlib, os, pathlib, pkgutil, tempfile
import jsonargparse, matplotlib.figure, psutil, scipy.stats, sklearn.mixture, tqdm
import tensorflow_datasets
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
gone = "fork getloadavg geteuid getuid killpg mkfifo register_at_fork sched_getaffinity"
for name in (gone + " setsid statvfs sysconf uname").split():
    delattr(os, name)
import keras_svae, reproductions
for package in (keras_svae, reproductions):
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if one.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(one.name)
        except ModuleNotFoundError as error:  # of the benchmarks' other side
            assert error.name == "torch", error
from keras_svae import files, untrusted
from reproductions.engine import files as engine_files, results
folder = pathlib.Path(tempfile.mkdtemp())
for _ in range(2):  # nothing is kept out
    files.lock(folder)
    with engine_files.locked(folder):
        files.write(folder / "a", b"1")
files.unlock(folder)
untrusted.check_memory(1, "arrays", "fewer")
assert results.cores() == os.cpu_count()
"""


def test_all_modules_work_without_what_windows_lacks():
    printed(WINDOWS)


def test_windows_tells_its_peak_memory_in_another_way(monkeypatch):
    class Process:
        def memory_info(self):
            return type("Info", (), {"peak_wset": 3_000_000_000})

    monkeypatch.setattr(results, "resource", None)
    monkeypatch.setattr(results.psutil, "Process", Process)
    assert results.peak_memory() == 3.0


@pytest.mark.skipif(
    not results.STATUS.is_file() or "VmHWM" not in results.STATUS.read_text("utf-8"),
    reason="the system does not tell it",
)
def test_the_peak_is_of_this_process_and_not_of_the_one_that_started_it():
    held = np.ones(100_000_000, "uint8")  # 100 MB, which this process holds now
    code = (
        "from reproductions.engine import results\n"
        "before = results.peak_bytes()\n"
        "more = bytearray(b'1' * 50_000_000)\n"
        "print(before, results.peak_bytes())"
    )
    before, after = map(int, printed(code).split())
    assert before < results.peak_bytes() - held.nbytes / 2
    assert 40_000_000 < after - before < 250_000_000


class Windows:
    """The module `os` of Windows, as far as paths go."""

    import ntpath as path

    sep, fspath, getpid = "\\", staticmethod(os.fspath), staticmethod(os.getpid)


def test_windows_paths_are_taken_apart(monkeypatch):
    monkeypatch.setattr(files, "os", Windows)
    for folder in ("C:\\runs\\", "C:/runs/", "runs\\", "", "gs://bucket/"):
        assert files.beside(folder + "a.json").startswith(folder + ".a.json.writing-")
    assert str(files.Memory("C:\\runs\\a.keras")) == "a.keras"
    monkeypatch.setattr(untrusted, "os", Windows)
    untrusted.plain_name("C:\\runs\\model", "a SavedModel")
    with pytest.raises(ValueError, match=r"without \?; as|without \?, as"):
        untrusted.plain_name("C:\\runs\\model?", "a SavedModel")


@pytest.mark.parametrize("folder", ["/runs/", "/", "runs/", "", "gs://bucket/"])
def test_a_file_is_written_beside_its_place(folder):
    assert files.beside(folder + "a.json").startswith(folder + ".a.json.writing-")


def test_leftovers_of_running_processes_stay(tmp_path):
    mine = pathlib.Path(files.beside(tmp_path / "a"))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    theirs = mine.with_name(mine.name.replace(str(os.getpid()), str(ended.pid)))
    for one in (mine, theirs):
        one.write_text("half")
    files.remove_leftovers(tmp_path)
    assert mine.exists() and not theirs.exists()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "latest").symlink_to(tmp_path / "store" / "a")
    for content in (b"1", b"2"):  # the link dangles at first
        files.write(tmp_path / "latest", content)
        assert (tmp_path / "store" / "a").read_bytes() == content
    (tmp_path / "folder").symlink_to(tmp_path / "store" / "new")
    with files.new_folder(tmp_path / "folder") as folder:
        pathlib.Path(folder, "b").write_text("3")
    assert (tmp_path / "store" / "new" / "b").read_text() == "3"
    assert (tmp_path / "latest").is_symlink() and (tmp_path / "folder").is_symlink()
    names = {one.name for one in (tmp_path / "store").iterdir()}
    assert names == {"a", "new"} and len([*tmp_path.iterdir()]) == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_permissions_of_an_old_file_stay(monkeypatch, tmp_path):
    path = tmp_path / "a"
    for mode in (0o664, 0o600):
        files.write(path, b"1")
        path.chmod(mode)
        files.write(path, b"2")
        assert path.stat().st_mode & 0o777 == mode
    # The root user may write anything.
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="Expected room and permission .*denied"):
        files.write(path, b"3")
    assert path.read_bytes() == b"2" and [*tmp_path.iterdir()] == [path]


def test_an_empty_folder_takes_in_a_new_one_also_the_current_folder(
    monkeypatch, tmp_path
):
    moved = []
    move = files.shutil.move

    def noted(source, to):
        moved.append(os.path.basename(to))
        move(source, to)

    def never(source, to):  # Windows replaces no folder, nor can a disk be replaced
        raise OSError(errno.EBUSY, "busy", to)

    monkeypatch.setattr(files.shutil, "move", noted)
    for name in ("current", "disk"):
        (tmp_path / name).mkdir()
        moved.clear()
        with monkeypatch.context() as patch:
            if name == "current":
                patch.chdir(tmp_path / name)
            patch.setattr(files.os, "replace", never)
            with files.new_folder("." if name == "current" else tmp_path / name) as new:
                pathlib.Path(new, "variables").mkdir()
                pathlib.Path(new, "saved_model.pb").write_text("1")
                pathlib.Path(new, "z").write_text("2")
            assert os.listdir(tmp_path / name) and moved[-1] == "saved_model.pb"
        assert len(moved) == 3 and (tmp_path / name / "z").read_text() == "2"
    assert {one.name for one in tmp_path.iterdir()} == {"current", "disk"}
    (tmp_path / "new").mkdir()
    with pytest.raises(OSError, match="not empty"):
        files.put_folder(tmp_path / "new", tmp_path / "disk")


def test_threads_may_write_one_file(tmp_path):
    path = tmp_path / "a"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: files.write(path, bytes([i]) * 1000), range(100)))
    assert len(set(path.read_bytes())) == 1 and [*tmp_path.iterdir()] == [path]
    assert files.beside(path) != files.beside(path)


@pytest.mark.parametrize(
    "system, method", [("linux", "fork"), ("darwin", "spawn"), ("win32", "spawn")]
)
def test_processes_that_read_are_forked_on_linux_alone(monkeypatch, system, method):
    monkeypatch.setattr(reader.sys, "platform", system)
    assert reader.start_method() == method


def unsaid(path: pathlib.Path):
    """Calls that read or write text in the system's encoding."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        texts = {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
        plain = name == "open" and isinstance(node.func, ast.Name)
        binary = any("b" in str(text) for text in texts)
        if name in ("read_text", "write_text") or (plain and not binary):
            if not {"encoding"} & {one.arg for one in node.keywords}:
                yield f"{path.name}:{node.lineno}"


def test_text_is_read_and_written_as_utf_8():
    assert [one for path in SOURCES for one in unsaid(path)] == []


# What our dependencies may bring, by the names they are imported by.
PACKAGES = {
    "absl": "absl-py",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_probability": "tensorflow-probability",
    "yaml": "pyyaml",
}
# Imported where users ask for it; a clear error says so where it is missing.
OPTIONAL = {"huggingface_hub", "torch"}
# An extra brings it, or the environment that the benchmark makes.
OPTIONAL |= {"ai_edge_litert", "onnxruntime", "pythae", "submitit", "torch_fidelity"}


def test_every_library_that_is_imported_is_a_dependency():
    imported = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {one.name.split(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    imported -= {"keras_svae", "reproductions", *OPTIONAL, *sys.stdlib_module_names}
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    required = setup["options"]["install_requires"].split("\n")
    names = {re.match(r"[\w-]*", one)[0] for one in required}
    assert {PACKAGES.get(one, one) for one in imported} <= names
