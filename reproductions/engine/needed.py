"""What options need to have an effect, and the laws that a method has."""

import typing
from collections.abc import Callable

from reproductions.engine.settings import names_of

__all__ = ["check", "requires"]

TRAINED = "networks that the method trains"
# What an option needs, in words and as a function of the settings.
Need = tuple[str, Callable[[dict], bool]]


def _value(option: str, *values: str | None) -> Need:
    """One of these values of another option; None is unset."""
    words = f"{option} {', '.join(filter(None, values))}"
    return words, lambda s: s.get(option) in values


def _measured(name: str) -> Need:
    # A study has no method and no measures: it hands the option on to its runs.
    return (
        f"measures {name}",
        lambda s: TRAINED not in s or name in names_of(s.get("measures")),
    )


def _trains(what: str, *kinds: str) -> Need:
    # An experiment without methods has networks of its own.
    return f"a method that has {what}", lambda s: any(
        name.startswith(kinds) for name in s.get(TRAINED, kinds)
    )


_AIS = _measured("annealed_importance_sampling")
# M2's classifier has the layers of a critic.
_CRITIC = _trains("a critic", "critic", "classifier")
# Without what it needs, an option would be read and ignored.
ONLY_WITH: dict[str, Need] = {
    "beta_1": _value("optimizer", "adam", None),
    "flow_length": _value("posterior", "planar_flow"),
    "likelihood_length": _value("likelihood", "planar_flow"),
    "shift": _value("likelihood", "shift_tanh"),
    "scale": _value("likelihood", "drawn_gaussian", "gaussian_tanh", "laplace_tanh"),
    "monitor": ("patience", lambda s: s.get("patience") is not None),
    "importance_samples": _measured("importance_weighted_bound"),
    **dict.fromkeys(("ais_examples", "ais_temperatures"), _AIS),
    **dict.fromkeys(
        ("critic_batch_norm", "critic_activation", "logit_batch_norm"), _CRITIC
    ),
    **dict.fromkeys(("posterior", "code_stddev"), _trains("an encoder", "encoder")),
}


def requires(**laws: str) -> Callable[[Callable], Callable]:
    """Says which laws a method has; with others it would be another method.

    Args:
        **laws: By option, the names that the method may have, with spaces between.
    """

    def marked(method: Callable) -> Callable:
        vars(method)["laws"] = {name: words.split() for name, words in laws.items()}
        return method

    return marked


def check(
    settings: dict, given: set[str], defaults: dict, method: Callable | None = None
) -> None:
    """Raises if a given option has no effect, or a law is that of another method.

    What is recorded of a run and not given is no error: the run goes on with it. Nor is
    what is given as the defaults have it, as when a run is continued with all of its
    settings. A law has to be the method's in any case.
    """
    facts = settings
    if method is not None:
        players = typing.get_type_hints(method)["return"].players.values()
        trained = [name for one in players for name in one.networks.split()]
        facts = settings | {TRAINED: trained}
    for name, laws in getattr(method, "laws", {}).items():
        law = settings.get(name, laws[0])
        if law not in laws and (name in given or law == defaults.get(name)):
            raise ValueError(
                f"Expected {name}={' or '.join(laws)} with method={method.__name__}; "
                f"received: {name}={law}"
            )
    for name in sorted(given & ONLY_WITH.keys() & settings.keys()):
        needed, holds = ONLY_WITH[name]
        if settings[name] != defaults.get(name) and not holds(facts):
            raise ValueError(
                f"Expected {name} only with {needed}; received: "
                f"{name}={settings[name]} without it"
            )
