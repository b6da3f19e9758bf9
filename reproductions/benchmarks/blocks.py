"""Blocks of steps that a benchmark times, and which of them can be believed."""

import argparse
import pathlib

import numpy as np
import psutil

__all__ = ["block", "marks", "parser_of", "quantised", "undisturbed", "worked"]

# Periods of schedulers, of quotas and of a thread that sleeps (ours did once, in
# tf.data), seconds, and how near to a multiple is on it.
PERIODS, NEAR = (0.01, 0.1, 1.28), 0.02
# Processors that others may keep busy: the system itself has something to do.
OTHERS = 0.25


def quantised(seconds: list[float]) -> bool:
    """Whether nine of ten durations are a multiple of a period, or more."""
    for period in PERIODS:
        parts = np.asarray(seconds) / period
        on_it = (np.abs(parts - np.round(parts)) < NEAR) & (np.round(parts) > 0)
        if len(seconds) >= 5 and on_it.mean() >= 0.9:
            return True
    return False


def worked() -> float:
    """Processor seconds that the machine has worked since it started, for anybody."""
    found = psutil.cpu_times()._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are in user and nice
    return sum(value for name, value in found.items() if name not in idle)


def marks(
    seconds: list[float], load: float, threads: int, others: float = 0.0
) -> list[str]:
    """What may be wrong with a block.

    Args:
        seconds: Of each of its steps.
        load: The load average, over a minute, after it.
        threads: How many the block itself may keep busy.
        others: How many processors other processes kept busy while it ran.
    """
    # One more than the benchmark itself brings. The load lags behind, by a minute.
    found = ["busy"] if load > threads + 1 or others > OTHERS else []
    return [*found, "quantised"] if quantised(seconds) else found


def block(ms: float, threads: int, anyway: bool = False) -> dict:
    """A block that has just ended: its milliseconds a step, and its marks.

    Args:
        ms: Milliseconds a step.
        threads: See `marks`.
        anyway: Whether blocks on a busy machine count, too.
    """
    found = [] if anyway else marks([], psutil.getloadavg()[0], threads)
    return {"ms": round(ms, 4), "marks": found}


def undisturbed(found: list[dict], what: str) -> list[float]:
    """Milliseconds of the blocks that have no marks.

    Args:
        found: Blocks, each with "ms" and "marks".
        what: What was timed, for the error.

    Raises:
        ValueError: If there are less than three.
    """
    clean = [one["ms"] for one in found if not one["marks"]]
    if len(clean) < 3:
        raise ValueError(
            f"Expected three undisturbed blocks of {what}; received: {len(clean)} of "
            f"{len(found)}"
        )
    return clean


def parser_of(
    name: str, about: str | None, rounds: int, output: pathlib.Path
) -> argparse.ArgumentParser:
    """The command line of a benchmark whose blocks take turns.

    Args:
        name: The module.
        about: Its docstring.
        rounds: Blocks of each kind, by default.
        output: The file of its record, by default.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m reproductions.benchmarks.{name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--rounds", type=int, default=rounds, help="blocks of a kind")
    made.add_argument("--patience", type=int, default=300, metavar="SECONDS")
    made.add_argument("--anyway", action="store_true", help="on a busy machine, too")
    made.add_argument("--output", type=pathlib.Path, default=output)
    return made
