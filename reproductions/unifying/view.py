"""Mode missing and mode covering, section 3.4, on the real line."""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_svae as ks
from reproductions.engine import Call, Study, experiment
from reproductions.engine.options import PositiveInt

METHODS = {"GAN": ks.GAN, "IWGAN": ks.IWGAN, "VAE": ks.VAE, "AA-VAE": ks.AAVAE}
MEANS, WEIGHTS, SIGMA = np.array([-4.0, 0.0, 4.0]), (0.4, 0.35, 0.25), 0.5
# A mode is the range within this many sigma of its mean. With less than this it is
# missed.
REACH, MISSED = 3.0, 0.05
# Hidden layers and units of the decoder.
DECODERS = {"one Gaussian": (0, 0), "two layers of 32": (2, 32)}
BATCH, RATE, SAMPLES = 256, 3e-3, 20_000
TEMPERATURE = 1.5
# Of the picture's densities.
EDGES = np.linspace(-9, 9, 121)


@experiment()
def view(study: Study, seeds: PositiveInt = 3, steps: PositiveInt = 3000) -> None:
    """Mode missing and mode covering on the real line (3.4).

    GAN and IWGAN, VAE and AA-VAE are fitted to three Gaussians, with a decoder that
    can only make one Gaussian, and with one that can make them all. Written are a
    picture of their densities and, over seeds, the mass that each mode gets, and what
    lies between.

    Args:
        study: Where the runs are.
        seeds: How many seeds each fit has.
        steps: How many each fit has, a multiple of 100.
    """
    if steps % 100:
        raise ValueError(f"Expected steps, a multiple of 100; received: {steps}")
    records = study(
        [
            Call(fit, {"method": method, "decoder": decoder, "seed": seed}
                 | {"steps": steps})
            for decoder in DECODERS
            for method in METHODS
            for seed in range(seeds)
        ]
    )  # fmt: skip
    rows = summary(records)
    content = {
        "experiment": "mode missing and mode covering on the real line",
        "target": {"means": MEANS.tolist(), "weights": WEIGHTS, "sigma": SIGMA},
        "a mode is": f"what is within {REACH:g} sigma of its mean",
        "training": {"steps": steps, "batch": BATCH, "Adam": RATE, "beta_1": 0.5},
        "temperature of AA-VAE": TEMPERATURE,
        "samples": SAMPLES,
        "rows": rows,
    }
    study.write(content, text(rows), picture(records))


def sample(n: int, seed: int) -> np.ndarray:
    """Draws of the target, (n, 1)."""
    rng = np.random.default_rng(seed)
    means = MEANS[rng.choice(len(MEANS), n, p=WEIGHTS)]
    return (means + SIGMA * rng.normal(size=n))[:, None].astype("float32")


def target_density(x: np.ndarray) -> np.ndarray:
    """The target's density at points (n,)."""
    each = np.exp(-((x[:, None] - MEANS) ** 2) / (2 * SIGMA**2))
    return each @ np.array(WEIGHTS) / (SIGMA * np.sqrt(2 * np.pi))


def masses(x: np.ndarray) -> dict[str, float]:
    """Which share of samples (n,) is in each mode, between two, and beyond all."""
    near = np.abs(x[:, None] - MEANS) < REACH * SIGMA
    inside = near.any(1)
    middle = (x > MEANS[0]) & (x < MEANS[-1])
    found = {f"mode at {m:g}": float(near[:, i].mean()) for i, m in enumerate(MEANS)}
    found["between"] = float((middle & ~inside).mean())
    return found | {"beyond": float((~middle & ~inside).mean())}


def network(
    inputs: int, outputs: int, depth: int, units: int, name: str
) -> keras.Model:
    """A small dense network; without hidden layers an affine map."""
    x = h = keras.Input((inputs,))
    for _ in range(depth):
        h = keras.layers.Dense(units, "leaky_relu")(h)
    return keras.Model(x, keras.layers.Dense(outputs)(h), name=name)


