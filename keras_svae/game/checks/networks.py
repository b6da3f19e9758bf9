"""What networks a model refuses."""

from typing import Any

import keras

from keras_svae.game.checks.laws import raw_output
from keras_svae.game.checks.values import reads as reads_shape
from keras_svae.game.checks.values import shapes
from keras_svae.networks.backwards import all_layers
from keras_svae.networks.randomness import random_layers
from keras_svae.telling import warn


def functional(value):
    """A subclassed `keras.Model` that was called, as a functional model of its shapes.

    Keras knows the shapes of functional and sequential models alone. Anything else, and
    a model whose call does not say its shapes, comes back as it is.
    """
    try:
        return _wrapped(value)
    except Exception:  # of the user's own `call`; `network` says it, and what to do
        return value


def _wrapped(value):
    if not isinstance(value, keras.Model) or not value.built:
        return value
    if hasattr(value, "input_shape"):
        return value
    shape = (value.get_build_config() or {}).get("input_shape")
    if not shape:
        return value
    several = isinstance(shape[0], (list, tuple))
    inputs = [keras.Input(one[1:]) for one in (shape if several else [shape])]
    read = inputs if several else inputs[0]
    return keras.Model(read, value(read), name=value.name)


def network(name: str, value) -> keras.Model:
    """The network; raises unless it is a built Keras model with known shapes."""
    if not isinstance(value, keras.Model) or not value.built:
        hint = ""
        if isinstance(value, keras.Sequential):
            hint = ". Let it begin with keras.Input(shape)"
        elif isinstance(value, keras.Model):
            hint = ". Wrap it: x = keras.Input(shape); keras.Model(x, network(x))"
        raise ValueError(
            f"Expected {name} to be a built keras.Model (functional or sequential); "
            f"received: {value!r}{hint}"
        )
    try:
        _ = value.input_shape, value.output_shape
    except AttributeError:  # a subclass: only its calls tell its shapes
        why = ""
        try:
            _wrapped(value)
        except Exception as error:
            # Keras puts its own words around, and colours.
            said = str(error).rpartition("Error encountered:")[2]
            said = said.partition("Arguments received")[0].replace("\x1b[0m", "")
            why = f" Called with any batch, it failed: {' '.join(said.split())}"
        raise ValueError(
            f"Expected {name} to be a keras.Model whose shapes are known (functional "
            f"or sequential); received: {type(value).__name__}, a subclass. Wrap it: "
            f"x = keras.Input(shape); keras.Model(x, network(x)).{why}"
        ) from None
    # Keras gives the shape of a dictionary of one output as that of the output.
    named = isinstance(getattr(value, "output", None), dict)
    if named or isinstance(value.output_shape, (list, dict)):
        raise ValueError(
            f"Expected {name} to have one output, the raw output of its law in one "
            "tensor (means and scales side by side: keras.layers.Concatenate()); "
            f"received: {'a dictionary of ' * named}outputs of shapes "
            f"{value.output_shape}"
        )
    if isinstance(getattr(value, "input", None), dict) and len(value.inputs) > 1:
        raise ValueError(
            f"Expected {name} with a list of inputs, keras.Model([x, y], ...), as they "
            f"are given in an order; received: a dictionary of {sorted(value.input)}"
        )
    kind = value.inputs[0].dtype if value.inputs else "float32"
    if kind not in ("float32", "float64", "bfloat16"):
        raise ValueError(
            f"Expected {name} to read floats; received: an input of type {kind}, to "
            "which Keras would round them"
        )
    layers = (value, *all_layers(value))
    halves = [layer for layer in layers if layer.compute_dtype == "float16"]
    if halves:
        raise ValueError(
            f"Expected {name} in float32 or mixed_bfloat16, which needs no loss "
            f"scaling; received: a network in {halves[0].dtype_policy.name}"
        )
    for layer in all_layers(value):
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise ValueError(
                f"Expected {name} without a state that goes on from batch to batch, as "
                "a step calls it several times and examples are in random order; "
                f"received: stateful=True in the layer {layer.name!r}"
            )
    return value


def known_noise(networks: dict[str, Any]) -> None:
    """Warns of a network that is random by a generator of its own.

    Args:
        networks: Networks and layers by name.
    """
    for name, one in networks.items():
        found = random_layers(one) if isinstance(one, keras.Model) else []
        if found:
            warn(
                f"Expected the {name} to take its noise from the model; received: the "
                f"layer {found[0]!r}, which has a generator of its own and is random "
                "with training=False, too. No seed repeats its numbers, here "
                "(generate(n, seed=1)) or in an exported model, and measures take the "
                f"{name} as fed noise. keras_svae.networks.layers.AppendNoise and "
                "InjectNoise take noise from the model, and so does "
                "keras_svae.noise.draw(shape) in a layer of your own."
            )


