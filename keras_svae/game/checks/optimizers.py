"""What optimizers a model refuses."""

import difflib
from collections.abc import Mapping

import keras
import tensorflow as tf

from keras_svae.game import optimizing
from keras_svae.optimizers import get


def optimizer_names(players) -> list[str]:
    """The arguments that `compile` needs, each once."""
    return [
        f"{name}=…" for name in dict.fromkeys(p.optimizer for p in players.values())
    ]


def optimizers(
    given: dict, players, replicas: int = 1
) -> dict[str, keras.optimizers.Optimizer]:
    """The optimizers by name; raises on a missing, unknown or shared one.

    Args:
        given: What `compile` received.
        players: The players by name.
        replicas: The number of replicas that share a step.

    Raises:
        ValueError: Also for an optimizer whose updates would differ from its settings.
        TypeError: For a name that no player asks for.
    """
    wanted = {player.optimizer: name for name, player in reversed(players.items())}
    wanted = {name: wanted[name] for name in reversed(wanted)}
    unknown = [name for name, one in given.items() if name not in wanted and one]
    if unknown:
        near = difflib.get_close_matches(unknown[0], wanted, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        if unknown[0] in ("loss", "metrics", "loss_weights", "weighted_metrics"):
            hint = " The method has the losses, and logs its terms."
        raise TypeError(
            f"Expected arguments of compile among {list(wanted)}; received: "
            f"{unknown[0]!r}.{hint}"
        )
    found: dict[str, keras.optimizers.Optimizer] = {}
    for name, player in wanted.items():
        if given.get(name) is None:
            raise ValueError(
                f"Expected an optimizer for the player {player!r}, "
                f"compile({name}=keras.optimizers.Adam(...)); received: none"
            )
        one = _optimizer(name, given[name], list(wanted))
        if any(one is other for other in found.values()):
            raise ValueError(
                "Expected an optimizer of its own for each player; received: one "
                f"object for {name!r} and for another player"
            )
        if one.use_ema:
            raise ValueError(
                "Expected compile(ema=...), which averages the weights of all players; "
                f"received: use_ema=True in {name!r}"
            )
        _check_scale(name, one)
        if one.gradient_accumulation_steps and replicas > 1:
            raise ValueError(
                "Expected gradient_accumulation_steps=None under several replicas, "
                "where Keras cannot accumulate; received: "
                f"{one.gradient_accumulation_steps} in {name!r}. A larger global batch "
                "has the same effect."
            )
        found[name] = one
    return found


def _optimizer(name: str, given, wanted: list[str]) -> keras.optimizers.Optimizer:
    """The optimizer; raises for what is none, and says what Keras's error does not."""
    try:
        found = get(given)
    except (ValueError, TypeError, KeyError, AttributeError):
        found = None
    if isinstance(found, keras.optimizers.Optimizer):
        _check_rate(name, found)
        return found
    received, hint = repr(given), ""
    if isinstance(given, (dict, list, tuple)):
        received = f"a {type(given).__name__}"
        hint = f". Each player's is an argument: {', '.join(wanted)}"
    elif isinstance(given, type):
        received, hint = f"the class {given.__name__}", f": {given.__name__}(...)"
    raise ValueError(
        f"Expected {name} to be an object of keras.optimizers, or a name that Keras "
        f"knows; received: {received}{hint}"
    )


def _check_rate(name: str, optimizer) -> None:
    """Raises for an optimizer of several, which has no rate that could be set."""
    try:
        optimizer.learning_rate  # noqa: B018
    except AttributeError:
        raise ValueError(
            f"Expected {name} to be one optimizer with a learning rate; received: a "
            f"{type(optimizer).__name__}. A player of its own has an optimizer of its "
            "own"
        ) from None


def check_serves(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable], name: str
) -> None:
    """Raises a ValueError if the optimizer was built without these weights."""
    weights = optimizing.built_for(optimizer)
    if weights is not None:
        known = {id(one) for one in weights}
    elif optimizer.built:  # by another Keras model, or by hand
        lists = [one for one in vars(optimizer).values() if isinstance(one, list)]
        known = {id(one) for several in lists for one in several}
    else:
        return
    unknown = [one.path for one in variables if id(one) not in known]
    if unknown:
        raise ValueError(
            f"Expected a new optimizer for {name}=, or one of this model and the same "
            "weights; received: one that was built for other weights; "
            f"{unknown[0]!r} is not among them"
        )


def in_scope(
    networks: Mapping[str, keras.layers.Layer], strategy: tf.distribute.Strategy
) -> None:
    """Raises a ValueError unless all that is trained belongs to the model's strategy.

    Args:
        networks: Networks and layers by attribute.
        strategy: The model's.
    """
    wanted = "within the strategy.scope() of the model"
    way = "Make networks, model and optimizers within `with strategy.scope():`."
    if tf.distribute.has_strategy() and tf.distribute.get_strategy() is not strategy:
        raise ValueError(
            f"Expected compile() {wanted}; received: a call within another one. {way}"
        )
    for name, one in networks.items():
        inside = strategy.extended.variable_created_in_scope
        if not all(inside(variable.value) for variable in one.variables):
            raise ValueError(
                f"Expected networks that are made {wanted}; received: {name}, made "
                f"outside of it. {way}"
            )


def spares_weights(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether `exclude_from_weight_decay` has excluded some weights."""
    return any(
        bool(value)
        for name, value in vars(optimizer).items()
        if name.lstrip("_").startswith("exclude_from_weight_decay")
        and not isinstance(value, dict)  # what Keras has found out about each weight
    )


def _check_scale(name: str, optimizer) -> None:
    """Raises if an optimizer scales the loss: for float16; it hides divergence."""
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scaled or optimizer.loss_scale_factor is not None:
        received = (
            "a LossScaleOptimizer"
            if scaled
            else f"loss_scale_factor={optimizer.loss_scale_factor}"
        )
        raise ValueError(
            "Expected an optimizer without a scale of the loss, as networks in float32 "
            f"and mixed_bfloat16 need none; received: {received} for {name!r}"
        )
