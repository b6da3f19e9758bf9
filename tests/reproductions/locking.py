"""Another process that works in a folder."""

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Iterator

SCRIPT = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def used_by_another_process(folder: pathlib.Path) -> Iterator[None]:
    words = [sys.executable, "-c", SCRIPT, str(folder / ".lock")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as other:  # on exit its input ends
        assert other.stdout.readline() == b"locked\n"
        yield
