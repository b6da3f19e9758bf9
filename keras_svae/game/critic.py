"""A critic: a network whose logit is to be the log ratio of two laws."""

from collections.abc import Callable
from typing import Any, overload

import tensorflow as tf

from keras_svae import ratios
from keras_svae.game import checks
from keras_svae.game.in_parts import in_parts

__all__ = ["Critic"]


class Critic:
    """Declares in a class what a critic reads, and which ratio it learns.

        f = Critic("critic", "x z", above="p", below="q")

    A constructor hands it the network: `self.f.use(critic)`. Then `self.f(x, z)` is the
    logit. The attribute `critic` is the network; a player names it.

    Args:
        network: The attribute that holds the network.
        reads: Names of its inputs, separated by spaces; `Game.input_specs` has their
            shapes. A critic of x alone also reads the class if the model is given one
            with each example.
        above: The law in the numerator of the ratio: "q" (the data's law, or the
            encoder's joint law of data and codes) or "p" (the model's). None if f is no
            log ratio.
        below: The law in the denominator.
        called: The constructor's name for the network; None for the attribute's name.
        f: A function of the model and the network's output, float32, that gives f; None
            if this output is f.
        **kinds: For a name in `reads` that does not say which input it is: the input.

    Raises:
        ValueError: For a network or inputs that are no names; by `use`, for an input
            that the model does not have.
    """

    def __init__(
        self,
        network: str,
        reads: str,
        *,
        above: str | None = None,
        below: str | None = None,
        called: str | None = None,
        f: Callable[[Any, tf.Tensor], tf.Tensor] | None = None,
        **kinds: str,
    ):
        for name, value in (("network", network), ("reads", reads)):
            if not isinstance(value, str) or not value.split():
                raise ValueError(
                    f"Expected {name} of a Critic as names in a text; received: "
                    f"{name}={value!r}"
                )
        self.network, self.called = network, called or network
        self.reads = {name: kinds.get(name, name) for name in reads.split()}
        self.above, self.below, self.f = above, below, f

    @overload
    def __get__(self, model: None, owner=None) -> "Critic": ...
    @overload
    def __get__(self, model: Any, owner=None) -> "OfModel": ...
    def __get__(self, model, owner=None):
        return self if model is None else OfModel(self, model)


class OfModel:
    """The critic of a model."""

    def __init__(self, declared: Critic, model):
        self.declared, self.model = declared, model

    @property
    def reads_classes(self) -> bool:
        """Whether it reads `[x, y]`, y one-hot."""
        alone = [*self.declared.reads] == ["x"]
        return alone and self.model.conditional and not self.model.unlabelled

    def use(self, network) -> None:
        """Gives the network to the model; raises a ValueError if it does not fit."""
        network = checks.functional(network)
        specs = self.model.input_specs()
        for kind in self.declared.reads.values():
            if kind not in specs:
                raise ValueError(
                    f"Expected the {self.declared.called} to read inputs among "
                    f"{', '.join(specs)}; received: {kind!r}"
                )
        shapes = {
            name: tuple(specs[kind].shape[1:])
            for name, kind in self.declared.reads.items()
        }
        classes = self.model.classes if self.reads_classes else None
        checks.critic(self.declared.called, network, shapes, classes)
        setattr(self.model, self.declared.network, network)

    def __call__(self, *inputs: tf.Tensor, training: bool = True) -> tf.Tensor:
        """The logits, (batch, 1) float32.

        Args:
            *inputs: What it reads. A critic of data also receives a class, one-hot, or
                None. It ignores the class if it does not read one.
            training: Whether layers such as batch normalisation are in training mode.
        """
        given = list(inputs[: len(self.declared.reads) + self.reads_classes])
        network = getattr(self.model, self.declared.network)
        output = network(given if len(given) > 1 else given[0], training=training)
        output = tf.cast(output, tf.float32)
        return self.declared.f(self.model, output) if self.declared.f else output

    def as_above(self, *inputs: tf.Tensor, training: bool = True) -> tf.Tensor:
        """The logistic loss of each as a sample of the law above, (batch, 1), nats."""
        return ratios.as_above(self(*inputs, training=training))

    def as_below(self, *inputs: tf.Tensor, training: bool = True) -> tf.Tensor:
        """The logistic loss of each as a sample of the law below, (batch, 1), nats."""
        return ratios.as_below(self(*inputs, training=training))

    def log_ratio(self, *inputs: tf.Tensor) -> tf.Tensor:
        """The trained model's logits, (batch,)."""

        def logits(*inputs):
            return tf.squeeze(self(*inputs, training=False), -1)

        return in_parts(logits, *inputs)
