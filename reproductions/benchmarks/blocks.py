"""Blocks of steps that a benchmark times, and which of them can be believed."""

import numpy as np

__all__ = ["marks", "quantised"]

# Periods of schedulers, of quotas and of a thread that sleeps (ours did once, in
# tf.data), seconds, and how near to a multiple is on it.
PERIODS, NEAR = (0.01, 0.1, 1.28), 0.02


def quantised(seconds: list[float]) -> bool:
    """Whether nine of ten durations are a multiple of a period, or more."""
    for period in PERIODS:
        parts = np.asarray(seconds) / period
        on_it = (np.abs(parts - np.round(parts)) < NEAR) & (np.round(parts) > 0)
        if len(seconds) >= 5 and on_it.mean() >= 0.9:
            return True
    return False


def marks(seconds: list[float], load: float, threads: int) -> list[str]:
    """What may be wrong with a block.

    Args:
        seconds: Of each of its steps.
        load: The load average, over a minute, after it.
        threads: How many the block itself may keep busy.
    """
    # One more than the benchmark itself brings.
    found = ["busy"] if load > threads + 1 else []
    return [*found, "quantised"] if quantised(seconds) else found
