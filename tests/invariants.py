"""What a change of the code's shape must leave alone, recorded and compared.

Losses of ten steps and weights from one seed for each method and each play that it
allows, the same on two replicas, the endpoints of every exported method with what they
give, and the measures of a fixed model. The file imports the package alone, so that it
runs on another checkout, a worktree of the commit before:

    PYTHONPATH=WORKTREE python -P tests/invariants.py record before.npz
    python -m tests.invariants record after.npz
    python -m tests.invariants compare before.npz after.npz

Two more commands write what tests keep: `losses FILE.json`, and `save FOLDER`, models
and a backup that a commit leaves for those after it.

`compare` lists what differs by more than its tolerance, 0 unless given, and its exit
status is then 1. Processors differ: both files have to be made on one machine.
"""

import argparse
import functools
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks

BATCH, STEPS, CODE, CLASSES, SHAPE = 8, 10, 2, 3, (8, 8, 1)
# Steps of the losses that a test keeps.
KEPT = 3
# Of each kind one: with and without an encoder, densities, classes, a log ratio.
MEASURED = ("vae", "gan", "svae_r", "cgan", "cvae", "ss_vae", "info_gan", "aae")
# With an epsilon that a gradient which is zero but for rounding cannot pass.
ADAM = {"learning_rate": 1e-3, "beta_1": 0.5, "epsilon": 1e-4}


def nets(**options):
    """Encoder, decoder and critic of digits, small."""
    return ks.networks.digits(latent_dim=CODE, units=8, depth=1, **options)


of_x = functools.partial(nets, joint=False)
of_classes = functools.partial(nets, joint=False, classes=CLASSES)
implicit = functools.partial(nets, posterior="implicit")
certain = functools.partial(nets, posterior="implicit", noise=False)


def critic_of(*shapes: tuple[int, ...], name: str = "critic") -> keras.Model:
    """A logit from several inputs, flattened side by side."""
    inputs = [keras.Input(shape) for shape in shapes]
    flat = [keras.layers.Flatten()(one) for one in inputs]
    h = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    h = keras.layers.Dense(8, activation="tanh")(h)
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(inputs, keras.layers.Dense(1)(h), name=name)


def classifier() -> keras.Model:
    """Logits of classes from x."""
    return ks.networks.classifier(of_x().critic, CLASSES)


def aim(variance: str = "learned", **options) -> ks.AIM:
    """Its encoder is one linear layer on the discriminator's features."""
    x = keras.Input(SHAPE)
    h = keras.layers.Dense(8, activation="tanh", name="features")(
        keras.layers.Flatten()(x)
    )
    critic = keras.Model(x, keras.layers.Dense(1)(h), name="critic")
    features = keras.Input((8,))
    raw = keras.layers.Dense(CODE * (2 if variance == "learned" else 1))(features)
    encoder = keras.Model(features, raw, name="encoder")
    return ks.AIM(nets().decoder, critic, encoder, variance=variance, **options)


def as_vae(**options) -> ks.ASVAE:
    made = nets()
    return ks.ASVAE(*made, keras.models.clone_model(made.critic), **options)


def ijae(likelihood=None, **options) -> ks.IJAE:
    encoder, _, critic = of_x(posterior="implicit")
    z = keras.Input((CODE,))
    h = keras.layers.Dense(64)(keras.layers.Dense(8, activation="tanh")(z))
    generator = keras.Model(z, keras.layers.Reshape(SHAPE)(h), name="generator")
    pair, code = (SHAPE, (CODE,), SHAPE), (SHAPE, (CODE,))
    critics = [
        critic_of(*pair, name="critic_pair"),
        critic_of(*code, name="critic_code"),
    ]
    if likelihood is None:
        likelihood = ks.distributions.GaussianNoise(0.5, "tanh")
    # The default when its values were recorded.
    options = {"likelihood": likelihood, "stop_code": True} | options
    return ks.IJAE(encoder, generator, critic, *critics, **options)


def two_stage(**options) -> ks.TwoStageVAE:
    first = nets(likelihood="gaussian")[:2]
    second = ks.networks.second_stage(CODE, units=8, depth=1)
    return ks.TwoStageVAE(*first, *second, **options)


def adaptation(**options) -> ks.AdversarialDomainAdaptation:
    extractor = certain().encoder
    critic = ks.networks.critic_code(CODE, width=0.05)
    labels = ks.networks.classifier(critic, CLASSES)
    return ks.AdversarialDomainAdaptation(extractor, labels, critic, lam=0.7, **options)


def critic_code() -> keras.Model:
    return ks.networks.critic_code(CODE, width=0.05)


