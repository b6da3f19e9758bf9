"""Optimizers of a model: they are built for weights, and start at these."""

import weakref

import keras
import tensorflow as tf

__all__ = ["build", "built_for", "start_at_weights"]

# For each optimizer that a model has built, the weights that it was built for.
_BUILT: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def build(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable], name: str
) -> None:
    """Builds an optimizer for the weights that it updates.

    Raises:
        ValueError: If it was made under another strategy than the model.
    """
    try:
        if not optimizer.built:
            _BUILT[optimizer] = [weakref.ref(one) for one in variables]
        optimizer.build(variables)
    except RuntimeError as error:
        if "different tf.distribute.Strategy" not in str(error):
            raise
        raise ValueError(
            "Expected optimizers that are made within the strategy.scope() of the "
            f"model; received: {name!r}, which was made outside of it. Call compile, "
            "with new optimizers, within `with strategy.scope():`."
        ) from None


def built_for(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable] | None:
    """The weights that a model has built an optimizer for; None if none has."""
    if optimizer not in _BUILT:
        return None
    return [one() for one in _BUILT[optimizer]]


def start_at_weights(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets ScheduleFreeAdamW train the weights as they are when training starts.

    It has a copy of them, of the moment when it was built, and its first step would
    take the weights back to this copy. Keras builds it in the first step, so that
    weights may be set or loaded after `compile`.
    """
    kind = getattr(keras.optimizers, "ScheduleFreeAdamW", ())  # not in older Keras
    if not isinstance(optimizer, kind):
        return
    if int(tf.convert_to_tensor(optimizer.iterations)):  # also of several replicas
        return
    copies = [one for one in optimizer.variables if one.name.endswith("_momentum")]
    for copy, weight in zip(copies, built_for(optimizer) or (), strict=False):
        copy.assign(weight)
