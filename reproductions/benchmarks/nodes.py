"""Counts the nodes of each method's training step, after TensorFlow's optimisation.

A model is fitted for one step on a `tf.data.Dataset` of batches of 64, as users do.
What `tf.summary.trace_on` and `trace_export` write holds the graph of Keras's train
function as Grappler left it. Most functions are inlined in it, and one that is not
counts at each of its calls. Nodes that compute nothing do not count, see `LEFT_OUT`.

Grappler's rewriting depends on whether oneDNN is on, which TensorFlow decides by the
processor. This command turns it on, so that counts agree between machines; set
TF_ENABLE_ONEDNN_OPTS=0 for those without it.

    python -m reproductions.benchmarks.nodes --methods SVAE sVAE-r --json FILE

A file of another checkout, to compare with:

    PYTHONPATH=CHECKOUT python -P reproductions/benchmarks/nodes.py --json FILE
"""

# ruff: noqa: E402
import argparse
import collections
import os
import pathlib
import tempfile
import time

if __name__ == "__main__":
    # TensorFlow reads it when it is imported. Tests have imported it before.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from reproductions.engine.files import write_json
from reproductions.engine.results import record

BATCH, SEED, RATE, CLASSES = 64, 0, 1e-4, 10
# Arguments, results, and the reading of values; then how a step of Keras's train
# function is handed its batch, and hands back its logs.
LEFT_OUT = frozenset(
    "Const Identity IdentityN NoOp Placeholder ReadVariableOp _Arg _Retval _Send _Recv "
    "VarHandleOp IteratorGetNext OptionalFromValue".split()
)
# By the networks' name in `keras_svae.networks`: the code's dimension, the law of x.
NETWORKS = {
    "toy": (2, "gaussian"),
    "digits": (8, "bernoulli"),
    "mnist": (32, "bernoulli"),
}


class Kit:
    """What models are made of: the networks of one data set.

    Args:
        name: One of `NETWORKS`.
    """

    def __init__(self, name: str):
        self.name = name
        self.latent_dim, likelihood = NETWORKS[name]
        self.law = {"likelihood": likelihood}
        self.activation = {"gaussian": "linear", "bernoulli": "sigmoid"}[likelihood]

    def nets(self, **options) -> ks.networks.Networks:
        """Encoder, decoder and critic."""
        builder = getattr(ks.networks, self.name)
        return builder(latent_dim=self.latent_dim, **options)

    def of_x(self, **options) -> ks.networks.Networks:
        """The same with a critic that reads x alone, or x and y."""
        return self.nets(joint=False, **options)

    def conditional(self) -> ks.networks.Networks:
        """The same of models that read classes."""
        return self.of_x(classes=CLASSES)

    def certain(self, **options) -> list[keras.Model]:
        """An encoder whose codes are its outputs, and a decoder."""
        return list(self.nets(posterior="implicit", noise=False, **options)[:2])

    def classifier(self) -> keras.Model:
        """Logits of classes from x."""
        return ks.networks.classifier(self.of_x().critic, CLASSES)

    def critic_of_codes(self, dim: int | None = None) -> keras.Model:
        """A logit from codes, or from other vectors of this dimension."""
        return ks.networks.code_critic(dim or self.latent_dim)


def _aim(kit: Kit, variance: str = "learned", **options) -> ks.AIM:
    """Its encoder is one linear layer on the discriminator's features."""
    nets = kit.of_x()
    features = keras.Input(nets.critic.get_layer("features").output.shape[1:])
    outputs = kit.latent_dim * {"learned": 2, "unit": 1}[variance]
    h = keras.layers.Flatten()(features)
    encoder = keras.Model(features, keras.layers.Dense(outputs)(h), name="encoder")
    options |= {"variance": variance, **kit.law}
    return ks.AIM(nets.decoder, nets.critic, encoder, **options)


def _as_vae(kit: Kit) -> ks.ASVAE:
    nets = kit.nets()
    return ks.ASVAE(*nets, keras.models.clone_model(nets.critic), **kit.law)


def _ijae(kit: Kit, likelihood=None) -> ks.IJAE:
    """The residual networks at a quarter of their width: a step has as many nodes."""
    if kit.name != "mnist":
        raise ValueError(
            f"Expected mnist's networks for IJAE; received: networks={kit.name!r}"
        )
    nets = ks.networks.ijae_mnist(latent_dim=kit.latent_dim, width=0.25)
    return ks.IJAE(*nets, likelihood=likelihood)


def _two_stage(kit: Kit) -> ks.TwoStageVAE:
    first = kit.nets(likelihood="gaussian")[:2]
    second = ks.networks.second_stage(kit.latent_dim)
    return ks.TwoStageVAE(*first, *second, activation=kit.activation)


def _adaptation(kit: Kit) -> ks.AdversarialDomainAdaptation:
    """Its features are what the encoder says of x."""
    extractor = kit.nets().encoder
    critic = kit.critic_of_codes(extractor.output_shape[-1])
    classifier = ks.networks.classifier(critic, CLASSES)
    return ks.AdversarialDomainAdaptation(extractor, classifier, critic)


