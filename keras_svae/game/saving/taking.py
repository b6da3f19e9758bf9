"""Weights of another model to start from, network by network."""

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from keras_svae.game.critic import Critic
from keras_svae.game.player import layers_of, single_weights
from keras_svae.game.printed import Printed
from keras_svae.game.saving import states
from keras_svae.game.saving.keras_file import load_keras
from keras_svae.networks.backwards import all_layers
from keras_svae.paths import any_path

__all__ = ["Taken", "Taking", "networks_of", "opened", "take"]


class Taken(dict[str, str]):
    """What `load_weights_from` did, in words, by network. Printed, it is a table.

    Attributes:
        left_out: Why, by the name of each network or layer that was not taken.
        notes: What differs between the two models though the weights fit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []

    def __str__(self) -> str:
        lines = [f"taken: {name}: {what}" for name, what in self.items()]
        lines += [f"not taken: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join([*lines, *(f"note: {one}" for one in self.notes)])

    __repr__ = __str__


class Taking(Printed):
    """A model that can start from the weights of another one."""

    def load_weights_from(
        self,
        other: "keras.Model | Mapping[str, keras.Model] | str | os.PathLike",
        *,
        networks: str | Iterable[str] | None = None,
        partial: bool = False,
    ) -> Taken:
        """Starts from the weights of another model: of each network both models have.

        For example, a VAE's encoder and decoder for an sVAE, or a trained model for
        data of another kind. Networks are compared layer by layer, by kind and shapes
        of weights, before any weight is changed. A network is taken as a whole, with
        the averages of its batch normalisation, or not at all. A critic of another log
        ratio is not taken.

        Averages of weights (`compile(ema=...)`) start anew. So does the optimizers'
        state, but not their learning rates: a compiled model is compiled again with new
        optimizers of the same settings. The step stays.

        Args:
            other: A model of any method, also in training; the path of a `.keras` file,
                which is read in safe mode, or of a folder with `model.keras`; or
                networks by name.
            networks: Names of the networks to take, as the players name them, separated
                by spaces: "encoder decoder". None for all that both models have.
            partial: Whether to take only the layers that fit, where a network has
                others, too.

        Returns:
            What was taken and what not, and why. It also says where the laws differ.
            `print` shows it as a table.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: On networks that do not fit or are not there. The model is then
                unchanged.

        Example:
            svae = ks.SVAE(*nets)
            print(svae.load_weights_from(vae))
        """
        taken, values = take(self, opened(other), networks, partial)
        if self.averages is not None:
            self.averages.take_back()
        for variable, value in values:
            variable.assign(value)
        states.constants_anew(self)
        if self.compiled:
            self._compile_anew()
        return taken


def opened(source) -> Any:
    """A model; of a path, the `.keras` file there or `model.keras` in the folder.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, unpacks to more than the limit, or is no model of
            this package.
    """
    if isinstance(source, Mapping):
        return source
    if isinstance(source, (str, os.PathLike)):
        path = any_path(source).expanduser()
        path = path / "model.keras" if path.is_dir() else path
        if not path.is_file() or path.suffix != ".keras":
            raise FileNotFoundError(
                "Expected a .keras file, or a folder with model.keras; received: "
                f"{source}"
            )
        source = load_keras(path, compile=False)
    if not hasattr(source, "players"):
        raise ValueError(
            "Expected a model of keras_svae, its .keras file, or networks by name, "
            f"{{'encoder': network}}; received: {type(source).__name__}"
        )
    return source


def networks_of(model) -> dict[str, keras.layers.Layer]:
    """The networks by name: those of all players, whichever are trained now."""
    if isinstance(model, Mapping):
        return dict(model)
    return layers_of(model, type(model).players)


def take(
    model, other, networks: str | Iterable[str] | None, partial: bool
) -> tuple[Taken, list[tuple[keras.Variable, np.ndarray]]]:
    """What is to be taken: the report, and the values of variables.

    Nothing is changed here. See `Game.load_weights_from` for the arguments.
    """
    mine, theirs = networks_of(model), networks_of(other)
    wanted = _wanted(networks, mine, theirs)
    taken, refused = Taken(), []
    taken.left_out |= dict.fromkeys(single_weights(model), "it is no layer")
    values: list[tuple[keras.Variable, np.ndarray]] = []
    for name, network in mine.items():
        why = _why_not(name, wanted, model, other, theirs)
        if why:
            taken.left_out[name] = why
            continue
        pairs, wrong = _compared(network, theirs[name])
        if wrong and not (partial and pairs):
            refused += [f"{name}: {place}: {one}" for place, one in wrong.items()]
            continue
        count = sum(len(one.weights) for one, _ in pairs)
        total = len(network.weights)
        what = "all" if count == total else f"{count} of"
        taken[name] = f"{what} {total} weights"
        taken.left_out |= {f"{name}: {place}": one for place, one in wrong.items()}
        for own, given in pairs:
            arrays = [value.numpy() for value in given.weights]
            values += zip(own.weights, arrays, strict=True)
        taken.notes += _notes(name, model, other, network, theirs[name])
    if refused:
        raise ValueError(
            "Expected networks whose layers have the same shapes; received: "
            f"{'; '.join(refused)}. Name the networks to take, networks='encoder', or "
            "say partial=True to take the layers that fit"
        )
    if not taken:
        raise ValueError(
            f"Expected a network to take, among {', '.join(mine)}; received: "
            + "; ".join(f"{name}: {why}" for name, why in taken.left_out.items())
        )
    return taken, values


def _wanted(networks, mine: dict, theirs: dict) -> set[str] | None:
    if networks is None:
        return None
    names = networks.split() if isinstance(networks, str) else list(networks)
    for name in names:
        for known, whose in ((mine, "this model's"), (theirs, "the other's")):
            if name not in known:
                raise ValueError(
                    f"Expected networks among {whose}, {', '.join(known)}; received: "
                    f"{name!r}"
                )
    return set(names)


def _why_not(name: str, wanted, model, other, theirs: dict) -> str:
    if wanted is not None:
        return "" if name in wanted else "not asked for"
    if name not in theirs:
        return f"{_kind(other)} has none"
    here, there = _critic(model, name), _critic(other, name)
    if here and there and here != there:
        return f"it is {there} there, and {here} here"
    return ""


def _kind(model) -> str:
    return "the other" if isinstance(model, Mapping) else type(model).__name__


def _critic(model, name: str) -> str:
    """What a critic learns, in words; "" if it is none."""
    for cls in type(model).__mro__:
        for one in vars(cls).values():
            if isinstance(one, Critic) and one.network == name:
                reads = ", ".join(one.reads.values())
                if one.above is None:
                    return f"a critic of {reads}"
                return f"log {one.above} - log {one.below} of {reads}"
    return ""


def _units(network) -> list[keras.layers.Layer]:
    """The layers with weights, in order: the pieces that are compared."""
    layers = [
        layer
        for layer in all_layers(network)
        if layer.weights and not isinstance(layer, keras.Model)
    ]
    # A layer that is made of others is one piece. So is a network with weights that are
    # of none of its layers.
    inner = {id(one) for layer in layers for one in all_layers(layer)}
    found = [layer for layer in layers if id(layer) not in inner]
    held = {id(v) for layer in found for v in layer.weights}
    whole = held == {id(v) for v in network.weights} and found
    return found if whole else [network]


def _signature(layer) -> tuple:
    weights = tuple((v.name, tuple(v.shape)) for v in layer.weights)
    return type(layer).__name__, weights


def _compared(network, other) -> tuple[list[tuple], dict[str, str]]:
    """Pairs of layers that fit; and what does not fit, in words, by layer."""
    own, given = _units(network), _units(other)
    signs, others = [_signature(x) for x in own], [_signature(x) for x in given]
    if len(own) == len(given):
        places = [(i, i) for i in range(len(own)) if signs[i] == others[i]]
    else:
        matcher = difflib.SequenceMatcher(None, signs, others, autojunk=False)
        places = [
            (one.a + i, one.b + i)
            for one in matcher.get_matching_blocks()
            for i in range(one.size)
        ]
    done = {i for i, _ in places}
    wrong = {}
    for i, layer in enumerate(own):
        if i not in done:
            same = len(own) == len(given)
            there = _shown(given[i]) if same else "no such layer in this place"
            wrong[f"layer {layer.name!r}"] = f"{_shown(layer)} here, {there} there"
    if len(given) > len(own) and not wrong:
        wrong["layers"] = f"{len(own)} with weights here, {len(given)} there"
    return [(own[i], given[j]) for i, j in places], wrong


def _shown(layer) -> str:
    shapes = ", ".join(str(tuple(v.shape)) for v in layer.weights)
    return f"{type(layer).__name__} {shapes}"


def _notes(name: str, model, other, network, given) -> list[str]:
    """Differences of two networks and of their laws that weights do not show."""
    notes = []
    for what in ("input_shape", "output_shape"):
        here, there = getattr(network, what, None), getattr(given, what, None)
        if here != there:
            notes.append(f"{name}: {what} is {there} there, and {here} here")
    law = {"encoder": "posterior_law", "decoder": "likelihood_law"}.get(name)
    pairs = [("prior", "prior_name")] if name == "decoder" else []
    for said, attribute in [*pairs, *([(law, law)] if law else [])]:
        here, there = getattr(model, attribute, None), getattr(other, attribute, None)
        if here is None or there is None:
            continue
        here, there = _described(here), _described(there)
        if here != there:
            said = said.removesuffix("_law")
            notes.append(f"{name}: the {said} is {there} there, and {here} here")
    return notes


def _described(law) -> str:
    if isinstance(law, str):
        return law
    given = ", ".join(f"{k}={v!r}" for k, v in law.get_config().items())
    return f"{type(law).__name__}({given})"
