"""What laws a model refuses, and what ends of networks do not suit them."""

import keras
import tensorflow as tf

from keras_svae import arguments, distributions
from keras_svae.distributions import Law
from keras_svae.networks.ends import last_activation, law_of, same_law

__all__ = ["explicit", "in_prior", "law", "raw_for", "raw_output", "supports"]


def raw_output(name: str, network: keras.Model, why: str) -> None:
    """Raises if a network ends with an activation that other code applies again.

    Two sigmoids, one after the other, would cause no error.

    Args:
        name: The network's name in messages.
        network: The network.
        why: Who applies the activation.
    """
    activation = last_activation(network)
    if activation is not None:
        raise ValueError(
            f"Expected the {name} to end in a linear layer, since {why}; received: "
            f"{activation!r} at the end"
        )


def raw_for(name: str, network: keras.Model, law: Law) -> None:
    """Raises if a network ends with an activation that does not suit its law.

    A law of a fixed scale allows one: its location then lies in a range. A learned
    scale, a flow's parameters or a category's logits may be any number.

    Args:
        name: The network's name in messages.
        network: The network.
        law: The law of its output.
    """
    if law.activation != "linear":
        raw_output(name, network, "its law applies the activation")
    elif _learns_more(law):
        why = f"{type(law).__name__} reads more from it than a location"
        raw_output(name, network, f"{why}, which may be any number")


def _learns_more(law: Law) -> bool:
    if isinstance(law, distributions.PartialCode):
        return law.categories > 0 or _learns_more(law.law)
    flows = distributions.Flow, distributions.PlanarLikelihood
    return isinstance(law, flows) or getattr(law, "scale", None) == "learned"


def law(role: str, given, name: str, network: keras.Model) -> Law | None:
    """The law that a network or an argument names; raises if both name different ones.

    Args:
        role: "likelihood" or "posterior".
        given: The argument of this name: a law or its name. None for the network's law.
        name: The network's name in messages.
        network: The network.

    Returns:
        The law; None if neither names one.
    """
    said = law_of(network)
    if given is None:
        _allowed(role, said)
        return said
    found = distributions.get(given, role)
    if said is not None and not same_law(said, found):
        raise ValueError(
            f"Expected {role} to be the law that the {name} already has, "
            f"{_described(said)}, or to be left out; received: {_described(found)}"
        )
    _allowed(role, found)
    return found


def _allowed(role: str, one: Law | None) -> None:
    """Raises on a law of the user's own that no model can have; None is allowed."""
    if one is not None:
        _constant(role, one)
        _check_range(role, one)


def _constant(role: str, one: Law) -> None:
    """Raises if a law holds variables: no player has them, and no file keeps them."""
    kept = [name for name, value in vars(one).items() if _varies(value)]
    if kept:
        raise ValueError(
            f"Expected a {role} without variables, which would be neither trained nor "
            f"saved; received: {type(one).__name__} with {', '.join(kept)}. A network "
            'can learn them: scale="learned", or a larger `parameters` of the law. A '
            "model of your own keeps them itself, and overrides `law`"
        )


def _check_range(role: str, one: Law) -> None:
    if one.range is not None:
        _pair("range", role, one, one.range)


def _pair(name: str, role: str, one: Law, found) -> None:
    pair = isinstance(found, (tuple, list)) and len(found) == 2
    if not pair or not all(map(arguments.real, found)) or not found[0] < found[1]:
        raise ValueError(
            f"Expected the {name} of a {role} as two numbers (low, high), low < high, "
            f"or None; received: {type(one).__name__} with {name}={found!r}"
        )


def _varies(value) -> bool:
    """Whether there are variables of TensorFlow or Keras in it."""
    if isinstance(value, Law):
        return any(map(_varies, vars(value).values()))
    return any(
        isinstance(one, (tf.Variable, keras.Variable))
        # It will make variables when it is called.
        or (isinstance(one, keras.layers.Layer) and not one.built)
        or bool(getattr(one, "variables", ()))
        for one in keras.tree.flatten(value)
    )


def _described(one: Law) -> str:
    config = ", ".join(f"{name}={value!r}" for name, value in one.get_config().items())
    return f"{type(one).__name__}({config})"


def explicit(law) -> None:
    """Raises unless a law has a density. The error says what to pass instead."""
    if not law.explicit:
        law(None)  # `Law.__call__` raises


def in_prior(posterior: Law, prior: str) -> bool:
    """Whether no draw of a posterior has density 0 under the prior."""
    found = posterior.support
    if prior != "uniform":
        return True
    if found is None:
        return posterior.activation == "tanh" and posterior.draw == "mean"
    _pair("support", "posterior", posterior, found)
    return bool(-1 <= found[0] and found[1] <= 1)


def supports(posterior: Law, prior: str) -> None:
    """Raises if a posterior gives codes that have density 0 under the prior."""
    if not in_prior(posterior, prior):
        raise ValueError(
            'Expected prior="normal", as codes of the posterior may lie outside '
            "[-1, 1], where the bound is minus infinity; received: "
            f'prior="uniform" with {_described(posterior)}, of support '
            f"{posterior.support}. A law of your own says where its draws lie: "
            "support = (-1, 1)"
        )
