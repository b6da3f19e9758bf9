"""A study's code: a copy of one commit, which later edits do not reach."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

from reproductions.engine import results

__all__ = ["from_one_commit", "in_new_folder", "remove_copy"]

CODE = ("keras_svae", "reproductions")
# Tells the process that goes on in a copy that its study's folder was made for it.
NEW = "KERAS_SVAE_NEW_FOLDER"


def from_one_commit(
    folder: pathlib.Path, module: str, arguments: list[str], new: bool = False
) -> None:
    """Continues from a copy of the commit, below the study's folder.

    So later edits do not affect later runs. It does nothing without git, in such a
    copy, or if tracked files differ from the commit: `changed` says so in each record
    then. A folder is new that was not there before this command.
    """
    code = results.commit()
    if "KERAS_SVAE_COMMIT" in os.environ or code["changed"] is not False:
        return
    copy = folder / f"code-{code['commit'][:10]}"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = copy.with_name(f".{copy.name}-{os.getpid()}")
        half.mkdir()
        archive = ["git", "-C", str(results.ROOT), "archive", code["commit"], *CODE]
        packed = subprocess.run(archive, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(half)], input=packed, check=True)
        with contextlib.suppress(OSError):  # another process may have been quicker
            half.rename(copy)
    environment = os.environ | {
        "KERAS_SVAE_COMMIT": code["commit"],
        "PYTHONPATH": str(copy.resolve()),
        NEW: str(folder.resolve()) if new else "",
    }
    sys.stdout.flush()
    words = [sys.executable, "-P", "-m", module, *arguments]
    os.execve(sys.executable, words, environment)


def in_new_folder(folder: pathlib.Path) -> bool:
    """Whether this process goes on in a copy, in a folder that was made for it."""
    return os.environ.get(NEW) == str(folder.resolve())


def remove_copy(folder: pathlib.Path) -> None:
    """Removes the copy that this process runs from, if it is alone in a study's folder.

    This process has locked the folder.
    """
    mine = results.ROOT
    in_copy = "KERAS_SVAE_COMMIT" in os.environ and mine.parent == folder.resolve()
    if in_copy and {one.name for one in folder.iterdir()} <= {".lock", mine.name}:
        shutil.rmtree(mine, ignore_errors=True)
