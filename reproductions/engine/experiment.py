"""Experiments are functions: arguments are their options, docstrings their help."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

import keras_svae as ks
from reproductions.engine import devices, needed
from reproductions.engine import options as opt
from reproductions.engine.build import Parts
from reproductions.engine.options import Option, takes_none
from reproductions.engine.settings import Laws, Training

if TYPE_CHECKING:
    from reproductions.engine.call import Call

__all__ = ["Experiment", "experiment"]

# The engine gives these to a function. Every other argument is an option.
MODEL, STUDY = "model", "study"
# Options that choose what the model is made of.
METHOD, NETWORKS = "method", "nets"
# Options that a method without a critic has not.
OF_CRITIC = ("critic_turns", "critic_learning_rate")


class Experiment:
    """A function with options. See `experiment` for the arguments.

    Attributes:
        function: The function itself.
        paper: The paper's folder in `reproductions`.
        name: As on the command line.
        options: By name, in the order of the help.
    """

    def __init__(
        self,
        function: Callable,
        *,
        methods: tuple[Callable, ...] = (),
        networks: Mapping[str, tuple[Callable, str]] = {},
        settings: Mapping[str, Any] = {},
        budgets: Mapping[str, dict] = {},
        by_method: Mapping[str, dict] = {},
        by_budget: Mapping[str, Mapping[str, dict]] = {},
        notes: tuple[str, ...] = (),
    ):
        functools.update_wrapper(self, function)
        self.function, self.notes = function, notes
        parts = function.__module__.split(".")
        self.paper = parts[1 if parts[0] == "reproductions" and len(parts) > 1 else 0]
        self.name = function.__name__.replace("_", "-")
        self.methods = {one.__name__: one for one in methods}
        self.networks, self.settings, self.budgets = networks, settings, budgets
        self.by_method, self.by_budget = by_method, by_budget
        self._of_methods = {
            name: opt.of_function(one, skip=("parts",), group="method")
            for name, one in self.methods.items()
        }
        self._of_networks = {
            name: opt.of_networks(names) for name, (_, names) in self.networks.items()
        }
        # Groups of options: the laws of a model, and arguments that are dataclasses.
        self.groups: dict[str, Any] = {"laws": Laws} if methods else {}
        for name, hint in get_type_hints(function).items():
            if dataclasses.is_dataclass(hint) and name != "return":
                self.groups[name] = hint
        self.options = self._all_options()

    def _all_options(self) -> dict[str, Option]:
        given = {STUDY, *self.groups}
        given |= {MODEL, METHOD, NETWORKS} if self.methods else set()
        found: dict[str, Option] = {}
        for one in self._of_methods.values():
            found = one | found
        if self.methods:
            names, default = Literal[tuple(self.methods)], next(iter(self.methods))
            chosen = Option(METHOD, names, default, "the method", "method")
            found = {METHOD: chosen} | found
        found |= opt.of_function(self.function, skip=given)
        if self.budgets:
            names, default = Literal[tuple(self.budgets)], next(iter(self.budgets))
            text = "the settings that a run starts from"
            found["budget"] = Option("budget", names, default, text, "training")
        for name, cls in self.groups.items():
            found |= opt.of_class(cls, name)
        if len(self.networks) > 1:
            names, text = Literal[tuple(self.networks)], "which networks"
            found[NETWORKS] = Option(NETWORKS, names | None, None, text, "networks")
        for one in self._of_networks.values():
            found |= one
        return found

    def resolve(self, recorded: Mapping = {}, /, **given: Any) -> dict[str, Any]:
        """All settings of a run, some of them given by the caller.

        Each of these overrides those before it: the functions' own defaults; of the
        experiment `settings`, `budgets`, `by_method` and `by_budget`; what is given. A
        setting that is None is not among them: a class or a network chooses it. If a
        run goes on, what is not given is as `recorded`.

        Raises:
            TypeError: For an option that the experiment does not have.
            ValueError: For a value or an option that method or networks cannot have.
        """
        if unknown := {*recorded, *given} - set(self.options):
            raise opt.unknown(unknown, self.options, f"{self.paper} {self.name}")
        # An option that cannot be None, and is given as None, counts as not given.
        given = {
            name: value
            for name, value in given.items()
            if value is not None or takes_none(self.options[name].type)
        }
        said, given = set(given), {**recorded, **given}
        given = {name: self.options[name].read(value) for name, value in given.items()}
        given = devices.completed(given)
        ours = {n: o.default for n, o in self.options.items()}
        budget, method = ((ours | given).get(name) for name in ("budget", METHOD))
        ours |= {n: o.default for n, o in self._of_methods.get(method, {}).items()}
        chosen = {
            **self.settings,
            **self.budgets.get(budget, {}),
            **self.by_method.get(method, {}),
            **self.by_budget.get(budget, {}).get(method, {}),
        }
        ours |= chosen
        defaults = dict(ours)
        # A None that is given in place of a value has to be kept.
        unset = {n for n, v in given.items() if v is None and ours[n] is not None}
        # Of some options None is a value, which is not the network's own default.
        unset |= {n for n, v in (chosen | given).items() if v is None} & opt.NULLABLE
        ours |= given
        nets = self._nets_of(ours)
        if len(self.networks) > 1:
            ours[NETWORKS] = nets
        others = self._others(METHOD, method, self._of_methods)
        others |= self._others(NETWORKS, nets, self._of_networks)
        model = self.model_of({METHOD: method}) if self.methods else None
        if model and "critic" not in model.players:
            others |= dict.fromkeys(OF_CRITIC, ("a method that has a critic", method))
        for name, (where, chosen) in others.items():
            if given.get(name) is not None:
                raise ValueError(
                    f"Expected {name} only with {where}; received: "
                    f"{name}={given[name]} with {chosen!r}"
                )
        settings = {
            name: option.read(ours[name])
            for name, option in self.options.items()
            if (ours[name] is not None or name in unset) and name not in others
        }
        if recorded:  # an option that came later has its dataclass's default
            settings = {n: v for n, v in settings.items() if n in {*recorded, *said}}
        needed.check(settings, said, defaults, self.methods.get(method))
        made = {name: self.group(name, settings) for name in self.groups}
        if model and isinstance(made.get("training"), Training):
            # The word is kept, so that a record says it whatever the default is.
            settings["play"] = made["training"].play_of(model)
        return settings

    def _nets_of(self, settings: Mapping[str, Any]) -> str | None:
        """The name of the chosen networks, if there are any."""
        first = next(iter(self.networks), None)
        # Only of several is one chosen. Else an option of this name is the function's.
        return (len(self.networks) > 1 and settings.get(NETWORKS)) or first

    def _others(
        self, kind: str, chosen: str | None, by_name: dict
    ) -> dict[str, tuple[str, str | None]]:
        """Options that only other methods, or networks, have, and which these are."""
        own = {*inspect.signature(self.function).parameters, *by_name.get(chosen, ())}
        those: dict[str, list[str]] = {}
        for one, options in by_name.items():
            for name in options.keys() - own:
                those.setdefault(name, []).append(one)
        return {n: (f"{kind} {', '.join(some)}", chosen) for n, some in those.items()}

    def group(self, name: str, settings: dict) -> Any:
        """An argument that holds several settings."""
        fields = dataclasses.fields(self.groups[name])
        missing = [
            one.name
            for one in fields
            if one.default is dataclasses.MISSING and one.name not in settings
        ]
        if missing:
            names = ", ".join(missing)
            raise ValueError(f"Expected {names} for {self.name}; received: none")
        return self.groups[name](
            **{one.name: settings[one.name] for one in fields if one.name in settings}
        )

    def model_of(self, settings: dict) -> type:
        """The class of the method of these settings."""
        return get_type_hints(self.methods[settings[METHOD]])["return"]

    def __call__(self, study: Any = None, **given: Any) -> Any:
        """Calls the function, with a `Study` if it takes one."""
        return self.apply(self.resolve(**given), study)

    def apply(self, settings: dict[str, Any], study: Any = None) -> Any:
        """The same for settings that `resolve` gave."""
        names = inspect.signature(self.function).parameters
        arguments = {n: settings[n] for n in names if n in settings}
        arguments |= {n: self.group(n, settings) for n in self.groups if n in names}
        if self.methods:
            arguments[MODEL] = self._model(settings)
        if STUDY in names:
            arguments[STUDY] = study
        return self.function(**arguments)

    def left_to_networks(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Options of the chosen networks that are not set: what the networks take."""
        nets = self._nets_of(settings)
        if nets is None:
            return {}
        made = self.networks[nets][0]
        taken = inspect.signature(made).parameters
        whose = getattr(made, "__name__", getattr(made, "func", made).__name__)
        return {
            name: taken[name].default if name in taken else f"as {whose} has it"
            for name in self._of_networks[nets]
            if name not in settings
        }

    def _model(self, settings: dict[str, Any]) -> ks.Game:
        """A new model, by the chosen method of the chosen networks."""

        def given(options: Mapping) -> dict[str, Any]:
            return {name: settings[name] for name in options if name in settings}

        method, nets = settings[METHOD], self._nets_of(settings)
        parts = Parts(
            functools.partial(self.networks[nets][0], **given(self._of_networks[nets])),
            self.group("laws", settings),
            self.group("training", settings),
            settings.get("classes"),
        )
        return self.methods[method](parts, **given(self._of_methods[method]))

    def call(self, recorded: Mapping = {}, /, **given: Any) -> "Call":
        """A call of it for a `Study`; arguments as of `resolve`."""
        from reproductions.engine.call import Call

        return Call(self, self.resolve(recorded, **given))

    def title(self, settings: dict) -> str:
        """A short name of a run, fit for a folder; the play, if not the class's."""
        parts = [self.name, settings.get(METHOD)]
        if "lam" in settings:
            parts.append(f"lam{settings['lam']:g}")
        if self.methods and settings["play"] != self.model_of(settings).default_play:
            parts.append(settings["play"])
        parts += [f"seed{settings['seed']}"] if "seed" in settings else []
        return "-".join(filter(None, [*parts, settings.get("budget")]))

    def __reduce__(self):
        return self.__qualname__  # a worker process imports it


def experiment(**options: Any) -> Callable[[Callable], Experiment]:
    """Makes a function an experiment.

    Its arguments are its options, but for those that the engine gives: with `methods`
    `model`, which the chosen method has made of the chosen networks and laws; those
    whose annotation is a dataclass, with an option for each field; and `study`, a
    `Study`. It returns a `Run`, a dict of numbers where it trains no model, or nothing
    with a `study`.

    Args:
        **options: `methods`, functions of `reproductions.methods`, the first by
            default; `networks`, by name a function of `ks.networks` and the names of
            its options, the first by default; `settings`, defaults; `budgets`, by
            budget what overrides them, the first by default; `by_method` and
            `by_budget`, by method, and by budget and method, what overrides both;
            `notes`, what a reader of the numbers should know.
    """
    return lambda function: Experiment(function, **options)
