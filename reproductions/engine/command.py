"""The command line: python -m reproductions.PAPER EXPERIMENT [options]."""

import contextlib
import dataclasses
import importlib
import itertools
import os
import pathlib
import sys
import typing
from collections.abc import Callable, Iterator

import jsonargparse
import tensorflow as tf
import yaml

import keras_svae as ks
from keras_svae import untrusted
from keras_svae.paths import local
from reproductions.engine import costs, parsing, results
from reproductions.engine import options as opt
from reproductions.engine.execution import execute
from reproductions.engine.experiment import STUDY, Experiment
from reproductions.engine.files import record_file, write_json
from reproductions.engine.folder import RunFolder
from reproductions.engine.one_commit import from_one_commit
from reproductions.engine.options import Option
from reproductions.engine.places import Places
from reproductions.engine.study import Study

PAPERS = ("svae", "as_vae", "unifying", "ijae", "aim")
# What is of no single paper.
OTHERS = ("batch_norm", "side_by_side")
# What the other workers see if one ends.
LOST = tf.errors.UnavailableError


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions(Places):
    """Options that do not change a run's weights.

    Args:
        out: The run's folder; unset, runs/EXPERIMENT-METHOD-lam...-seed...-BUDGET.
        resume: Go on with the run in the folder, with its settings; options given
            besides have to agree with them.
        backup_every: Steps between backups; unset, an epoch, or a fiftieth of the run.
        record: Write the record there too, e.g. reproductions/results/svae_mnist.json.
        verbose: A progress bar (ten lines where there is no terminal), a line per
            epoch, or nothing.
    """

    out: str | None = None
    resume: bool = False
    backup_every: opt.PositiveInt | None = None
    record: str | None = None
    verbose: typing.Literal["bar", "line", "none"] = "bar"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyOptions(Places):
    """Where a study's runs are, and which of them count.

    Args:
        out: Folder of the runs; unset, runs/PAPER-STUDY.
        workers: Processes, one thread each; unset, one for each core. Of a launcher:
            jobs at a time.
        launcher: Where runs are made: in processes of this command; as jobs of Slurm;
            as the same jobs on this machine (local), to try them.
        slurm: Settings of jobs, partition=gpu,gpus_per_node=1,timeout_min=600.
        report: Run nothing, write what is done so far.
        mix_commits: Take runs of other commits, too.
        record: Also write the summary to this file, results/NAME.json.
    """

    out: str | None = None
    workers: opt.PositiveInt = results.cores()
    launcher: typing.Literal["processes", "local", "slurm"] = "processes"
    slurm: str | None = None
    report: bool = False
    mix_commits: bool = False
    record: str | None = None


def experiments(paper: str) -> dict[str, Experiment]:
    """A paper's experiments and studies, by name."""
    package = importlib.import_module(f"reproductions.{paper}")
    found = [getattr(package, name) for name in package.__all__]
    return {one.name: one for one in found if isinstance(one, Experiment)}


def is_study(one: Experiment) -> bool:
    """Whether it makes many runs."""
    return STUDY in typing.get_type_hints(one.function)


def time_taken(one: Experiment) -> str:
    """Its seconds and machine, from its record; or "not timed"."""
    return costs.time_taken(f"reproductions.{one.paper}", one.name)


def options_of(one: Experiment) -> dict[str, Option]:
    """All options of its command."""
    places = StudyOptions if is_study(one) else RunOptions
    return one.options | opt.of_class(places, "study" if is_study(one) else "run")


def parser(one: Experiment) -> jsonargparse.ArgumentParser:
    """The command line of an experiment or a study."""
    text = " ".join((one.function.__doc__ or "").split("Args:")[0].split())
    about, options = f"{text} It took: {time_taken(one)}.", options_of(one)
    defaults = parsing.defaults_of(one, options)
    made = parsing.command_line(f"{one.paper} {one.name}", about, options, defaults)
    made.add_argument("--config", action="config", help="options from a YAML file")
    made.add_argument(
        "--print-config",
        action="store_true",
        help="print what the options, the method and the budget resolve to",
    )
    return made


def parse(one: Experiment, arguments: list[str]) -> dict:
    """Only the options that were given on the command line or in a file."""
    for word, following in itertools.pairwise([*arguments, ""]):
        name, equals, value = word.partition("=")
        if name == "--config" and (equals or following):
            parsing.check_config(value if equals else following, options_of(one))
    return parsing.parsed(parser(one), arguments, options_of(one))


