"""What a step logs: means over an epoch. `Diverged` is raised here."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import checks, updates
from keras_svae.game.devices import workers
from keras_svae.game.diverged import Diverged
from keras_svae.game.means import Means
from keras_svae.game.player import Player
from keras_svae.game.terms import Term
from keras_svae.game.trainer import Trainer
from keras_svae.game.weighing import SEVERAL, SOME, Mean, expected
from keras_svae.noise import Noise, scope
from keras_svae.telling import warn

__all__ = ["Logged"]

# Examples of a dry run that computes, unless the model needs more.
_FEW = 4


class Logged(Trainer):
    """A model that logs a mean for each player, term and observation.

    The terms are found when the model is compiled, by a dry run of the losses.
    """

    players: dict[str, Player] = {}
    # Gives the means. Keras tracks no new metric once the user has built the model.
    _held: Callable[[], Means] | None = None
    # Says which networks are fed data, samples or both. The dry run finds this.
    _passes: dict[str, set[bool]]
    _passes_of_data: dict[str, set[bool]]
    # Whether a metric is of Keras's own step, whose mean of one loss says nothing here.
    _is_of_keras: Callable[[Any], bool] = staticmethod(lambda metric: False)

    def compile(self, *args, **kwargs):
        before = super().metrics
        super().compile(*args, **kwargs)
        new = [one for one in super().metrics if not any(one is old for old in before)]
        # A function, as Keras would track a list.
        self._is_of_keras = lambda metric: any(metric is one for one in new)

    @property
    def _means(self) -> Means | None:
        return None if self._held is None else self._held()

    @property
    def metrics(self):
        means = [] if self._means is None else self._means.views()
        return [*means, *self._own_metrics().values()]

    def _own_metrics(self) -> dict[str, keras.metrics.Metric]:
        """The metrics that a user's class, or a layer of a network, has.

        By the name in the log: the second one called "norm" is "norm_1".
        """
        found: dict[str, keras.metrics.Metric] = {}
        for one in {id(one): one for one in super().metrics}.values():
            if self._is_of_keras(one):
                continue
            again = sum(one.name == other.name for other in found.values())
            found[f"{one.name}_{again}" if again else one.name] = one
        return found

    def _own_results(self) -> dict[str, tf.Tensor]:
        found: dict[str, tf.Tensor] = {}
        for name, one in self._own_metrics().items():
            result = one.result()
            found |= result if isinstance(result, dict) else {name: result}
        return found

    def columns(self, validated: bool = True) -> list[str]:
        """The names of what `fit` logs, of a compiled model.

        Args:
            validated: Whether there are validation data.
        """
        means = [] if self._means is None else self._means.names
        names = [*means, *self._own_metrics()]
        found = [name for name in names if name in self._in_training]
        return found + [f"val_{name}" for name in names] * validated

    def reset_metrics(self):
        if self._means is not None:
            self._means.reset_state()
        for one in self._own_metrics().values():
            one.reset_state()

    def get_metrics_result(self):
        """By name, the means of all batches since the last reset, and own metrics."""
        means = self._means
        found = {} if means is None else means.result(means.known())
        return found | self._own_results()

    def _warn_of_empty(self) -> None:
        means = self._means
        if means is None or checks.has_own_step(type(self)):
            return
        known = means.known()
        without = [name for name in means.names if name not in known]
        if known and without:  # of weights of 0 alone there is another warning
            warn(
                f"Expected examples with a value for {', '.join(without)}; received: "
                "none in the data to evaluate on, so these columns are NaN. Of a model "
                "that reads labels: no example has one."
            )

    def _metric_name(self, player: str, term: str) -> str:
        if not player:
            return term
        return f"{player}_{term}" if term else f"{player}_loss"

    def _make_means(self) -> None:
        """Makes one mean per player, term and observation; a dry run finds these."""
        found: dict[str, Any] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._of_batch: dict[str, tuple[str, str]] = {}

        def note(player, terms, counts):
            terms = {key: Term.of(term, key) for key, term in terms.items()}
            if player and "" not in terms:
                found[f"{player}_loss"] = [self._metric_name(player, t) for t in terms]
                checks.own_name(f"{player}_loss", (player, ""), self._owners)
            for key, term in terms.items():
                name = self._metric_name(player, key)
                term.check_counts(counts, key or f"{player}_loss")
                found[name] = len(term.parts)
                checks.own_name(name, (player, key), self._owners)
                if player and not term.of_examples:
                    self._of_batch[name] = player, key

        def dry_run(batch):
            counts = self._counts(batch)
            draw = self.draw(batch, Noise(0), True)
            with scope(draw.noise):
                for name in self.players:
                    note(name, self._terms(name, draw)[0], counts)
                note("", draw.log, counts)
            if single:
                # Keras's callbacks look at this: a bound or an error that is minimised.
                # It comes before what only evaluation has: see `metrics_names`.
                found["loss"] = [f"{player}_loss" for player in self.players]
            self._in_training = set(found)
            # Evaluation has the same losses. To trace them again takes seconds.
            draw = self.draw(batch, Noise(0), False)
            with scope(draw.noise):
                observed = checks.observed(self.observe(draw))
                note("", {**draw.log, **observed}, counts)

        single = len(self.players) == 1
        if single:
            self._owners["loss"] = next(iter(self.players)), ""
        self._passes, self._passes_of_data = {}, {}
        self._without_effect(dry_run, self.batch_spec())
        own = {*self._own_metrics()}
        self._in_training |= own
        # A step of the user's own says what it logs.
        for name in own if not checks.has_own_step(type(self)) else ():
            checks.own_name(name, ("", ""), self._owners)
        self._passes_of_data = self._passes
        means = Means(found)
        self._held = lambda: means

    def _counts(self, batch) -> set[int]:
        """How many examples a batch may have, as far as shapes say this."""
        read = [x for one in self._networks().values() for x in _inputs_of(one)]
        known = [x.shape[0] for x in [*tf.nest.flatten(batch), *read] if x.shape]
        return {count for count in known if count is not None}

    def _without_effect(self, dry_run, spec) -> None:
        """Calls a function of a batch. No variable changes.

        A graph of it is never run. A model that runs eagerly computes it, as in its
        steps, with zeros: Python, and a debugger in it, sees tensors with values.
        """
        shapes = [one.shape[1:] for one in tf.nest.flatten(spec)]
        known = all(shape.is_fully_defined() for shape in shapes)
        alone = self.distribute_strategy.num_replicas_in_sync == 1
        # Keras's switch, and TensorFlow's for all functions.
        eagerly = self.run_eagerly or tf.config.functions_run_eagerly()
        if not (eagerly and known and alone):
            tf.function(dry_run, autograph=False).get_concrete_function(spec)
            return

        count = max(_FEW, self.least_share()[0])

        def zeros(one):
            return tf.zeros([count, *one.shape[1:]], one.dtype)

        values = [(one, one.value) for one in self.variables]
        with keras.StatelessScope(values, collect_losses=True):
            dry_run(tf.nest.map_structure(zeros, spec))

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
        logs = means.result(names, empty) | self._own_results()
        if workers.are_several(self.distribute_strategy):
            # Keras's loop cannot reduce scalar logs over workers.
            logs = {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    # ---- Numbers that are not finite ---------------------------------------------

    def make_train_function(self, force=False):
        super().make_train_function(force)
        if getattr(self.train_function, "guards", None) is self:
            return
        step = self.train_function

        def guarded(iterator):
            try:
                logs = step(iterator)
            except tf.errors.OpError as error:  # of another worker, of any kind
                found = updates.found_in(error, self._paths_of)
                if found is None:
                    self._raise_of_rows(error)
                    raise
                self._raise_diverged(*found)
            self._run.trained += 1
            losses = self._of_losses(logs)
            bad = {n: v for n, v in losses.items() if not checks.all_finite(v)}
            if bad:
                self._raise_diverged_logs(bad)
            return logs

        guarded.guards = self
        self.train_function = guarded

    def _raise_of_rows(self, error: Exception) -> None:
        """Raises its own error if a term's values were not one for each example."""
        if found := updates.rows_in(error):
            name, rows, count = found
            hint = SOME if rows < count else SEVERAL
            received = f"{rows} values for a batch of {count}"
            raise ValueError(expected(name, received) + hint) from None

    def _of_losses(self, logs: dict[str, Any]) -> dict[str, Any]:
        """The logs that are a player's loss or a term of it.

        What a loss only logs, or a `train_step` of the user's own adds, changes no
        weight. It may be infinite or NaN.
        """
        owners = self._owners
        return {n: value for n, value in logs.items() if owners.get(n, ("",))[0]}

    def _paths_of(self, player: str) -> list[str]:
        """The paths of the weights that a player updates."""
        return [one.path for one in self.variables_of(self.players[player])]

    def _raise_diverged_logs(self, logs: dict) -> None:
        # The first in playing order: it spoils what the others read. Its total is named
        # only if no single term of it is the cause.
        order = [*self.players]
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
            "Training stopped before this value changed a weight of the player, and "
            "before anything was saved: the last checkpoint is intact. A lower "
            "learning rate, gradient clipping (`clipnorm`), or larger scales of the "
            "laws may help."
        ) from None


def _inputs_of(network) -> list:
    """The symbolic inputs of a functional network, of which the batch may be fixed."""
    return list(getattr(network, "inputs", None) or ())
