"""Many runs in worker processes: each one JSON file, so that none is done twice."""

import argparse
import concurrent.futures
import contextlib
import fcntl
import multiprocessing
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator

from reproductions.config import BUDGETS

__all__ = ["add_options", "fit", "locked", "run_all", "worker_starts"]


def add_options(parser: argparse.ArgumentParser, seeds: int) -> None:
    """Options of a table of experiments' runs.

    Args:
        parser: What they are added to.
        seeds: How many runs a cell has, if nothing else is said.
    """
    add = parser.add_argument
    add("--seeds", type=int, default=seeds, help="of each cell [%(default)s]")
    add("--budget", choices=BUDGETS, default="quick", help="[%(default)s]")
    add("--epochs", type=int, help="of each run [the budget's]")
    add("--data-dir", help="where TFDS has or puts data sets")
    add_workers(parser)
    add("--report", action="store_true", help="run nothing, write what is done so far")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """How many runs go on at once."""
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        help="processes, one thread each [%(default)s, one per core]",
    )


def fit(model, inputs) -> None:
    """Trains a model as its configuration says, in silence."""
    model.fit(
        inputs.stream(0),
        steps_per_epoch=inputs.steps_per_epoch,
        epochs=inputs.config.epochs,
        verbose=0,
    )


@contextlib.contextmanager
def locked(folder: str | os.PathLike, what: str) -> Iterator[pathlib.Path]:
    """The folder, made if need be, while no other process works in it.

    Raises:
        FileExistsError: If one does; `what` says of what.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                f"Expected a folder that no {what} is running in; received: {folder}"
            ) from None
        yield folder


def worker_starts(parent: int) -> None:
    """One thread per worker; and no worker outlives a killed parent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # each run is a new graph, as is right

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_all(
    runs: list[dict],
    folder: pathlib.Path,
    workers: int,
    *,
    one_run: Callable[[dict, str], dict],
    name_of: Callable[[dict], str],
    line: Callable[[dict], str],
    tasks: int,
    say: Callable = print,
) -> None:
    """Does the runs that are not done, `workers` at a time, one thread each.

    Args:
        runs: What each is given, plain values.
        folder: Where their files are.
        workers: Processes.
        one_run: From a run and its file's path to its result, which it has written;
            called in a worker, so a function that can be imported.
        name_of: From a run to its file's name.
        line: From a result to what is said of it.
        tasks: Runs of one process: the graphs of finished ones are not all given back.
        say: Called with each line.
    """
    todo = [run for run in runs if not (folder / name_of(run)).exists()]
    say(f"{len(runs) - len(todo)} of {len(runs)} runs are done; {workers} workers")
    began, done = time.time(), 0
    # New processes now and then. (The pool's own max_tasks_per_child can lock up, in
    # Python 3.11 at least.)
    for i in range(0, len(todo), tasks * workers):
        pool = concurrent.futures.ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=worker_starts,
            initargs=(os.getpid(),),
        )
        with pool:
            futures = [
                pool.submit(one_run, run, str(folder / name_of(run)))
                for run in todo[i : i + tasks * workers]
            ]
            try:
                for future in concurrent.futures.as_completed(futures):
                    done += 1
                    result = future.result()
                    left = (time.time() - began) / done * (len(todo) - done) / 60
                    say(
                        f"{len(runs) - len(todo) + done:4d}/{len(runs)}  {line(result)}"
                        f"  {result['seconds']:.0f} s  (about {left:.0f} minutes left)",
                        flush=True,
                    )
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
