"""The settings that experiments share, of their data and of their training."""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

from reproductions.engine.options import Play

__all__ = ["Data", "Images", "Laws", "Training", "names_of"]

Prior = Literal["normal", "uniform"]
Posterior = Literal[
    "gaussian", "laplace", "planar_flow", "implicit",
    "unit_gaussian", "unit_laplace_tanh",
]  # fmt: skip
Likelihood = Literal[
    "bernoulli", "continuous_bernoulli", "gaussian", "laplace", "implicit",
    "learned_gaussian", "unit_gaussian", "unit_gaussian_tanh", "unit_laplace_tanh",
    "gaussian_tanh", "laplace_tanh", "shift_tanh", "planar_flow", "drawn_gaussian",
]  # fmt: skip


# By limit, as an error says it: the test, and the settings of `Training` that have it.
_LIMITS: dict[str, tuple[Callable[[float], bool], str]] = {
    ">= 1": (
        lambda value: value >= 1,
        "epochs steps_per_epoch batch_size turns critic_turns patience "
        "importance_samples replicas steps_per_execution ais_examples",
    ),
    ">= 0": (lambda value: value >= 0, "seed"),
    ">= 2": (lambda value: value >= 2, "n ais_temperatures"),
    "> 0": (
        lambda value: 0 < value < math.inf,
        "learning_rate critic_learning_rate clipnorm",
    ),
    "in [0, 1)": (lambda value: 0 <= value < 1, "beta_1 beta_2"),
}


