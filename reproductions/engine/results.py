"""Results: where a number comes from, groups of numbers, published numbers."""

import datetime
import functools
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import psutil

try:
    import resource
except ImportError:  # Windows has none
    resource = None

__all__ = ["cells", "interval", "published", "record", "spread", "text_of"]

PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy")
ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "reproductions" / "results"
# What Linux says of this process, and of its processors.
STATUS, CPUS = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/cpuinfo")


def command() -> str:
    """The command line of this process, or of its study, in a form to type again."""
    if known := os.environ.get("KERAS_SVAE_COMMAND"):
        return known
    main = getattr(sys.modules["__main__"], "__spec__", None)
    name = main.name.removesuffix(".__main__") if main else None
    program = ["python", "-m", name] if name else ["python", sys.argv[0]]
    return shlex.join([*program, *sys.argv[1:]])


def git(*arguments: str, checkout: pathlib.Path = ROOT) -> str | None:
    """Git's answer about a checkout; None if there is no git or no checkout."""
    try:
        return subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def commit(checkout: pathlib.Path = ROOT) -> dict:
    """The checkout's commit, and whether its tracked files differ from that commit.

    `changed` is False, or a hash of the differences.
    """
    if known := os.environ.get("KERAS_SVAE_COMMIT"):  # a study's copy of a commit
        return {"commit": known, "changed": False}
    head = git("rev-parse", "HEAD", checkout=checkout)
    if head is None:
        return {"commit": None, "changed": None}
    difference = git("diff", "HEAD", "--", "*.py", checkout=checkout) or ""
    new = git("ls-files", "--others", "--exclude-standard", "*.py", checkout=checkout)
    for name in filter(None, (new or "").split("\n")):
        difference += name + (checkout / name).read_text(encoding="utf-8")
    digest = hashlib.sha256(difference.encode()).hexdigest()[:12]
    return {"commit": head, "changed": digest if difference else False}


def machine() -> dict:
    """Processor, cores, TensorFlow's kernels and threads if set, and versions."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "oneDNN": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's choice"),
        "threads of an operation": os.environ.get(
            "TF_NUM_INTRAOP_THREADS", "TensorFlow's choice"
        ),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def cores() -> int:
    """The cores that this process may use; of macOS, all that there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_bytes() -> int:
    """The most memory that this process has held so far.

    On other systems than Linux and Windows it can be too large: it is at least what the
    parent process held when it started this process.
    """
    if resource is None:
        return psutil.Process().memory_info().peak_wset
    if STATUS.is_file():
        own = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="utf-8"))
        if own is not None:
            return 1024 * int(own[1])
    # macOS counts in bytes, others in KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_memory() -> float:
    """The most memory that this process has held so far, GB (10^9 bytes)."""
    return round(peak_bytes() / 1e9, 2)


def _cpu() -> str:
    found = None
    if CPUS.is_file():
        found = re.search(r"(?m)^model name.*?:(.*)", CPUS.read_text(encoding="utf-8"))
    return found[1].strip() if found else platform.processor() or platform.machine()


def record(**content: Any) -> dict:
    """A result record: the given content, and where it comes from."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "command": command(),
        "date": now.isoformat(timespec="seconds"),
        **commit(),
        "machine": machine(),
        **content,
    }


def spread(values: Iterable[float]) -> dict:
    """Mean and standard deviation (n - 1) of numbers. One number has no deviation."""
    values = np.asarray(list(values), np.float64)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    found = {"mean": float(values.mean()), "deviation": deviation, "n": len(values)}
    return found | {"values": values.tolist()}


def interval(values: Iterable[float]) -> dict:
    """`spread`, and the half width of the mean's 95% confidence interval."""
    found = spread(values)
    return found | {"interval": half_width(found["deviation"], found["n"])}


def half_width(deviation: float | None, n: int) -> float | None:
    """Of a mean's 95% interval, by Student's t with n - 1; None without a deviation."""
    import scipy.stats

    if deviation is None:
        return None
    return float(scipy.stats.t.ppf(0.975, n - 1) * deviation / np.sqrt(n))


def text_of(cell: dict, digits: str = ".4g", of: str = "deviation") -> str:
    """A cell as text. A single run has no spread."""
    shown = f"{cell['mean']:{digits}}"
    return shown if cell[of] is None else f"{shown} +- {cell[of]:{digits}}"


def cells(records: Sequence[dict], by: Sequence[str], measures: Sequence[str]) -> list:
    """Gathers records of runs: a row for each value of some of their settings.

    Args:
        records: The records that a `Study` gave.
        by: Names of settings; None stands for a setting that a run does not have.
        measures: Names of metrics, or of numbers that records have beside them, as
            "seconds". One that a row's runs do not have is left out.

    Returns:
        Rows: the settings; "runs", their number; "diverged", how many diverged; each
        measure's mean and deviation over those that did not; if only some of them have
        a measure, under "without", how many lack it; "steps", the least of theirs, if
        records say it.
    """
    groups: dict[tuple, list[dict]] = {}
    for one in records:
        key = tuple(_hashable(one["settings"].get(name)) for name in by)
        groups.setdefault(key, []).append(one)
    rows = []
    for group in groups.values():
        kept = [one for one in group if "diverged" not in one]
        row = {name: group[0]["settings"].get(name) for name in by}
        row |= {"runs": len(group), "diverged": len(group) - len(kept)}
        for name in measures:
            values = [one["metrics"].get(name, one.get(name)) for one in kept]
            if values and None not in values:
                row[name] = spread(values)
            elif values.count(None) < len(values):
                row.setdefault("without", {})[name] = values.count(None)
        if steps := [one["steps"] for one in group if "steps" in one]:
            row.setdefault("steps", min(steps))
        rows.append(row)
    return rows


def _hashable(value):
    """A setting that may be a list, or a dictionary, such as sizes of layers."""
    if isinstance(value, dict):
        value = sorted(value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return isinstance(value, bool), value  # True is no 1 here


@functools.cache
def _published() -> tuple[dict, ...]:
    found = []
    for path in sorted((ROOT / "reproductions").glob("*/published.toml")):
        paper = tomllib.loads(path.read_text(encoding="utf-8"))
        about = {"paper": path.parent.name, "authors": paper["authors"]}
        found += [about | number for number in paper["number"]]
    return tuple(found)


def published(**fixed: Any) -> list[dict]:
    """The published numbers of all papers that match these values.

    A number whose method is a list is that of one of these; the paper does not say
    which. A value that is a text of digits, "0.3", stands for the number.

    published(data="cifar10", method="svae", measure="inception_score")
    """

    def agrees(found: Any, wanted: Any) -> bool:
        if isinstance(wanted, str) and re.fullmatch(r"\d+(\.\d+)?", wanted):
            wanted = float(wanted)
        return wanted in found if isinstance(found, list) else found == wanted

    return [
        one
        for one in _published()
        if all(agrees(one.get(name), value) for name, value in fixed.items())
    ]


def value_text(number: dict, sign: str = "+-") -> str:
    """A published number's value and spread as text."""
    shown = f"{number['value']:g}"
    return shown + (f" {sign} {number['spread']:g}" if "spread" in number else "")


def published_text(number: dict) -> str:
    """A published number as text, with its source."""
    more = [f"{name} {number[name]:g}" for name in ("lam", "share") if name in number]
    if isinstance(number.get("method"), list):
        more += [" or ".join(number["method"])]
    more += [f"{number['paper']}, {number['where']}"]
    return f"{value_text(number)} ({', '.join(more)})"
