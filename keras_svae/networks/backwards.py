"""What a network is made of: from its output backwards, and all of its layers."""

import dataclasses
from collections.abc import Iterator, Sequence

import keras

__all__ = ["Made", "all_layers", "innermost", "is_opaque", "output_of"]


@dataclasses.dataclass(frozen=True)
class Made:
    """What made a tensor.

    Attributes:
        by: The layer or operation.
        of: What made the tensors that it read; None for an input, and for a tensor of
            which this is not known.
        plain: Whether it was called on its inputs and nothing else.
    """

    by: keras.Operation
    of: tuple["Made | None", ...] = ()
    plain: bool = True


def output_of(network: keras.Model, of: Sequence["Made | None"] = ()) -> "Made | None":
    """What made a network's output; None for an input that comes out as it is.

    Of a subclassed network whose `call` Keras cannot follow it is the network itself.

    Args:
        network: A network of one output.
        of: What made the network's inputs.
    """
    if isinstance(network, keras.Sequential):
        return _row(network.layers, of)
    try:
        # Of the graph alone: Keras would compile the copy of a compiled network.
        graph = keras.Model(network.inputs, network.outputs, name="graph")
    except (AttributeError, ValueError):  # no graph, as of a subclass
        inside = _called(network)
        return Made(network, tuple(of)) if inside is None else output_of(inside)
    return _walked(graph, of)


def _row(layers: list, of: Sequence["Made | None"]) -> "Made | None":
    """What the last of some layers made, each of which reads the one before."""
    if not layers:
        return of[0] if len(of) == 1 else None
    made = Made(layers[0], tuple(of))
    for one in layers[1:]:
        made = Made(one, (made,))
    return made


def _walked(graph: keras.Model, of: Sequence["Made | None"]) -> "Made | None":
    """What made the output of a functional network.

    Keras runs through the network's graph without its operations: in their place stand
    layers that do nothing.
    """
    read = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name),
        graph.input,
    )
    # With each tensor, which stays alive here, so that its id stays its own.
    inputs = keras.tree.flatten(read)
    known = of if len(of) == len(inputs) else [None] * len(inputs)
    found = {id(x): (x, made) for x, made in zip(inputs, known, strict=True)}

    def call(one, *args, **kwargs):
        given = keras.tree.flatten((args, kwargs))
        tensors = [x for x in given if isinstance(x, keras.KerasTensor)]
        # With a name of its own: Keras names layers without one by their count.
        stand_in = keras.layers.Identity(autocast=False, name=f"call_{len(found)}")
        result = stand_in(tensors[0])
        plain = len(args) == 1 and not set(kwargs) - {"training", "mask"}
        made = Made(one, tuple(found[id(x)][1] for x in tensors), plain)
        found[id(result)] = result, made
        return [result] * len(keras.tree.flatten(one.output))

    copy = keras.models.clone_model(
        graph, read, clone_function=lambda one: one, call_function=call
    )
    if len(copy.outputs) != 1:
        return None
    return found[id(copy.outputs[0])][1]


def innermost(made: Made | None, known: tuple[type, ...]) -> Made | None:
    """What made a tensor within the network or layer that did, as far as is known.

    Args:
        made: What made the tensor.
        known: Layers of which the class says what they do, also if it is a subclass.
    """
    while made is not None:
        one, of = made.by, made.of
        if isinstance(one, _AROUND) and _is_keras_s(one):
            made = Made(one.layer, of)
            continue
        inside = one if isinstance(one, keras.Model) else None
        if not isinstance(one, known) and made.plain and is_opaque(one):
            inside = inside or _called(one)
        # Of several outputs it is not known here which one the network's is.
        if inside is None or len(getattr(inside, "outputs", [])) > 1:
            return made
        made = output_of(inside, of)
        if made is not None and made.by is inside:  # nothing is known of its inside
            return made
    return None


# Layers of Keras around another one, whose output is theirs.
_AROUND = (keras.layers.SpectralNormalization, keras.layers.TimeDistributed)
# What Keras's own layers do that call a function or a layer of the user's.
_CALLING = (keras.layers.Lambda, keras.layers.Wrapper)


def _is_keras_s(one) -> bool:
    return type(one).__module__.split(".")[0] == "keras"


def is_opaque(one: keras.Operation) -> bool:
    """Whether it is a layer whose class does not say what it does."""
    if not isinstance(one, keras.layers.Layer):
        return False
    return isinstance(one, _CALLING) or not _is_keras_s(one)


def _called(layer: keras.layers.Layer) -> keras.Model | None:
    """The graph of a layer's `call`; None if Keras cannot follow it."""
    try:
        read = layer.input
        x = keras.Input(batch_shape=read.shape, dtype=read.dtype, name="read")
        with keras.StatelessScope():  # what `call` assigns is not kept
            made = layer.call(x)
        return keras.Model(x, made, name="inside")
    except Exception:  # of the user's own `call`, which may use TensorFlow
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