MODELS: dict[str, Callable[..., ks.Game]] = {
    "vae": lambda **o: ks.VAE(*nets()[:2], **o),
    "vae_flow": lambda **o: ks.VAE(
        *nets(posterior=ks.distributions.PlanarFlow(2))[:2],
        posterior=ks.distributions.PlanarFlow(2),
        **o,
    ),
    "cvae": lambda **o: ks.CVAE(*of_classes()[:2], **o),
    "gan": lambda **o: ks.GAN(*of_x()[1:], **o),
    "iwgan": lambda **o: ks.IWGAN(*of_x()[1:], **o),
    "cgan": lambda **o: ks.CGAN(*of_classes()[1:], **o),
    "iwcgan": lambda **o: ks.IWCGAN(*of_classes()[1:], **o),
    "wgan": lambda **o: ks.WGAN(*of_x()[1:], clip=0.05, **o),
    "wgan_gp": lambda **o: ks.WGANGP(*of_x()[1:], **o),
    "wgan_gp_1": lambda **o: ks.WGANGP(*of_x()[1:], turns={"critic": 1}, **o),
    "unrolled_gan": lambda **o: ks.UnrolledGAN(*of_x()[1:], unrolled=2, **o),
    "info_gan": lambda **o: ks.InfoGAN(*of_x()[1:], of_x().encoder, lam=0.7, **o),
    "aim": aim,
    "aim_minus": lambda **o: aim("unit", **o),
    "aim_f_gan": lambda **o: aim(game="f-gan", **o),
    "veegan": lambda **o: ks.VEEGAN(*certain(), posterior="implicit", lam=0.7, **o),
    "ali": lambda **o: ks.ALI(*nets(), **o),
    "alice": lambda **o: ks.ALICE(*nets(), lam=0.1, **o),
    "svae": lambda **o: ks.SVAE(*nets(), **o),
    "svae_r": lambda **o: ks.SVAE(*nets(), lam=0.1, **o),
    "svae_laplace": lambda **o: ks.SVAE(
        *nets(posterior="laplace", likelihood="laplace"),
        posterior="laplace",
        likelihood="laplace",
        lam=0.1,
        **o,
    ),
    "as_vae": as_vae,
    "as_vae_r": lambda **o: ks.ASVAE(*nets(), part="reconstruction", **o),
    "as_vae_g": lambda **o: ks.ASVAE(
        *nets()[:2], None, nets().critic, part="generation", **o
    ),
    "avb": lambda **o: ks.AdversarialVariationalBayes(*implicit(), **o),
    "avb_contrast": lambda **o: ks.AdversarialVariationalBayes(
        *implicit(), adaptive_contrast=True, contrast_draws=3, **o
    ),
    "aavae": lambda **o: ks.AAVAE(*of_x(), temperature=1.5, **o),
    "aacvae": lambda **o: ks.AACVAE(*of_classes(), temperature=1.5, **o),
    "ss_vae": lambda **o: ks.SemiSupervisedVAE(
        classifier(), *of_classes()[:2], alpha=0.7, **o
    ),
    "aa_ss_vae": lambda **o: ks.AASemiSupervisedVAE(
        classifier(), *of_classes()[:2], of_x().critic, temperature=1.5, **o
    ),
    "aae": lambda **o: ks.AdversarialAutoencoder(
        *certain()[:2], critic_code(), lam=0.7, **o
    ),
    "alpha_gan": lambda **o: ks.AlphaGAN(
        *of_x(posterior="implicit"), critic_code(), lam=0.7, **o
    ),
    "wae_mmd": lambda **o: ks.WAEMMD(*certain()[:2], **o),
    "wae_gan": lambda **o: ks.WAEGAN(*certain()[:2], critic_code(), **o),
    "age": lambda **o: ks.AGE(*certain(batch_norm=False)[:2], lam=4.0, **o),
    "wake_sleep": lambda **o: ks.WakeSleep(*nets()[:2], **o),
    "ijae": ijae,
    "ijae_l1": lambda **o: ijae(
        ks.distributions.Laplace(1.0, activation="tanh", draw="mean"), **o
    ),
    "two_stage_vae": two_stage,
    "adaptation": adaptation,
}


def build(name: str, eager: bool = False, **options) -> ks.Game:
    """A compiled model whose weights depend on nothing but its name and its shapes."""
    keras.utils.set_random_seed(3)
    model = MODELS[name](seed=3, **options)
    # Not as they are initialised: no gradient is zero, and none depends on how a
    # version of Keras draws.
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        scale = 0.5 / max(1, variable.shape[0] if variable.shape.rank > 1 else 1) ** 0.5
        variable.assign(variable + scale * rng.normal(size=variable.shape))
    optimizers = sorted({player.optimizer for player in model.players.values()})
    adams = {one: ks.optimizers.Adam(**ADAM) for one in optimizers}
    model.compile(**adams, run_eagerly=eager)
    return model


