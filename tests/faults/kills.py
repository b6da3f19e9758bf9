"""SIGKILL at random moments, and whether the run ends as one that was never killed."""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from tests.faults import record, session

# Kills of a run, each at a later moment than the one before.
CHAIN = 5
TOTAL = session.STEPS * session.EPOCHS


class Process:
    """A training process."""

    def __init__(
        self, folder: pathlib.Path, setting: dict, fresh: bool = False, work=session.run
    ):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.progress = session.Progress(folder / "progress")
        if fresh:
            with open(folder / "output.txt", "a") as output:
                given = json.dumps({"folder": str(folder), **setting})
                self.popen = subprocess.Popen(
                    [sys.executable, "-m", "tests.faults", "session", given],
                    stdout=output,
                    stderr=output,
                )
            self.pid = self.popen.pid
        else:
            self.popen, self.pid = None, forked(folder, setting, work)
        self.status: int | None = None

    def ended(self) -> bool:
        """Whether it has ended; `status` is then minus the signal, or the exit code."""
        if self.status is None:
            if self.popen is not None:
                self.status = self.popen.poll()
            else:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self) -> int:
        """Waits for its end."""
        while not self.ended():
            time.sleep(0.05)
        return self.status

    def kill(self, number: int = signal.SIGKILL) -> bool:
        """Sends a signal. Whether that was its end."""
        if self.ended():
            return False
        os.kill(self.pid, number)
        return self.wait() != 0


# Only one thread forks at a time: the child knows its own thread alone.
FORKING = threading.Lock()


def forked(folder: pathlib.Path, setting: dict, work=session.run) -> int:
    """A process that need not import TensorFlow again.

    TensorFlow has done nothing here yet, and has no thread and no lock: see `main`.
    """
    with FORKING:
        pid = os.fork()
    if pid:
        return pid
    status = 1
    # A shell's background jobs ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with open(folder / "output.txt", "a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        work(str(folder), **setting)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def until(process: Process, step: int) -> bool:
    """Waits for a step. Whether the process still runs."""
    while process.progress.get() < step:
        if process.ended():
            return False
        time.sleep(0.002)
    return True


def being_written(backup: pathlib.Path) -> bool:
    """Whether a backup's file is half written at this moment."""
    try:
        return any(".writing" in name for name in os.listdir(backup))
    except FileNotFoundError:
        return False


def killed(
    process: Process, rng: random.Random, aim: str, moment: float, number: int
) -> dict:
    """Kills a process; says when, and what it left in the folder of backups."""
    backup = process.folder / "backup"
    delay = 0.0
    if aim == "start":  # while it restores, or traces the first step
        delay = rng.uniform(0, 6)
    elif until(process, max(1, int(moment * TOTAL))):
        if aim == "write":
            while not being_written(backup) and not process.ended():
                pass
            delay = rng.uniform(0, 0.004)
        else:  # some steps' time, with the writing of backups in it
            delay = rng.uniform(0, 0.3)
    time.sleep(delay)
    found = {"aim": aim, "moment": round(moment, 4), "delay": round(delay, 5)}
    found["killed"] = process.kill(number)
    found["step"] = process.progress.get()
    there = sorted(os.listdir(backup)) if backup.exists() else []
    told = {name.split(".")[0] for name in there if name.endswith(".json")}
    weights = {n.split(".")[0] for n in there if n.endswith(".h5") and n[0] == "s"}
    found["half a file"] = any(".writing" in name for name in there)
    found["half a backup"] = bool(weights - told)
    return found


def reference(root: pathlib.Path, setting: dict, again: str, fresh: bool):
    """The folder of a run that is never killed; it is made once."""
    folder = root / f"whole-{name_of(setting)}-{again}"
    if not (folder / "final.npz").exists():
        shutil.rmtree(folder, ignore_errors=True)
        began = time.monotonic()
        process = Process(folder, setting, fresh)
        if process.wait() != 0:
            raise RuntimeError(f"{folder}: {(folder / 'output.txt').read_text()}")
        (folder / "seconds").write_text(str(time.monotonic() - began))
    return folder


def name_of(setting: dict) -> str:
    """One word for a setting."""
    return "-".join(str(one) for one in setting.values())


def chain(
    root: pathlib.Path, setting: dict, number: int, fresh: bool, sent: int
) -> dict:
    """A run that is killed several times and gone on with; its comparison."""
    began = time.monotonic()
    whole = [reference(root, setting, again, fresh) for again in ("a", "b")]
    name = f"{name_of(setting)}-{number}"
    rng = random.Random(name)
    folder = root / f"killed-{sent}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    moments = sorted(rng.uniform(0, 0.97) for _ in range(CHAIN))
    aims = rng.choices(["any", "write", "start"], [6, 3, 1], k=CHAIN)
    kills, status = [], None
    for aim, moment in zip(aims, moments, strict=True):
        process = Process(folder, setting, fresh)
        kills.append(killed(process, rng, aim, moment, sent))
        if not kills[-1]["killed"]:
            status = process.status
            break
    if status is None:
        status = Process(folder, setting, fresh).wait()
    found: dict = {**setting, "number": number, "fresh": fresh, "signal": sent}
    found["kills"] = kills
    if status == 0:
        found["differs"] = session.differences(whole[0], folder)
    else:
        found["failed"] = (folder / "output.txt").read_text()[-3000:]
    found["two whole runs differ"] = session.differences(*whole)
    found["seconds"] = round(time.monotonic() - began, 1)
    if status == 0 and not found["differs"]:
        shutil.rmtree(folder)
    return found


def main(arguments: list[str]) -> None:
    """`kills`: see --help."""
    parser = argparse.ArgumentParser(prog="tests.faults kills", description=__doc__)
    add = parser.add_argument
    add("--root", type=pathlib.Path, default=pathlib.Path("/tmp/faults"))
    add("--chains", type=int, default=1, help="killed runs of each setting")
    add("--methods", default=",".join(session.METHODS))
    add("--replicas", default="1,2")
    add("--ema", default="0,1")
    add("--beside", type=int, default=2, help="processes at a time")
    add("--signal", choices=["KILL", "INT"], default="KILL", help="INT is Ctrl-C")
    add("--fresh", action="store_true", help="each process imports TensorFlow anew")
    given = parser.parse_args(arguments)
    if len(os.listdir("/proc/self/task")) > 1 and not given.fresh:
        sys.exit("Expected one thread, to fork; received: several. Set --fresh")
    given.root.mkdir(parents=True, exist_ok=True)
    lines = record.Lines(given.root / "kills.jsonl")
    settings = [
        {"method": method, "replicas": int(replicas), "ema": bool(int(ema))}
        for method in given.methods.split(",")
        for replicas in given.replicas.split(",")
        for ema in given.ema.split(",")
    ]
    sent = int(getattr(signal, f"SIG{given.signal}"))
    todo = [
        (setting, number)
        for number in range(given.chains)
        for setting in settings
        if not lines.has(
            {**setting, "number": number, "fresh": given.fresh, "signal": sent}
        )
    ]

    def one(job):
        setting, number = job
        try:
            found = chain(given.root, setting, number, given.fresh, sent)
        except Exception:
            traceback.print_exc()
            return
        lines.add(found)
        print(f"{name_of(setting)} {number}: {len(found['kills'])} kills, ", end="")
        print(found.get("failed", found.get("differs")), flush=True)

    with ThreadPoolExecutor(given.beside) as pool:
        list(pool.map(one, todo))
