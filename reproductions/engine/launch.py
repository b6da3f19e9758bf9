"""A study's runs as jobs of Slurm, or of this machine in the same way.

submitit submits them: it knows Slurm's arrays, time limits and preemption, and its
local executor tries the same way without a cluster. Records are gathered from the
study's folder, which all machines have to see.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import threading
import time
from collections.abc import Container, Iterator, Mapping
from typing import Any

import psutil

from reproductions.engine import jobs as slurm_jobs
from reproductions.engine import process, records, results
from reproductions.engine.call import Call
from reproductions.engine.files import read_json, write_json
from reproductions.engine.places import Places
from reproductions.engine.process import TASKS

__all__ = ["launched", "options_of"]

# Settings that both executors know; all others are Slurm's own.
_SHARED = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
# Seconds between two looks at the jobs.
_LOOKS = {"local": 0.2, "slurm": 10.0}
# Seconds that a shared file system may need to show another machine's file.
PATIENCE = 60.0


def options_of(text: str | None) -> dict[str, Any]:
    """Settings of jobs from text, "partition=gpu,timeout_min=600".

    Raises:
        ValueError: For a part that is no NAME=VALUE.
    """
    found: dict[str, Any] = {}
    for part in filter(str.strip, (text or "").split(",")):
        name, _, value = part.strip().partition("=")
        if not (name and value):
            raise ValueError(
                f"Expected --slurm NAME=VALUE,NAME=VALUE,...; received: {part!r}"
            )
        key = name if name in _SHARED else f"slurm_{name}"
        found[key] = int(value) if value.isdigit() else value
    return found


@dataclasses.dataclass
class Runs:
    """What a job does: some runs, one after the other.

    Attributes:
        items: Calls, and the file of each one's record.
        places: Where data and weights are.
        watch: A process; the job ends when this process has ended. None for a job that
            goes on by itself.
        code: The commit of the study's start.
        command: The study's command, for the records.
    """

    items: list[tuple[Call, pathlib.Path]]
    places: Places
    watch: int | None
    code: dict
    command: str = dataclasses.field(default_factory=results.command)

    def __call__(self) -> None:
        os.environ["KERAS_SVAE_COMMAND"] = self.command
        if self.watch is not None:
            threading.Thread(target=self._ends_with, daemon=True).start()
            process.one_thread()
        for call, file in self.items:
            if not file.exists():  # a job that was requeued has made some of them
                process.one_run(call, file, self.places, self.code)

    def _ends_with(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.watch).wait()
        os._exit(1)

    def checkpoint(self):
        """At the time limit, and before others take the node: goes on in a new job."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def _executor(kind: str, folder: pathlib.Path, workers: int, options: Mapping):
    try:
        import submitit
    except ImportError:
        raise ValueError(
            "Expected the package submitit, pip install 'keras-svae[cluster]', with "
            f"launcher={kind}; received: no such package"
        ) from None
    given = {"timeout_min": 24 * 60, **options}
    if kind == "local" and (wrong := set(given) - set(_SHARED)):
        names = ", ".join(sorted(one.removeprefix("slurm_") for one in wrong))
        raise ValueError(
            f"Expected {names} only with launcher=slurm; received: launcher=local"
        )
    try:
        # Runs continue from their backups, so a time limit is not an end.
        made = submitit.AutoExecutor(folder, cluster=kind, slurm_max_num_timeout=1000)
        if kind == "slurm":
            # Within `srun`: Slurm signals the time limit to steps, not to the script.
            given["slurm_array_parallelism"] = workers
        made.update_parameters(name=folder.parent.name, **given)
    except (RuntimeError, NameError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected Slurm here, and settings that submitit knows, with launcher="
            f"{kind}; received: {error}"
        ) from error
    return made