def plays(name: str) -> list[str]:
    """Those that a method allows."""
    turns = MODELS[name](seed=3).turns.values()
    return ["alternating", "simultaneous"] if set(turns) == {1} else ["alternating"]


def batches(model: ks.Game, steps: int = STEPS) -> Iterator:
    """Numbers in (0, 1), with classes where the model reads them."""
    for step in range(steps):
        rng = np.random.default_rng(step)
        x = rng.uniform(0.05, 0.95, (BATCH, *SHAPE)).astype("float32")
        if isinstance(model, ks.AdversarialDomainAdaptation):
            yield (x, np.arange(BATCH) % CLASSES), x[::-1] ** 2
        elif not model.conditional:
            yield x
        elif model.unlabelled:
            yield x, np.arange(BATCH) % (CLASSES + 1) - 1
        else:
            yield x, np.arange(BATCH) % CLASSES


def losses(model: ks.Game, steps: int = STEPS) -> dict[str, list[float]]:
    """Each column of the logs, over some steps."""
    found: dict[str, list[float]] = {}
    for batch in batches(model, steps):
        model.reset_metrics()
        x, y = batch if isinstance(batch, tuple) else (batch, None)
        logs = model.train_on_batch(x, y, return_dict=True)
        for name, value in logs.items():
            found.setdefault(name, []).append(float(value))
    return found