def names_of(measures: str | None) -> list[str]:
    """The measures that a setting `measures` names, each once; empty if it is unset."""
    names = [] if measures is None else measures.split(",")
    return list(dict.fromkeys(name.strip() for name in names))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """Which data a model is trained and measured on.

    Args:
        data: A data set that `ks.data.load` knows, a folder of images, or an .npz.
        test_split: The split that is measured on.
        validation: Examples of train that are held out, for early stopping; unset,
            none, or the data's own validation split.
        examples: The share, below 1, or number of train's examples that is used.
    """

    data: str = ""
    test_split: str = "test"
    validation: int | None = None
    examples: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Images(Data):
    """Images, and how they are prepared.

    Args:
        binarize: Grey values as probabilities of bits: drawn once, or anew in each
            epoch; unset, grey values as they are.
        dequantise: Whether 8-bit images get uniform noise, in training and in
            likelihoods.
        crop: Side of a centred square that is cut out of images.
        size: Side that images are resized to.
    """

    binarize: Literal["fixed", "epoch"] | None = None
    dequantise: bool = False
    crop: int | None = None
    size: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Laws:
    """The laws of codes and data; `build.law` says what their names mean.

    Args:
        prior: p(z): N(0, I) or U(-1, 1).
        posterior: q(z|x); unit_*: scale 1, and the noise is what the encoder is fed.
        likelihood: p(x|z); *_tanh: for images in [-1, 1].
        flow_length: Layers of a posterior that is a planar_flow; unset, 8.
        likelihood_length: Layers of a likelihood that is a planar_flow; unset, 4.
        shift: The largest cyclic shift of shift_tanh, in pixels; unset, 5.
        scale: The scale of gaussian_tanh and laplace_tanh, unset 1; of drawn_gaussian,
            around means in [0, 1], unset .3.
    """

    prior: Prior = "normal"
    posterior: Posterior = "gaussian"
    likelihood: Likelihood = "bernoulli"
    flow_length: int | None = None
    likelihood_length: int | None = None
    shift: int | None = None
    scale: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained and measured.

    Args:
        seed: Seed of weights, noise, and the order of data.
        epochs: How many epochs.
        steps_per_epoch: Steps that count as an epoch; unset, a pass over the data.
        batch_size: Examples per step, over all replicas.
        learning_rate: The learning rate of all players that have no other.
        critic_learning_rate: The learning rate of each player whose name begins with
            critic; unset, the same.
        beta_1: Adam's beta_1.
        beta_2: Adam's beta_2, or RMSprop's decay of squares.
        optimizer: The optimizer of all players; unset, Adam. RMSprop has no momentum.
        decay: How learning rates fall: to zero along half a cosine, or over the root of
            the epoch's number.
        ema: Momentum of an average of the weights, which is what is measured; unset,
            no average.
        turns: Updates in a step of each player but the one named critic; unset, the
            method's.
        critic_turns: Updates in a step of the player named critic; unset, the method's.
        play: alternating: a player sees the updates of the players before it.
            simultaneous: all gradients are taken at the same weights. Unset: the
            class's default; alternating if a player has several turns.
        patience: Epochs without a better MONITOR before training stops; the best
            weights are then taken. Unset, no early stopping.
        monitor: What early stopping looks at: a column of log.csv, or a criterion of
            the experiment, whose values are in validation.json.
        clipnorm: Largest norm of each gradient; unset, any.
        measures: Names of measures, with commas between; unset, all that apply but
            the costly ones.
        n: Examples and samples that are measured, at most.
        importance_samples: k of the importance-weighted bound, if that is named.
        ais_examples: Test examples of annealed importance sampling, if that is named.
        ais_temperatures: How many distributions annealed importance sampling has.
        replicas: Devices that share each batch: GPUs, else logical CPUs.
        strategy: none: one device. mirrored: replicas of this machine; if replicas is
            not given, all its GPUs. multiworker: all devices of all workers, which
            TF_CONFIG or Slurm name. Unset: what replicas says.
        dtype: Policy of the networks, weights and losses being float32.
        steps_per_execution: Steps per call of the graph, at most.
    """

    seed: int = 0
    epochs: int
    steps_per_epoch: int | None = None
    batch_size: int
    learning_rate: float
    critic_learning_rate: float | None = None
    beta_1: float = 0.9
    beta_2: float = 0.999
    optimizer: Literal["adam", "rmsprop"] | None = None
    decay: Literal["none", "cosine", "inverse_sqrt_epoch"] = "none"
    ema: float | None = None
    turns: int | None = None
    critic_turns: int | None = None
    play: Play | None = None
    patience: int | None = None
    monitor: str = "val_mse"
    clipnorm: float | None = None
    measures: str | None = None
    n: int = 10_000
    importance_samples: int = 50
    ais_examples: int = 100
    ais_temperatures: int = 1000
    replicas: int = 1
    strategy: Literal["none", "mirrored", "multiworker"] | None = None
    dtype: Literal["float32", "mixed_bfloat16"] = "float32"
    steps_per_execution: int = 1

    def __post_init__(self):
        for limit, (holds, names) in _LIMITS.items():
            for name in names.split():
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ValueError(f"Expected {name} {limit}; received: {value}")
        if self.measures is not None and not self.measures.strip():
            raise ValueError(
                "Expected names of measures with commas between; received: "
                f"measures={self.measures!r}"
            )
        if self.batch_size % self.replicas:
            raise ValueError(
                "Expected a batch that the replicas can share evenly; received: "
                f"batch_size={self.batch_size}, replicas={self.replicas}"
            )

    def turns_of(self, model: type) -> dict[str, int]:
        """Updates of each of a method's players in a step."""
        return {
            name: (self.critic_turns if name == "critic" else self.turns)
            or player.turns
            for name, player in model.players.items()
        }

    def play_of(self, model: type) -> Play:
        """How a method's players play.

        Raises:
            ValueError: For simultaneous play if a player does not have exactly one
                turn.
        """
        turns = self.turns_of(model)
        single = all(number == 1 for number in turns.values())
        if self.play == "simultaneous" and not single:
            raise ValueError(
                "Expected one turn per player in simultaneous play; received: "
                f"turns={turns} with {model.__name__}"
            )
        return self.play or (model.default_play if single else "alternating")
