"""From an experiment's settings to a compiled model."""

import contextlib
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import keras

import keras_svae as ks
from keras_svae.distributions import (
    Gaussian,
    Laplace,
    PlanarFlow,
    PlanarLikelihood,
    ShiftLikelihood,
)
from reproductions.engine.settings import Laws, Training

__all__ = ["Parts"]


def law(name: str, laws: Laws, role: str) -> ks.distributions.Law | str:
    """The law with this name on the command line; other names are the package's."""

    def of(option: str, unset: float) -> Any:
        value = getattr(laws, option)
        return unset if value is None else value

    tanh: dict[str, Any] = {"activation": "tanh", "draw": "mean"}
    made = {
        # Scale 1. The networks are fed the noise: lam times squared errors.
        "unit_gaussian": lambda: Gaussian(1.0, draw="mean"),
        "unit_gaussian_tanh": lambda: Gaussian(1.0, **tanh),
        # Images in [-1, 1], absolute errors, as in the code of sVAE's authors.
        "unit_laplace_tanh": lambda: Laplace(1.0, **tanh),
        # The same with a scale that is chosen.
        "gaussian_tanh": lambda: Gaussian(of("scale", 1.0), **tanh),
        "laplace_tanh": lambda: Laplace(of("scale", 1.0), **tanh),
        "learned_gaussian": lambda: Gaussian("learned"),
        # Samples are drawn, not means, so that p(x|z) of samples has a width.
        "drawn_gaussian": lambda: Gaussian(of("scale", 0.3), activation="sigmoid"),
        "planar_flow": lambda: (
            PlanarFlow(of("flow_length", 8))
            if role == "posterior"
            else PlanarLikelihood(of("likelihood_length", 4))
        ),
        "shift_tanh": lambda: ShiftLikelihood(of("shift", 5), activation="tanh"),
    }
    return made[name]() if name in made else name


class Parts:
    """What a method is made of: networks, laws, and how its players play.

    Args:
        nets: A function of `ks.networks` with its options bound.
        laws: Prior, posterior and likelihood.
        training: Its seed, turns and play.
        classes: How many the data have, for methods that read them.
    """

    def __init__(
        self,
        nets: functools.partial,
        laws: Laws,
        training: Training,
        classes: int | None = None,
    ):
        self.nets, self.classes, self._training = nets, classes, training
        self.prior = laws.prior
        self.posterior = law(laws.posterior, laws, "posterior")
        self.likelihood = law(laws.likelihood, laws, "likelihood")

    def networks(self, critic_reads: str = "pairs", conditional: bool = False):
        """New networks.

        Args:
            critic_reads: "pairs" (x, z), "x" alone, or "shared": x alone, and an
                encoder reads the critic's features.
            conditional: Whether the networks read classes.
        """
        shared = critic_reads == "shared"
        options = {"joint": critic_reads == "pairs"}
        # AIM's and DCGAN's networks share features by default if the critic reads only
        # x.
        if shared or "shared" in inspect.signature(self.nets.func).parameters:
            options["shared"] = shared
        if conditional:
            options["classes"] = self.classes
        laws = {"posterior": self.posterior, "likelihood": self.likelihood}
        return self.nets(**laws, **options)

    def critic_code(self) -> keras.Model:
        """A critic of codes alone."""
        options = self.nets.keywords
        width = options.get("width", 1.0)
        return ks.networks.critic_code(options["latent_dim"], width=width)

    def game(self, cls: type[ks.Game], *networks, **arguments: Any) -> ks.Game:
        """The method's model, with this seed, prior, turns and play.

        An argument that is None is left to the class.
        """
        return cls(
            *networks,
            prior=self.prior,
            seed=self._training.seed,
            turns=self._training.turns_of(cls),
            play=self._training.play_of(cls),
            **{name: one for name, one in arguments.items() if one is not None},
        )


def compile_model(model: ks.Game, training: Training, steps_per_epoch: int) -> None:
    """Gives each player its optimizer; call it inside the strategy's scope."""
    # Each call of the graph runs as many steps as the training allows and as divide an
    # epoch, so that none is shorter. Weights do not depend on it.
    most = min(training.steps_per_execution, steps_per_epoch)
    at_once = max(k for k in range(1, most + 1) if steps_per_epoch % k == 0)
    rates = dict.fromkeys(model.players, training.learning_rate)
    if training.critic_learning_rate is not None:
        critics = [name for name in rates if name.startswith("critic")]
        rates |= dict.fromkeys(critics, training.critic_learning_rate)
    model.compile(
        **{
            player.optimizer: _optimizer(
                training, rates[name], steps_per_epoch * model.turns[name]
            )
            for name, player in model.players.items()
        },
        steps_per_execution=at_once,
        ema=training.ema,
    )


def _optimizer(
    training: Training, rate: float, updates: int
) -> keras.optimizers.Optimizer:
    """The optimizer of a player with this number of updates in an epoch."""
    if training.decay == "cosine":
        steps = training.epochs * updates
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif training.decay == "inverse_sqrt_epoch":
        rate = ks.schedules.InverseSqrtEpoch(rate, updates)
    if training.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(
            rate, rho=training.beta_2, clipnorm=training.clipnorm
        )
    betas = {"beta_1": training.beta_1, "beta_2": training.beta_2}
    return ks.optimizers.Adam(rate, **betas, clipnorm=training.clipnorm)


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Layers that are made inside this context have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
