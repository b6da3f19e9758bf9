"""One run in a process of its own: of a study's workers, or of a job on a cluster."""

import os
import pathlib
import signal
import threading
from multiprocessing.connection import Connection

from reproductions.engine import results
from reproductions.engine.call import Call
from reproductions.engine.places import Places


def shown(code: dict, digits: int | None = 10) -> str:
    """A commit, its first digits or all, and what is changed in it, in a message."""
    changed = f" with changes {code['changed']}" if code["changed"] else ""
    return f"{str(code['commit'])[:digits]}{changed}"


def one_run(call: Call, file: pathlib.Path, places: Places, code: dict) -> dict:
    """One run, in a worker process."""
    import keras

    from reproductions.engine.execution import execute

    if (now := results.commit()) != code:
        raise ValueError(
            f"Expected the code of the study's start, {shown(code)}; received: "
            f"{shown(now)}. Run a study from a worktree that you do not edit"
        )
    keras.backend.clear_session()
    folder = file.with_suffix("")
    options = {"keep": "record", "resume": True, "verbose": "none"}
    return execute(call, folder, places, **options)


def one_thread() -> None:
    """Sets one thread for TensorFlow, which has not started yet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # each run is a new graph, as it should be


def worker_starts(command: str, end: Connection) -> None:
    """Sets one thread per worker, and makes it end at once if the study is interrupted.

    A run goes on from its last backup, if it has one.

    Args:
        command: The study's command, for the records.
        end: A pipe to the study's process, which closes it to end a worker. A worker
            has the next run already, and would make that, too. It is also closed if
            the process is killed.
    """
    os.environ["KERAS_SVAE_COMMAND"] = command
    # A terminal interrupts all processes. A run would keep this to itself.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    def watch():
        end.poll(None)  # nothing is ever sent
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    one_thread()
