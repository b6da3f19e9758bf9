"""From a configuration to a compiled model."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

import keras_svae as ks
from keras_svae.distributions import Gaussian, Laplace, PlanarFlow, ShiftLikelihood
from reproductions.config import Config
from reproductions.methods import METHODS

# Laws by the names a configuration has for them; other names are keras_svae's own.
POSTERIORS = {
    # Scale 1, the noise is what the encoder is fed: lam times squared errors of codes.
    "unit_gaussian": lambda config: Gaussian(1.0, draw="mean"),
    "unit_laplace_tanh": lambda config: Laplace(1.0, activation="tanh", draw="mean"),
    "planar_flow": lambda config: PlanarFlow(config.flow_length),
}
LIKELIHOODS = {
    "unit_gaussian": lambda config: Gaussian(1.0, draw="mean"),
    "unit_gaussian_tanh": lambda config: Gaussian(1.0, activation="tanh", draw="mean"),
    "learned_gaussian": lambda config: Gaussian("learned"),
    # The authors' image code: images in [-1, 1], absolute errors.
    "unit_laplace_tanh": lambda config: Laplace(1.0, activation="tanh", draw="mean"),
    "shift_tanh": lambda config: ShiftLikelihood(config.shift, activation="tanh"),
}
# Of a decoder of images with values in this range.
ACTIVATIONS = {(0.0, 1.0): "sigmoid", (-1.0, 1.0): "tanh"}

# Networks by further names.
NETWORKS = {
    "dcgan_28": functools.partial(ks.networks.dcgan, shape=(28, 28, 1)),
    "dcgan_32": functools.partial(ks.networks.dcgan, shape=(32, 32, 3)),
}


def laws(config: Config) -> dict:
    """The posterior and the likelihood of a configuration."""
    posterior, likelihood = config.posterior, config.likelihood
    return {
        "posterior": POSTERIORS.get(posterior, lambda config: posterior)(config),
        "likelihood": LIKELIHOODS.get(likelihood, lambda config: likelihood)(config),
    }


def value_range(config: Config) -> tuple[float, float]:
    """The range that images are brought to; points are never scaled."""
    return ks.distributions.get(laws(config)["likelihood"]).range or (0.0, 1.0)


@contextlib.contextmanager
def policy(name: str):
    """Layers that are made within have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def networks(config: Config) -> list[keras.Model | None]:
    """What the method's class takes, with weights of the configuration's seed."""
    keras.utils.set_random_seed(config.seed)
    method = METHODS[config.method]
    given = ("units", "depth", "noise", "batch_norm", "width")
    given += ("critic_batch_norm", "logit_batch_norm", "critic_activation", "stack")
    options = {name: getattr(config, name) for name in given}
    options = {name: value for name, value in options.items() if value is not None}
    if config.dropout:
        options["dropout"] = config.dropout
    builder = NETWORKS.get(config.nets) or getattr(ks.networks, config.nets)
    shared = method.reads == "shared"
    # Those of AIM and DCGAN share by themselves where the critic reads x alone.
    if shared or "shared" in inspect.signature(builder).parameters:
        options["shared"] = shared
    if method.reads != "triples":
        options |= {"joint": method.reads == "pairs", **laws(config)}
    builder = functools.partial(builder, latent_dim=config.latent_dim, **options)
    made = builder() if method.labels == "none" else builder(classes=config.classes)
    found = {**made._asdict(), "no_critic": None}
    names = method.networks.split()
    if "critic_of_z" in names:
        width = config.width or 1.0
        found["critic_of_z"] = ks.networks.code_critic(config.latent_dim, width=width)
    if "second_encoder" in names:
        second = ks.networks.second_stage(config.latent_dim)
        found |= {f"second_{name}": one for name, one in second._asdict().items()}
    if "another_critic" in names:
        # With weights of its own.
        found["another_critic"] = keras.models.clone_model(made.critic)
    if method.labels == "some":
        found["critic_of_x"] = critic = builder().critic
        found["classifier"] = ks.networks.classifier(critic, config.classes)
    return [found[name] for name in names]


def model(config: Config, steps_per_epoch: int = 1) -> ks.Game:
    """A compiled model; call it inside the strategy's scope, if there is one.

    Args:
        config: The configuration.
        steps_per_epoch: Calls of the graph run so many steps at once as the
            configuration allows and an epoch divides into: Keras would run over the
            end of an epoch otherwise. Weights do not depend on it.
    """
    most = min(config.steps_per_execution, steps_per_epoch)
    at_once = max(k for k in range(1, most + 1) if steps_per_epoch % k == 0)
    given = METHODS[config.method]
    taken = {"prior": config.prior, **laws(config)}
    taken["activation"] = ACTIVATIONS[value_range(config)]
    arguments = {name: taken[name] for name in given.laws.split()}
    options = {name: getattr(config, field) for name, field in given.options.items()}
    arguments |= {name: one for name, one in options.items() if one is not None}
    arguments |= given.arguments
    arguments |= {"turns": config.turns_by_player, "play": config.play}
    with policy(config.dtype):
        made = given.cls(*networks(config), seed=config.seed, **arguments)
    rates = dict.fromkeys(made.players, config.learning_rate)
    if "critic" in rates and config.critic_learning_rate is not None:
        rates["critic"] = config.critic_learning_rate
    made.compile(
        **{
            player.optimizer: adam(
                config, rates[name], steps_per_epoch * made.turns[name]
            )
            for name, player in made.players.items()
        },
        steps_per_execution=at_once,
        ema=config.ema,
    )
    return made


def adam(config: Config, rate: float, updates: int) -> ks.optimizers.Adam:
    """Adam as configured, for a player with so many updates in an epoch."""
    if config.decay == "cosine":
        steps = config.epochs * updates
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif config.decay == "inverse_sqrt_epoch":
        rate = ks.schedules.InverseSqrtEpoch(rate, updates)
    return ks.optimizers.Adam(
        rate,
        beta_1=config.beta_1,
        beta_2=config.beta_2,
        clipnorm=config.clipnorm,
    )


def strategy(replicas: int) -> tf.distribute.Strategy:
    """No strategy for one replica, else one over GPUs, or over logical CPU devices.

    Raises:
        ValueError: If there are GPUs, but fewer, or TensorFlow has started with fewer
            logical CPUs.
    """
    if replicas == 1:
        return tf.distribute.get_strategy()
    devices = tf.config.list_physical_devices("GPU")
    if devices and len(devices) < replicas:
        raise ValueError(
            f"Expected {replicas} GPUs for replicas={replicas}; received: "
            f"{len(devices)}"
        )
    if not devices:
        cpu = tf.config.list_physical_devices("CPU")[0]
        one = tf.config.LogicalDeviceConfiguration()
        try:
            tf.config.set_logical_device_configuration(cpu, [one] * replicas)
        except RuntimeError as error:  # too late, but there may be enough of them
            if len(tf.config.list_logical_devices("CPU")) < replicas:
                raise ValueError(
                    f"Expected {replicas} logical CPUs for replicas={replicas}; "
                    "received: a TensorFlow that has started with fewer"
                ) from error
    if devices:
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(replicas)])
    # TensorFlow numbers the collective reductions of each strategy anew: on CPUs a
    # second strategy in a process would meet the first one's.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
