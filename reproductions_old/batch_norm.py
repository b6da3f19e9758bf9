"""Which averages should batch normalisation have when a method is tested?

    python -m reproductions.batch_norm mnist                       # table 3's networks
    python -m reproductions.batch_norm mnist_dense --steps 5000    # fully connected

In training the decoder sees codes of the prior, codes of data, or (AA-VAE) codes of
samples, each in a batch of its own, which batch normalisation brings to one mean and
scale. Its running averages follow all of them in turn. They have no part in training,
so each method is trained once, and the same weights are measured under several
averages, of one law or of all, or by the statistics of each batch itself:

    mix             as training leaves them: all calls in turn, momentum .9
    p, q            of the decoder: calls on codes of p(z), on codes of q(z|x) alone;
                    plain means over batches that are run after training
    both            the same over batches of both in turn
    p moving, ...   what training would leave that follows this law alone: momentum .9
    data            of the encoder: calls on data alone; `data moving` likewise
    batch           no averages: each batch's own mean and variance

Samples are scored by each of the decoder's, reconstructions by pairs of the encoder's
and the decoder's. Runs are kept in --out, and one that is there is not done again.
Each kind of networks has its part of results/batch_norm_mnist.json.
"""

import argparse
import contextlib
import pathlib
import statistics
import time
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise, scope
from reproductions import build, command
from reproductions.experiments.svae import EXPERIMENTS
from reproductions.files import add_json, read_json, write_json
from reproductions.inputs import Inputs
from reproductions.results import ROOT, commit, record

METHODS = {
    "sVAE-r": {"method": "svae", "lam": 0.1},
    "ALICE": {"method": "alice", "lam": 0.1},
    "AA-VAE": {"method": "aavae", "temperature": 1.5},
}
# By the networks' name in keras_svae.networks.
DATA = {"mnist": "mnist", "mnist_dense": "mnist", "digits": "digits"}
# Steps at the end of training over which averages of one law are kept beside the
# layers' own; with momentum .9 what was before counts for less than 1/500.
LAST = 60
# Batches that an average is taken over after training.
BATCHES = 100
# Examples at once when the batch's own statistics are used.
AT_ONCE = 100
SEED = 7

# By the network: the laws that it is run on to get averages.
LAWS = {"decoder": ("p", "q"), "encoder": ("data", "samples")}
GENERATED = ("mix", "both", "p", "p moving", "q", "q moving", "batch")
# (encoder's, decoder's).
RECONSTRUCTED = (
    *((e, d) for e in ("mix", "data", "batch") for d in ("mix", "p", "q", "batch")),
    ("data moving", "p moving"),
    ("data moving", "q moving"),
)

# A network's averages: (mean, variance) of each layer of batch normalisation.
Averages = list[tuple[np.ndarray, np.ndarray]]