METHODS = {
    "SVAE": lambda kit: ks.SVAE(*kit.nets(), **kit.law),
    "sVAE-r": lambda kit: ks.SVAE(*kit.nets(), lam=0.1, **kit.law),
    "ALI": lambda kit: ks.ALI(*kit.nets(), **kit.law),
    "ALICE": lambda kit: ks.ALICE(*kit.nets(), lam=0.1, **kit.law),
    "ASVAE": _as_vae,
    "ASVAE-r": lambda kit: ks.ASVAE(*kit.nets(), part="reconstruction", **kit.law),
    "ASVAE-g": lambda kit: ks.ASVAE(
        *kit.nets()[:2], None, kit.nets().critic, part="generation", **kit.law
    ),
    "AVB": lambda kit: ks.AdversarialVariationalBayes(
        *kit.nets(posterior="implicit"), **kit.law
    ),
    "AVB-contrast": lambda kit: ks.AdversarialVariationalBayes(
        *kit.nets(posterior="implicit"), adaptive_contrast=True, **kit.law
    ),
    "VAE": lambda kit: ks.VAE(*kit.nets()[:2], **kit.law),
    "TwoStageVAE": _two_stage,
    "AAVAE": lambda kit: ks.AAVAE(**kit.of_x()._asdict(), **kit.law),
    "CVAE": lambda kit: ks.CVAE(*kit.conditional()[:2], **kit.law),
    "AACVAE": lambda kit: ks.AACVAE(**kit.conditional()._asdict(), **kit.law),
    "SemiSupervisedVAE": lambda kit: ks.SemiSupervisedVAE(
        kit.classifier(), *kit.conditional()[:2], **kit.law
    ),
    "AASemiSupervisedVAE": lambda kit: ks.AASemiSupervisedVAE(
        kit.classifier(),
        *kit.conditional()[:2],
        critic=kit.of_x().critic,
        **kit.law,
    ),
    "AdversarialAutoencoder": lambda kit: ks.AdversarialAutoencoder(
        *kit.certain(), kit.critic_of_codes(), **kit.law
    ),
    "AlphaGAN": lambda kit: ks.AlphaGAN(
        *kit.of_x(posterior="implicit"), kit.critic_of_codes(), **kit.law
    ),
    "WAEMMD": lambda kit: ks.WAEMMD(*kit.certain(), **kit.law),
    "WAEGAN": lambda kit: ks.WAEGAN(*kit.certain(), kit.critic_of_codes(), **kit.law),
    "AGE": lambda kit: ks.AGE(*kit.certain(batch_norm=False), **kit.law),
    "GAN": lambda kit: ks.GAN(*kit.of_x()[1:], **kit.law),
    "IWGAN": lambda kit: ks.IWGAN(*kit.of_x()[1:], **kit.law),
    "CGAN": lambda kit: ks.CGAN(*kit.conditional()[1:], **kit.law),
    "IWCGAN": lambda kit: ks.IWCGAN(*kit.conditional()[1:], **kit.law),
    "WGANGP": lambda kit: ks.WGANGP(*kit.of_x(critic_batch_norm=False)[1:], **kit.law),
    "InfoGAN": lambda kit: ks.InfoGAN(
        *kit.of_x()[1:], encoder=kit.of_x().encoder, **kit.law
    ),
    "AIM": _aim,
    "AIM-": lambda kit: _aim(kit, variance="unit"),
    "AIM-f-GAN": lambda kit: _aim(kit, game="f-gan"),
    "VEEGAN": lambda kit: ks.VEEGAN(
        *kit.nets(posterior="implicit", noise=False), **kit.law
    ),
    "UnrolledGAN": lambda kit: ks.UnrolledGAN(
        *kit.of_x(critic_batch_norm=False)[1:], **kit.law
    ),
    "IJAE": _ijae,
    "IJAE-L1": lambda kit: _ijae(
        kit, ks.distributions.Laplace(1.0, activation="tanh", draw="mean")
    ),
    "IJAE-L2": lambda kit: _ijae(
        kit, ks.distributions.Gaussian(1.0, activation="tanh", draw="mean")
    ),
    "AdversarialDomainAdaptation": _adaptation,
}
# They have networks on images of MNIST's size only.
MNIST_ONLY = frozenset({"IJAE", "IJAE-L1", "IJAE-L2"})


def compiled(method: str, networks: str) -> ks.Game:
    """A method's model, each player with an Adam of its own.

    Args:
        method: One of `METHODS`.
        networks: One of `NETWORKS`.
    """
    keras.utils.set_random_seed(SEED)
    model = METHODS[method](Kit(networks))
    # The package's own Adam where it has one.
    adam = getattr(ks, "optimizers", keras.optimizers).Adam
    names = {player.optimizer for player in model.players.values()}
    model.compile(**{name: adam(RATE) for name in sorted(names)})
    return model