def launched(
    todo: Mapping[pathlib.Path, Call],
    kind: str,
    workers: int,
    options: Mapping[str, Any],
    places: Places,
    code: dict,
) -> Iterator[tuple[pathlib.Path, dict]]:
    """The records of runs, as jobs make them.

    If this process ends, jobs of Slurm go on: the file jobs.json says which records
    each of them makes. The same call later waits for them, and submits only the others.

    Raises:
        ValueError: If there is no Slurm, or it has no such settings, or if a run's file
            is no record.
        ChildProcessError: If Slurm refuses the jobs, or if a job ends without a run's
            record. It names the job's log.
    """
    if not todo:
        return
    folder = next(iter(todo)).parent.resolve() / "jobs"
    executor = _executor(kind, folder, workers, options)
    slurm, listed = kind == "slurm", folder / "jobs.json"
    known = read_json(listed, dict) if slurm and listed.exists() else {}
    mine = {file.resolve(): file for file in todo}
    running = _running(known, folder, mine)
    taken = {file for several in running.values() for file in several}
    items = [(todo[mine[file]], file) for file in mine if file not in taken]
    size = min(TASKS, -(-len(items) // workers) or 1)
    watch = None if slurm else os.getpid()
    parts = collections.deque(
        Runs(items[i : i + size], places, watch, code)
        for i in range(0, len(items), size)
    )
    missed: dict = {}
    try:
        while parts or running:
            count = len(parts) if slurm else workers - len(running)
            several = [parts.popleft() for _ in range(min(count, len(parts)))]
            if several:
                jobs = slurm_jobs.submitted(executor, several)
                for job, one in zip(jobs, several, strict=True):
                    running[job] = [file for _, file in one.items]
                if slurm:
                    made = {j.job_id: [file.name for file in running[j]] for j in jobs}
                    known |= made
                    write_json(listed, known)
            if not slurm:
                over = [job for job in running if job.done()]
            else:
                over = slurm_jobs.over(running)
                on = [job for job in running if job not in over]
                missed = slurm_jobs.unknown(on, missed)
                lost = [job for job in missed if missed[job] >= slurm_jobs.MISSED]
                if lost:  # the same command is to submit their runs again
                    known = {
                        n: known[n] for n in known.keys() - {j.job_id for j in lost}
                    }
                    write_json(listed, known)
                    over += lost
            for job in list(running):
                ended, left = job in over, []
                for file in running[job]:
                    if file.exists() or (ended and _appears(file, kind)):
                        yield mine[file], records.read(file)
                    elif ended:
                        raise ChildProcessError(_ended(job, file, job in missed))
                    else:
                        left.append(file)
                running[job] = left
                if ended:
                    del running[job]
            time.sleep(_LOOKS[kind] if running else 0)
    finally:
        for job in () if slurm else running:
            job.cancel(check=False)


def _running(known: Mapping, folder: pathlib.Path, wanted: Container) -> dict:
    """Jobs of Slurm that have not ended, and the wanted records that they will make."""
    import submitit

    found = {}
    for number, names in known.items():
        job = submitit.SlurmJob(folder, number)
        files = [folder.parent / name for name in names]
        files = [file for file in files if file in wanted and not file.exists()]
        if files:
            found[job] = files
    over = slurm_jobs.over(found, now=True)
    return {job: files for job, files in found.items() if job not in over}


def _appears(file: pathlib.Path, kind: str) -> bool:
    """Whether a file is there, perhaps after a while."""
    last = time.monotonic() + (PATIENCE if kind == "slurm" else 0.0)
    while not file.exists() and time.monotonic() < last:
        time.sleep(1)
    return file.exists()


def _ended(job, file: pathlib.Path, unknown: bool) -> str:
    text = job.stderr() or ""
    last = text.strip().splitlines()[-1:] or ["nothing in its log"]
    why = "a job that neither sacct nor squeue knows, as one that was cancelled, "
    return (
        f"Expected the record {file} of the job {job.job_id}; received: "
        f"{why if unknown else ''}{last[0]} "
        f"(log: {job.paths.stderr}). Repeat the command to go on"
    )
