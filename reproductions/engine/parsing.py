"""From words to options. jsonargparse handles types and files; the rest is here."""

import re
import typing
from collections.abc import Collection

import jsonargparse
import yaml

from keras_svae.untrusted import regular
from reproductions.engine import options as opt
from reproductions.engine.experiment import Experiment
from reproductions.engine.options import Option, bare, flag


def defaults_of(one: Experiment, options: dict[str, Option]) -> dict[str, typing.Any]:
    """The options' defaults by name. If budgets have different ones, all of them."""
    by_budget = {budget: one.resolve(budget=budget) for budget in one.budgets}
    found = {}
    for name, option in options.items():
        values = {b: given.get(name, option.default) for b, given in by_budget.items()}
        first = next(iter(values.values()), option.default)
        same = name == "budget" or all(value == first for value in values.values())
        found[name] = first if same else values
    return found


def command_line(
    program: str, about: str, options: dict[str, Option], defaults: dict
) -> jsonargparse.ArgumentParser:
    """A command line with options in their groups; see `defaults_of`."""
    made = jsonargparse.ArgumentParser(
        prog=f"python -m reproductions.{program}",
        usage="%(prog)s [options]",
        description=about,
        exit_on_error=False,
        print_config=None,
    )
    groups: dict[str, typing.Any] = {}
    for name, option in options.items():
        if option.group not in groups:
            groups[option.group] = made.add_argument_group(option.group)
        default, text = defaults[name], option.help.replace("%", "%%")
        if isinstance(default, dict):
            shown = ", ".join(f"{budget}: {value}" for budget, value in default.items())
            default, text = next(iter(default.values())), f"{text} [{shown}]"
        groups[option.group].add_argument(
            flag(name), type=option.type, default=default, help=text
        )
    return made


def normal(arguments: list[str], options: dict[str, Option]) -> list[str]:
    """The command line in the form that the parser reads.

    `--this 1 2`, `--this 1,2`, `--this [1, 2]` become `--this=[1,2]` for an option of
    several values. `--yes`, `--no-yes` become `--yes=true`, `--yes=false` for an option
    that is true or false.
    """
    made, rest = [], list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            made.append(word)
            continue
        name, equals, value = word.partition("=")
        name = name.removeprefix("--").replace("-", "_")
        kind = bare(options[name].type) if name in options else None
        if kind is None and name.removeprefix("no_") in options:
            name, equals, value = name.removeprefix("no_"), "=", "false"
        elif kind is bool and not equals:
            said = rest[:1] in (["true"], ["false"])
            equals, value = "=", rest.pop(0) if said else "true"
        elif typing.get_origin(kind) is list and not equals:
            several = []
            while rest and (not rest[0].startswith("-") or rest[0][1:2].isdigit()):
                several.append(rest.pop(0).strip("[],"))
            equals, value = "=", f"[{','.join(filter(None, several))}]"
        made.append(f"{flag(name)}{equals}{value}")
    return made


def parsed(made: jsonargparse.ArgumentParser, arguments, options: dict) -> dict:
    """Only the options that were given on the command line or in a file."""
    try:
        given = made.parse_args(normal(arguments, options), defaults=False)
    except jsonargparse.ArgumentError as error:
        raise _said(" ".join(str(error).split()), options) from None
    names = {*options, "print_config"}
    return {n: v for n, v in given.as_dict().items() if n in names}


def check_config(path: str, options: Collection[str]) -> None:
    """Looks at a file of these options before the parser reads it.

    Raises:
        FileNotFoundError: If it is not there.
        TypeError: If it has another option.
        ValueError: If it is no ordinary file, or more than options by name. An alias
            could stand for any amount of memory.
    """
    expected = "--config FILE with options by name, in YAML"
    file = regular(path, expected)
    try:
        text = file.read_text(encoding="utf-8")
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        why = "an alias" if any(isinstance(e, yaml.AliasEvent) for e in events) else ""
        content = None if why else yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        why, content = " ".join(str(error).split()), None
    if not why and (not isinstance(content, dict) or not content):
        why = "no options by name"
    if not why and "config" in content:
        why = "the option config, another file"
    if why:
        raise ValueError(f"Expected {expected}; received: {path} with {why}")
    if {"experiment", "settings"} <= {*content}:
        raise ValueError(
            f"Expected {expected}, as --print-config prints it; received: {path}, "
            "which says of a run what it is. Its options are below `settings` there"
        )
    given = [str(name).replace("-", "_") for name in content]
    if others := {*given} - {*options}:
        raise opt.unknown(others, options, "this command", f" in {path}")


def _came(text: str) -> str | None:
    """The value that the parser's error is about; None if it names none."""
    # Of several kinds, each has an error of its own, behind a hyphen. The value that
    # all of them are about comes last.
    for pattern in (
        r"Given value:(.*)$",
        r"Got value: (.*?)(?: - Expected .*)?$",
        r"PositiveInt: (\S+) does not",
        r"PositiveInt: .* with base 10: '(.*)'",
    ):
        if found := re.search(pattern, text):
            return found[1].strip()
    return None


def _said(text: str, options: dict) -> Exception:
    """The parser's error in our words."""
    where = re.search(r'Parser key "(\w+)"', text)
    came = _came(text)
    if where and came is not None and (option := options.get(where[1])):
        if typing.get_origin(bare(option.type)) is list:
            came = came.strip("[]").replace("'", "")
        return ValueError(
            f"Expected {flag(option.name)} to be {opt.words(option.type)}; received: "
            f"{came or 'nothing'}"
        )
    left, found, rest = text.partition("unrecognized arguments: ")
    if found and not left:
        names = [word.partition("=")[0] for word in rest.split() if word[:2] == "--"]
        if names:
            return opt.unknown(names, map(flag, options), "this command")
    return ValueError(text)


def read(cls: type, program: str, arguments: list[str]) -> typing.Any:
    """Reads a dataclass of options from a command line of its own.

    Raises:
        ValueError: For an unknown option, or a value that is not allowed.
    """
    options = opt.of_class(cls, "options")
    about = (cls.__doc__ or "").split("Args:")[0].strip()
    defaults = {name: one.default for name, one in options.items()}
    made = command_line(program, about, options, defaults)
    given = parsed(made, arguments, options)
    return cls(**{name: options[name].read(value) for name, value in given.items()})
