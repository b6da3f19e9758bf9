"""A study's code: a copy of one commit, which later edits do not reach."""

import contextlib
import os
import pathlib
import subprocess
import sys

from reproductions.engine import results

__all__ = ["from_one_commit"]

CODE = ("keras_svae", "reproductions")


def from_one_commit(folder: pathlib.Path, module: str, arguments: list[str]) -> None:
    """Continues from a copy of the commit, below the study's folder.

    So later edits do not affect later runs. It does nothing without git, in such a
    copy, or if tracked files differ from the commit: `changed` says so in each record
    then.
    """
    code = results.commit()
    if "KERAS_SVAE_COMMIT" in os.environ or code["changed"] is not False:
        return
    copy = folder / f"code-{code['commit'][:10]}"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        new = copy.with_name(f".{copy.name}-{os.getpid()}")
        new.mkdir()
        archive = ["git", "-C", str(results.ROOT), "archive", code["commit"], *CODE]
        packed = subprocess.run(archive, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(new)], input=packed, check=True)
        with contextlib.suppress(OSError):  # another process may have been quicker
            new.rename(copy)
    environment = dict(os.environ)
    environment |= {
        "KERAS_SVAE_COMMIT": code["commit"],
        "PYTHONPATH": str(copy.resolve()),
    }
    sys.stdout.flush()
    os.execve(
        sys.executable, [sys.executable, "-P", "-m", module, *arguments], environment
    )
