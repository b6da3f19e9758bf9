"""The base class: players take turns.

A method is a `Game`: it names its players (whose networks, which optimizer, how many
turns) and gives each a loss. Everything that is not a formula lives here once:
optimizers, turns, noise, replicas, metrics, saving.
"""

import dataclasses
import inspect
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_svae.models import checks, export
from keras_svae.models.averages import Averages
from keras_svae.noise import Noise, scope

__all__ = ["Diverged", "Game", "Player"]

# Training and evaluation never share noise.
_TRAIN, _TEST = 1, 2


class Diverged(FloatingPointError):
    """A loss became NaN or infinite. Raised at that step, before any callback."""


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of the game.

    Attributes:
        networks: Names of the model's attributes whose weights it updates, separated
            by spaces. What it does not name gets no gradient from its loss, though
            gradients flow through it. One that is None is passed over: a variant of
            the method does without it.
        optimizer: Name of the argument of `compile` that brings its optimizer.
        turns: Updates per training step, each on a draw of its own.
    """

    networks: str
    optimizer: str = "optimizer"
    turns: int = 1


class Game(keras.Model):
    """A model that is trained by players who take turns.

    A subclass sets `players`, in playing order, and gives for each player `NAME` a
    method `NAME_loss(draw)` that returns a scalar, or a dictionary of scalars whose
    sum is the loss and each of which is logged. `draw(batch, noise, training)` returns
    what the losses look at: an object with attributes `noise` and `log`, which
    computes its parts when they are first asked for.

    Alternating play: each player sees what the ones before it have learned in this
    step. A draw serves one player after the other until one of them has changed a
    network it came from; then it is made again from the same noise. A second turn of
    the same player gets a new draw. Simultaneous play: all gradients are taken at the
    same weights on one draw, then all are applied.

    Args:
        seed: Seed of all noise of the model.
        turns: Updates per step by player, e.g. `{"critic": 5}`; else the method's own.
        play: "alternating" or "simultaneous".
    """

    players: dict[str, Player] = {}
    # The networks a draw comes from.
    sampled_from: str = ""

    def __init__(
        self,
        *,
        seed: int = 0,
        turns: dict[str, int] | None = None,
        play: str = "alternating",
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.choice("play", play, ("alternating", "simultaneous"))
        self.seed = checks.seed(seed)
        self.play = play
        turns = dict(turns or {})
        for name in turns:
            checks.choice("turns", name, tuple(self.players))
        self.turns = {
            name: checks.integer(
                f"turns[{name!r}]", turns.get(name, player.turns), at_least=1
            )
            for name, player in self.players.items()
        }
        if play == "simultaneous" and any(n != 1 for n in self.turns.values()):
            raise ValueError(
                "Expected one turn per player in simultaneous play; received: "
                f"turns={dict(self.turns)}"
            )
        self._step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self._means: dict[str, keras.metrics.Mean] = {}
        self._terms: dict[str, tuple[str, str]] = {}
        self.averages = None
        self.built = True  # its networks are

    # ---- What a method gives -----------------------------------------------------

    def draw(self, batch, noise: Noise, training: bool):
        """What the losses of one turn look at."""
        raise NotImplementedError

    def observe(self, draw) -> dict[str, tf.Tensor]:
        """Further scalars that evaluation logs."""
        return {}

    def batch_spec(self):
        """The `tf.TensorSpec` of a batch, leading dimension None."""
        raise NotImplementedError

    def check_data(self, batch) -> None:
        """Raises a ValueError on a batch that the model cannot learn from."""

    def check_batch(self, size: int) -> None:
        """Raises a ValueError on a batch, over all replicas, that is too small."""
        networks = [layer for layer in self.layers if isinstance(layer, keras.Model)]
        replicas = self.distribute_strategy.num_replicas_in_sync
        checks.batch_norm(size, replicas, networks)

    def build(self, input_shape=None):
        """Nothing is left to build: the networks are."""
        self.built = True

    def unpack(self, data):
        """What of the dataset's element the method needs: here x of `(x, ...)`."""
        return keras.utils.unpack_x_y_sample_weight(data)[0]

    # ---- Compiling ---------------------------------------------------------------

    def compile(
        self,
        optimizer=None,
        *,
        jit_compile: bool = False,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        ema: float | None = None,
        **optimizers,
    ):
        """Gives each player its optimizer and builds it.

        Args:
            optimizer: Optimizer of the main player (an object, or a name that Keras
                knows), e.g. of encoder and decoder. Clip gradients with Keras's own
                `clipnorm`, `global_clipnorm` or `clipvalue`.
            jit_compile: Compile the step with XLA. Measure first: slower on our CPUs.
            run_eagerly: Run without a graph, for debugging.
            steps_per_execution: Steps per call of the graph. Above 1, a diverging
                loss is noticed at the end of such a call.
            ema: Momentum in (0, 1) of an exponential moving average of the weights,
                kept beside them: see `keras_svae.callbacks.AveragedWeights`.
            **optimizers: The other players' optimizers, e.g. `critic_optimizer`.

        Raises:
            ValueError: For a missing optimizer, one given to two players, `use_ema`,
                or XLA or several steps per execution under several replicas.
            TypeError: For an argument that no player asks for.
        """
        optimizers = {"optimizer": optimizer, **optimizers}
        optimizers = checks.optimizers(optimizers, self.players)
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync > 1 and (
            jit_compile or steps_per_execution > 1
        ):
            raise ValueError(
                "Expected jit_compile=False and steps_per_execution=1 under several "
                "replicas, where Keras's loop supports neither; received: "
                f"jit_compile={jit_compile}, steps_per_execution={steps_per_execution}"
            )
        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            auto_scale_loss=False,
        )
        with strategy.scope():
            for name, one in optimizers.items():
                one.build(
                    [
                        variable
                        for player in self.players.values()
                        if player.optimizer == name
                        for variable in self.variables_of(player)
                    ]
                )
                setattr(self, name, one)
            names = self.trainable_variables
            self.averages = None if ema is None else Averages(names, ema)
            self._make_metrics()
        self._optimizer_names = tuple(optimizers)
        self._ema = ema

    def get_compile_config(self):
        if not self.compiled:
            return None
        return {
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in self._optimizer_names
            },
            "jit_compile": self.jit_compile,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "ema": self._ema,
        }

    def compile_from_config(self, config):
        self.compile(
            **{
                name: keras.saving.deserialize_keras_object(value)
                for name, value in config.items()
            }
        )

    @property
    def step(self) -> int:
        """How many steps the model has been trained; saved with the weights."""
        return int(self._step.numpy())

    def variables_of(self, player: Player) -> list[keras.Variable]:
        """The trainable weights that a player updates."""
        return [
            variable
            for name in player.networks.split()
            if getattr(self, name) is not None
            for variable in getattr(self, name).trainable_variables
        ]

    # ---- A step of the game ------------------------------------------------------

    def train_step(self, data):
        batch = self.unpack(data)
        noise = self._noise(_TRAIN).fold(self._step.value)
        play = getattr(self, f"_play_{self.play}")
        played = [self._update_metrics(*turn) for turn in play(batch, noise)]
        self._step.assign_add(1)
        return self._logs(played)

    def test_step(self, data):
        draws = self._means[next(iter(self._means))].count.value
        draw = self.draw(self.unpack(data), self._noise(_TEST).fold(draws), False)
        with scope(draw.noise):
            played = [
                self._update_metrics(name, self._loss(name, draw))
                for name in self.players
            ]
            played.append(self._update_metrics("", {**draw.log, **self.observe(draw)}))
        return self._logs(played)

    def _play_alternating(self, batch, noise) -> Iterator[tuple[str, dict]]:
        draw, index, seen, log = None, 0, [], {}
        for name, player in self.players.items():
            for turn in range(self.turns[name]):
                if turn > 0:
                    draw, index = None, index + 1
                if draw is None:
                    draw = self.draw(batch, noise.fold(index), True)
                    # One tape per draw: later players' losses continue on it, so that
                    # nothing of the draw is computed twice.
                    tape = tf.GradientTape(persistent=True)
                with tape, scope(draw.noise):
                    terms = self._loss(name, draw)
                    loss = self._scaled(terms)
                gradients = tape.gradient(loss, self._weights(player))
                self._apply(player, gradients, seen := [*seen, loss])
                yield name, terms
                # The latest of each name: a player may not ask for what others have.
                log.update(draw.log)
                if set(player.networks.split()) & set(self.sampled_from.split()):
                    draw = None
        yield "", log

    def _play_simultaneous(self, batch, noise) -> Iterator[tuple[str, dict]]:
        draw = self.draw(batch, noise.fold(0), True)
        with tf.GradientTape(persistent=True) as tape, scope(draw.noise):
            terms = {name: self._loss(name, draw) for name in self.players}
            losses = {name: self._scaled(terms[name]) for name in self.players}
        gradients = {
            name: tape.gradient(losses[name], self._weights(player))
            for name, player in self.players.items()
        }
        for name, player in self.players.items():
            self._apply(player, gradients[name], list(losses.values()))
        yield from terms.items()
        yield "", draw.log

    def _loss(self, name: str, draw) -> dict[str, tf.Tensor]:
        terms = getattr(self, f"{name}_loss")(draw)
        return terms if isinstance(terms, dict) else {"": terms}

    def _scaled(self, terms: dict[str, tf.Tensor]) -> tf.Tensor:
        # Gradients are summed over replicas: the mean over the global batch is the
        # sum of the replicas' means over their number.
        return sum(terms.values()) / self.distribute_strategy.num_replicas_in_sync

    def _weights(self, player: Player) -> list:
        return [variable.value for variable in self.variables_of(player)]

    def _apply(self, player: Player, gradients, losses: list) -> None:
        """Updates a player's weights, after these losses have been computed.

        Where a loss needs no gradient with respect to a network it has read, TF 2.21's
        graph optimiser can lose the order of that reading and this writing: seen in
        AS-VAE-r, whose critic now and then saw half of the decoder's update.
        """
        variables = self.variables_of(player)
        missing = [
            v.path for v, g in zip(variables, gradients, strict=True) if g is None
        ]
        if missing:
            raise ValueError(
                "Expected a gradient for every weight a player updates; received: "
                f"none for {missing} of the networks {player.networks!r}"
            )
        with tf.control_dependencies(losses):
            gradients = [tf.identity(gradient) for gradient in gradients]
        getattr(self, player.optimizer).apply(gradients, variables)
        if self.averages is not None:
            self.averages.update(variables)

    def _noise(self, purpose: int) -> Noise:
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        return Noise(self.seed).fold(purpose).fold(replica)

    # ---- Metrics -----------------------------------------------------------------

    @property
    def metrics(self):
        return list(self._means.values())

    def _metric_name(self, player: str, term: str) -> str:
        return "_".join(filter(None, (player, term))) if term else f"{player}_loss"

    def _make_metrics(self) -> None:
        """One running mean per player, term and observation, known by a dry run."""
        found: dict[str, tuple[str, str]] = {}

        def dry_run(batch):
            for training in (True, False):
                draw = self.draw(batch, Noise(0), training)
                with scope(draw.noise):
                    for name in self.players:
                        for term in ["", *self._loss(name, draw)]:
                            found[self._metric_name(name, term)] = (name, term)
                    extra = {} if training else self.observe(draw)
                for term in {**draw.log, **extra}:
                    found[term] = ("", term)

        tf.function(dry_run).get_concrete_function(self.batch_spec())
        self._terms = found
        self._means = {name: keras.metrics.Mean(name=name) for name in found}

    def _update_metrics(self, player: str, terms: dict[str, tf.Tensor]) -> list[str]:
        if player:
            terms = {**terms, "": sum(terms.values())}
        for term, value in terms.items():
            self._means[self._metric_name(player, term)].update_state(value)
        return [self._metric_name(player, term) for term in terms]

    def _logs(self, played: list[list[str]]) -> dict[str, tf.Tensor]:
        names = dict.fromkeys(name for turn in played for name in turn)
        logs = {name: self._means[name].result() for name in names}
        if isinstance(
            self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
        ):
            # Keras's loop cannot reduce scalar logs over workers.
            logs = {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    def make_train_function(self, force=False):
        super().make_train_function(force)
        if getattr(self.train_function, "guards", None) is self:
            return
        step = self.train_function

        def guarded(iterator):
            logs = step(iterator)
            bad = {n: v for n, v in logs.items() if not checks.all_finite(v)}
            if bad:
                self._raise_diverged(bad)
            return logs

        guarded.guards = self
        self.train_function = guarded

    def _raise_diverged(self, logs: dict) -> None:
        # The first in playing order: the others look at what it has spoiled. Its total
        # is named only where no single term of it is to blame.
        order = [*self.players, ""]
        name = min(
            logs, key=lambda n: (order.index(self._terms[n][0]), not self._terms[n][1])
        )
        player, term = self._terms[name]
        raise Diverged(
            f"Expected finite losses; received: {float(logs[name])} in the term "
            f"{term or 'loss'!r} of the player {player!r} at step {self.step - 1}. "
            "Training stopped before anything was saved: the last checkpoint is "
            "intact. A lower learning rate, gradient clipping (`clipnorm`), or larger "
            "scales of the laws may help."
        )

    # ---- Keras's other entrances -------------------------------------------------

    def fit(self, x=None, *args, **kwargs):
        """Keras's `fit`, after a look at the first batch. See `keras.Model.fit`."""
        if not self.compiled:
            raise ValueError(
                "Expected a compiled model; received: fit() before compile(). Call "
                f"compile({', '.join(checks.optimizer_names(self.players))})."
            )
        given = inspect.signature(super().fit).bind(x, *args, **kwargs).arguments
        checks.first_batch(self, x, given.get("y"), given.get("batch_size"))
        validation = given.get("validation_data")
        if validation is not None:
            x_y = keras.utils.unpack_x_y_sample_weight(validation)[:2]
            checks.first_batch(self, *x_y, training=False)
        steps = given.get("steps_per_epoch")
        if steps and steps % self.steps_per_execution:
            # Keras would run on into the next epoch.
            raise ValueError(
                "Expected steps_per_epoch to be a multiple of steps_per_execution="
                f"{self.steps_per_execution}; received: steps_per_epoch={steps}"
            )
        if isinstance(x, tf.data.Dataset) and not args:
            kwargs.setdefault("shuffle", False)  # else Keras warns that it can't
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Keras's `evaluate`, after a look at the first batch, as `fit` has it."""
        if not kwargs.get("_use_cached_eval_dataset"):  # fit's own, looked at by it
            checks.first_batch(self, x, y, training=False)
        return super().evaluate(x, y, *args, **kwargs)

    def export(self, filepath: str | os.PathLike) -> None:
        """Writes a SavedModel that runs without this package.

        Args:
            filepath: A folder that is new or empty.

        Raises:
            FileExistsError: If there is something already.
        """
        export.export(self, filepath)

    def endpoints(self) -> dict[str, tuple]:
        """For each endpoint of the SavedModel its function and input signature."""
        return {}

    def get_config(self):
        return {
            "name": self.name,
            "seed": self.seed,
            "turns": dict(self.turns),
            "play": self.play,
        }

    @classmethod
    def from_config(cls, config):
        return cls(
            **{
                name: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict) and "class_name" in value
                else value
                for name, value in config.items()
            }
        )
