"""A run's folder: new, or one to go on in."""

import dataclasses
import os
import pathlib

from reproductions.config import Config
from reproductions.files import read_json, write_json


class RunFolder:
    """Where a run keeps all that it writes.

    ::

        config.json      what fixes the run
        log.csv          a line per epoch
        events.*, train/ for TensorBoard; also pictures/, as Pictures writes them
        samples.png ...  the newest pictures; traversals.png, neighbours.png at the end
        backup/          what --resume goes on from
        validation.json, best.weights.h5   of early stopping, where there is some
        metrics.json     measures, with command, seed, commit, machine: the run is done
        model.keras      for keras.saving.load_model
        savedmodel/      for TensorFlow alone

    Args:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.json"
        self.metrics_file = self.path / "metrics.json"
        self.clock_file = self.path / "clock.json"
        self.backup = self.path / "backup"
        self.log = self.path / "log.csv"
        self.saved_model = self.path / "savedmodel"
        self.keras_file = self.path / "model.keras"

    def known(self) -> dict | None:
        """The configuration of the run that is in the folder; None for no run."""
        if not self.config_file.exists():
            return None
        # Before `play` was a field, every run alternated.
        return {"play": "alternating"} | read_json(self.config_file)

    @property
    def finished(self) -> bool:
        """Whether the run has been measured and saved."""
        return self.metrics_file.exists()

    @property
    def seconds(self) -> float:
        """How long the run has trained so far, up to its last whole epoch."""
        return read_json(self.clock_file) if self.clock_file.exists() else 0.0

    def check(self, resume: bool) -> None:
        """Raises if a run would write over what is there.

        Raises:
            FileExistsError: If the folder is in use and is not to be resumed.
            ValueError: If there is something to resume that is no run.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"Expected a folder; received: the file {self.path}")
        used = self.path.exists() and any(self.path.iterdir())
        if used and not resume:
            hint = ", or --resume to go on with the run there" * bool(self.known())
            raise FileExistsError(
                f"Expected a new or empty run folder (--out){hint}; received: "
                f"{self.path}, which holds something"
            )
        if used and self.known() is None:
            raise ValueError(
                "Expected a run to resume, a folder with config.json; received: "
                f"{self.path}"
            )

    def open(self, config: Config, resume: bool) -> None:
        """Makes the folder, or checks that the run in it is this configuration's.

        Raises:
            OSError: If the folder cannot be written.
            ValueError: If the run there has another configuration.
        """
        self.check(resume)
        known = self.known()
        if known is not None:
            self._compare(known, config)
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.config_file, config.asdict())
        except OSError as error:
            raise OSError(
                f"Expected a run folder that can be written; received: {self.path} "
                f"({error.strerror})"
            ) from error

    def _compare(self, known: dict, config: Config) -> None:
        mine = config.asdict()
        fields = [field.name for field in dataclasses.fields(Config)]
        different = [
            f"{name}={known.get(name)!r} there, {mine[name]!r} here"
            for name in fields
            if known.get(name) != mine[name]
        ]
        if different:
            raise ValueError(
                f"Expected the configuration of the run in {self.path}; received: "
                f"{'; '.join(different)}"
            )