def inputs(
    name: str, value, reads: str, conditional: bool, classes: int | None = None
) -> list[tuple]:
    """Shapes, with the batch, of a network's inputs: x or z, and classes y.

    Args:
        name: The network's name in messages.
        value: The network.
        reads: "x" or "z".
        conditional: Whether it has to read `[x, y]`, y one-hot (batch, classes).
        classes: The number of classes in the other networks; None for any number.
    """
    read = value.input_shape
    read = read if isinstance(read, list) else [read]
    if not conditional and len(read) != 1:
        raise ValueError(
            f"Expected the {name} to read {reads} alone; received: a network of "
            f"several inputs {read}. Give joint=False to networks of this package; "
            "conditional methods, such as CGAN and CVAE, read classes."
        )
    if conditional and (len(read) != 2 or len(read[1]) != 2):
        raise ValueError(
            f"Expected the {name} to read [{reads}, y], y one-hot (batch, classes); "
            f"received: input shapes {read}. Give classes=... to networks of this "
            "package"
        )
    kind = value.inputs[1].dtype if conditional else "float32"
    if "int" in kind:
        raise ValueError(
            f"Expected the {name} to read [{reads}, y], y one-hot floats (batch, "
            f"classes); received: y of type {kind}. With keras.Input((classes,)), a "
            "Dense layer without bias does what an Embedding does"
        )
    if conditional and classes is not None:
        why = "as the decoder has it"
        shapes(f"the {name}'s number of classes", read[1][1:], (classes,), why)
    return read


def known_shapes(name: str, read: tuple, made: tuple) -> None:
    """Raises unless the shapes of a code and of data are known and not empty.

    Args:
        name: The decoder's name in messages.
        read: The shape of one code.
        made: The shape of what the decoder makes of it.
    """
    if None in (*read, *made) or not made:
        raise ValueError(
            f"Expected the {name} to read and make one example of known sizes, (d,) "
            f"or (height, width, channels); received: {made} from a code {read}"
        )


# Says which network makes the data that a critic of one input reads.
MADE_BY = {
    "x": "what the generator makes",
    "z": "codes of the encoder",
    "features": "what the extractor makes",
}


def critic(
    name: str, value, reads: dict[str, tuple], classes: int | None = None
) -> None:
    """Raises unless a critic reads the expected inputs and gives one logit.

    Args:
        name: The critic's name in messages.
        value: The critic.
        reads: For each input its name and its shape, without the batch.
        classes: How many classes it also reads; None for none.
    """
    network(name, value)
    if len(reads) == 1:
        ((first, shape),) = reads.items()
        read = inputs(name, value, first, classes is not None, classes)
        reads_shape(f"the {name} to read", read[0][1:], shape, MADE_BY[first])
    else:
        _reads_several(name, value.input_shape, reads)
    shapes(f"the {name}'s output", value.output_shape[1:], (1,), "a logit")
    raw_output(name, value, "its output is a logit")


def _reads_several(name: str, read, reads: dict[str, tuple]) -> None:
    if not isinstance(read, list) or len(read) != len(reads):
        kind = {2: "pairs", 3: "triples"}[len(reads)]
        hint = (
            " Give joint=True to networks of this package." if len(reads) == 2 else ""
        )
        raise ValueError(
            f"Expected a {name} of {kind} [{', '.join(reads)}]; received: input shape "
            f"{read}.{hint}"
        )
    why = "as the encoder and the decoder do"
    for (part, shape), found in zip(reads.items(), read, strict=True):
        reads_shape(f"the {name}'s {part}", found[1:], shape, why)


def classifier(
    name: str,
    value,
    data_shape: tuple,
    classes: int | None = None,
    why: str = "as the other networks do",
):
    """The classifier; raises unless it reads x alone and gives logits of the classes.

    Args:
        name: The classifier's name in messages.
        value: The classifier.
        data_shape: The shape of one example.
        classes: How many there are; None for any number.
        why: Where data of this shape come from, for messages.
    """
    found = network(name, value)
    read = inputs(name, found, "x", conditional=False)
    reads_shape(f"the {name} to read", read[0][1:], data_shape, why)
    raw_output(name, found, "the loss applies the softmax")
    wanted = (classes or found.output_shape[-1],)
    shapes(f"the {name}'s output", found.output_shape[1:], wanted, "logits of classes")
    return found


def apart(networks: dict[str, Any]) -> None:
    """Raises if two networks have weights in common.

    Each is saved by itself: after loading, the weights would be two. And two players
    would update them.
    """
    owners: dict[int, str] = {}
    for name, one in networks.items():
        single = [one] if isinstance(one, keras.Variable) else []
        for variable in single or getattr(one, "variables", []):
            other = owners.setdefault(id(variable), name)
            if other != name:
                raise ValueError(
                    "Expected networks without common layers, as each network is saved "
                    f"by itself; received: {other} and {name}, which share "
                    f"{variable.path!r}. keras.models.clone_model(layer) and "
                    "set_weights(layer.get_weights()) make a second one"
                )
