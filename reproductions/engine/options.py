"""Options: an argument's name, values and meaning."""

import dataclasses
import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal

import docstring_parser
from jsonargparse.typing import PositiveInt

__all__ = ["Option", "Play", "PositiveInt", "flag", "of_class", "of_function"]

Play = Literal["alternating", "simultaneous"]

# Options that several experiments have. Networks take those that they name.
NETWORKS: dict[str, tuple[Any, str]] = {
    "latent_dim": (int, "the code's dimension"),
    "units": (int, "units of each hidden layer"),
    "depth": (int, "how many hidden layers"),
    "noise": (bool, "whether noise is fed to encoder and decoder"),
    "dropout": (float, "rate of dropout after each hidden block"),
    "width": (float, "factor that all hidden sizes are multiplied by"),
    "batch_norm": (bool, "whether encoder and decoder have batch normalisation"),
    "critic_batch_norm": (bool, "whether the critic has batch normalisation"),
    "logit_batch_norm": (bool, "whether the critic has it after its features"),
    "critic_activation": (str, "the critic's activation, by its name in Keras"),
    "code_stddev": (
        float | None,
        "deviation of the initial weights of the encoder's last layer, if its scale "
        "is learned; null: Xavier",
    ),
    "stack": (
        Literal["horizontal", "channels"],
        "how the critic of pairs joins two images",
    ),
}
METHODS = {
    "lam": "what the method calls lambda; of svae and alice the weight of the log "
    "likelihoods",
    "lam_z": "weight of log q(z|x) alone; unset, lam",
    "reduction": "how log likelihoods are reduced over the entries of x, and of z",
    "loss": "form in which samples fool the critic; see ks.ratios.fooling",
    "clip": "largest size of the critic's weights",
    "two_sided": "whether log q(z|x) is regularised beside log p(x|z)",
    "code_lam": "weight of the code's reconstruction; unset, the paper's",
    "stop_code": "whether the encoder's gradient stops at the input z of the critic "
    "of pairs",
    "adaptive_contrast": "whether the code is compared with a Gaussian of the "
    "encoder's moments",
    "temperature": "the temperature T of the discriminator that weights examples",
    "constant": "the weight of samples without a discriminator, beside 1 for data",
    "alpha": "weight of the classification",
    "unrolled": "steps of the critic that the generator looks ahead",
}

# What options are called elsewhere.
SHORT = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bs": "batch_size",
    "lambda": "lam",
    "z_dim": "latent_dim",
    "dataset": "data",
    "output": "out",
    "steps": "steps_per_epoch",
    "gpus": "replicas",
}

SHARED = METHODS | {name: text for name, (_, text) in NETWORKS.items()}
# Options of fully connected networks, and of networks of a paper's table.
_NORMS = "noise dropout batch_norm critic_batch_norm critic_activation"
DENSE = f"latent_dim units depth {_NORMS}"
TABLE = f"latent_dim width {_NORMS}"


@dataclasses.dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: The name in Python; the command line has hyphens.
        type: An annotation: `int`, `float | None`, `Literal[...]`, `list[float]`, ...
        default: Its default. It is None also if a class or a network chooses the value.
        help: Its meaning, in one line.
        group: The group that it belongs to.
    """

    name: str
    type: Any
    default: Any = None
    help: str = ""
    group: str = "experiment"

    def read(self, value: Any) -> Any:
        """The value, converted to the annotation's type: 1 becomes 1.0 for floats.

        None, which leaves the value to others, stays None.

        Raises:
            ValueError: If the value has another type.
        """
        return None if value is None else _read(self.name, bare(self.type), value)


def flag(name: str) -> str:
    """An option's name on the command line."""
    return f"--{name.replace('_', '-')}"


def takes_none(kind: Any) -> bool:
    """Whether None is among the values of an annotation."""
    return types.NoneType in typing.get_args(kind)


# Options of networks of which None is a value, and does not only leave them out.
NULLABLE = {name for name, (kind, _) in NETWORKS.items() if takes_none(kind)}


