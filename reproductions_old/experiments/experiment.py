"""Experiments are data: what is run, with which settings, beside which numbers."""

import argparse
import dataclasses
import types
import typing

from reproductions.config import BUDGETS, Config
from reproductions.methods import METHODS, WEIGHTED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One of a paper's experiments.

    Attributes:
        name: As on the command line.
        title: What it is, in a line.
        source: Where the paper has it.
        settings: Values of `Config`'s fields.
        budgets: What differs by budget.
        methods: What differs by method; a setting of the method wins.
        methods_by_budget: By budget what differs by method, and wins over all of that.
        published: By measure, by method: the paper's number, as text.
        notes: What a reader of the numbers should know.
        minutes: About how long the two budgets take on two cores, as text.
    """

    name: str
    title: str
    source: str
    settings: dict
    budgets: dict[str, dict]
    methods: dict[str, dict] = dataclasses.field(default_factory=dict)
    methods_by_budget: dict[str, dict[str, dict]] = dataclasses.field(
        default_factory=dict
    )
    published: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    minutes: str = ""

    def config(self, **given) -> Config:
        """The experiment's configuration, with some values given by the caller."""
        unknown = set(given) - {field.name for field in dataclasses.fields(Config)}
        if unknown:
            raise TypeError(f"Expected fields of Config; received: {sorted(unknown)}")
        settings = self.settings | {"experiment": self.name}
        method = given.get("method", settings.get("method", "svae"))
        if method not in WEIGHTED:
            settings = {k: v for k, v in settings.items() if k != "lam"}
        budget = given.get("budget", BUDGETS[0])
        if given.get("replicas", 1) > 1:
            settings["steps_per_execution"] = 1
        return Config(
            **settings
            | self.budgets.get(budget, {})
            | (METHODS[method].settings if method in METHODS else {})
            | self.methods.get(method, {})
            | self.methods_by_budget.get(budget, {}).get(method, {})
            | given
        )

    def default(self, name: str) -> str:
        """The default of a field, as its help shows it."""
        if name == "budget":
            return BUDGETS[0]
        metadata = Config.__dataclass_fields__[name].metadata
        unset = metadata.get("unset", "as keras_svae.networks has it")
        values = {b: getattr(self.config(budget=b), name) for b in BUDGETS}
        shown = {b: unset if v is None else v for b, v in values.items()}
        if len(set(shown.values())) == 1:
            return str(shown["paper"])
        return ", ".join(f"{budget}: {value}" for budget, value in shown.items())


def add_options(parser: argparse.ArgumentParser, experiment: Experiment) -> None:
    """Adds an option for each field of `Config`, with the experiment's default.

    What is not given on the command line is absent from the parsed arguments.
    """
    hints = typing.get_type_hints(Config)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in dataclasses.fields(Config):
        group = field.metadata["group"]
        if group is None:
            continue
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        kind = hints[field.name]
        if isinstance(kind, types.UnionType):
            kind = next(k for k in typing.get_args(kind) if k is not type(None))
        how = {"action": argparse.BooleanOptionalAction} if kind is bool else {}
        if kind is not bool:
            how = {"type": kind, "choices": field.metadata.get("choices")}
            how["metavar"] = None if how["choices"] else kind.__name__.upper()
        groups[group].add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=field.name,
            default=argparse.SUPPRESS,
            help=f"{field.metadata['help']} [{experiment.default(field.name)}]",
            **how,
        )
