"""Whether XLA compiles a step, and how: whole, or in clusters under replicas.

A step of several replicas is no single XLA computation: replicas wait for each other
between the updates of players. There, TensorFlow's own clustering compiles what lies
between (`tf.config.optimizer.set_jit("autoclustering")`).
"""

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_svae.networks.backwards import all_layers

__all__ = ["checked", "clustering", "decided", "in_clusters", "is_chosen"]

# With it, TensorFlow makes clusters on CPUs too. It is read once, at the first graph.
CPU_FLAG = "--tf_xla_cpu_global_jit"


def in_clusters(model) -> bool:
    """Whether XLA compiles parts of the model's step, not the whole step."""
    return bool(model.jit_compile) and not _is_one(model.distribute_strategy)


def _is_one(strategy) -> bool:
    """Whether a step is one graph without meetings of replicas."""
    one = isinstance(strategy, tf.distribute.OneDeviceStrategy)
    return one or not is_chosen(strategy)


@contextlib.contextmanager
def clustering() -> Iterator[None]:
    """Within it, TensorFlow's graph optimiser lets XLA compile clusters of nodes."""
    before = bool(tf.config.optimizer.get_jit())
    tf.config.optimizer.set_jit("autoclustering")
    try:
        yield
    finally:
        tf.config.optimizer.set_jit(before)


def checked(asked, strategy) -> None:
    """Raises a ValueError on a `jit_compile` that has no meaning, or no effect here."""
    if not (isinstance(asked, bool) or asked == "auto"):
        raise ValueError(
            f"Expected jit_compile as True, False or 'auto'; received: {asked!r}"
        )
    if asked is not True or _is_one(strategy) or "GPU" in _devices(strategy):
        return
    if CPU_FLAG not in os.environ.get("TF_XLA_FLAGS", ""):
        raise ValueError(
            f"Expected the environment variable TF_XLA_FLAGS={CPU_FLAG}, set before "
            "Python starts, for jit_compile=True under a strategy on CPUs, where "
            "TensorFlow else compiles nothing; received: TF_XLA_FLAGS="
            f"{os.environ.get('TF_XLA_FLAGS', '')!r}"
        )


def decided(networks: dict, strategy) -> tuple[bool, str]:
    """What `jit_compile="auto"` means for these networks on these devices.

    Returns:
        Whether to use XLA, and why.
    """
    devices = _devices(strategy)
    if "GPU" not in devices:
        return False, f"on {' and '.join(devices)}, where XLA was slower"
    layers = [layer for network in networks.values() for layer in all_layers(network)]
    for layer in layers:
        if not getattr(layer, "supports_jit", True):
            return False, f"the layer {layer.name!r} does not support XLA"
        if isinstance(
            getattr(layer, "seed_generator", None), keras.random.SeedGenerator
        ):
            return False, f"the layer {layer.name!r} would draw other numbers"
    if any("Conv" in type(layer).__name__ for layer in layers):
        return False, "convolutions: XLA took over 100 s to compile them on a GPU"
    return True, "on GPU, networks without convolutions"


def _devices(strategy) -> list[str]:
    """The kinds of the devices that a strategy computes on."""
    found = _worker_devices(strategy)
    kinds = {tf.DeviceSpec.from_string(one).device_type for one in found}
    if not kinds:
        kinds = {"GPU" if tf.config.list_logical_devices("GPU") else "CPU"}
    return sorted(kind or "CPU" for kind in kinds)


def is_chosen(strategy) -> bool:
    """Whether it is a strategy of the user, not the one that is always there."""
    return bool(_worker_devices(strategy))


def _worker_devices(strategy) -> tuple[str, ...]:
    """The names of its devices; none of the strategy that is always there."""
    try:
        return tuple(strategy.extended.worker_devices)
    except RuntimeError:  # what that one answers
        return ()