def fit(method: str, decoder: str, seed: int, steps: int) -> dict:
    """The masses of a model, and its density.

    Code and data are numbers, p(x|z) a Gaussian.
    """
    keras.utils.set_random_seed(seed)
    depth, units = DECODERS[decoder]
    critic = functools.partial(network, 1, 1, 2, 64, "critic")
    given: dict = {"seed": seed}
    if "GAN" in method:
        law = ks.distributions.Gaussian(1.0, draw="mean")
        made = [network(1, 1, depth, units, "decoder"), critic()]
    else:
        law = ks.distributions.Gaussian("learned")
        made = [network(1, 2, 2, 32, "encoder"), network(1, 2, depth, units, "decoder")]
        if method == "AA-VAE":
            made.append(critic())
            given["temperature"] = TEMPERATURE
    model = METHODS[method](*made, likelihood=law, **given)
    rates = {player.optimizer for player in model.players.values()}
    model.compile(
        **{name: ks.optimizers.Adam(RATE, beta_1=0.5) for name in rates},
        steps_per_execution=100,
    )
    data = tf.data.Dataset.from_tensor_slices(sample(BATCH * 500, seed))
    data = data.batch(BATCH, drop_remainder=True).repeat()
    model.fit(data, steps_per_epoch=steps, verbose=0)
    # Draws from p(x|z), where a VAE has one; not its means.
    x = np.asarray(model.generate(SAMPLES, seed=1))[:, 0]
    density = np.histogram(x, EDGES)[0] / (SAMPLES * np.diff(EDGES))
    return masses(x) | {"extra": {"density": density.round(5).tolist()}}


def of(records: list[dict], decoder: str, method: str) -> list[dict]:
    """The records of one fit, by seed."""
    names = {"decoder": decoder, "method": method}
    return [one for one in records if names.items() <= one["settings"].items()]


def summary(records: list[dict]) -> list[dict]:
    """By decoder and method: the mean mass of each part over seeds, and its range."""
    target = {
        part: {"mean": mass} for part, mass in masses(sample(10**6, 0)[:, 0]).items()
    }
    rows = [{"decoder": "-", "method": "target", "mass": target}]
    modes = list(target)[: len(MEANS)]
    for decoder, method in itertools.product(DECODERS, METHODS):
        mine = [r["metrics"] for r in of(records, decoder, method) if r["metrics"]]
        if not mine:
            continue
        row: dict = {"decoder": decoder, "method": method, "mass": {}}
        for part in target:
            values = [one[part] for one in mine]
            row["mass"][part] = {
                "mean": float(np.mean(values)),
                "least": min(values),
                "most": max(values),
            }
        empty = [sum(one[mode] < MISSED for mode in modes) for one in mine]
        rows.append(row | {"modes missed, by seed": empty})
    return rows


def picture(records: list[dict]) -> Figure:
    """Densities of the first seed's samples, under the target's."""
    size = (3.0 * len(METHODS), 2.3 * len(DECODERS))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    counts = len(DECODERS), len(METHODS)
    axes = figure.subplots(*counts, sharex=True, sharey=True, squeeze=False)
    grid = np.linspace(-9, 9, 400)
    for row, decoder in zip(axes, DECODERS, strict=True):
        for ax, method in zip(row, METHODS, strict=True):
            for one in of(records, decoder, method)[:1]:
                if "density" in one:
                    ax.stairs(
                        one["density"], EDGES, fill=True, alpha=0.6, label="model"
                    )
            ax.plot(grid, target_density(grid), "k", linewidth=1, label="data")
            ax.set(title=f"{method}: {decoder}", ylim=(0, 0.8), yticks=[])
    axes[0, 0].legend()
    return figure


def text(rows: list[dict]) -> str:
    """The summary, a line per row."""
    parts = list(rows[0]["mass"])
    lines = [f"{'':26}" + "".join(f"{part:>13}" for part in parts) + "  modes missed"]
    for row in rows:
        cells = "".join(f"{row['mass'][part]['mean']:13.3f}" for part in parts)
        missed = row.get("modes missed, by seed", "")
        title = f"{row['decoder']}, {row['method']}"
        lines.append(f"{title:26}{cells}  {missed}")
    return "\n".join(lines)
