"""Runs in processes of their own: of a study's workers, or of a job on a cluster."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import signal
import threading
from collections.abc import Iterator, Mapping
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
        Exception: Any error of a run, when those that are under way have ended.
    """
    # Start new processes now and then. (The pool's own max_tasks_per_child can lock
    # up, in Python 3.11 at least.)
    items, at_once = list(todo.items()), TASKS * workers
    context = multiprocessing.get_context("spawn")
    for i in range(0, len(items), at_once):
        end, ours = context.Pipe(duplex=False)
        with (
            end,
            ours,
            concurrent.futures.ProcessPoolExecutor(
                workers,
                mp_context=context,
                initializer=worker_starts,
                initargs=(results.command(), end),
            ) as pool,
        ):
            futures = {
                pool.submit(one_run, call, file, places, code): file
                for file, call in items[i : i + at_once]
            }
            try:
                for future in concurrent.futures.as_completed(futures):
                    yield futures[future], future.result()
            except Exception:  # of one run; those that are under way come to an end
                pool.shutdown(cancel_futures=True)
                raise
            except BaseException:
                ours.close()
                raise


def one_thread() -> None:
    """Sets one thread for TensorFlow, which has not started yet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # each run is a new graph, as it should be


def worker_starts(command: str, end: Connection) -> None:
    """Sets one thread per worker, and makes it end at once if the study is interrupted.

    A worker already has its next run, and would make that, too. So the study's process
    closes the pipe to end a worker. If that process is killed, the pipe is closed, too.
    A later study goes on with the run from its last backup, if there is one.

    Args:
        command: The study's command, for the records.
        end: The worker's end of the pipe.
    """
    os.environ["KERAS_SVAE_COMMAND"] = command
    # A terminal interrupts all processes. A run would keep this to itself.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    def watch():
        end.poll(None)  # nothing is ever sent
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    one_thread()
