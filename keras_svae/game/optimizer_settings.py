"""Settings of optimizers, which a traced step holds as constants."""

import keras

__all__ = ["names", "of"]


def names(optimizer: keras.optimizers.Optimizer) -> tuple[str, ...]:
    """The attributes of an optimizer that are settings, such as "beta_1".

    A rate that is a number is none: it is a variable, which each step reads.
    """
    try:
        known = optimizer.get_config()
    # `get_config` of a schedule, or of an optimizer, may be the user's own.
    except Exception:
        known = vars(optimizer)
    return tuple(name for name in known if name in vars(optimizer) and name[0] != "_")


def of(optimizers: dict, named: dict[str, tuple[str, ...]]) -> tuple[tuple, ...]:
    """The settings of optimizers in a form to be compared: plain values and schedules.

    Args:
        optimizers: The optimizers by name.
        named: What `names` gave for each.
    """
    plain = (bool, int, float, str, type(None))
    found: list[tuple] = []
    for name, one in optimizers.items():
        for key in named[name]:
            value = getattr(one, key, None)
            if isinstance(value, plain):
                found.append((name, key, value))
        # Keras calls a rate that is no variable: a schedule, or a function.
        found += [
            (name, key, value)
            for key, value in vars(one).items()
            if isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
            or (callable(value) and not isinstance(value, keras.Variable))
        ]
    return tuple(found)
