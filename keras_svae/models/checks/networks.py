"""What networks a model refuses."""

import keras

from keras_svae.models.checks.values import shapes


def network(name: str, value) -> keras.Model:
    """The network; raises unless it is a built Keras model with known shapes."""
    if not isinstance(value, keras.Model) or not value.built:
        raise ValueError(
            f"Expected {name} to be a built keras.Model (functional or sequential); "
            f"received: {value!r}"
        )
    if value.compute_dtype == "float16":
        raise ValueError(
            f"Expected {name} in float32 or mixed_bfloat16, which needs no loss "
            "scaling; received: a network in mixed_float16"
        )
    return value


def inputs(
    name: str, value, reads: str, conditional: bool, classes: int | None = None
) -> list[tuple]:
    """Shapes of what a network reads, with the batch: of x or z, and of classes y.

    Args:
        name: What it is called.
        value: The network.
        reads: "x" or "z".
        conditional: Whether it is to read `[x, y]`, y one-hot (batch, classes).
        classes: How many, as the other networks have it; None for any number.
    """
    read = value.input_shape
    read = read if isinstance(read, list) else [read]
    if not conditional and len(read) != 1:
        raise ValueError(
            f"Expected the {name} to read {reads} alone; received: one of several "
            f"inputs {read}. Networks of this package take joint=False; conditional "
            "methods, such as CGAN and CVAE, read classes."
        )
    if conditional and (len(read) != 2 or len(read[1]) != 2):
        raise ValueError(
            f"Expected the {name} to read [{reads}, y], y one-hot (batch, classes); "
            f"received: input shapes {read}. Networks of this package take classes=..."
        )
    if conditional and classes is not None:
        why = "as the decoder has it"
        shapes(f"the {name}'s number of classes", read[1][1:], (classes,), why)
    return read


def critic_of_data(
    name: str,
    value,
    data_shape: tuple,
    conditional=False,
    classes: int | None = None,
    why: str = "what the generator makes",
):
    """The critic; raises unless it reads x, or `[x, y]`, and gives one logit.

    Args:
        name: What it is called.
        value: The critic.
        data_shape: Of one example.
        conditional: Whether it reads classes y too.
        classes: How many.
        why: Where data of this shape come from.
    """
    critic = network(name, value)
    read = inputs(name, critic, "x", conditional, classes)
    shapes(f"the {name} to read", read[0][1:], data_shape, why)
    shapes(f"the {name}'s output", critic.output_shape[1:], (1,), "a logit")
    return critic


def classifier(
    name: str,
    value,
    data_shape: tuple,
    classes: int | None = None,
    why: str = "as the other networks do",
):
    """The classifier; raises unless it reads x alone and gives logits of the classes.

    Args:
        name: What it is called.
        value: The classifier.
        data_shape: Of one example.
        classes: How many there are; None for any number.
        why: Where data of this shape come from.
    """
    found = network(name, value)
    read = inputs(name, found, "x", conditional=False)
    shapes(f"the {name} to read", read[0][1:], data_shape, why)
    raw_output(name, found)
    wanted = (classes or found.output_shape[-1],)
    shapes(f"the {name}'s output", found.output_shape[1:], wanted, "logits of classes")
    return found


def critic_of_code(name: str, value, latent_dim: int):
    """The critic; raises unless it reads z alone and gives one logit.

    Args:
        name: What it is called.
        value: The critic.
        latent_dim: The code's dimension.
    """
    critic = network(name, value)
    read = inputs(name, critic, "z", conditional=False)
    shapes(f"the {name} to read", read[0][1:], (latent_dim,), "codes of the encoder")
    shapes(f"the {name}'s output", critic.output_shape[1:], (1,), "a logit")
    return critic


def critic_of_pairs(name: str, value, data_shape: tuple, latent_dim: int):
    """The critic; raises unless it reads pairs [x, z] and gives one logit.

    Args:
        name: What it is called.
        value: The critic.
        data_shape: Of one example, as encoder and decoder have it.
        latent_dim: The code's dimension, as they have it.
    """
    reads = {"x": data_shape, "z": (latent_dim,)}
    hint = " Networks of this package take joint=True."
    return _critic_of_several(name, value, "pairs", reads, hint)


def critic_of_triples(name: str, value, data_shape: tuple, latent_dim: int):
    """The critic; raises unless it reads triples [x, z, y], y data as x is.

    Args:
        name: What it is called.
        value: The critic, which gives one logit.
        data_shape: Of one example, as encoder and decoder have it.
        latent_dim: The code's dimension, as they have it.
    """
    reads = {"x": data_shape, "z": (latent_dim,), "y": data_shape}
    return _critic_of_several(name, value, "triples", reads)


def _critic_of_several(name, value, kind: str, reads: dict[str, tuple], hint=""):
    critic = network(name, value)
    read = critic.input_shape
    if not isinstance(read, list) or len(read) != len(reads):
        raise ValueError(
            f"Expected a {name} of {kind} [{', '.join(reads)}]; received: input shape "
            f"{read}.{hint}"
        )
    why = "as the encoder and the decoder do"
    for (part, shape), found in zip(reads.items(), read, strict=True):
        shapes(f"the {name}'s {part}", found[1:], shape, why)
    shapes(f"the {name}'s output", critic.output_shape[1:], (1,), "a logit")
    return critic


def raw_output(name: str, network: keras.Model) -> None:
    """Raises on an activation at the end, where the law applies one itself.

    A sigmoid under another one would go unnoticed.
    """
    activation = getattr(network.layers[-1], "activation", keras.activations.linear)
    if activation not in (keras.activations.linear, None):
        raise ValueError(
            f"Expected the {name} to end in a linear layer, since its law applies the "
            f"activation; received: {activation.__name__!r} at the end"
        )


def explicit(law) -> None:
    """Raises unless a law has a density, and says what to pass."""
    if not law.explicit:
        law(None)
