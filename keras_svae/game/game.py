"""The base class: players take turns.

A method is a `Game`: it names its players (their networks, optimizer and number of
turns) and gives each a loss. Everything that is not a formula is here, once for all
methods: optimizers, turns, noise, replicas, weights of examples, metrics, saving.
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_svae import philox
from keras_svae.game import checks, formats, replicas, updates, workers, xla
from keras_svae.game import endpoints as saved_model
from keras_svae.game.averages import Averages, check_momentum
from keras_svae.game.configuration import Configured
from keras_svae.game.diverged import Diverged
from keras_svae.game.means import Means
from keras_svae.game.printed import Printed
from keras_svae.game.taking import Taking
from keras_svae.game.terms import Mean, Part, Term, Weighing
from keras_svae.game.trainer import Trainer
from keras_svae.game.turn import Turn, penalties
from keras_svae.networks.normalization import moving_averages
from keras_svae.noise import Noise, scope

__all__ = ["Diverged", "Game", "Player"]

# Training and evaluation never share noise.
_TRAIN, _TEST = 1, 2


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of the game.

    Attributes:
        networks: Names of the model's attributes whose weights it updates, separated by
            spaces. A player updates only the networks it names, though gradients flow
            through the others. A network that is None is skipped: a variant of the
            method does not use it.
        optimizer: Name of the argument of `compile` that gives its optimizer.
        turns: Updates per training step. Each uses a draw of its own.
    """

    networks: str
    optimizer: str = "optimizer"
    turns: int = 1


