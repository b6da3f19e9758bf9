"""Which layers of a network are random by a state of their own."""

from collections.abc import Iterable

import keras
import tensorflow as tf

from keras_svae import noise
from keras_svae.networks.backwards import all_layers

__all__ = ["generator_states", "random_layers"]


def generator_states(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The states of its `keras.random.SeedGenerator`s, which count draws."""
    known = {id(variable) for variable in layer.weights}
    return [
        variable
        for variable in layer.variables
        if id(variable) not in known and "seed_generator_state" in variable.path
    ]


def random_layers(network: keras.Model) -> list[str]:
    """Names of the user's layers that are random outside of training, too.

    Their noise comes from a seed generator, which no seed of the model's methods sets.
    Layers of Keras are not looked at: they are random in training alone. No state
    changes.

    Args:
        network: A built network.

    Returns:
        The names; none if the output is the same at each call, or if it cannot be
        calculated here, as with inputs of unknown sizes.
    """
    own = {
        layer.name: _without(
            generator_states(layer), map(generator_states, all_layers(layer))
        )
        for layer in (network, *all_layers(network))
        if type(layer).__module__.split(".")[0] not in ("keras", "keras_svae")
    }
    own = {name: states for name, states in own.items() if states}
    shapes = [tuple(one.shape[1:]) for one in getattr(network, "inputs", None) or []]
    if not own or not shapes or any(None in shape for shape in shapes):
        return []

    def call(inputs):
        """Two outputs that differ in the generators' states alone, and these states."""
        now: dict = {}
        outputs = []
        for _ in range(2):
            mapping = [(one, now[id(one)]) for one in every if id(one) in now]
            # What layers assign is not kept, and the package's own noise is the same.
            with keras.StatelessScope(mapping) as scope, noise.scope(0):
                outputs.append(network(inputs, training=False))
            found = {id(one): scope.get_current_value(one) for one in every}
            now = {key: value for key, value in found.items() if value is not None}
        drawn.extend(name for name in own if any(id(one) in now for one in own[name]))
        return tf.stack(outputs)

    every = [one for states in own.values() for one in states]
    drawn: list[str] = []
    try:
        with tf.init_scope():  # also while an endpoint is traced
            read = [
                tf.random.stateless_normal((one.shape[0] or 2, *shape), (0, 0))
                for one, shape in zip(network.inputs, shapes, strict=True)
            ]
            # In a graph, where TensorFlow's own generator does not advance.
            read = read if len(read) > 1 else read[0]
            pair = tf.function(call).get_concrete_function(read)(read)
            same = bool(tf.reduce_all(pair[0] == pair[1]))
    except Exception:  # of the user's own `call`
        return []
    return [] if same else drawn


def _without(states: list, others: Iterable[list]) -> list:
    inner = {id(one) for several in others for one in several}
    return [one for one in states if id(one) not in inner]