def norms(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    """A network's layers of batch normalisation, in order."""
    kind = keras.layers.BatchNormalization
    return [one for one in network._flatten_layers() if isinstance(one, kind)]


def averages(network: keras.Model) -> Averages:
    """Copies of what a network normalises by in test mode."""
    return [
        (one.moving_mean.numpy().copy(), one.moving_variance.numpy().copy())
        for one in norms(network)
    ]


def assign(network: keras.Model, values: Averages) -> None:
    """Gives a network's layers other averages."""
    for one, (mean, variance) in zip(norms(network), values, strict=True):
        one.moving_mean.assign(mean)
        one.moving_variance.assign(variance)


@contextlib.contextmanager
def kept(*networks: keras.Model) -> Iterator[None]:
    """What is done within leaves the networks' averages as they were."""
    before = [averages(one) for one in networks]
    try:
        yield
    finally:
        for one, values in zip(networks, before, strict=True):
            assign(one, values)


class Calls:
    """A trained model's networks in training mode, on batches of one law.

    Args:
        model: An autoencoder of this package without classes.
    """

    def __init__(self, model: ks.models.Autoencoder):
        self.model = model
        self.both = model.encoder, model.decoder
        self._run = tf.function(self._called, reduce_retracing=True)

    def network(self, law: str) -> keras.Model:
        """The network whose averages follow the law."""
        return self.model.decoder if law in LAWS["decoder"] else self.model.encoder

    def __call__(self, law: str, x: np.ndarray, number: int) -> None:
        """One call; the network's averages move.

        Args:
            law: "p" or "q" of the decoder's codes, "data" or "samples" of what the
                encoder reads.
            x: A batch of data: of "p" and "samples" only its length counts.
            number: Of the call: its noise.
        """
        self._run(law, tf.constant(x), tf.constant(number))

    def _called(self, law, x, number):
        model, noise = self.model, Noise(SEED).fold(number)
        with scope(noise):
            if law in ("p", "samples"):
                z = model.prior.sample(tf.shape(x)[0], seed=noise.seed("z"))
            if law == "samples":
                raw = model.likelihood_raw(z, True)
                x = model.likelihood_law.sample(raw, noise.seed("x"))
            if law in ("samples", "data", "q"):
                raw = model.posterior_raw(x, True)
            if law == "q":
                z = model.posterior_law.sample(raw, noise.seed("z_q"))
            if law in ("p", "q"):
                model.likelihood_raw(z, True)


def renewed(calls: Calls, laws: str, batches: Iterable[np.ndarray]) -> Averages:
    """Plain means of the batches' statistics, in training mode; the model is left so.

    Args:
        calls: Of the model.
        laws: A law's name, or several of one network's with spaces between: each
            batch then is of the next one in turn.
        batches: Batches of data.
    """
    laws = laws.split()
    network = calls.network(laws[0])
    sums = [np.zeros((2, one.moving_mean.shape[0])) for one in norms(network)]
    zeros = [tuple(np.zeros_like(one)) for one in sums]
    count = 0
    with kept(*calls.both):
        for count, x in enumerate(batches, start=1):
            # By the layers' own rule new = m old + (1 - m) batch: a layer's statistics
            # of this batch are what it has moved to from zero, over 1 - m.
            assign(network, zeros)
            calls(laws[(count - 1) % len(laws)], x, count)
            for one, sum_ in zip(norms(network), sums, strict=True):
                moved = np.stack([one.moving_mean.numpy(), one.moving_variance.numpy()])
                sum_ += moved / (1 - one.momentum)
    return [tuple((sum_ / count).astype("float32")) for sum_ in sums]


class Shadows(keras.callbacks.Callback):
    """Keeps, over the last steps, averages that follow one law each.

    As training would leave them that lets the averages follow this law alone: the
    layers' momentum, and weights that change meanwhile.

    Attributes:
        values: The averages, by law.
    """

    def __init__(self, calls: Calls, batches: Iterator[np.ndarray], start: int):
        super().__init__()
        self._calls, self._batches, self._start = calls, batches, start
        self._step = 0
        self.values: dict[str, Averages] = {}

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        if self._step <= self._start:
            return
        for law in ("p", "q", "data"):
            network = self._calls.network(law)
            with kept(*self._calls.both):
                if law in self.values:
                    assign(network, self.values[law])
                self._calls(law, next(self._batches), self._step)
                self.values[law] = averages(network)


def trained(config, inputs: Inputs) -> tuple[ks.models.Autoencoder, dict[str, dict]]:
    """A trained model, and its averages by network and name."""
    model = build.model(config, inputs.steps_per_epoch)
    calls, steps = Calls(model), config.steps_per_epoch
    # Later batches than those of training.
    batches = inputs.stream(steps).as_numpy_iterator()
    shadows = Shadows(calls, batches, max(0, steps - LAST))
    model.fit(
        inputs.stream(0),
        steps_per_epoch=steps,
        epochs=1,
        verbose=0,
        callbacks=[shadows],
    )
    fresh = [x for _, x in zip(range(BATCHES), batches, strict=False)]
    found = {name: {"mix": averages(getattr(model, name))} for name in LAWS}
    for name, laws in LAWS.items():
        found[name] |= {law: renewed(calls, law, fresh) for law in laws}
        moving = {f"{law} moving": shadows.values.get(law) for law in laws}
        found[name] |= {law: one for law, one in moving.items() if one is not None}
    found["decoder"]["both"] = renewed(calls, "p q", fresh)
    return model, found


class Measured:
    """A trained model's outputs, by what its networks normalise by.

    Args:
        model: The model.
        known: Averages by network and name; "batch" is each batch's own.
    """

    def __init__(self, model: ks.models.Autoencoder, known: dict[str, dict]):
        self.model, self.known = model, known
        self._encoder = tf.function(self._encoded, reduce_retracing=True)
        self._decoder = tf.function(self._decoded, reduce_retracing=True)

    @contextlib.contextmanager
    def _by(self, network: str, averages_: str) -> Iterator[bool]:
        """Within it, the network has these averages; gives whether it is to train."""
        one = getattr(self.model, network)
        with kept(one):
            if averages_ != "batch":
                assign(one, self.known[network][averages_])
            yield averages_ == "batch"

    def _encoded(self, x, number, training):
        noise = Noise(SEED).fold(number)
        law = self.model.posterior_law
        with scope(noise):
            raw = self.model.posterior_raw(x, training)
        q = law(raw)
        drawn = law.sample(raw, noise.seed("z_q"))
        kl = ks.distributions.kl_divergence(q, self.model.prior, drawn)
        return law.mean(raw), drawn, kl

    def _decoded(self, z, x, training):
        law = self.model.likelihood_law
        with scope(Noise(SEED)):
            raw = self.model.likelihood_raw(z, training)
        return law.mean(raw), law(raw).log_prob(x)

    def decode(self, z: np.ndarray, by: str, x: np.ndarray) -> tuple:
        """The means of p(x|z), and log p(x|z) in nats, (n,)."""
        with self._by("decoder", by) as training:
            parts = [
                self._decoder(*map(tf.constant, part), training)
                for part in chunks(z, x)
            ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def encode(self, x: np.ndarray, by: str) -> tuple:
        """Means and draws of q(z|x), and KL(q(z|x) || p(z)) in nats, (n,)."""
        with self._by("encoder", by) as training:
            parts = [
                self._encoder(tf.constant(part), tf.constant(i), training)
                for i, (part,) in enumerate(chunks(x))
            ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def chunks(*arrays: np.ndarray) -> Iterator[tuple]:
    """Parts of arrays of one length; a last, shorter part is left out."""
    for start in range(0, len(arrays[0]) - AT_ONCE + 1, AT_ONCE):
        yield tuple(one[start : start + AT_ONCE] for one in arrays)


def measure(measured: Measured, x: np.ndarray, backbone) -> dict:
    """All numbers of one trained model, of its samples and its reconstructions.

    Args:
        measured: The model.
        x: Test data; as many samples are drawn, of the same codes for all averages.
        backbone: What images are seen through; None for measures without.
    """
    real = np.concatenate(list(backbone.features(x))) if backbone else None
    model = measured.model
    z = model.prior.sample(len(x), seed=Noise(SEED).seed("z")).numpy()
    samples = {by: measured.decode(z, by, x)[0] for by in GENERATED}
    generated = {}
    for by, made in samples.items():
        generated[by] = {
            "difference, mean": float(np.abs(made - samples["batch"]).mean()),
            "difference, largest": float(np.abs(made - samples["batch"]).max()),
            "mean": float(made.mean()),
            **(scores(real, made, backbone) if backbone else {}),
        }
    codes = {by: measured.encode(x, by) for by in dict(RECONSTRUCTED)}
    reconstructed = {}
    for by, other in RECONSTRUCTED:
        mean, drawn, kl = codes[by]
        made, _ = measured.decode(mean, other, x)
        _, log_p = measured.decode(drawn, other, x)
        reconstructed[f"{by} / {other}"] = {
            "mse": float(((made - x) ** 2).mean()),
            "bound": float((log_p - kl).mean()),
            "mean": float(made.mean()),
        }
    order = np.random.default_rng(SEED).permutation(len(z))
    other, _ = measured.decode(z[order], "batch", x)
    return {
        "samples": generated,
        "reconstructions": reconstructed,
        # Of the same codes, each decoded by the statistics of two batches.
        "difference by companions, mean": float(
            np.abs(other - samples["batch"][order]).mean()
        ),
    }


def scores(real: np.ndarray, made: np.ndarray, backbone) -> dict[str, float]:
    """What the classifier says of samples, and of their features beside real ones."""
    features, probabilities = map(
        np.concatenate, zip(*backbone.both(made), strict=True)
    )
    # A part of few samples has a low score.
    splits = 10 if len(made) >= 5000 else 1
    pair = real, features
    found = ks.evaluation.precision_recall(*pair)
    return {
        "inception score": float(ks.evaluation.inception_score(probabilities, splits)),
        "Frechet distance": float(ks.evaluation.frechet_distance(*pair)),
        "precision": float(found.precision),
        "recall": float(found.recall),
    }


def apart(one: Averages, other: Averages) -> list[dict[str, float]]:
    """How far two laws' statistics are from each other, by layer.

    `mean`: root mean square, over channels, of the means' difference in standard
    deviations of the first; `scale`: of the log of the standard deviations' ratio.
    """
    found = []
    for (mean, variance), (other_mean, other_variance) in zip(one, other, strict=True):
        variance, other_variance = variance + 1e-3, other_variance + 1e-3
        shift = (other_mean - mean) / np.sqrt(variance)
        ratio = np.log(other_variance / variance) / 2
        found.append(
            {
                "mean": float(np.sqrt((shift**2).mean())),
                "scale": float(np.sqrt((ratio**2).mean())),
            }
        )
    return found


def one_run(name: str, seed: int, given: argparse.Namespace, backbone) -> dict:
    """One method, trained and measured."""
    config = EXPERIMENTS[DATA[given.nets]].config(
        **METHODS[name],
        **settings(given),
        seed=seed,
        epochs=1,
        steps_per_epoch=given.steps,
        steps_per_execution=1,
    )
    places = {"data_dir": given.data_dir, "manual_dir": given.manual_dir}
    inputs = Inputs(config, build.value_range(config), **places)
    started = time.monotonic()
    model, known = trained(config, inputs)
    middle = time.monotonic()
    x = inputs.arrays("test", given.n)
    x = x[: len(x) // AT_ONCE * AT_ONCE]
    found = measure(Measured(model, known), x, backbone)
    decoder, encoder = known["decoder"], known["encoder"]
    return {
        "method": name,
        "seed": seed,
        "steps": int(model.step),
        "n": len(x),
        **commit(),
        "seconds": round(time.monotonic() - started, 1),
        "seconds of training": round(middle - started, 1),
        "config": config.asdict(),
        **found,
        "laws apart": {
            "decoder, p and q": apart(decoder["p"], decoder["q"]),
            "encoder, data and samples": apart(encoder["data"], encoder["samples"]),
        },
    }


def settings(given: argparse.Namespace) -> dict:
    """What the networks are built with."""
    if given.nets == "mnist":
        return {"width": given.width}
    return {"nets": given.nets, "batch_norm": True}


def summary(runs: list[dict]) -> dict:
    """Means and standard deviations over seeds, and of the differences from mix."""
    found: dict = {}
    for name in dict.fromkeys(run["method"] for run in runs):
        mine = [run for run in runs if run["method"] == name]
        found[name] = {}
        for part, base in (("samples", "mix"), ("reconstructions", "mix / mix")):
            found[name][part] = {
                by: {
                    measure: {
                        **spread([run[part][by][measure] for run in mine]),
                        "from mix": spread(
                            [
                                run[part][by][measure] - run[part][base][measure]
                                for run in mine
                            ]
                        ),
                    }
                    for measure in values
                }
                for by, values in mine[0][part].items()
            }
    return found


def spread(values: list[float]) -> dict[str, float | None]:
    """Mean and standard deviation; a single value has none."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "deviation": deviation}


def cell(value: dict[str, float | None]) -> str:
    """Mean and, if there is one, standard deviation."""
    deviation = value["deviation"]
    shown = f"{value['mean']:.4g}"
    return shown if deviation is None else f"{shown} ± {deviation:.2g}"


def text(found: dict) -> str:
    """Tables of a summary, as Markdown."""
    lines = []
    for part, head in (
        ("samples", "decoder"),
        ("reconstructions", "encoder / decoder"),
    ):
        measures = list(next(iter(next(iter(found.values()))[part].values())))
        lines += [f"| method | {head} | " + " | ".join(measures) + " |"]
        lines += ["|---" * (len(measures) + 2) + "|"]
        for name, parts in found.items():
            for by, values in parts[part].items():
                cells = [cell(values[one]) for one in measures]
                lines.append(f"| {name} | {by} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.batch_norm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("nets", choices=DATA, help="the networks, of the data in their name")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    add("--seeds", type=int, default=3, help="runs of each method [%(default)s]")
    add("--steps", type=int, default=1500, help="of training [%(default)s]")
    add("--width", type=float, default=0.5, help="of mnist's networks [%(default)s]")
    add("--n", type=int, default=5000, help="test examples, samples [%(default)s]")
    add("--data-dir", help="where TFDS has or puts data sets")
    add("--manual-dir", help="where the data set's original files are")
    add("--backbone", help="the classifier's name or file [the data's]")
    add("--out", type=pathlib.Path, help="of the runs [runs/batch-norm-NETS]")
    add("--record", type=pathlib.Path, help="[results/batch_norm_DATA.json]")
    return parser.parse_args(argv)


def run(given: argparse.Namespace) -> None:
    """Trains and measures what is not done, and writes the record."""
    if given.steps < 1 or given.seeds < 1 or given.n < AT_ONCE:
        raise ValueError(
            f"Expected --steps and --seeds >= 1 and --n >= {AT_ONCE}; received: "
            f"{given.steps}, {given.seeds} and {given.n}"
        )
    data = DATA[given.nets]
    backbone = ks.evaluation.classifier(given.backbone or data)
    out = given.out or pathlib.Path("runs") / f"batch-norm-{given.nets}"
    out.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in range(given.seeds):
        for name in given.methods:
            title = f"{name}-width{given.width:g}-steps{given.steps}-n{given.n}"
            path = out / f"{title}-seed{seed}.json"
            if not path.exists():
                write_json(path, one_run(name, seed, given, backbone))
                keras.backend.clear_session()
            runs.append(read_json(path))
            print(f"{name}, seed {seed}: {runs[-1]['seconds']} s", flush=True)
    found = summary(runs)
    print(text(found))
    results = ROOT / "reproductions" / "results"
    path = given.record or results / f"batch_norm_{data}.json"
    content = record(
        data={"name": data, "n": runs[0]["n"], "split": "test"},
        backbone=backbone.details(backbone.input_shape),
        seeds=given.seeds,
        steps=given.steps,
        networks=settings(given),
        batches=BATCHES,
        batch=AT_ONCE,
        seconds=round(sum(run["seconds"] for run in runs), 1),
        summary=found,
        runs=runs,
    )
    add_json(path, given.nets, content)
    print(f"Written: {path}")


def main(argv: list[str] | None = None) -> None:
    """The command; what a user can mend is said in one line."""
    given = arguments(argv)
    command.guarded("reproductions.batch_norm", lambda: run(given))


if __name__ == "__main__":
    main()
