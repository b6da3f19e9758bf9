"""Four logical CPUs for the whole session, so that replicas can be tested.

And `--seed-shift N`: the same tests with other random numbers.
"""

import functools
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As commands of reproductions have it, which some tests run and compare with.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 4,
)

# What is added to every seed; a dict, so that wrappers read it when they are called.
SHIFT = {"now": 0}


def pytest_addoption(parser):
    parser.addoption(
        "--seed-shift",
        type=int,
        default=0,
        metavar="N",
        help="add N >= 0 to every seed: what holds by luck alone then fails [0]",
    )


def pytest_configure(config):
    shift = config.getoption("--seed-shift")
    if shift < 0:
        raise pytest.UsageError(f"Expected seed-shift >= 0; received: {shift}")
    SHIFT["now"] = shift
    if shift:  # before test modules are imported: many draw then
        shift_seeds()


def pytest_collection_finish():
    """What was imported stays; to look through it again and again is time lost."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """A test that is marked `fixed_seed` has its own sequences, whatever the option."""
    kept = SHIFT["now"]
    if not kept or not item.get_closest_marker("fixed_seed"):
        return (yield)
    from keras_svae.data import examples

    SHIFT["now"] = 0
    # Data that an earlier test still holds were drawn with the shift.
    examples._alive.clear()
    try:
        return (yield)
    finally:
        SHIFT["now"] = kept
        examples._alive.clear()


def shift_seeds() -> None:
    """Make all that takes a seed add the shift to it, in tests and package alike.

    Unseeded draws differ from run to run anyway. So, and not in each test, because a
    test's seed goes many ways: through models, measures and data to NumPy, to Keras,
    or to a `Noise`, which the package's stateless draws come from. The order of
    batches alone is not shifted: `load` tells TensorFlow its seed.
    """
    import keras

    import keras_svae as ks

    def more(seed):
        """A number or several of them, of which the first is shifted."""
        if not SHIFT["now"]:
            return seed
        if isinstance(seed, int | np.integer):
            return int(seed) + SHIFT["now"]
        if isinstance(seed, list | tuple) and isinstance(seed[0], int | np.integer):
            return [more(seed[0]), *seed[1:]]
        return seed

    def shifted(function):
        @functools.wraps(function)
        def with_other_seed(seed=None, *args, **kwargs):
            return function(more(seed), *args, **kwargs)

        return with_other_seed

    np.random.default_rng = shifted(np.random.default_rng)
    keras.utils.set_random_seed = shifted(keras.utils.set_random_seed)

    make = ks.noise.Noise.__init__

    def noise(self, seed):
        # Of tensors only a lone number is a seed: a pair is a key made from one.
        if SHIFT["now"] and tf.is_tensor(seed) and seed.shape.rank == 0:
            seed += SHIFT["now"]
        make(self, more(seed))

    ks.noise.Noise.__init__ = noise
