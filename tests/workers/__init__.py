"""Processes that train one model together, over the loopback interface."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def environments(count: int) -> list[dict[str, str]]:
    """TF_CONFIG for each of so many workers."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(count)]}
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [
        {"TF_CONFIG": json.dumps({"cluster": cluster, "task": one})} for one in tasks
    ]


class Workers:
    """Processes that run the same command. All of them end with the context.

    Args:
        command: What follows `python -m`.
        environments: What each process finds in its environment.
        folder: Where what they print goes, `printed-0.txt`, ...
    """

    def __init__(self, command: list, environments: list[dict], folder: pathlib.Path):
        self.folder, self.processes = pathlib.Path(folder), []
        for index, more in enumerate(environments):
            with open(self.folder / f"printed-{index}.txt", "wb") as file:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *map(str, command)],
                        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **more},
                        cwd=ROOT,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for one in self.processes:
            if one.poll() is None:
                one.kill()
            one.wait()

    def printed(self, index: int) -> str:
        """What a worker has printed so far."""
        return (self.folder / f"printed-{index}.txt").read_text(errors="replace")

    def ends(self, timeout: float = 240) -> list[int]:
        """The exit statuses, when all have ended.

        Raises:
            AssertionError: If one does not end in so many seconds: it hangs.
        """
        last = time.monotonic() + timeout
        try:
            for one in self.processes:
                one.wait(max(0.1, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            states = [one.poll() for one in self.processes]
            texts = [self.printed(i)[-2000:] for i in range(len(states))]
            raise AssertionError(f"a worker hangs: {states}, {texts}") from None
        return [one.returncode for one in self.processes]

    def waits_for(self, condition, timeout: float = 240) -> None:
        """Waits until something is so; an error if a process ends before."""
        last = time.monotonic() + timeout
        while not condition():
            ended = [one.poll() for one in self.processes]
            assert time.monotonic() < last and ended == [None] * len(ended), (
                ended,
                [self.printed(i)[-2000:] for i in range(len(ended))],
            )
            time.sleep(0.05)

    def kill(self, index: int) -> None:
        """Ends a process at once."""
        os.kill(self.processes[index].pid, signal.SIGKILL)


def succeed(command: list, count: int, folder: pathlib.Path, timeout=240) -> None:
    """Runs a command in so many workers, and sees that each ends well."""
    with Workers(command, environments(count), folder) as workers:
        statuses = workers.ends(timeout)
        texts = [workers.printed(i)[-3000:] for i in range(count)]
        assert statuses == [0] * count, texts
