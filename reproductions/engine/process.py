"""Runs in processes of their own: of a study's workers, or of a job on a cluster."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

import keras
import tensorflow as tf

from reproductions.engine import results
from reproductions.engine.call import Call
from reproductions.engine.execution import execute
from reproductions.engine.places import Places
from reproductions.engine.records import shown

# Runs per process, at most: TensorFlow does not free all graphs of finished runs.
TASKS = 12


def run_here(call: Call, file: pathlib.Path, places: Places, code: dict) -> dict:
    """One run of a study in this process, which has loaded this commit: its record."""
    keras.backend.clear_session()
    folder = file.with_suffix("")
    options = {"keep": "record", "resume": True, "verbose": "none"}
    return execute(call, folder, places, code=code, **options)


def one_run(call: Call, file: pathlib.Path, places: Places, code: dict) -> dict:
    """One run, in a worker process, which has loaded the code of now.

    Raises:
        ValueError: If that is not the code of the study's start.
    """
    if (now := results.commit()) != code:
        raise ValueError(
            f"Expected the code of the study's start, {shown(code)}; received: "
            f"{shown(now)}. Run a study from a worktree that you do not edit"
        )
    return run_here(call, file, places, code)


def in_workers(
    todo: Mapping[pathlib.Path, Call], workers: int, places: Places, code: dict
) -> Iterator[tuple[pathlib.Path, dict]]:
    """The records of runs by file, as worker processes make them, one thread each.

    Raises:
        ValueError: If the code is no longer that of the study's start.
        ChildProcessError: If a worker was ended from outside, or none could start.
        Exception: Any error of a run, when those that are under way have ended.
    """
    # Start new processes now and then. (The pool's own max_tasks_per_child can lock
    # up, in Python 3.11 at least.)
    items, at_once = list(todo.items()), TASKS * workers
    context = multiprocessing.get_context("spawn")
    started = context.RawValue("b", 0)  # without a lock, which a killed worker may hold
    for i in range(0, len(items), at_once):
        end, ours = context.Pipe(duplex=False)
        with (
            end,
            ours,
            concurrent.futures.ProcessPoolExecutor(
                workers,
                mp_context=context,
                initializer=worker_starts,
                initargs=(results.command(), end, started),
            ) as pool,
        ):
            futures: dict[concurrent.futures.Future, pathlib.Path] = {}
            try:
                for file, call in items[i : i + at_once]:
                    futures[pool.submit(one_run, call, file, places, code)] = file
                for future in concurrent.futures.as_completed(futures):
                    yield futures[future], future.result()
            except BrokenProcessPool:
                concurrent.futures.wait(futures)
                lost = [
                    file
                    for one, file in futures.items()
                    if isinstance(one.exception(), BrokenProcessPool)
                ]
                raise ChildProcessError(_broken(lost[:workers], started)) from None
            except Exception:  # of one run; those that are under way come to an end
                pool.shutdown(cancel_futures=True)
                raise
            except BaseException:
                ours.close()
                raise


def _broken(lost: list[pathlib.Path], started) -> str:
    """Why a pool of workers is no more.

    Args:
        lost: The first runs that have no record, as many as there are workers. Workers
            take runs in order, so these were under way.
        started: Whether any worker has started.
    """
    if not started.value:
        return (
            "Expected workers that start; received: workers that ended before. A "
            'script needs `if __name__ == "__main__":` before what makes a study, as '
            "each worker imports it; else see whether there is enough memory"
        )
    runs = ", ".join(file.stem for file in lost)
    return (
        "Expected workers that go on; received: one that was ended from outside, as "
        f"the system does where memory is short. Under way: {runs}. Repeat the command "
        "to go on"
    )


def not_while_a_worker_starts() -> None:
    """Ends a worker which imports a script that makes its study when it is imported.

    Quietly: the process that started it says what is wrong.
    """
    # The standard library asks the same before it starts a process.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)


def one_thread() -> None:
    """Sets one thread for TensorFlow, which has not started yet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # each run is a new graph, as it should be


def worker_starts(command: str, end: Connection, started) -> None:
    """Sets one thread per worker, and makes it end at once if the study is interrupted.

    A worker already has its next run, and would make that, too. So the study's process
    closes the pipe to end a worker. If that process is killed, the pipe is closed, too.
    A later study goes on with the run from its last backup, if there is one.

    Args:
        command: The study's command, for the records.
        end: The worker's end of the pipe.
        started: Shared by all workers; set here.
    """
    started.value = 1
    os.environ["KERAS_SVAE_COMMAND"] = command
    # A terminal interrupts all processes. A run would keep this to itself.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    def watch():
        end.poll(None)  # nothing is ever sent
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    one_thread()