def bare(kind: Any) -> Any:
    """An annotation without its None."""
    if typing.get_origin(kind) not in (types.UnionType, typing.Union):
        return kind
    kinds = [one for one in typing.get_args(kind) if one is not types.NoneType]
    return kinds[0] if len(kinds) == 1 else kind


def _read(name: str, kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is Literal:
        if value in typing.get_args(kind):  # 1.0 is the 1 that is among them
            return next(one for one in typing.get_args(kind) if one == value)
        raise ValueError(
            f"Expected {name} to be one of {list(typing.get_args(kind))}; received: "
            f"{value!r}"
        )
    if origin is list:
        if isinstance(value, (list, tuple)):
            (kind,) = typing.get_args(kind)
            return [_read(name, kind, one) for one in value]
    elif kind is PositiveInt:
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return int(value)  # the command line's is of a class of its own
        raise ValueError(f"Expected {name} >= 1; received: {value!r}")
    elif isinstance(value, bool) == (kind is bool):
        if kind is float and isinstance(value, int):
            return float(value)
        if kind is str and hasattr(value, "__fspath__"):
            return str(value)
        if isinstance(value, kind):
            return value
    kind = getattr(kind, "__name__", kind)
    raise ValueError(f"Expected {name} to be {kind}; received: {value!r}")


def words(kind: Any) -> str:
    """An annotation in words."""
    origin, kinds = typing.get_origin(kind), typing.get_args(kind)
    if takes_none(kind):
        return f"{words(bare(kind))} or null"
    if origin is Literal:
        return f"one of {', '.join(map(str, kinds))}"
    if origin is list:
        return f"several values, each {words(kinds[0])}"
    plain = {
        int: "an integer",
        float: "a number",
        str: "text",
        PositiveInt: "an integer >= 1",
    }
    return plain.get(kind, "true or false")


def of_function(
    function: Callable, skip: Iterable[str] = (), group: str = "experiment"
) -> dict[str, Option]:
    """The options of a function: its keyword arguments, by its docstring."""
    told = _told(function)
    hints = typing.get_type_hints(function)
    found = {}
    for name, one in inspect.signature(function).parameters.items():
        if name in skip or one.kind is one.VAR_KEYWORD:
            continue
        default = None if one.default is one.empty else one.default
        text = told.get(name) or SHARED.get(name, "")
        kind = hints.get(name, str)
        kind = kind if default is not None else kind | None
        found[name] = Option(name, kind, default, text, group)
    return found


def of_class(cls: type, group: str) -> dict[str, Option]:
    """The options that a dataclass holds, with help from its docstring."""
    hints = typing.get_type_hints(cls)
    told = {n: t for one in reversed(cls.__mro__[:-1]) for n, t in _told(one).items()}
    return {
        one.name: Option(
            one.name,
            hints[one.name],
            None if one.default is dataclasses.MISSING else one.default,
            told.get(one.name, ""),
            group,
        )
        for one in dataclasses.fields(cls)
    }


def of_networks(names: str) -> dict[str, Option]:
    """Options of networks, by their names with spaces between."""
    known = {name: NETWORKS[name] for name in names.split()}
    return {
        name: Option(name, kind | None, None, text, "networks")
        for name, (kind, text) in known.items()
    }


def _told(thing: Any) -> dict[str, str]:
    parsed = docstring_parser.parse(inspect.cleandoc(thing.__doc__ or ""))
    return {
        one.arg_name: " ".join((one.description or "").split()).rstrip(".")
        for one in parsed.params
    }


def unknown(
    names: Iterable[str], known: Iterable[str], whose: str, place: str = ""
) -> TypeError:
    """The error for options that do not exist."""
    names, known = sorted(names), list(known)
    meant = SHORT.get(names[0].replace("-", "_").strip("_"), "")
    meant = flag(meant) if names[0].startswith("--") else meant
    near = [meant] if meant in known else []
    near = near or difflib.get_close_matches(names[0], known, 1, cutoff=0.75)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    given = f"{', '.join(names)}{place}.{hint}"
    return TypeError(f"Expected only options that {whose} has; received: {given}")
