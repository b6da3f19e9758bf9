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
# Operations of `keras.ops` that are no layers, by the names of their classes, which
# Keras also writes to files: those that pass their input on, and activations.
_PASSING_OPERATIONS = (
    "Cast ExpandDims Moveaxis Ravel Reshape Squeeze Swapaxes Transpose".split()
)
_ACTIVATION_OPERATIONS = {
    "clip": "clip",
    "exp": "exponential",
    **{name.replace("_", ""): name for name in dir(keras.activations)},
}
# What Keras's own layers do that call a function or a layer of the user's.
_CALLING = (keras.layers.Lambda, keras.layers.Wrapper)


def law_of(network: keras.Model) -> Law | None:
    """The law that a network's end names; None if it names none."""
    for one in _from_the_end(network):
        if isinstance(one, RawOutput):
            return one.law
        if not _passes(one):
            break
    return None


def same_law(one: Law, other: Law) -> bool:
    """Whether two laws are of the same kind and have the same parameters."""
    return type(one) is type(other) and one.get_config() == other.get_config()


def last_activation(network: keras.Model) -> str | None:
    """The name of the activation that a network ends in; None for a linear end.

    Layers and operations that only change the shape may follow it. It is found in a
    layer of the user's own, too, if Keras can follow the layer's `call`: if this uses
    layers and `keras.ops`, but no TensorFlow.
    """
    for one in _from_the_end(network):
        if _passes(one):
            continue
        if isinstance(one, _ACTIVATIONS):
            return type(one).__name__
        if not isinstance(one, keras.layers.Layer):
            return _ACTIVATION_OPERATIONS.get(type(one).__name__.lower())
        activation = getattr(one, "activation", None)
        if activation in (None, keras.activations.linear):
            return None
        return getattr(activation, "__name__", type(activation).__name__)
    return None


def _passes(one: keras.Operation) -> bool:
    """Whether it passes its input on unchanged, except for its shape."""
    if isinstance(one, keras.layers.Layer):
        return isinstance(one, _PASSING)
    return type(one).__name__ in _PASSING_OPERATIONS


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


def _from_the_end(network: keras.Model) -> Iterator[keras.Operation]:
    """What makes the output, from it backwards, while each has a single input."""
    if isinstance(network, keras.Sequential):
        row = [(one, True) for one in network.layers[::-1]]
    elif (found := _row(network)) is not None:
        row = found
    elif (inside := _inside(network)) is not None:
        row = [(inside, True)]
    else:
        row = [(one, True) for one in network.layers[::-1][:1]]
    for one, plain in row:
        inside = one if isinstance(one, keras.Model) else None
        if plain and _is_opaque(one):
            inside = inside or _inside(one)
        if inside is None:
            yield one
        elif len(getattr(inside, "outputs", [])) > 1:
            yield one  # Which of its outputs the network's is, is not known here.
            return
        else:
            yield from _from_the_end(inside)


def _row(network: keras.Model) -> list[tuple[keras.Operation, bool]] | None:
    """The last operations of a functional network, from its output backwards.

    With each stands whether it was called on its input and nothing else. Keras runs
    through the network's graph without its operations: in their place stand layers that
    do nothing. None if there is no graph, as of a subclass.
    """
    made: dict[int, tuple[keras.Operation, list[keras.KerasTensor], bool]] = {}

    def call(one, *args, **kwargs):
        given = keras.tree.flatten((args, kwargs))
        read = [x for x in given if isinstance(x, keras.KerasTensor)]
        # With a name of its own: Keras names layers without one by their count.
        stand_in = keras.layers.Identity(autocast=False, name=f"call_{len(made)}")
        result = stand_in(read[0])
        plain = len(args) == 1 and not set(kwargs) - {"training", "mask"}
        made[id(result)] = one, read, plain
        return [result] * len(keras.tree.flatten(one.output))

    try:
        # Of the graph alone: Keras would compile the copy of a compiled network.
        graph = keras.Model(network.inputs, network.outputs, name="graph")
    except (AttributeError, ValueError):
        return None
    copy = keras.models.clone_model(
        graph, clone_function=lambda one: one, call_function=call
    )
    row, at = [], copy.outputs
    while len(at) == 1 and id(at[0]) in made:
        one, at, plain = made[id(at[0])]
        row.append((one, plain))
    return row


def _is_opaque(one: keras.Operation) -> bool:
    """Whether it is a layer whose class does not say what it does."""
    if not isinstance(one, keras.layers.Layer) or isinstance(one, _PASSING):
        return False
    return isinstance(one, _CALLING) or type(one).__module__.split(".")[0] != "keras"


def _inside(layer: keras.layers.Layer) -> keras.Model | None:
    """The graph of a layer's `call`; None if Keras cannot follow it."""
    try:
        read = layer.input
        x = keras.Input(batch_shape=read.shape, dtype=read.dtype, name="read")
        with keras.StatelessScope():  # what `call` assigns is not kept
            made = layer.call(x)
        return keras.Model(x, made, name="inside")
    except Exception:  # of the user's own `call`, which may use TensorFlow
        return None
