"""One run in a process of its own: of a study's workers, or of a job on a cluster."""

import os
import pathlib
import threading
import time

from reproductions.engine import results
from reproductions.engine.experiment import Call
from reproductions.engine.places import Places


def shown(code: dict) -> str:
    """A commit, and what is changed in it, in a message."""
    changed = f" with changes {code['changed']}" if code["changed"] else ""
    return f"{str(code['commit'])[:10]}{changed}"


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


def worker_starts(parent: int, command: str) -> None:
    """Sets one thread per worker, and ends a worker if its parent is killed."""
    os.environ["KERAS_SVAE_COMMAND"] = command  # for the records
    one_thread()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