@contextlib.contextmanager
def guarded(program: str) -> Iterator[None]:
    """Reports an error that a user can fix in one line, with exit status 2.

    With the environment variable KERAS_SVAE_TRACEBACK set, the whole traceback is
    shown.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # who read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, TypeError, OSError, ks.Diverged, LOST) as error:
        if os.environ.get("KERAS_SVAE_TRACEBACK"):
            raise
        text = (
            "Expected all workers to go on; received: a worker that has ended. Start "
            "all workers again with --resume"
            if isinstance(error, LOST)
            else error
        )
        print(f"{program}: {text}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as error:
        way = str(error) or "Repeat the command to go on"
        print(f"{program}: interrupted. {way}", file=sys.stderr)
        sys.exit(130)


def main(paper: str, arguments: list[str] | None = None) -> None:
    """The command line of a paper. Errors are one line, with exit status 2."""
    words = sys.argv[1:] if arguments is None else list(map(str, arguments))
    known = experiments(paper)
    program = f"reproductions.{paper}"
    with guarded(program):
        if not words or words[0] in ("-h", "--help"):
            print(listing(paper))
            return
        name = words[0].replace("_", "-")
        if name not in known:
            raise ValueError(
                f"Expected an experiment, one of {list(known)}; received: {words[0]!r}"
            )
        command(known[name], words[1:])


def listing(paper: str) -> str:
    """A paper's experiments, one per line, with the time that they took."""
    package = importlib.import_module(f"reproductions.{paper}")
    lines = [f"{package.__doc__.strip().splitlines()[0]}"]
    for name, one in experiments(paper).items():
        title = (one.function.__doc__ or "").strip().splitlines()[0]
        lines += [f"  python -m reproductions.{paper} {name}", f"      {title}"]
        lines += [f"      {time_taken(one)}"]
    return "\n".join([*lines, "EXPERIMENT --help shows the options."])


def command(one: Experiment, arguments: list[str]) -> None:
    """Runs an experiment or a study as a command line says."""
    given = parse(one, arguments)
    shown = given.pop("print_config", False)
    cls: Callable = StudyOptions if is_study(one) else RunOptions
    names = {field.name for field in dataclasses.fields(cls)}
    places = cls(**{name: given.pop(name) for name in names & set(given)})
    if shown:
        settings = one.resolve(**given)
        print(yaml.safe_dump(settings, sort_keys=False), end="")
        for name, value in one.left_to_networks(settings).items():
            print(f"# {name}: {value} (not set: the networks' own)")
    elif is_study(one):
        _study(one, given, places, arguments)
    else:
        _run(one, given, places)


def _study(one: Experiment, given: dict, places, arguments: list[str]) -> None:
    one.resolve(**given)  # raises before anything is made
    folder = local(places.out or f"runs/{one.paper}-{one.name}", "a study's folder")
    untrusted.folder(folder)
    names = ("workers", "launcher", "slurm", "report", "mix_commits", "record")
    options = {name: getattr(places, name) for name in names}

    def prepare(new: bool) -> None:  # what is refused before is not copied
        words = [one.name, *arguments]
        from_one_commit(folder, f"reproductions.{one.paper}", words, new)

    made = Study(folder, places=places, prepare=prepare, **options)
    try:
        with made as study:
            one(study=study, **given)
    finally:  # a summary may not go without them
        for run, errors in made.failed.items():
            for name, error in errors.items():
                print(f"failed: {run}: {name}: {error}", file=sys.stderr)
    if made.failed:
        sys.exit(1)


def _run(one: Experiment, given: dict, places) -> None:
    folder = RunFolder(places.out or pathlib.Path("runs") / one.call(**given).title)
    known = (folder.known() if places.resume else None) or {}
    # Options that are not given are as in the run, not as in today's defaults.
    mine = known.get("experiment") == f"{one.paper}/{one.name}"
    call = one.call(known["settings"] if mine else {}, **given)
    file = record_file(places.record)
    try:
        record = execute(
            call,
            folder.path,
            places,
            resume=places.resume,
            verbose=places.verbose,
            backup_every=places.backup_every,
            strict="measures" in given,
        )
    except KeyboardInterrupt:
        way = "Repeat the command with --resume to go on"
        raise KeyboardInterrupt(way) from None
    if not record:  # of several workers, the first one tells
        return
    if file:
        write_json(file, record)
        print(f"The record is in {file}, too.")
    if "diverged" in record:
        raise ks.Diverged(record["diverged"])
    print(report(one, record))
    print(f"All files are in {folder.path}; look at them with")
    print(f"    tensorboard --logdir {folder.path}")
    if record.get("failed"):
        sys.exit(1)


def report(one: Experiment, record: dict) -> str:
    """Our numbers beside the papers' numbers for this method and data."""
    settings = record["settings"]
    ours = {
        name: "not finite" if value is None else f"{value:.4g}"
        for name, value in record["metrics"].items()
    }
    theirs: dict[str, list[str]] = {}
    numbers = results.published(
        data=settings.get("data"), method=settings.get("method")
    )
    # Some rows are of networks that they name, the others of the table's usual ones.
    named = {number.get("nets") for number in numbers}
    nets = named & {settings.get("nets")} or {None}
    for number in (each for each in numbers if each.get("nets") in nets):
        theirs.setdefault(number["measure"], []).append(results.published_text(number))
    width = max(map(len, [*ours, *theirs, ""]))
    lines = [f"{'':{width}}  {'ours':>14}  published"]
    for name in dict.fromkeys([*ours, *theirs]):
        said = "; ".join(theirs.get(name, []))
        lines.append(f"{name:{width}}  {ours.get(name, 'not measured'):>14}  {said}")
    if data := record.get("data"):
        values = data["range"] and " values in [{:g}, {:g}],".format(*data["range"])
        lines.append(
            f"Data: {data['note'] or data['name']},{values or ''} "
            f"{data['train examples']} for training, {data['test examples']} for "
            "testing."
        )
    return "\n".join([*lines, *(f"Note: {note}" for note in one.notes)])
