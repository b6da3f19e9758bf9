"""The base class: players take turns.

A method is a `Game`: it names its players (their networks, optimizer and number of
turns) and gives each a loss. Everything that is not a formula is here, once for all
methods: optimizers, turns, noise, replicas, weights of examples, metrics, saving.
"""

from typing import Any

import keras

from keras_svae.game import changed, checks
from keras_svae.game.diverged import Diverged
from keras_svae.game.export.leaving import Leaving
from keras_svae.game.player import (
    Player,
    check_parts,
    check_players,
    layers_of,
    names_of,
)
from keras_svae.game.saving.configuration import Configured
from keras_svae.game.saving.state_tree import restored, tell_of_missing, with_all
from keras_svae.game.settings import check_play, own, turns_of
from keras_svae.noise import Noise

__all__ = ["Diverged", "Game", "Player"]


class Game(Configured, Leaving):
    """A model that is trained by players who take turns.

    Its networks and laws are those that it was made with. An assignment of another one,
    `model.decoder = other`, raises an AttributeError: its shapes would not be checked.

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
        name: The model's name; None for one that Keras makes from the class's.
    """

    # How the players play if the caller does not say it.
    default_play: str = "alternating"
    # Attributes beside the networks of players that stay as they were made.
    settled: tuple[str, ...] = ()
    _fixed: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        seed: int = 0,
        turns: dict[str, int] | None = None,
        play: str | None = None,
        name: str | None = None,
        **kwargs,
    ):
        # The networks have policies of their own. The model itself does not round.
        super().__init__(**{"dtype": "float32", "name": name, **kwargs})
        check_players(self)
        self.seed = checks.seed(seed)
        self.turns = turns_of(turns, self.players)
        if play is None:
            single = all(n == 1 for n in self.turns.values())
            play = self.default_play if single else "alternating"
        check_play(play, self.turns)
        self.play = play
        self.record("turns", dict(self.turns))
        self.record("play", play)
        self._step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self._passes, self._passes_of_data = {}, {}
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
        layers = checks.batch_norms(self._networks())
        norms = [one for one in layers if checks.normalises_examples(one)]
        if norms:
            return 2, (
                "at least 2 examples per replica for batch normalisation (layer "
                f"{norms[0].name!r})"
            )
        return super().least_share()

    def check_made(self):
        check_parts(self)
        checks.without_effect(type(self))
        names = names_of(self.players)
        checks.apart({name: getattr(self, name) for name in names})
        # The arguments, too: a network that no player updates is saved by itself as
        # well. The critic that `AIM` makes of its discriminator is no argument.
        found = {}
        for name, given in vars(self)["_record"].arguments.items():
            if isinstance(given, keras.layers.Layer):
                found[name] = given
            elif isinstance(given, (list, tuple, dict)):
                for i, one in enumerate(keras.tree.flatten(given)):
                    if isinstance(one, keras.layers.Layer):
                        found[f"{name}[{i}]"] = one
        checks.apart(found)
        checks.known_noise(layers_of(self, type(self).players))
        self._with_parts()  # after the networks
        object.__setattr__(self, "_fixed", frozenset([*names, *self.settled]))
        # Also those of a `compile` that the constructor called.
        vars(self)["_own_settings"] = self._own_settings | own(self)

    def add_loss(self, loss):
        """Refused: a method's losses are terms. Layers of networks may add losses."""
        if checks.has_own_step(type(self)):
            super().add_loss(loss)
            return
        raise ValueError(
            "Expected losses as terms that NAME_loss(draw) of a player returns, or of "
            f"a layer of a network; received: add_loss of {type(self).__name__} itself"
        )

    def __setattr__(self, name, value):
        # What the constructor checked and derived, and compiled steps, would stay.
        if name in self._fixed and value is not getattr(self, name, None):
            raise AttributeError(
                f"Expected the {name} that the model was made with, which was checked "
                f"and is saved; received: another one, {value!r}. Make a new model of "
                "it: load_weights_from takes over the weights of the other networks"
            )
        if "_fixed" in vars(self) and isinstance(value, keras.Variable):
            raise AttributeError(
                f"Expected the variable {name} to be made in the constructor, by which "
                "a file is loaded; received: a keras.Variable for a finished model"
            )
        held = getattr(type(self), name, None)
        if isinstance(held, property) and held.fset is None:
            raise AttributeError(
                f"Expected another name than {name}, which {type(self).__name__} has "
                f"as a property that cannot be set; received: {name} = {value!r}"
            )
        super().__setattr__(name, value)

    def get_state_tree(self, value_format="backend_tensor"):
        """Keras's `get_state_tree`, with the state of all optimizers by their names."""
        found = super().get_state_tree(value_format)
        return with_all(found, self.optimizers, value_format)

    def set_state_tree(self, state_tree):
        """Keras's `set_state_tree`; see `get_state_tree`. It tells what it lacks."""
        tell_of_missing(state_tree, self)
        super().set_state_tree(restored(state_tree, self.optimizers))

    def get_config(self) -> dict[str, Any]:
        """Plain values and serialised Keras objects, from which to make the model.

        Raises:
            ValueError: If a setting was changed to a value that the constructor would
                refuse, or that has no effect: the model of it would be another one.
        """
        changed.check(self)
        return super().get_config()

    def build(self, input_shape=None):
        """Does nothing: the networks are built already."""
        self.built = True
