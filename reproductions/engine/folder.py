"""A run's folder: a new one, or one in which to continue."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

from keras_svae import files, untrusted
from keras_svae.paths import any_path
from reproductions.engine import records, results
from reproductions.engine.files import locked, read_json, write_json

# What is counted of each session, and the clock of each.
CLOCKS = {"whole seconds": time.monotonic, "processor seconds": time.process_time}


# What a process leaves that was killed before a run began.
_NOTHING = (".lock", ".config.json.writing-")


class RunFolder:
    """Where a run keeps all that it writes.

    ::

        config.json      what fixes the run
        clock.json       its time so far, the command that began it, and its commits
        log.csv          a line per epoch
        events.*, train/ for TensorBoard; also pictures/, as Pictures writes them
        samples.png ...  the newest pictures; traversals.png, neighbours.png at the end
        backup/          what --resume goes on from
        validation.json, best.weights.h5   where weights are chosen on the way
        metrics.json     measures, with command, seed, commit, machine: the run is done
        model.keras      for keras.saving.load_model
        savedmodel/      for TensorFlow alone

    Args:
        path: The folder, local or on a file system that TensorFlow knows.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = any_path(path)
        self.config_file = self.path / "config.json"
        self.metrics_file = self.path / "metrics.json"
        self.clock_file = self.path / "clock.json"
        self.backup = self.path / "backup"
        self.log = self.path / "log.csv"
        self.saved_model = self.path / "savedmodel"
        self.keras_file = self.path / "model.keras"

    def known(self) -> dict | None:
        """The settings of the run in the folder; None if there is no run.

        Raises:
            ValueError: If another version with other settings wrote the folder.
        """
        if not self.config_file.exists():
            return None
        found = read_json(self.config_file)
        if (
            not isinstance(found, dict)
            or not isinstance(found.get("settings"), dict)
            or "experiment" not in found
        ):
            raise ValueError(
                "Expected a run of this version, with `settings` in config.json; "
                f"received: {self.path}, which an older version made. To go on with "
                "it, check out the commit that made it"
            )
        return found

    @property
    def finished(self) -> bool:
        """Whether the run has been measured and saved."""
        return self.metrics_file.exists()

    @property
    def clock(self) -> dict[str, Any]:
        """What earlier sessions have used, up to their last whole epoch.

        "seconds" of training, "whole seconds", "processor seconds", the "command" of
        the first session, and the "commits" of all.

        Raises:
            ValueError: If clock.json has something else.
        """
        there = self.clock_file.exists()
        found = read_json(self.clock_file, dict) if there else {}
        return dict.fromkeys(("seconds", *CLOCKS), 0.0) | found

    @property
    def commits(self) -> list[str]:
        """The commits of the sessions so far, whole, each once."""
        return self.clock.get("commits", [])

    def begin(self, code: dict | None = None) -> None:
        """Starts the clock of this session, of the checkout's commit or another."""
        self._before = self.clock
        self._code = results.commit() if code is None else code
        mine = records.shown(self._code, None)
        self._commits = list(dict.fromkeys([*self.commits, mine]))
        self._began = {name: now() for name, now in CLOCKS.items()}

    def spent(self) -> dict[str, float]:
        """The whole seconds and processor seconds of all sessions so far."""
        return {
            name: round(self._before[name] + now() - self._began[name], 1)
            for name, now in CLOCKS.items()
        }

    def commands(self) -> dict[str, str]:
        """The command that makes the run anew, and the last one that went on with it.

        A session that resumes a run need not repeat its options.
        """
        last = results.command()
        first = self._before.get("command", last)
        return {"command": first} | ({"resumed by": last} if first != last else {})

    def code(self) -> dict[str, Any]:
        """The commit of this session, and all commits if there were others before."""
        several = len(self._commits) > 1
        return self._code | ({"commits": self._commits} if several else {})

    def write_clock(self, seconds: float) -> None:
        """Keeps the time of all sessions so far; `seconds` are those of training."""
        first = self.commands()["command"]
        spent = {"seconds": round(seconds, 1), **self.spent(), "command": first}
        write_json(self.clock_file, spent | {"commits": self._commits})

    @contextlib.contextmanager
    def opened(self, identity: dict, resume: bool) -> Iterator[bool]:
        """Makes the folder, or checks that the run in it is this one.

        Until the context ends no other process works there. A finished run is not
        locked.

        Yields:
            Whether the folder is new.

        Raises:
            FileExistsError: If the folder is not empty and is not to be resumed, or if
                another process works there.
            OSError: If the folder cannot be written.
            ValueError: If there is no run to resume, or the run has other settings, or
                TensorFlow cannot read a SavedModel from such a path.
        """
        new = self._is_new(identity, resume)
        if self.finished:
            yield False
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(self.path))
                # Another process may have begun it since the first look.
                if new := new and self._is_new(identity, resume):
                    if files.is_local(self.path):
                        files.remove_leftovers(self.path)
                    write_json(self.config_file, identity)
            except FileExistsError:
                raise
            except OSError as error:
                raise OSError(
                    f"Expected a run folder that can be written; received: {self.path} "
                    f"({error.strerror})"
                ) from error
            yield new

    def _is_new(self, identity: dict, resume: bool) -> bool:
        untrusted.plain_name(self.path, "a run folder (--out)")
        untrusted.folder(self.path)
        there = self.path.iterdir() if self.path.exists() else ()
        used = any(not one.name.startswith(_NOTHING) for one in there)
        known = self.known()
        if used and not resume:
            hint = ", or --resume to go on with the run there" * bool(known)
            raise FileExistsError(
                f"Expected a new or empty run folder (--out){hint}; received: "
                f"{self.path}, which holds something"
            )
        if used and known is None:
            raise ValueError(
                "Expected a run to resume, a folder with config.json; received: "
                f"{self.path}"
            )
        if known is not None:
            self._compare(known, identity)
        return known is None

    def _compare(self, known: dict, mine: dict) -> None:
        if known["experiment"] != mine["experiment"]:
            raise ValueError(
                f"Expected a run of {mine['experiment']} in {self.path}; received: one "
                f"of {known['experiment']}"
            )
        there, here = _flat(known), _flat(mine)
        different = [
            f"{name}={there.get(name)!r} there, {here.get(name)!r} here"
            for name in dict.fromkeys([*here, *there])
            if there.get(name) != here.get(name)
        ]
        if different:
            raise ValueError(
                f"Expected the configuration of the run in {self.path}; received: "
                f"{'; '.join(different)}"
            )


def _flat(identity: dict) -> dict:
    return {k: v for k, v in identity.items() if k != "settings"} | identity["settings"]
