"""What a model refuses, before any training starts, and how it says so."""

import difflib
import pathlib

import keras
import numpy as np
import tensorflow as tf


def choice(name: str, value, choices: tuple) -> None:
    """Raises unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(
            f"Expected {name} to be one of {list(choices)}; received: {value!r}"
        )


def integer(name: str, value, at_least: int) -> int:
    """The value as an int; raises unless it is a whole number, large enough."""
    if not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(
            f"Expected {name} to be an integer >= {at_least}; received: {value!r}"
        )
    return int(value)


def weight(name: str, value) -> float:
    """The value as a float; raises unless it is finite and not negative."""
    if not np.isscalar(value) or not np.isfinite(value) or value < 0:
        raise ValueError(
            f"Expected {name} to be finite and >= 0; received: {name}={value!r}"
        )
    return float(value)


def fraction(name: str, value) -> float:
    """The value as a float; raises unless it is in [0, 1]."""
    if not np.isscalar(value) or not 0 <= value <= 1:
        raise ValueError(f"Expected {name} in [0, 1]; received: {name}={value!r}")
    return float(value)


def positive(name: str, value) -> float:
    """The value as a float; raises unless it is finite and positive."""
    if not np.isscalar(value) or not np.isfinite(value) or value <= 0:
        raise ValueError(
            f"Expected {name} to be finite and > 0; received: {name}={value!r}"
        )
    return float(value)


def all_finite(value) -> bool:
    """Whether a tensor holds only finite numbers."""
    return bool(np.isfinite(np.asarray(value)).all())


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


def shapes(name: str, received, expected, why: str) -> None:
    """Raises unless two shapes without their batch dimensions agree."""
    received, expected = tuple(received), tuple(expected)
    if received != expected:
        raise ValueError(f"Expected {name} {expected}, {why}; received: {received}")


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


def labels(y, classes: int, n: int | None, unlabelled: bool = False) -> None:
    """Raises unless y are classes.

    Args:
        y: What was given, (n,).
        classes: How many classes there are.
        n: How many examples; None for a single class for all of them.
        unlabelled: Whether -1, no class, is allowed.
    """
    low = -1 if unlabelled else 0
    what = f"classes as integers in {low}..{classes - 1}"
    y = np.asarray(y)
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"Expected {what}; received: y of type {y.dtype}")
    shape = () if n is None else (n,)
    if y.shape != shape:
        raise ValueError(f"Expected {what}, shape {shape}; received: shape {y.shape}")
    for found in (y.min(initial=low), y.max(initial=low)):
        if not low <= found < classes:
            raise ValueError(f"Expected {what}; received: {found}")


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


def optimizer_names(players) -> list[str]:
    """The arguments that `compile` wants, each once."""
    return [
        f"{name}=…" for name in dict.fromkeys(p.optimizer for p in players.values())
    ]


def optimizers(given: dict, players) -> dict[str, keras.optimizers.Optimizer]:
    """The optimizers by name; raises on a missing, unknown or shared one."""
    wanted = {player.optimizer: name for name, player in reversed(players.items())}
    wanted = {name: wanted[name] for name in reversed(wanted)}
    unknown = [name for name, one in given.items() if name not in wanted and one]
    if unknown:
        near = difflib.get_close_matches(unknown[0], wanted, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TypeError(
            f"Expected arguments of compile among {list(wanted)}; received: "
            f"{unknown[0]!r}.{hint}"
        )
    found = {}
    for name, player in wanted.items():
        if given.get(name) is None:
            raise ValueError(
                f"Expected an optimizer for the player {player!r}, "
                f"compile({name}=keras.optimizers.Adam(...)); received: none"
            )
        one = keras.optimizers.get(given[name])
        if any(one is other for other in found.values()):
            raise ValueError(
                "Expected an optimizer of its own for each player; received: the same "
                f"object as {name!r} and before"
            )
        if one.use_ema:
            raise ValueError(
                "Expected compile(ema=...), which averages the weights of all players; "
                f"received: use_ema=True in {name!r}"
            )
        found[name] = one
    return found


def images(x, shape: tuple, value_range: tuple[float, float] | None) -> None:
    """Raises a ValueError on data that a model cannot learn from.

    Args:
        x: A batch.
        shape: What one example should look like.
        value_range: Where values should lie, or None for anywhere.
    """
    dtype = getattr(x, "dtype", None)
    dtype = getattr(dtype, "name", dtype)
    if not str(dtype).startswith(("float", "bfloat")):
        low, high = value_range or (0, 1)
        raise ValueError(
            f"Expected data as floats in [{low:g}, {high:g}]; received: {dtype}. "
            "Divide 8-bit images by 255, or load them with keras_svae.data.load."
        )
    if len(x.shape) != len(shape) + 1:
        raise ValueError(
            f"Expected data of rank {len(shape) + 1}, (batch, "
            f"{', '.join(map(str, shape))}); received: shape {tuple(x.shape)}"
        )
    shapes("each example to have shape", x.shape[1:], shape, "as the networks do")
    x = np.asarray(x)
    if not np.isfinite(x).all():
        raise ValueError(
            "Expected finite data; received: NaN or infinity in "
            f"{int((~np.isfinite(x)).any(axis=tuple(range(1, x.ndim))).sum())} of "
            f"{len(x)} examples"
        )
    if value_range is not None:
        low, high = value_range
        if x.min() < low or x.max() > high:
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the range of the likelihood; "
                f"received: values from {x.min():g} to {x.max():g}"
            )


def first_batch(model, x, y=None, batch_size: int | None = None) -> None:
    """Looks at what `fit` is about to be fed, as far as that consumes nothing.

    Args:
        model: A model.
        x: Its training data.
        y: Classes beside arrays x.
        batch_size: Of arrays, Keras's 32 where it is None.
    """
    if isinstance(x, tf.data.Dataset):
        batch = next(iter(x.take(1)), None)
        if batch is None:
            raise ValueError("Expected data to train on; received: an empty data set")
        x = model.unpack(batch)
    elif isinstance(x, keras.utils.PyDataset):
        x = model.unpack(x[0])
    elif not hasattr(x, "shape"):
        return  # a generator, or a distributed data set
    elif len(x) == 0:
        raise ValueError("Expected data to train on; received: an empty array")
    else:
        model.check_data(model.unpack(x if y is None else (x, y)))
        batch_size = batch_size or 32
        # Both sizes that Keras cuts an array into.
        for size in {min(batch_size, len(x)), len(x) % batch_size or batch_size}:
            model.check_batch(size)
        return
    model.check_data(x)
    model.check_batch(len(keras.tree.flatten(x)[0]))


def partners(size: int, replicas: int) -> None:
    """Raises where an example has no other one beside it."""
    if size < 2 * replicas:
        raise ValueError(
            "Expected at least 2 examples per replica, so that each has an independent "
            f"partner; received: a batch of {size} on {replicas} replica(s)"
        )


def batch_norm(size: int, replicas: int, networks) -> None:
    """Raises where batch normalisation would see a single example."""
    if size > replicas:
        return
    for one in networks:
        for layer in one._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                raise ValueError(
                    "Expected at least 2 examples per replica for batch "
                    f"normalisation (layer {layer.name!r}); received: a batch of "
                    f"{size} on {replicas} replica(s)"
                )


def new_folder(path) -> pathlib.Path:
    """The path; raises if something is there that would be overwritten."""
    path = pathlib.Path(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise FileExistsError(
            f"Expected a new or empty folder; received: {path}, which holds something"
        )
    return path
