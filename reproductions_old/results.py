"""What a number needs beside it: command, seed, commit, machine, data."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import resource
import shlex
import subprocess
import sys

PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def command() -> str:
    """The command line of this process, as it can be typed again."""
    main = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["python", "-m", main.name] if main else ["python", sys.argv[0]]
    return shlex.join([*program, *sys.argv[1:]])


def commit(checkout: pathlib.Path = ROOT) -> dict:
    """The checkout's commit, and whether tracked files differ from it."""

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changed": None}


def machine() -> dict:
    """Processor, cores, and versions."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def peak_memory() -> float:
    """The most memory that this process has held so far, GB (10^9 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e9, 2)


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def record(**content) -> dict:
    """A result record: what is given, and where it comes from."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "command": command(),
        "date": now.isoformat(timespec="seconds"),
        **commit(),
        "machine": machine(),
        **content,
    }
