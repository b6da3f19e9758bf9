"""From an experiment's settings to a compiled model."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
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

# The activation of a decoder of images with values in this range.
ACTIVATIONS = {(0.0, 1.0): "sigmoid", (-1.0, 1.0): "tanh"}


def law(name: str, laws: Laws, role: str) -> ks.distributions.Law | str:
    """The law with this name on the command line; other names are the package's."""

    def of(option: str, unset: float) -> Any:
        value = getattr(laws, option)
        return unset if value is None else value

    made = {
        # Scale 1. The networks are fed the noise: lam times squared errors.
        "unit_gaussian": lambda: Gaussian(1.0, draw="mean"),
        "unit_gaussian_tanh": lambda: Gaussian(1.0, activation="tanh", draw="mean"),
        # Images in [-1, 1], absolute errors, as in the code of sVAE's authors.
        "unit_laplace_tanh": lambda: Laplace(1.0, activation="tanh", draw="mean"),
        # The same with a scale that is chosen.
        "gaussian_tanh": lambda: Gaussian(
            of("scale", 1.0), activation="tanh", draw="mean"
        ),
        "laplace_tanh": lambda: Laplace(
            of("scale", 1.0), activation="tanh", draw="mean"
        ),
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
        networks: A function of `ks.networks` with its options bound.
        laws: Prior, posterior and likelihood.
        training: Its seed, turns and play.
        classes: How many the data have, for methods that read them.
    """

    def __init__(
        self,
        networks: Callable,
        laws: Laws,
        training: Training,
        classes: int | None = None,
    ):
        self._networks, self._training, self._classes = networks, training, classes
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
        if shared or "shared" in inspect.signature(self._networks.func).parameters:
            options["shared"] = shared
        if conditional:
            options["classes"] = self._classes
        return self._networks(
            posterior=self.posterior, likelihood=self.likelihood, **options
        )

    def triples(self) -> ks.networks.IJAENetworks:
        """The five networks of lambda-IJAE, which name no laws."""
        return self._networks()

    def critic_code(self) -> keras.Model:
        """A critic of codes alone."""
        options = self._networks.keywords
        return ks.networks.critic_code(
            options["latent_dim"], width=options.get("width", 1.0)
        )

    def second_stage(self) -> ks.networks.SecondStage:
        """Encoder and decoder of codes."""
        return ks.networks.second_stage(self._networks.keywords["latent_dim"])

    def classifier(self, critic: keras.Model) -> keras.Model:
        """A classifier with the layers of a critic."""
        return ks.networks.classifier(critic, self._classes)

    @property
    def activation(self) -> str:
        """Of a decoder of images, for a class that has a likelihood of its own."""
        likelihood = ks.distributions.get(self.likelihood)
        return ACTIVATIONS[likelihood.range or (0.0, 1.0)]

    def game(self, cls: type[ks.Game], *networks, **arguments: Any) -> ks.Game:
        """The method's model, with this seed, prior, turns and play."""
        return cls(
            *networks,
            prior=self.prior,
            seed=self._training.seed,
            turns=self._training.turns_of(cls),
            play=self._training.play_of(cls),
            **arguments,
        )


def compile_model(model: ks.Game, training: Training, steps_per_epoch: int) -> None:
    """Gives each player its optimizer; call it inside the strategy's scope.

    Args:
        model: A model.
        training: Rates and their decay.
        steps_per_epoch: Each call of the graph runs as many steps as the training
            allows and as divide an epoch, so that none is shorter. Weights do not
            depend on it.
    """
    most = min(training.steps_per_execution, steps_per_epoch)
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
        steps_per_execution=max(
            k for k in range(1, most + 1) if steps_per_epoch % k == 0
        ),
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
    return ks.optimizers.Adam(
        rate,
        beta_1=training.beta_1,
        beta_2=training.beta_2,
        clipnorm=training.clipnorm,
    )


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Layers that are made inside this context have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
