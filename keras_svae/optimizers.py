"""Adam in one kernel a variable: what Keras's class computes, in fewer nodes."""

import math
import types

import keras
import tensorflow as tf

__all__ = ["Adam", "adam_moments", "get"]


@keras.saving.register_keras_serializable(package="keras_svae")
class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2014) by TensorFlow's fused kernel.

    Keras's class updates a variable with some twenty nodes of the graph; here it is
    one. This makes small networks on a CPU faster. Arguments, state and its files are
    those of `keras.optimizers.Adam`. The numbers are the same up to rounding, mainly
    that of 1 - beta_2: the kernel takes it in float32, as both classes do in the
    correction of the bias. For .999, velocities differ by 1e-5 of their values. Keras's
    own update is used with `amsgrad`, for sparse gradients, for variables of other
    types than float32, and under strategies that do not mirror variables.

    Args:
        *args: See `keras.optimizers.Adam`.
        **kwargs: See `keras.optimizers.Adam`.

    Raises:
        ValueError: For a negative rate, a beta outside of [0, 1), or a norm or value to
            clip at that is not above 0. Keras takes all of these.

    Example:
        model.compile(optimizer=ks.optimizers.Adam(1e-4),
                      critic_optimizer=ks.optimizers.Adam(1e-4))
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _check(self, args[0] if args else kwargs.get("learning_rate"))
        # This is a plain object, in which Keras does not look for variables. `slots`
        # holds the moments of each replica's copy of a variable, by its reference.
        # `scalars` holds what all updates of one `apply` share.
        self._fused = types.SimpleNamespace(slots={}, scalars=None)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        if self.amsgrad:
            return
        local = tf.distribute.get_strategy().experimental_local_results
        dense = [v for v in variables if not _is_overwritten(v)]
        for slots in zip(dense, *adam_moments(self, variables), strict=True):
            copies = [local(_tensorflow(v)) for v in slots]
            if len({len(one) for one in copies}) == 1:
                for variable, *moments in zip(*copies, strict=True):
                    self._fused.slots[variable.ref()] = moments

    def apply(self, grads, trainable_variables=None):
        # This is not in `update_step`, which runs once per variable, and may run in the
        # branch that applies accumulated gradients.
        step = tf.cast(self.iterations, tf.float32) + 1
        betas = [tf.cast(beta, tf.float32) for beta in (self.beta_1, self.beta_2)]
        self._fused.scalars = {
            "beta1": betas[0],
            "beta2": betas[1],
            "beta1_power": tf.pow(betas[0], step),
            "beta2_power": tf.pow(betas[1], step),
            "epsilon": tf.cast(self.epsilon, tf.float32),
        }
        # Replicas share this object. They are traced one after the other. The last
        # one's scalars are the same for all replicas, and exist when the updates run.
        try:
            super().apply(grads, trainable_variables)
        finally:
            self._fused.scalars = None

    def update_step(self, gradient, variable, learning_rate):
        variable = _tensorflow(variable)
        moments = self._fused.slots.get(variable.ref())
        scalars = self._fused.scalars
        if (
            moments is None
            or scalars is None  # called by itself, not by `apply`
            or isinstance(gradient, tf.IndexedSlices)
            or variable.dtype != tf.float32
        ):
            super().update_step(gradient, variable, learning_rate)
            return
        # Keras gives a variable, which is read once.
        if "lr" not in scalars:
            scalars["lr"] = tf.cast(learning_rate, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            grad=tf.cast(gradient, tf.float32),
            **scalars,
        )


def adam_moments(
    optimizer: keras.optimizers.Adam, variables
) -> tuple[list[keras.Variable], list[keras.Variable]]:
    """The running means of gradients and of their squares, of Keras's Adam or ours.

    Args:
        optimizer: One that has been built.
        variables: All variables that it was built with, in that order.

    Returns:
        Momentums and velocities, in the same order.

    Raises:
        ValueError: For other variables than the optimizer's.
    """
    wanted = [v for v in variables if not _is_overwritten(v)]
    # Keras names a moment by its variable's path.
    momenta, velocities = (
        [v for v in optimizer.variables if v.name.endswith(f"_{kind}")]
        for kind in ("momentum", "velocity")
    )
    shapes = [tuple(v.shape) for v in wanted]
    for moments in (momenta, velocities):
        if [tuple(v.shape) for v in moments] != shapes:
            raise ValueError(
                "Expected the variables that the optimizer was built with; received: "
                f"{[v.name for v in variables]}, where {optimizer.name!r} has "
                f"{[v.name for v in moments]}"
            )
    return momenta, velocities


def get(identifier) -> keras.optimizers.Optimizer | None:
    """As `keras.optimizers.get`, but "adam" gives the class of this module.

    Args:
        identifier: An optimizer, the name of one, its configuration, or None.
    """
    if isinstance(identifier, str) and identifier.lower() == "adam":
        return Adam()
    return keras.optimizers.get(identifier)


def _check(optimizer: keras.optimizers.Adam, rate) -> None:
    # Not by `get_config`: a schedule of the user's own may have none.
    if isinstance(rate, (int, float)) and not 0 <= rate < math.inf:
        raise ValueError(f"Expected learning_rate >= 0; received: {rate}")
    for name in ("beta_1", "beta_2"):
        if not 0 <= (value := getattr(optimizer, name)) < 1:
            raise ValueError(f"Expected {name} in [0, 1); received: {value}")
    for name in ("clipnorm", "global_clipnorm", "clipvalue"):
        if (value := getattr(optimizer, name)) is not None and not value > 0:
            raise ValueError(f"Expected {name} > 0; received: {value}")


def _tensorflow(variable):
    """TensorFlow's own variable."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def _is_overwritten(variable) -> bool:
    """Whether Keras replaces the variable by the gradient, without moments."""
    return getattr(variable, "overwrite_with_gradient", False)
