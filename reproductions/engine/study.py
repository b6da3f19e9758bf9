"""A study: many runs, found or made, for code that reads their records."""

import contextlib
import errno
import os
import pathlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from keras_svae.game.checks import choice
from keras_svae.paths import local
from reproductions.engine import board, launch, one_commit, process, records, results
from reproductions.engine.call import Call
from reproductions.engine.files import locked, record_file, write_json
from reproductions.engine.folder import RunFolder
from reproductions.engine.places import Places, identity, load_backbone, name_of

__all__ = ["Study"]


class Study:
    """Runs that belong together, one JSON file each in a folder.

        with Study("runs/mine", workers=2) as study:
            records = study([Call(train, {"lam": l, "seed": s}) for ...])
            rows = cells(records, by=["lam"], measures=["mse"])

    Call it as often as needed, also with settings chosen from the first records. A run
    is found again by all that identifies it. So after an interruption the same command
    continues where it stopped, and a killed run continues from its backup. A call that
    appears twice is one run. A run that diverges is recorded, and the study goes on.

    Args:
        folder: Where the runs are.
        workers: Processes, one thread each, at least 1; 0 runs in this process. Of a
            launcher: jobs at a time, at least 1.
        launcher: "processes" of this one; or jobs, of "slurm" or "local", see
            `reproductions.engine.launch`.
        slurm: Settings of jobs, "partition=gpu,gpus_per_node=1,timeout_min=600".
        places: Where data and weights are.
        report: Run nothing; give the runs that are done.
        mix_commits: Take runs of other commits, too, and go on with those that were
            interrupted.
        record: A second file for the summary that `write` makes, NAME.json, beside the
            folder's. A figure is NAME.png.
        prepare: Called before the first run is made, and told whether the folder is
            new.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        workers: int = 0,
        launcher: str = "processes",
        slurm: str | None = None,
        places: Places | None = None,
        report: bool = False,
        mix_commits: bool = False,
        record: str | os.PathLike | None = None,
        prepare: Callable[[bool], None] | None = None,
    ):
        self.folder, self.workers = local(folder, "a study's folder"), workers
        choice("launcher", launcher, ("processes", "local", "slurm"))
        if launcher != "processes" and workers < 1:
            raise ValueError(
                f"Expected workers >= 1 with launcher={launcher}; received: {workers}"
            )
        if launcher == "processes" and slurm is not None:
            raise ValueError(
                "Expected slurm= only with launcher local or slurm; received: "
                f"slurm={slurm}"
            )
        self.launcher, self.jobs = launcher, launch.options_of(slurm)
        self.places, self.report = places or Places(), report
        self.mix_commits, self._prepare = mix_commits, prepare
        self.record = record_file(record and local(record, "a record"))
        self._found: dict[pathlib.Path, dict] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Study":
        process.not_while_a_worker_starts()
        there = self.folder.exists() and not one_commit.in_new_folder(self.folder)
        self._new = not there
        # What this process has loaded: later edits of files change none of its runs.
        self._code = results.commit()
        try:
            self._stack.enter_context(locked(self.folder))
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            if not self.report:
                raise OSError(
                    "Expected a study's folder that can be written, or --report to "
                    f"read it; received: {self.folder} ({error.strerror})"
                ) from error
        return self

    def __exit__(self, *error: Any) -> None:
        if isinstance(error[1], (ValueError, TypeError, OSError)):
            one_commit.remove_copy(self.folder)
        self._stack.__exit__(*error)
        if self._new and error[0] is not None:
            # What was refused before anything was made leaves nothing.
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def __call__(self, calls: Sequence[Call], optional: bool = False) -> list[dict]:
        """The records of these runs, in order, each once. Makes the missing ones.

        Args:
            calls: The runs.
            optional: With `report`, it is no error to find no finished run.

        Raises:
            ValueError: If there are runs of another commit, finished or interrupted, if
                a run's file is no whole record, or if `report` finds no finished run.
        """
        if not calls:
            raise ValueError("Expected at least one run; received: none")
        if any(call.settings.get("strategy") == "multiworker" for call in calls):
            raise ValueError(
                "Expected no strategy=multiworker in a study, whose runs use one "
                "machine each; received: a run with it"
            )
        files: dict[pathlib.Path, Call] = {}
        for call in calls:
            files.setdefault(self._file_of(call), call)
        done = {file: records.read(file) for file in files if file.exists()}
        todo = {file: call for file, call in files.items() if file not in done}
        self._same_commit(done, () if self.report else todo)
        if not self.report:
            if todo and self._prepare is not None:
                self._prepare(self._new)
            print(f"{len(done)} of {len(files)} runs are done", flush=True)
            for file, record in self._run(todo):
                self._same_commit({file: record})  # a job may have begun long ago
                done[file] = self._found[file] = record
        elif not done and not optional:
            raise ValueError(
                f"Expected finished runs in {self.folder}; received: none of the "
                f"{len(files)} that this study has"
            )
        self._found |= done
        return [done[file] for file in files if file in done]

    @property
    def failed(self) -> dict[str, dict[str, str]]:
        """By run, the measures that ended with an error, and the error."""
        found = self._found.items()
        return {file.stem: one["failed"] for file, one in found if one.get("failed")}

    def _file_of(self, call: Call) -> pathlib.Path:
        """The file of a run's record, one for all calls with equal settings."""
        one = call.normal
        name = name_of(identity(one, self.places))
        return self.folder / f"{one.title}-{name}.json"

    def _same_commit(
        self, done: dict[pathlib.Path, dict], begun: Iterable[pathlib.Path] = ()
    ) -> None:
        if self.mix_commits:
            return
        made = {file: records.commits(record) for file, record in done.items()}
        for file in begun:
            folder = RunFolder(file.with_suffix(""))
            made[folder.path] = folder.commits
        wanted = records.shown(self._code, None)
        there = [one for several in made.values() for one in several]
        if self.report:
            wanted = next(iter(there), wanted)
        for path, commits in made.items():
            if {*commits} - {wanted}:
                raise ValueError(
                    f"Expected runs of one commit, {records.short(wanted)}; received: "
                    f"{path} of {' and '.join(map(records.short, commits))}. Go on in "
                    "a worktree of that commit, give another --out, or say "
                    "--mix-commits"
                )

    def _run(self, todo: dict[pathlib.Path, Call]) -> Iterator[tuple]:
        began = time.time()
        for count, (file, record) in enumerate(self._made(todo), 1):
            left = (time.time() - began) / count * (len(todo) - count) / 60
            shown = record.get("diverged") or "  ".join(
                f"{name} {value:.4g}"
                for name, value in record["metrics"].items()
                if value is not None
            )
            seconds = record["whole seconds"]
            print(
                f"{count}/{len(todo)}  {file.stem}  {shown[:160]}  {seconds:.0f} s  "
                f"(about {left:.0f} minutes left)",
                flush=True,
            )
            yield file, record

    def _made(self, todo: dict[pathlib.Path, Call]) -> Iterator[tuple]:
        given = self.places, self._code
        if self.launcher != "processes":
            how = self.launcher, self.workers, self.jobs
            yield from launch.launched(todo, *how, *given)
        elif self.workers:
            yield from process.in_workers(todo, self.workers, *given)
        else:
            for file, call in todo.items():
                yield file, process.run_here(call, file, *given)

    def check_backbone(self, data: str) -> None:
        """Looks for the classifier of a score, before anything is trained.

        Raises:
            ValueError: If there is none, or one that is not trained. With `report`,
                none is needed.
        """
        if self.report:
            return
        found = load_backbone(self.places.backbone, data)
        if found in (None, "random"):
            raise ValueError(
                "Expected a classifier for the inception score: --backbone, or "
                f"`python -m keras_svae.evaluation.train_classifier {data}`; "
                f"received: {found or 'none'}"
            )

    def hparams(self, found: Sequence[dict]) -> pathlib.Path:
        """Writes this study's records for TensorBoard's tab HParams: see `board.write`.

        Returns:
            The folder `hparams`, for `tensorboard --logdir`. An older one is replaced.
        """
        return board.write(self.folder / "hparams", found)

    def write(self, content: dict, text: str = "", figure: Any = None) -> dict:
        """Writes `summary.json` and `summary.png`, also to `record`. Prints the text.

        Args:
            content: What was found, plain values. Of all runs are added: their hours,
                commits and processors.
            text: The same as a table.
            figure: A figure of matplotlib.

        Returns:
            The record.
        """
        made = results.record(**content, **self._of_runs(), **self._code)
        # The command that makes the summary where the runs are not there yet.
        report = r" --report(?:[ =](?:true|false))?(?= |$)"
        made["command"] = re.sub(report, "", made["command"])
        print(text)
        for file in filter(None, (self.folder / "summary.json", self.record)):
            write_json(file, made)
            print(f"written: {file}")
            if figure is not None:
                picture = file.with_suffix(".png")
                figure.savefig(picture, format="png")
                print(f"written: {picture}")
        return made

    def _of_runs(self) -> dict:
        """The runs' hours, commits and processors: those of the summary may differ."""
        runs = [one for one in self._found.values() if "machine" in one]
        seconds = sum(one.get("processor seconds", 0) for one in runs)
        return {
            "processor hours": round(seconds / 3600, 4),
            "commits of the runs": sorted(
                {c for r in runs for c in records.commits(r)}
            ),
            "processors of the runs": sorted({one["machine"]["cpu"] for one in runs}),
        }
