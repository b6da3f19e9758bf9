"""How networks end: the law of their output, and whether the output is raw."""

from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_svae.distributions import Law

__all__ = ["RawOutput", "all_layers", "law_of", "same_law"]


@keras.saving.register_keras_serializable(package="keras_svae")
class RawOutput(keras.layers.Layer):
    """Names the law at the end of a network whose raw output is the law's.

    It changes nothing and has no weights. A model reads the law there, so users do not
    need to repeat it. The law is saved with the network.

    Args:
        law: q(z|x) of an encoder, p(x|z) of a decoder.

    Example:
        x = keras.layers.Dense(2)(h)
        law = ks.distributions.Gaussian(0.1)
        decoder = keras.Model(z, ks.networks.RawOutput(law)(x))
    """

    def __init__(self, law: Law, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(law, Law):
            raise ValueError(
                f"Expected law to be a keras_svae.distributions.Law; received: {law!r}"
            )
        self.law = law

    def call(self, inputs):
        return tf.identity(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        law = keras.saving.serialize_keras_object(self.law)
        return {**super().get_config(), "law": law}

    @classmethod
    def from_config(cls, config):
        law = keras.saving.deserialize_keras_object(config["law"])
        return cls(**{**config, "law": law})


# These layers pass their input on unchanged, except for its shape.
_PASSING = (
    RawOutput,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Permute,
    keras.layers.Reshape,
)
_ACTIVATIONS = (
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)


def law_of(network: keras.Model) -> Law | None:
    """The law that a network's end names; None if it names none."""
    for layer in _from_the_end(network):
        if isinstance(layer, RawOutput):
            return layer.law
        if not isinstance(layer, _PASSING):
            break
    return None


def same_law(one: Law, other: Law) -> bool:
    """Whether two laws are of the same kind and have the same parameters."""
    return type(one) is type(other) and one.get_config() == other.get_config()


def last_activation(network: keras.Model) -> str | None:
    """The name of the activation that a network ends in; None for a linear end.

    Layers that only change the shape may follow it.
    """
    for layer in _from_the_end(network):
        if isinstance(layer, _PASSING):
            continue
        if isinstance(layer, _ACTIVATIONS):
            return type(layer).__name__
        activation = getattr(layer, "activation", None)
        if activation in (None, keras.activations.linear):
            return None
        return getattr(activation, "__name__", type(activation).__name__)
    return None


def all_layers(network: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers in a network, and those in these, each once.

    A layer of the user may be made of others, as its attributes or in lists of them. If
    Keras does not count the weights of one of them among the layer's, the layer only
    refers to it.
    """
    seen = {id(network)}

    def parts(value):
        if isinstance(value, keras.layers.Layer):
            yield value
        elif isinstance(value, dict):
            yield from parts(list(value.values()))
        elif isinstance(value, (list, tuple, set)):
            for one in value:
                yield from parts(one)

    def inside(layer):
        own = {id(v) for v in layer.weights}
        graph = isinstance(layer, keras.Model)
        for one in layer.layers if graph else parts(list(vars(layer).values())):
            if id(one) not in seen and all(id(v) in own for v in one.weights):
                seen.add(id(one))
                yield one
                yield from inside(one)

    return inside(network)


def _from_the_end(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Layers from the output backwards, as long as each has a single input."""
    if isinstance(network, keras.Sequential):
        row = network.layers[::-1]
    elif (config := _graph(network)) is not None:
        before = {one["name"]: _inputs(one) for one in config["layers"]}
        known = {layer.name: layer for layer in network.layers}
        names, row = _names(config["output_layers"]), []
        # An operation that is no layer, for example a sum, ends the row.
        while len(names) == 1 and names[0] in known:
            row.append(known[names[0]])
            names = before[names[0]]
    else:
        row = network.layers[::-1][:1]
    for layer in row:
        if isinstance(layer, keras.Model):
            yield from _from_the_end(layer)
        else:
            yield layer


def _graph(network) -> dict | None:
    """The configuration of a functional network; None if it has none."""
    try:
        config = network.get_config()
    except (NotImplementedError, TypeError, ValueError):  # a user's own layer raised it
        return None
    return config if "output_layers" in config else None


def _inputs(layer: dict) -> list[str]:
    """Names of the layers that a layer is called on, if it is called once."""
    calls = layer["inbound_nodes"]
    return _names(calls) if len(calls) == 1 else []


def _names(value) -> list[str]:
    """Names of the layers in a configuration's description of tensors."""
    if isinstance(value, dict):
        history = value.get("config", {}).get("keras_history")
        found = [history] if history else list(value.values())
        return [name for one in found for name in _names(one)]
    if not isinstance(value, (list, tuple)):
        return []
    if len(value) == 3 and isinstance(value[0], str):
        return [value[0]]
    return [name for one in value for name in _names(one)]