class Game(Configured, Printed, Taking, Trainer):
    """A model that is trained by players who take turns.

    A subclass sets `players`, in playing order. For each player `NAME` it has a method
    `NAME_loss(draw)`. This returns a term, or a dictionary of terms. The loss is the
    sum of the terms, and each term is logged. A term is one of three things: one value
    per example of data, (batch,), of which the base class takes the mean; a sum of such
    means over data, over samples and of statistics of the batch
    (`keras_svae.game.terms`: `over_data`, `over_samples`, `over_batch`); or a scalar
    mean.

    `draw(batch, noise, training)` returns what the losses read: an object with
    attributes `noise` and `log`. It computes each of its parts when a loss first asks
    for it. What a loss puts into `log` is logged too: terms and scalars.

    Every example counts once: with weights w (`sample_weight`, `class_weight`) the mean
    of l over data is sum(w l) / sum(w), over the batch of all replicas. (Keras divides
    by the number of examples.) Samples of the model have no weights. Weights are
    refused where a term is a statistic of the batch or a scalar mean.

    Once a turn, each player adds two things to its loss: the penalties of the weights
    that it updates (regularizers), and the losses that the layers of these networks add
    while they are called (`add_loss`, activity regularizers). Their sum is the term
    `regularization`.

    Alternating play: each player sees what earlier players have learned in this step.
    Players use the same draw until one of them has changed a network it came from; then
    it is made again from the same noise. A second turn of the same player gets a new
    draw. Simultaneous play: all gradients are taken at the same weights on one draw,
    then all are applied.

    Args:
        seed: Seed of all noise of the model.
        turns: Updates per step by player, e.g. `{"critic": 5}`. The method sets the
            turns of all other players.
        play: "alternating" or "simultaneous". None means the class's `default_play`,
            but "alternating" if a player does not have exactly one turn.
    """

    players: dict[str, Player] = {}
    # How the players play if the caller does not say it.
    default_play: str = "alternating"
    # The networks a draw comes from.
    sampled_from: str = ""

    def __init__(
        self,
        *,
        seed: int = 0,
        turns: dict[str, int] | None = None,
        play: str | None = None,
        **kwargs,
    ):
        # The networks have policies of their own. The model itself does not round.
        super().__init__(**{"dtype": "float32", **kwargs})
        if play is not None:
            checks.choice("play", play, ("alternating", "simultaneous"))
        self.seed = checks.seed(seed)
        turns = dict(turns or {})
        for name in turns:
            checks.choice("turns", name, tuple(self.players))
        self.turns = {
            name: checks.integer(
                f"turns[{name!r}]", turns.get(name, player.turns), at_least=1
            )
            for name, player in self.players.items()
        }
        single = all(n == 1 for n in self.turns.values())
        if play is None:
            play = self.default_play if single else "alternating"
        self.play = play
        if play == "simultaneous" and not single:
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
        self._means: Means | None = None
        # Says which networks are fed data, samples or both. The dry run finds this.
        self._passes: dict[str, set[bool]] = {}
        self._passes_of_data: dict[str, set[bool]] = {}
        self.averages = None
        self.built = True  # its networks are built

    # ---- What a method gives -----------------------------------------------------

    def draw(self, batch, noise: Noise, training: bool):
        """What the losses of one turn look at."""
        raise NotImplementedError

    def observe(self, draw) -> dict[str, Any]:
        """Further terms that evaluation logs."""
        return {}

    def after_update(self, player: str, variables: list[keras.Variable]) -> None:
        """Changes a player's weights after each of its updates, for example clips them.

        It runs in the step, on each replica.

        Args:
            player: The player's name.
            variables: The weights that it has just updated.
        """

    def moves_averages(self, network: str, of_data: bool) -> bool:
        """Whether a pass in training updates the averages of batch normalisation.

        The averages of a network follow one law. If the losses pass data through it
        (for a decoder: codes of data), they follow these passes, else those of samples.
        Mixed averages would fit neither; docs/batch_norm.md has measurements.

        Args:
            network: The attribute that holds the network.
            of_data: Whether its input is data or is calculated from data.
        """
        self._passes.setdefault(network, set()).add(of_data)
        return of_data or True not in self._passes_of_data.get(network, ())

    def batch_spec(self):
        """The `tf.TensorSpec` of a batch, leading dimension None."""
        raise NotImplementedError

    def least_share(self) -> tuple[int, str]:
        """The least number of examples per replica in training, and the reason."""
        norms = checks.batch_norms(self._networks())
        if norms:
            return 2, (
                "at least 2 examples per replica for batch normalisation (layer "
                f"{norms[0].name!r})"
            )
        return super().least_share()

    def check_made(self):
        checks.apart(
            {
                name: getattr(self, name, None)
                for player in self.players.values()
                for name in player.networks.split()
            }
        )

    def build(self, input_shape=None):
        """Does nothing: the networks are built already."""
        self.built = True

    # ---- Compiling ---------------------------------------------------------------

    def compile(
        self,
        optimizer=None,
        *,
        jit_compile: bool | str = False,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        ema: float | None = None,
        sync_batch_norm: bool | None = None,
        **optimizers,
    ):
        """Gives each player its optimizer and builds it.

        Args:
            optimizer: Optimizer of the main player (an object, or a name that Keras
                knows, "adam" for `ks.optimizers.Adam`), e.g. of encoder and decoder.
                Clip gradients with Keras's own `clipnorm`, `global_clipnorm` or
                `clipvalue`; gradients of several replicas are summed before clipping.
                Keras's callbacks that change the learning rate change the rates of all
                players; see `keras_svae.callbacks.ForPlayer` for one player.
            jit_compile: Compile the step with XLA. Measure first: it was slower on our
                CPUs. "auto" decides by the devices and the networks' layers, and
                `summary()` says what and why. Under a strategy, TensorFlow compiles
                clusters of nodes (see docs/speed.md). The model's own noise is the
                same with and without XLA. But Keras's Dropout and GaussianNoise draw
                other masks under XLA, and all replicas have the same seed and draw the
                same masks.
            run_eagerly: Run without a graph, for debugging.
            steps_per_execution: Steps per call of the graph. Callbacks see every call,
                not every step. The steps are those of single calls. The last call of
                an epoch has fewer if an epoch is no multiple of it.
            ema: Momentum in (0, 1) of an exponential moving average of the weights,
                which the model keeps: see `keras_svae.callbacks.AveragedWeights`.
            sync_batch_norm: Under several replicas, True lets batch normalisation take
                its moments over the batch of all replicas, False over each replica's
                share. None means what each layer was made for, by default its share.
            **optimizers: The other players' optimizers, e.g. `critic_optimizer`.

        Raises:
            ValueError: For a missing optimizer; for one that two players share, or that
                scales the loss or averages weights; for one that accumulates gradients
                under several replicas; or for XLA under a strategy on CPUs without the
                flag that TensorFlow needs there.
            TypeError: For an argument that no player asks for.
        """
        optimizers = {"optimizer": optimizer, **optimizers}
        checks.counts(1, steps_per_execution=steps_per_execution)
        check_momentum(ema)
        strategy = self.distribute_strategy
        count = strategy.num_replicas_in_sync
        optimizers = checks.optimizers(optimizers, self.players, count)
        xla.checked(jit_compile, strategy)
        asked, self._why_xla = jit_compile, ""
        if asked == "auto":
            jit_compile, self._why_xla = xla.decided(self._networks(), strategy)
        replicas.synchronize(checks.batch_norms(self._networks()), sync_batch_norm)
        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            auto_scale_loss=False,
        )
        turn = Turn(self._networks())
        self._losses_of = lambda compute: turn.losses_of(compute)  # not tracked
        with strategy.scope():
            for name, one in optimizers.items():
                updated = [
                    variable
                    for player in self.players.values()
                    if player.optimizer == name
                    for variable in self.variables_of(player)
                ]
                checks.build(one, updated, name)
                setattr(self, name, one)
            names = self.trainable_variables
            if self.averages is not None:
                # Keras would go on saving those of an earlier compile().
                self._tracker.untrack(self.averages)
            self.averages = None if ema is None else Averages(names, ema)
            self._make_means()
        self._optimizer_names = tuple(optimizers)
        self._compiled_weights = self._paths()
        self._ema, self._asked_for_xla = ema, asked

    @property
    def _whole_xla(self) -> bool:
        """Whether the step is one XLA computation, in which nothing can raise."""
        return self.jit_compile and not xla.in_clusters(self)

    def _paths(self) -> set[str]:
        """The names of the weights that players update."""
        players = self.players.values()
        return {one.path for player in players for one in self.variables_of(player)}

    def _check_compiled(self, name):
        super()._check_compiled(name)
        if "test" in name or name == "evaluate":
            return
        now = self._paths()
        changed = now ^ self._compiled_weights
        if changed:
            one = min(changed)
            change = "now trained" if one in now else "now frozen"
            raise ValueError(
                "Expected compile() after a change of `trainable`, which takes effect "
                f"there; received: {name}() with the weight {one!r} {change}"
            )

    def get_compile_config(self):
        if not self.compiled:
            return None
        return {
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in self._optimizer_names
            },
            "jit_compile": self._asked_for_xla,
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
        """The number of steps the model was trained; it is saved with the weights."""
        return int(self._step.numpy())

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """The optimizers of a compiled model, by their argument of `compile`."""
        return {name: getattr(self, name) for name in self._optimizer_names}

    def variables_of(self, player: Player) -> list[keras.Variable]:
        """The trainable weights that a player updates."""
        return [
            variable
            for name in player.networks.split()
            if getattr(self, name) is not None
            for variable in getattr(self, name).trainable_variables
        ]

    def _networks(self) -> dict[str, Any]:
        """The networks that players update, by attribute."""
        names = " ".join(player.networks for player in self.players.values()).split()
        found = {name: getattr(self, name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    # ---- A step of the game ------------------------------------------------------

    def train_step(self, data):
        fed = self._fed(data)
        # Without this, work that needs no data would run once more after the data's
        # end.
        given = tf.control_dependencies(keras.tree.flatten(fed))
        with given, philox.without_xla(not self.jit_compile):
            return self._train_on(fed)

    def _train_on(self, fed) -> dict[str, tf.Tensor]:
        noise = self._noise(_TRAIN).fold(self._step.value)
        play = getattr(self, f"_play_{self.play}")
        checked: list[tf.Tensor] = []
        found = list(play(fed.batch, noise, self._weighing(fed), checked))
        if self.distribute_strategy.num_replicas_in_sync > 1:
            replicas.agree(checks.batch_norms(self._networks()))
        # A step that stops at a number that is not finite does not count.
        with tf.control_dependencies(checked):
            self._step.value.assign_add(1)  # Keras's own is two nodes
            return self._logs(found)

    def test_step(self, data):
        fed = self._fed(data)
        given = tf.control_dependencies(keras.tree.flatten(fed))
        with given, philox.without_xla(not self.jit_compile):
            return self._test_on(fed)

    def _test_on(self, fed):
        noise = self._noise(_TEST).fold(self._means.batches.value)
        draw = self.draw(fed.batch, noise, False)
        weighing = self._weighing(fed)
        found = []
        with scope(draw.noise):
            for name in self.players:
                terms, _ = self._terms(name, draw)
                found += self._logged(name, self._means_of(terms, weighing))
            extra = {**draw.log, **self.observe(draw)}
        found += self._logged("", self._means_of(extra, weighing))
        self._means.batches.value.assign_add(1.0)
        return self._logs(found, empty=float("nan"))

    def _play_alternating(
        self, batch, noise, weighing, checked: list
    ) -> Iterator[tuple[str, list]]:
        draw, index, log = None, 0, {}
        for name, player in self.players.items():
            for turn in range(self.turns[name]):
                if turn > 0:
                    draw, index = None, index + 1
                if draw is None:
                    draw = self.draw(batch, noise.fold(index), True)
                    added: dict[str, list] = {}
                    # One tape per draw: later players' losses continue on it, so that
                    # no part of the draw is computed twice.
                    tape = tf.GradientTape(persistent=True)
                with tape, scope(draw.noise):
                    terms, added = self._terms(name, draw, added)
                    means = self._means_of(terms, weighing)
                    loss = self._scaled(means)
                gradients = tape.gradient(loss, self._weights(player))
                checked += self._checked(name, means)
                means = self._apply(name, gradients, checked, means)
                yield from self._logged(name, means)
                # The latest of each name: a player may not use what others use.
                log.update(self._means_of(draw.log, weighing))
                if set(player.networks.split()) & set(self.sampled_from.split()):
                    draw = None
        yield from self._logged("", log)

    def _play_simultaneous(
        self, batch, noise, weighing, checked: list
    ) -> Iterator[tuple[str, list]]:
        draw, means = self.draw(batch, noise.fold(0), True), {}
        added: dict[str, list] = {}
        with tf.GradientTape(persistent=True) as tape, scope(draw.noise):
            for name in self.players:
                terms, added = self._terms(name, draw, added)
                means[name] = self._means_of(terms, weighing)
            losses = {name: self._scaled(one) for name, one in means.items()}
        gradients = {
            name: tape.gradient(losses[name], self._weights(player))
            for name, player in self.players.items()
        }
        for name in self.players:
            checked += self._checked(name, means[name])
        for name in self.players:
            done = self._apply(name, gradients[name], checked, means[name])
            yield from self._logged(name, done)
        yield from self._logged("", self._means_of(draw.log, weighing))

    def _terms(
        self, name: str, draw, added: dict[str, list] | None = None
    ) -> tuple[dict[str, Term], dict[str, list]]:
        """A player's loss, and what layers have added in all calls on this draw.

        Args:
            name: The player's name.
            draw: The samples of this turn.
            added: By network, what layers added on this draw in earlier turns.
        """
        with moving_averages(False, self._still_in(name)):
            loss, new = self._losses_of(lambda: getattr(self, f"{name}_loss")(draw))
        added = {key: [*(added or {}).get(key, []), *new[key]] for key in new}
        terms = loss if isinstance(loss, dict) else {"": loss}
        found = {key: Term.of(value, key) for key, value in terms.items()}
        extra = []
        for network in self.players[name].networks.split():
            if network in added:
                extra += added[network] + penalties(getattr(self, network))
        if extra:
            if "" in found:
                found = {"objective": found.pop(""), **found}
            # One tensor's sum has one order of additions: see `Means`.
            total = tf.reduce_sum(tf.stack(extra))
            found["regularization"] = Term((Part("samples", total),))
        return found, added

    def _still_in(self, name: str) -> list[keras.layers.Layer]:
        """Layers whose averages of batch normalisation do not change in a turn.

        These are layers of other players' critics. Their averages follow the inputs
        that their own player gives them. For networks that make samples, the draw
        decides, because it may serve several players.
        """
        moved = {*self.players[name].networks.split(), *self.sampled_from.split()}
        others = {key: one for key, one in self._networks().items() if key not in moved}
        return checks.batch_norms(others)

    def _means_of(
        self, terms: dict[str, Any], weighing: Weighing
    ) -> dict[str, list[Mean]]:
        """The means that make up the terms."""
        found = {}
        for key, term in terms.items():
            found[key] = [weighing.mean(part) for part in Term.of(term, key).parts]
        return found

    def _scaled(self, means: dict[str, list[Mean]]) -> tf.Tensor:
        first, *others = (mean.value for several in means.values() for mean in several)
        total = sum(others, first)
        # Gradients are summed over replicas, and a mean is the average of their shares.
        count = self.distribute_strategy.num_replicas_in_sync
        return total if count == 1 else total / count

    def _checked(self, player: str, means: dict[str, list[Mean]]) -> list[tf.Tensor]:
        """The terms of a loss; the step stops at one that is not finite."""
        values = {
            key: sum([mean.value for mean in several[1:]], several[0].value)
            for key, several in means.items()
        }
        if self._whole_xla:
            return list(values.values())
        shared = workers.over_all(self.distribute_strategy, list(values.values()))
        return [
            updates.finite(one, player, key, "loss")
            for key, one in zip(values, shared, strict=True)
        ]

    def _weights(self, player: Player) -> list:
        return [variable.value for variable in self.variables_of(player)]

    def _apply(self, name: str, gradients, checked: list, means: dict) -> dict:
        """Updates a player's weights after all checks. The losses are checked first.

        The gradients are checked, too, and these checks are added to the list.

        Sometimes a loss reads a network but needs no gradient for it. Then the graph
        optimiser of TF 2.21 can lose the order of this reading and this writing. This
        happened in AS-VAE-r: its critic sometimes saw half of the decoder's update.

        Returns:
            The means of the loss, as they are logged.
        """
        player = self.players[name]
        variables = self.variables_of(player)
        missing = [
            v.path for v, g in zip(variables, gradients, strict=True) if g is None
        ]
        if missing:
            raise ValueError(
                "Expected a gradient for every weight a player updates; received: "
                f"none for {missing} of the networks {player.networks!r}"
            )
        optimizer = getattr(self, player.optimizer)
        count = self.distribute_strategy.num_replicas_in_sync

        def update(gradients):
            optimizer.apply(updates.clipped(gradients, optimizer, count), variables)
            self.after_update(name, variables)
            if self.averages is not None:
                self.averages.update(variables)

        if self._whole_xla:  # the host finds NaN in the logs
            fine = updates.all_finite(gradients)
            tf.cond(fine, lambda: (update(gradients), 0)[1], lambda: 0)
            return {
                key: [
                    dataclasses.replace(
                        one, total=tf.where(fine, one.sum, float("nan"))
                    )
                    for one in several
                ]
                for key, several in means.items()
            }
        with tf.control_dependencies(checked):
            if workers.are_several(self.distribute_strategy):
                flags = [updates.flag(gradient) for gradient in gradients]
                flags = workers.over_all(self.distribute_strategy, flags)
                checked += [
                    updates.finite(flag, name, variable.path, "gradient")
                    for flag, variable in zip(flags, variables, strict=True)
                ]
            gradients = [
                updates.finite(gradient, name, variable.path, "gradient")
                for gradient, variable in zip(gradients, variables, strict=True)
            ]
        # Gradients are applied only after all are known to be finite.
        checked += [updates.values(one) for one in gradients]
        with tf.control_dependencies(checked):
            update(updates.passed(gradients))
        return means

    def _noise(self, purpose: int) -> Noise:
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        return Noise(self.seed).fold(purpose).fold(replica)

    # ---- Metrics -----------------------------------------------------------------

    @property
    def metrics(self):
        return [] if self._means is None else self._means.views()

    def columns(self, validated: bool = True) -> list[str]:
        """The names of what `fit` logs, of a compiled model.

        Args:
            validated: Whether there are validation data.
        """
        names = [metric.name for metric in self.metrics]
        found = [name for name in names if name in self._in_training]
        return found + [f"val_{name}" for name in names] * validated

    def reset_metrics(self):
        if self._means is not None:
            self._means.reset_state()

    def get_metrics_result(self):
        """By name, the means of all batches since the last reset."""
        return {} if self._means is None else self._means.result(self._means.known())

    def _metric_name(self, player: str, term: str) -> str:
        if not player:
            return term
        return f"{player}_{term}" if term else f"{player}_loss"

    def _make_means(self) -> None:
        """Makes one mean per player, term and observation; a dry run finds these."""
        found: dict[str, Any] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._of_batch: dict[str, tuple[str, str]] = {}

        def note(player, terms):
            terms = {key: Term.of(term, key) for key, term in terms.items()}
            if player and "" not in terms:
                found[f"{player}_loss"] = [self._metric_name(player, t) for t in terms]
                self._owners[f"{player}_loss"] = player, ""
            for key, term in terms.items():
                name = self._metric_name(player, key)
                found[name] = len(term.parts)
                self._owners[name] = player, key
                if player and not term.of_examples:
                    self._of_batch[name] = player, key

        def dry_run(batch):
            for training in (True, False):
                draw = self.draw(batch, Noise(0), training)
                with scope(draw.noise):
                    for name in self.players:
                        note(name, self._terms(name, draw)[0])
                    extra = {} if training else self.observe(draw)
                note("", {**draw.log, **extra})
                if training:
                    self._in_training = set(found)

        self._passes, self._passes_of_data = {}, {}
        tf.function(dry_run, autograph=False).get_concrete_function(self.batch_spec())
        self._passes_of_data = self._passes
        if len(self.players) == 1:
            # Keras's callbacks look at this: a bound or an error that is minimised.
            (player,) = self.players
            found["loss"] = [f"{player}_loss"]
            self._owners["loss"] = player, ""
            self._in_training.add("loss")
        self._means = Means(found)

    def _logged(self, player: str, means: dict[str, list[Mean]]):
        """The means under their names in the log."""
        return [(self._metric_name(player, key), found) for key, found in means.items()]

    def _logs(self, found: list, empty: float = 0.0) -> dict[str, tf.Tensor]:
        means = self._means
        assert means is not None  # the model is compiled
        means.update_state(found)
        here = {name for name, _ in found}
        here |= {
            name for name, (player, term) in self._owners.items() if player and not term
        }
        names = [name for name in means.names if name in here]
        logs = means.result(names, empty)
        if workers.are_several(self.distribute_strategy):
            # Keras's loop cannot reduce scalar logs over workers.
            logs = {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    def make_train_function(self, force=False):
        super().make_train_function(force)
        if getattr(self.train_function, "guards", None) is self:
            return
        step = self.train_function

        def guarded(iterator):
            try:
                logs = step(iterator)
            except tf.errors.OpError as error:  # of another worker, of any kind
                found = updates.found_in(error)
                if found is None:
                    raise
                self._raise_diverged(*found)
            self._trained_on += 1
            bad = {n: v for n, v in logs.items() if not checks.all_finite(v)}
            if bad:
                self._raise_diverged_logs(bad)
            return logs

        guarded.guards = self
        self.train_function = guarded

    def _raise_diverged_logs(self, logs: dict) -> None:
        # The first in playing order: it spoils what the others read. Its total is named
        # only if no single term of it is the cause.
        order = [*self.players, ""]
        name = min(
            logs,
            key=lambda n: (order.index(self._owners[n][0]), not self._owners[n][1]),
        )
        player, term = self._owners[name]
        self._raise_diverged(
            player, term, "loss", str(float(logs[name])), self.step - 1
        )

    def _raise_diverged(
        self, player: str, what: str, kind: str, value: str, step: int | None = None
    ) -> None:
        step = self.step if step is None else step
        where = f"the player {player!r} at step {step}" if player else f"step {step}"
        if kind == "loss":
            received = f"in the term {what or 'loss'!r} of {where}"
        else:
            received = f"in the gradient of the weight {what!r} for {where}"
        expected = "losses" if kind == "loss" else "gradients"
        raise Diverged(
            f"Expected finite {expected}; received: {value.lower()} {received}. "
            "Training stopped before it reached a weight of this player, and before "
            "anything was saved: the last checkpoint is intact. A lower learning rate, "
            "gradient clipping (`clipnorm`), or larger scales of the laws may help."
        ) from None

    # ---- Leaving -----------------------------------------------------------------

    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """What endpoints and critics read, by name."""
        return {"seed": tf.TensorSpec([], tf.int32)}

    def endpoints(self) -> dict[str, tuple]:
        """For each endpoint of the SavedModel: its function and input signature."""
        return saved_model.of_model(self)

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: None = None,
        endpoints: "list[str] | str | None" = None,
        **kwargs,
    ) -> None:
        """Writes what runs without this package, see the page on deployment.

        Args:
            filepath: For "tf_saved_model" a folder that is new or empty. For "onnx"
                such a folder, for a file NAME.onnx of each endpoint, or a new file that
                ends in ".onnx", for one endpoint. For "litert" a new file that ends in
                ".tflite", whose signatures are the endpoints.
            format: "tf_saved_model", "onnx" or "litert". The last two have no random
                operators: instead of `seed`, endpoints read the random numbers.
            verbose: Whether to print the path and the endpoints.
            input_signature: None. Each endpoint has its own.
            endpoints: Names of endpoints, or one name; None for all. ONNX and LiteRT
                leave out those that they have no operators for, with a warning.
            **kwargs: For "onnx" `opset_version`, for "litert" attributes of
                `tf.lite.TFLiteConverter`, as in Keras.

        Raises:
            ValueError: For another format, an input signature, an endpoint that the
                model does not have, a file with another ending, or a SavedModel's path
                with `*`, `?`, `[` or a backslash, from which TensorFlow could not load.
            TypeError: For further arguments, or a `filepath` that is no path.
            FileExistsError: If something is there already.
            ImportError: If `tf2onnx` is not installed, for "onnx".
        """
        writers = {
            "tf_saved_model": saved_model.export,
            "onnx": formats.onnx,
            "litert": formats.litert,
        }
        checks.choice("format", format, tuple(writers))
        if input_signature is not None:
            raise ValueError(
                "Expected input_signature=None, as each endpoint has its own; "
                f"received: {input_signature!r}"
            )
        known = {"tf_saved_model": (), "onnx": ("opset_version",)}
        if set(kwargs) - set(known.get(format, kwargs)):
            raise TypeError(
                "Expected filepath, format, verbose and endpoints of export; received: "
                f"{', '.join(kwargs)}"
            )
        names = saved_model.chosen(self, endpoints)
        done = writers[format](self, filepath, names, **kwargs)
        if verbose:
            print(f"Saved in {filepath}: {', '.join(done)}")
