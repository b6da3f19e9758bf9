"""What Slurm says of jobs: that it takes them, that they go on, that they are over."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["MISSED", "over", "submitted", "unknown"]

# States of a job that will go on, which submitit takes for the end of one.
GOES_ON = {
    "CONFIGURING", "REQUEUE_FED", "REQUEUE_HOLD", "RESIZING", "RESV_DEL_HOLD",
    "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED", "SUSPENDED",
}  # fmt: skip
# Looks in a row at which nobody knows a job, until it counts as lost. A job may be
# between two states for a moment.
MISSED = 3


def submitted(executor: Any, several: Sequence[Any]) -> list:
    """The jobs of some callables, in one array.

    Raises:
        ChildProcessError: If `sbatch` refuses them, or does not say their number.
    """
    said = io.StringIO()  # submitit prints an error, too, that the message has
    try:
        with contextlib.redirect_stderr(said), executor.batch():
            jobs = [executor.submit(one) for one in several]
    except RuntimeError as error:  # submitit's own errors are of this class
        text, unread, _ = str(error).partition("\nJob instance")
        way = " If squeue shows these jobs, cancel them first" if unread else ""
        raise ChildProcessError(
            f"Expected jobs that sbatch takes; received: {' '.join(text.split())}. "
            f"Repeat the command to go on.{way}"
        ) from error
    sys.stderr.write(said.getvalue())
    return jobs


def _state(job: Any) -> str:
    return job.watcher.get_state(job.job_id, mode="cache").upper()


def over(jobs: Iterable[Any], now: bool = False) -> list:
    """Those that have ended.

    Args:
        jobs: Jobs of submitit.
        now: Ask Slurm, however short ago that was.
    """
    some = list(jobs)
    on = next((job for job in some if _goes_on(job)), None)
    if on is not None:  # submitit does not ask again for what has ended
        on.watcher.clear()
    return [job for job in some if job.done(force_check=now) and not _goes_on(job)]


def _goes_on(job: Any) -> bool:
    return _state(job) in GOES_ON and not job.paths.result_pickle.exists()


def unknown(jobs: Iterable[Any], missed: Mapping[Any, int]) -> dict[Any, int]:
    """Of the jobs that are not over those that Slurm does not know, and for how long.

    Without accounting, `sacct` knows no job, and `squeue` those that have not ended.

    Args:
        jobs: Jobs of submitit.
        missed: What this returned at the last look.

    Returns:
        By job, at how many looks in a row it was not known.
    """
    some = [job for job in jobs if _state(job) == "UNKNOWN"]
    known = _queued(some) if some else None
    if known is None:  # nothing is known of any
        return {job: missed[job] for job in some if job in missed}
    return {job: missed.get(job, 0) + 1 for job in some if job.job_id not in known}


def _queued(jobs: Sequence[Any]) -> set[str] | None:
    """The numbers of jobs that `squeue` shows; None if it cannot be asked."""
    numbers = ",".join(sorted({job.job_id.partition("_")[0] for job in jobs}))
    words = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={numbers}"]
    try:
        made = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if made.returncode and "invalid job id" not in made.stderr.lower():
        return None  # e.g. the controller does not answer
    return set(made.stdout.split())