def batch(model: ks.Game):
    """Numbers in (0, 1) as a batch of the model, with classes where it reads them."""
    adapts = isinstance(model, ks.AdversarialDomainAdaptation)
    shape = model.extractor.input_shape[1:] if adapts else model.data_shape
    x = np.random.default_rng(SEED).uniform(0.05, 0.95, (BATCH, *shape))
    x, y = x.astype("float32"), np.arange(BATCH) % CLASSES
    if adapts:
        return (x, y), x
    if not model.conditional:
        return x
    if model.unlabelled:
        y = np.where(np.arange(BATCH) % 2, y, -1)
    return x, y


def traced(run) -> list[tf.compat.v1.GraphDef]:
    """The graphs that TensorFlow has optimised while `run()` ran."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.summary.create_file_writer(folder).as_default():
            tf.summary.trace_on(graph=True, profiler=False)
            try:
                run()
                tf.summary.trace_export("step", step=0)
            finally:
                tf.summary.trace_off()
        (path,) = pathlib.Path(folder).iterdir()
        events = [
            tf.compat.v1.Event.FromString(one.numpy())
            for one in tf.data.TFRecordDataset(str(path))
        ]
    values = [value for event in events for value in event.summary.value]
    (metadata,) = [value.tensor.string_val[0] for value in values]
    found = tf.compat.v1.RunMetadata.FromString(metadata)
    return [one.post_optimization_graph for one in found.function_graphs]


def train_function(graphs: list[tf.compat.v1.GraphDef]) -> tf.compat.v1.GraphDef:
    """Keras's train function: it alone takes a batch and wraps the logs.

    Raises:
        ValueError: If there is not exactly one.
    """
    marks = {"IteratorGetNext", "OptionalFromValue"}
    found = [graph for graph in graphs if marks <= {node.op for node in graph.node}]
    if len(found) != 1:
        raise ValueError(
            f"Expected one graph with {sorted(marks)}; received: {len(found)} of "
            f"{len(graphs)}"
        )
    return found[0]


def count(graph: tf.compat.v1.GraphDef) -> collections.Counter:
    """How many nodes of each kind run, without those of `LEFT_OUT`.

    A node that calls a function of the graph's library counts, and so do the function's
    nodes, at each call. Both branches of a condition count, and a loop's body once.
    """
    functions = {one.signature.name: one.node_def for one in graph.library.function}

    def called(node):
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            for one in (value.func, *value.list.func):
                if one.name:
                    yield one.name

    def walk(nodes):
        kinds = collections.Counter()
        for node in nodes:
            kinds[node.op] += 1
            for name in called(node):
                if name not in functions:
                    raise ValueError(
                        "Expected the graph's library to hold each function that is "
                        f"called; received: {name!r} of {node.name!r} without one"
                    )
                kinds += walk(functions[name])
        return kinds

    kinds = walk(graph.node)
    return collections.Counter(
        {kind: number for kind, number in kinds.items() if kind not in LEFT_OUT}
    )


def measure(method: str, networks: str) -> dict:
    """A method's row: the total, the kinds by number, and what it took.

    Args:
        method: One of `METHODS`.
        networks: One of `NETWORKS`.
    """
    start = time.perf_counter()
    model = compiled(method, networks)
    data = tf.data.Dataset.from_tensors(batch(model))
    graphs = traced(lambda: model.fit(data, epochs=1, verbose=0))
    kinds = count(train_function(graphs))
    return {
        "nodes": kinds.total(),
        # Of equal numbers in the alphabet's order, so that files compare.
        "kinds": dict(sorted(kinds.items(), key=lambda one: (-one[1], one[0]))),
        "optimizer": type(model.optimizer).__module__.partition(".")[0] + " Adam",
        "seconds": round(time.perf_counter() - start, 1),
    }


def line(method: str, row: dict, largest: int = 6) -> str:
    """A method's row as text, with its largest kinds."""
    kinds = ", ".join(f"{k} {n:,}" for k, n in list(row["kinds"].items())[:largest])
    return f"{method:28}{row['nodes']:7,}   {kinds}"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.nodes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="METHOD")
    parser.add_argument("--networks", choices=NETWORKS, default="mnist")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args(argv)
    missing = MNIST_ONLY if given.networks != "mnist" else frozenset()
    if given.methods is None:
        given.methods = [name for name in METHODS if name not in missing]
    if refused := sorted(missing & set(given.methods)):
        parser.error(
            f"Expected --networks mnist with {refused}; received: {given.networks}"
        )
    return given


def main(argv: list[str] | None = None) -> None:
    """Counts, prints a line for each method, and writes a record if asked."""
    given = arguments(argv)
    start, rows = time.perf_counter(), {}
    for method in given.methods:
        rows[method] = measure(method, given.networks)
        print(line(method, rows[method]), flush=True)
        keras.backend.clear_session()
        if given.json is None:
            continue
        # After each method: a kill leaves what has been counted.
        report = record(
            seed=SEED,
            networks=given.networks,
            data="uniform in (.05, .95), in the shape of the networks' data",
            N=BATCH,
            steps=1,
            onednn=os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's choice"),
            left_out=sorted(LEFT_OUT),
            seconds=round(time.perf_counter() - start, 1),
            results=rows,
        )
        given.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(given.json, report)
    if given.json is not None:
        print(f"Written: {given.json}")


if __name__ == "__main__":
    main()
