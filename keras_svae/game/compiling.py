"""`compile`: an optimizer for each player, and how the step runs."""

from typing import Any

import keras
import tensorflow as tf

from keras_svae import recorded_values as values
from keras_svae.game import changed, checks, optimizing, settings
from keras_svae.game.averages import Averages, check_momentum
from keras_svae.game.compiled_with import CompiledWith, Passed, recording
from keras_svae.game.devices import replicas, xla
from keras_svae.game.keras_callbacks import rates
from keras_svae.game.playing import Playing
from keras_svae.game.turn import Turn
from keras_svae.owners import owner_of, package_of
from keras_svae.recording import parameters, split
from keras_svae.telling import warn

__all__ = ["Compiling"]

# New values of settings after which a warning says what each costs.
MANY = 20


class Compiling(Playing):
    """A model whose players have an optimizer each."""

    _optimizer_names: tuple[str, ...] = ()
    # What a `compile` of the user's own was given, and what it passes on while it runs.
    _compiled_with: CompiledWith | None = None
    _compiling: Passed | None = None
    # The names of the settings that are the user's class's own: see `settings.own`.
    _own_settings: frozenset[str] | set[str] = frozenset()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        whose = owner_of(cls, "compile")
        own = package_of(whose) != "keras_svae"
        if own and (whose is cls or not issubclass(whose, Compiling)):
            setattr(cls, "compile", recording(vars(whose)["compile"]))  # noqa: B010

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
                clusters of nodes (see docs/step.md). The model's own noise is the
                same with and without XLA. But Keras's Dropout and GaussianNoise draw
                other masks under XLA, and all replicas have the same seed and draw the
                same masks.
            run_eagerly: Run without a graph, for debugging. `compile` itself then calls
                the losses once, with zeros; no variable changes.
            steps_per_execution: Steps per call of the graph. Callbacks see every call,
                not every step. The steps are those of single calls. The last call of
                an epoch has fewer if an epoch is no multiple of it.
            ema: Momentum in (0, 1) of an exponential moving average of the weights,
                which the model keeps: see `keras_svae.callbacks.AveragedWeights`. If
                the averages of an earlier `compile` are the model's weights, this puts
                the trained weights back and averages anew. None keeps the weights as
                they are, and forgets the others.
            sync_batch_norm: Under several replicas, True lets batch normalisation take
                its moments over the batch of all replicas, False over each replica's
                share. None means what each layer was made for, by default its share.
            **optimizers: The other players' optimizers, e.g. `critic_optimizer`.

        Raises:
            ValueError: For a missing optimizer; for one that two players share, that
                was built for other weights (of another model, or other layers), that
                scales the loss or averages weights; for one that accumulates gradients
                under several replicas; or for XLA under a strategy on CPUs without the
                flag that TensorFlow needs there.
            TypeError: For an argument that no player asks for.
        """
        changed.check(self)
        before_any = {*vars(self)}
        optimizers = {"optimizer": optimizer, **optimizers}
        passed = {**optimizers, "jit_compile": jit_compile, "run_eagerly": run_eagerly}
        passed |= {"steps_per_execution": steps_per_execution, "ema": ema}
        checks.counts(1, steps_per_execution=steps_per_execution)
        check_momentum(ema)
        strategy = self.distribute_strategy
        count = strategy.num_replicas_in_sync
        optimizers = checks.optimizers(optimizers, self.players, count)
        checks.in_scope(self._networks(), strategy)
        updated = {
            name: [
                variable
                for player in self.players.values()
                if player.optimizer == name
                for variable in self.variables_of(player)
            ]
            for name in optimizers
        }
        for name, one in optimizers.items():
            checks.check_serves(one, updated[name], name)
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
        self.compiled = False  # until nothing more can be refused
        turn = Turn(self._networks())
        self._losses_of = lambda compute: turn.losses_of(compute)  # not tracked
        with strategy.scope():
            for name, one in optimizers.items():
                optimizing.build(one, updated[name], name)
                setattr(self, name, one)
            trained = self.trainable_variables
            if self.averages is not None:  # of an earlier compile()
                if ema is not None:  # training goes on
                    self.averages.give_back()
                self._give_up_part(self.averages)
            if ema is not None:
                self._keep_part(Averages(trained, ema))
            before = self._paths()
            self._make_means()
        self._check_trained(before)
        self._optimizer_names = tuple(optimizers)
        self._compiled_weights = self._paths()
        self._ema, self._asked_for_xla = ema, asked
        self._traced, self._compiled_rates = settings.of(self), rates.current(self)
        self._retraced = 0
        named = {k: settings.names_of_optimizer(one) for k, one in optimizers.items()}
        # In functions, as Keras would track the optimizers a second time.
        self._settings_of_optimizers = lambda: settings.of_optimizers(optimizers, named)
        self._are_compiled = lambda name: getattr(self, name) is optimizers[name]
        self._traced_optimizers = self._settings_of_optimizers()
        self.compiled = True
        if self._compiling is None:
            self._compiled_with = None
        else:
            self._compiling.arguments |= passed
            self._compiling.attributes |= {*vars(self)} - before_any

    def _act_on_settings(self) -> None:
        """Makes the traced steps and the means anew if a setting has changed.

        A new value may also bring other terms, as a weight of 0 may leave terms out.
        """
        now, of_optimizers = settings.of(self), self._settings_of_optimizers()
        if (now, of_optimizers) == (self._traced, self._traced_optimizers):
            return
        count = self.distribute_strategy.num_replicas_in_sync
        checks.optimizers(self.optimizers, self.players, count)
        changed.check(self)
        now = settings.of(self)  # with the turns of all players
        self._retraced += 1
        if self._retraced == MANY:
            warn(
                f"Settings of {type(self).__name__} have changed {MANY} times since "
                "compile(). Each new value makes the step anew, which takes seconds. A "
                "value that changes often can be a keras.Variable of a method of your "
                "own, made in its constructor."
            )
        with self.distribute_strategy.scope():
            self._make_means()
        self.train_function = self.test_function = self.predict_function = None
        self._traced, self._traced_optimizers = now, of_optimizers

    def _check_trained(self, before: set[str]) -> None:
        """Raises, or warns, where a weight of the model would never be trained.

        Args:
            before: The names of the weights that players update, before the losses were
                called for the first time.
        """
        made = sorted(self._paths() - before)
        if made:
            raise ValueError(
                "Expected layers that have their weights before compile(); received: "
                f"{made[0]!r}, which a loss made. Call the layer's build(shape) in the "
                "constructor"
            )
        # Also those of players that now do not play: see `TwoStageVAE`.
        players = [*type(self).players.values(), *self.players.values()]
        owned = [one for player in players for one in self.variables_of(player)]
        owned += self._with_parts().trainable_variables
        known = {id(one) for one in owned}
        left = [one.path for one in self.trainable_variables if id(one) not in known]
        if left:
            warn(
                "Expected a player for each trainable weight; received: none for "
                f"{', '.join(left[:3])}{' and others' * (len(left) > 3)}. It keeps its "
                'value. Name its attribute in a player, Player("encoder decoder NAME"),'
                " or give it trainable=False."
            )

    def _paths(self) -> set[str]:
        """The names of the weights that players update."""
        players = self.players.values()
        return {one.path for player in players for one in self.variables_of(player)}

    def _make_ready(self, name: str, training: bool) -> None:
        super()._make_ready(name, training)
        if name == "fit" or not self._run.fitting:
            self._act_on_settings()  # in `fit`, when an epoch begins
        if not training:
            return
        for optimizer in self._optimizer_names:
            if not self._are_compiled(optimizer):
                raise ValueError(
                    "Expected compile() with another optimizer, which is built and "
                    f"taken into the step there; received: {name}() with another "
                    f"object as model.{optimizer}"
                )
        now = self._paths()
        changed = now ^ self._compiled_weights
        if changed:
            one = min(changed)
            change = "now trained" if one in now else "now frozen"
            raise ValueError(
                "Expected compile() after a change of `trainable`, which takes effect "
                f"there; received: {name}() with the weight {one!r} {change}"
            )

    def _arguments_of_compile(self) -> dict[str, Any]:
        """What `compile` was given, as it is now."""
        found = {
            **self.optimizers,
            "jit_compile": self._asked_for_xla,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "ema": self._ema,
        }
        own = self._compiled_with
        return found if own is None else own.now(self, found)

    def get_compile_config(self):
        if not self.compiled:
            return None
        for name, one in self.optimizers.items():
            if checks.spares_weights(one):
                warn(
                    "A file or a copy of this model lacks what exclude_from_weight_"
                    f"decay() excludes in {name!r}, as Keras does not save it: all "
                    "weights would decay. After loading, call compile() with such an "
                    "optimizer."
                )
        given = self._arguments_of_compile()
        if not all(map(values.saves, given.values())):
            return None  # `compile` has warned of it
        return {name: values.written(one) for name, one in given.items()}

    def compile_from_config(self, config):
        given = {name: values.read(one) for name, one in config.items()}
        self._compile_with(given)

    def _compile_anew(self) -> None:
        """Compiles with new optimizers of the same settings."""

        def fresh(one):
            optimizer = isinstance(one, keras.optimizers.Optimizer)
            return type(one).from_config(one.get_config()) if optimizer else one

        given = self._arguments_of_compile()
        self._compile_with(keras.tree.map_structure(fresh, given))

    def _compile_with(self, given: dict[str, Any]) -> None:
        unnamed, named = split(parameters(type(self).compile), given)
        self.compile(*unnamed, **named)

    @property
    def step(self) -> int:
        """The number of steps the model was trained; it is saved with the weights.

        In a loss it is the variable, which each step reads: a number would be a
        constant of the traced step.
        """
        return int(self._step.numpy()) if tf.executing_eagerly() else self._step

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """The optimizers by their argument of `compile`; none before it."""
        return {name: getattr(self, name) for name in self._optimizer_names}