def of_training(names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Losses and weights, by method and play."""
    for name in names:
        for play in plays(name):
            model = build(name, play=play)
            for column, values in losses(model).items():
                yield f"{name}/{play}/loss/{column}", np.array(values)
            for i, weight in enumerate(model.get_weights()):
                yield f"{name}/{play}/weight/{i}", weight
            keras.backend.clear_session()


def of_replicas(names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The same on two replicas, in the play that is the method's own."""
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    for name in names:
        with strategy.scope():
            model = build(name)
        parts = list(batches(model, 4))
        data = tf.data.Dataset.from_generator(
            lambda parts=parts: iter(parts),
            output_signature=tf.nest.map_structure(
                lambda a: tf.TensorSpec((BATCH, *a.shape[1:]), a.dtype), parts[0]
            ),
        )
        logs = model.fit(data, epochs=1, steps_per_epoch=4, verbose=0).history
        for column, values in logs.items():
            yield f"{name}/replicas/loss/{column}", np.array(values)
        for i, weight in enumerate(model.get_weights()):
            yield f"{name}/replicas/weight/{i}", weight
        keras.backend.clear_session()


def of_endpoints(names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """What each endpoint reads, and what it gives."""
    for name in names:
        model = build(name)
        losses(model, 2)
        rng = np.random.default_rng(0)
        given = {
            "x": rng.uniform(0.05, 0.95, (4, *SHAPE)).astype("float32"),
            "z": rng.normal(size=(4, CODE)).astype("float32"),
            "n": np.int32(4),
            "seed": np.int32(5),
        }
        for endpoint, (function, specs) in model.endpoints().items():
            reads = [(s.name, tuple(s.shape), s.dtype.name) for s in specs]
            yield f"{name}/endpoint/{endpoint}/reads", np.array(repr(reads))
            # y is a class, but of lambda-IJAE's pair an image.
            image = any(s.name == "y" and s.shape[1:] == SHAPE for s in specs)
            y = given["x"][::-1].copy() if image else np.arange(4) % CLASSES
            values = {**given, "y": y}
            made = function(*[tf.constant(values[s.name], s.dtype) for s in specs])
            for key, value in made.items():
                value = np.array(value)
                if value.dtype == object:  # text
                    value = np.array(str(value))
                yield f"{name}/endpoint/{endpoint}/{key}", value
        keras.backend.clear_session()


def of_measures(names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Every measure that applies, but LPIPS, which needs weights."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0.05, 0.95, (300, *SHAPE)).astype("float32")
    y = np.arange(300) % CLASSES
    keras.utils.set_random_seed(4)
    backbone = ks.evaluation.Backbone(classifier(), "random", outputs="logits")
    for name in names:
        if name not in MEASURED:
            continue
        model = build(name)
        losses(model, 2)
        few = {"n_chains": 2, "n_temperatures": 10}
        found = ks.evaluation.evaluate(
            model,
            (x, y),
            train=(x, y),
            measures="all",
            backbone=backbone,
            n=200,
            options={"annealed_importance_sampling": few},
            verbose=False,
        )
        for key, value in found.items():
            yield f"{name}/measure/{key}", np.array(float(value))
        keras.backend.clear_session()


PARTS = {
    "training": of_training,
    "replicas": of_replicas,
    "endpoints": of_endpoints,
    "measures": of_measures,
}


def record(path: str, names: list[str], parts: list[str]) -> None:
    """Writes what the package gives to an .npz."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    found, start = {}, time.perf_counter()
    for part in parts:
        for name in names:
            try:
                found.update(PARTS[part]([name]))
            except Exception as error:
                found[f"{name}/{part}/fails"] = np.array(type(error).__name__)
        print(f"{part}: {len(found)} values, {time.perf_counter() - start:.0f} s")
        values = {key.replace("/", "|"): value for key, value in found.items()}
        np.savez(path, **values)


def write_losses(path: str) -> None:
    """Writes the losses of each method's first steps, which a test keeps."""
    found = {}
    for name in MODELS:
        found[name] = losses(build(name, True), KEPT)
        keras.backend.clear_session()
    pathlib.Path(path).write_text(json.dumps(found, indent=1) + "\n")


SAVED = ("svae_r", "info_gan", "two_stage_vae")
BACKED_UP = "as_vae"


def save(folder: str) -> None:
    """Writes models after three steps, what they give, and a backup of another one."""
    path = pathlib.Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    gives = {}
    for name in SAVED:
        model = build(name, True)
        losses(model, 3)
        model.save(path / f"{name}.keras")
        gives[name] = outputs(model)
    model = build(BACKED_UP, True)
    losses(model, 3)
    backup = ks.callbacks.Backup(path / "backup")
    backup.set_model(model)
    backup.on_train_begin()
    backup.save()
    gives[BACKED_UP] = losses(model, 2)
    (path / "gives.json").write_text(json.dumps(gives, indent=1) + "\n")


def outputs(model: ks.Game) -> dict[str, list[float]]:
    """What a model makes of fixed codes and data, and its next losses."""
    z = np.random.default_rng(0).normal(size=(2, CODE)).astype("float32")
    x = next(batches(model))[:2]
    found = {"decode": model.decode(z), "encode": model.encode(x)}
    found |= {"generate": model.generate(2, seed=1)}
    values = {name: np.ravel(one).tolist() for name, one in found.items()}
    return {**values, **losses(model, 2)}


def compare(before: str, after: str, tolerance: float, expected: list[str]) -> int:
    """How many values differ that may not; says which.

    Args:
        before: An .npz.
        after: Another one.
        tolerance: The largest difference, relative to the largest entry.
        expected: Beginnings of names that may differ.
    """
    first, second = (
        {key.replace("|", "/"): file[key] for key in file.files}
        for file in (np.load(path, allow_pickle=False) for path in (before, after))
    )
    wrong, largest = 0, 0.0
    for key in dict.fromkeys([*first, *second]):
        if any(key.startswith(one) for one in expected):
            continue
        a, b = first.get(key), second.get(key)
        if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
            how = "missing" if a is None or b is None else f"{a.shape} {b.shape}"
            print(f"{key}: {how}")
            wrong += 1
        elif a.dtype.kind == "U":
            if a != b:
                print(f"{key}: {a} -> {b}")
                wrong += 1
        else:
            scale = max(float(np.max(np.abs(a), initial=0.0)), 1e-6)
            same = np.array_equal(a, b, equal_nan=True)
            off = 0.0 if same else float(np.max(np.abs(a - b), initial=0.0)) / scale
            largest = max(largest, off)
            if not off <= tolerance:
                print(f"{key}: {off:.2g}")
                wrong += 1
    print(
        f"{len(first)} values before, {len(second)} after; {wrong} differ; "
        f"the largest difference is {largest:.2g}"
    )
    return wrong


def main(argv: list[str] | None = None) -> int:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("record")
    one.add_argument("path")
    one.add_argument("--methods", nargs="+", choices=MODELS, default=list(MODELS))
    one.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    for name in ("losses", "save"):
        commands.add_parser(name).add_argument("path")
    two = commands.add_parser("compare")
    two.add_argument("before")
    two.add_argument("after")
    two.add_argument("--tolerance", type=float, default=0.0)
    two.add_argument("--expected", nargs="*", default=[])
    given = parser.parse_args(argv)
    if given.command == "record":
        record(given.path, given.methods, given.parts)
        return 0
    if given.command in ("losses", "save"):
        {"losses": write_losses, "save": save}[given.command](given.path)
        return 0
    return int(compare(given.before, given.after, given.tolerance, given.expected) > 0)


if __name__ == "__main__":
    sys.exit(main())
