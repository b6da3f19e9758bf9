"""A step of the game: how the players take turns."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_svae import philox
from keras_svae.game import checks, updates
from keras_svae.game.devices import replicas, workers, xla
from keras_svae.game.feeding.fed import Fed
from keras_svae.game.logged import Logged
from keras_svae.game.player import Player, layers_of, trained_in
from keras_svae.game.terms import Term
from keras_svae.game.turn import penalties
from keras_svae.game.weighing import Mean, Part, Weighing
from keras_svae.networks.normalization import moving_averages
from keras_svae.noise import Noise, scope

__all__ = ["Playing"]

# Training and evaluation never share noise.
_TRAIN, _TEST = 1, 2


class Playing(Logged):
    """A model whose training step is a turn, or several, of each player."""

    # The networks a draw comes from.
    sampled_from: str = ""
    play: str
    seed: int
    turns: dict[str, int]

    def no_gradient(self) -> str:
        """Why a weight may have no gradient, a sentence for the error; or ""."""
        return ""

    def train_step(self, data):
        fed = self._fed(data)
        with self._reading(fed):
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
        with self._reading(fed):
            noise = self._noise(_TEST).fold(self._means.batches.value)
            draw = self.draw(fed.batch, noise, False)
            weighing = self._weighing(fed)
            found = []
            with scope(draw.noise):
                for name in self.players:
                    terms, _ = self._terms(name, draw)
                    found += self._logged(name, self._means_of(terms, weighing))
                observed = checks.observed(self.observe(draw))
                extra = {**draw.log, **observed}
            found += self._logged("", self._means_of(extra, weighing))
            self._means.batches.value.assign_add(1.0)
            return self._logs(found, empty=float("nan"))

    @contextlib.contextmanager
    def _reading(self, fed: Fed) -> Iterator[None]:
        """Within it, a step waits for its data.

        Work that needs no data would else run once more after the data's end.
        """
        given = tf.control_dependencies(keras.tree.flatten(fed))
        with given, philox.without_xla(not self.jit_compile):
            yield

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
        with moving_averages(False, self._frozen_averages(name)):
            loss, new = self._losses_of(lambda: getattr(self, f"{name}_loss")(draw))
        added = {key: [*(added or {}).get(key, []), *new[key]] for key in new}
        found = {
            key: Term.of(value, key or f"{name}_loss")
            for key, value in checks.terms(name, loss).items()
        }
        extra = []
        for network in self.players[name].networks.split():
            extra += added.get(network, []) + penalties(getattr(self, network))
        if extra:
            if "" in found:
                found = {"objective": found.pop(""), **found}
            # One tensor's sum has one order of additions: see `Means`. Layers may add
            # losses of any shape, in their own type.
            extra = [tf.reduce_sum(tf.cast(one, tf.float32)) for one in extra]
            total = tf.reduce_sum(tf.stack(extra))
            found["regularization"] = Term((Part("samples", total),))
        return found, added

    def _frozen_averages(self, name: str) -> list[keras.layers.Layer]:
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
            parts = Term.of(term, key).parts
            found[key] = [weighing.mean(part, key or "loss") for part in parts]
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
        happened in AS-VAE-r: its critic sometimes saw half of the decoder's update. The
        control dependencies below keep reading before writing.

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
                f"{self.no_gradient()}"
            )
        optimizer = getattr(self, player.optimizer)
        count = self.distribute_strategy.num_replicas_in_sync

        def update(gradients):
            gradients = updates.clipped(gradients, optimizer, count)
            updates.apply(optimizer, gradients, variables)
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
            checked += self._finite(name, gradients, variables)
        # Gradients are applied only after all are known to be finite.
        with tf.control_dependencies(checked):
            update(updates.passed(gradients))
        return means

    def _finite(self, name: str, gradients, variables) -> list[tf.Tensor]:
        """What to wait for: the step stops at a gradient that is not finite."""
        strategy = self.distribute_strategy
        (totals,) = workers.over_all(strategy, [updates.totals(gradients)])
        if not xla.in_clusters(self):
            return [updates.totals_finite(totals, name)]
        # In a cluster XLA would drop an assertion.
        return [
            updates.finite(one, name, variable.path, "gradient")
            for one, variable in zip(tf.unstack(totals), variables, strict=True)
        ]

    def _noise(self, purpose: int) -> Noise:
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        return Noise(self.seed).fold(purpose).fold(replica)

    # ---- What players update -----------------------------------------------------

    def variables_of(self, player: Player) -> list[keras.Variable]:
        """The trainable weights that a player updates."""
        return [
            variable
            for name in player.networks.split()
            for variable in trained_in(getattr(self, name))
        ]

    def _networks(self) -> dict[str, Any]:
        """The networks and layers that players update, by attribute."""
        return layers_of(self, self.players)

    @property
    def _whole_xla(self) -> bool:
        """Whether the step is one XLA computation, in which nothing can raise."""
        return self.jit_compile and not xla.in_clusters(self)
