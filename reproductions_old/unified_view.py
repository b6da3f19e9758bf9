"""Mode missing and mode covering, section 3.4 of Hu et al. (2018), on the real line.

    python -m reproductions.unified_view --out runs/unified-view

GAN and IWGAN, VAE and AA-VAE are fitted to three Gaussians, with a decoder that can
only make one Gaussian, and with one that can make them all. Written are a picture of
their densities and, over seeds, the mass that each mode gets, and what lies between.
"""

import argparse
import functools
import pathlib
import sys

import numpy as np

from reproductions import results
from reproductions.command import guarded
from reproductions.files import write_json

METHODS = {"GAN": "GAN", "IWGAN": "IWGAN", "VAE": "VAE", "AA-VAE": "AAVAE"}
MEANS, WEIGHTS, SIGMA = np.array([-4.0, 0.0, 4.0]), (0.4, 0.35, 0.25), 0.5
# A mode is what is within so many sigma of its mean.
REACH = 3.0
# Hidden layers and units of the decoder.
DECODERS = {"one Gaussian": (0, 0), "two layers of 32": (2, 32)}
BATCH, RATE, SAMPLES = 256, 3e-3, 20_000
TEMPERATURE = 1.5


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


def network(inputs: int, outputs: int, depth: int, units: int, name: str):
    """A small dense network; without hidden layers an affine map."""
    import keras

    x = h = keras.Input((inputs,))
    for _ in range(depth):
        h = keras.layers.Dense(units, "leaky_relu")(h)
    return keras.Model(x, keras.layers.Dense(outputs)(h), name=name)


def fitted(method: str, decoder: str, seed: int, steps: int):
    """A trained model: code and data are numbers, p(x|z) a Gaussian."""
    import keras
    import tensorflow as tf

    import keras_svae as ks

    keras.utils.set_random_seed(seed)
    depth, units = DECODERS[decoder]
    critic = functools.partial(network, 1, 1, 2, 64, "critic")
    given = {"seed": seed}
    if "GAN" in method:
        law = ks.distributions.Gaussian(1.0, draw="mean")
        made = [network(1, 1, depth, units, "decoder"), critic()]
    else:
        law = ks.distributions.Gaussian("learned")
        made = [network(1, 2, 2, 32, "encoder"), network(1, 2, depth, units, "decoder")]
        if method == "AA-VAE":
            made.append(critic())
            given["temperature"] = TEMPERATURE
    model = getattr(ks.models, METHODS[method])(*made, likelihood=law, **given)
    rates = {p.optimizer for p in model.players.values()}
    model.compile(
        **{name: ks.optimizers.Adam(RATE, beta_1=0.5) for name in rates},
        steps_per_execution=100,
    )
    x = tf.data.Dataset.from_tensor_slices(sample(BATCH * 500, seed))
    x = x.batch(BATCH, drop_remainder=True).repeat()
    model.fit(x, steps_per_epoch=steps, verbose=0)
    return model


def run(seeds: int, steps: int, say=print) -> list[dict]:
    """All fits: masses, and the first seed's samples."""
    found = []
    for decoder in DECODERS:
        for method in METHODS:
            for seed in range(seeds):
                model = fitted(method, decoder, seed, steps)
                # Draws from p(x|z), where a VAE has one; not its means.
                x = np.asarray(model.generate(SAMPLES, seed=1))[:, 0]
                one = {"decoder": decoder, "method": method, "seed": seed}
                found.append(one | {"mass": masses(x), "samples": x})
                shown = "  ".join(f"{k} {v:.2f}" for k, v in masses(x).items())
                say(f"{decoder:16}  {method:6}  seed {seed}  {shown}", flush=True)
    return found


def summary(runs: list[dict]) -> list[dict]:
    """By decoder and method: the mean mass of each part over seeds, and its range."""
    rows = [{"decoder": "-", "method": "target", "mass": _target()}]
    for decoder in DECODERS:
        for method in METHODS:
            mine = [
                one["mass"]
                for one in runs
                if (one["decoder"], one["method"]) == (decoder, method)
            ]
            parts = {
                part: {
                    "mean": float(np.mean([one[part] for one in mine])),
                    "least": min(one[part] for one in mine),
                    "most": max(one[part] for one in mine),
                }
                for part in mine[0]
            }
            empty = [sum(one[f"mode at {m:g}"] < 0.05 for m in MEANS) for one in mine]
            rows.append(
                {"decoder": decoder, "method": method, "mass": parts}
                | {"modes missed, by seed": empty}
            )
    return rows


def _target() -> dict:
    return {
        part: {"mean": mass} for part, mass in masses(sample(10**6, 0)[:, 0]).items()
    }


def draw(runs: list[dict], path: pathlib.Path) -> None:
    """Densities of the first seed's samples, above the target's."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (3.0 * len(METHODS), 2.3 * len(DECODERS))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    counts = len(DECODERS), len(METHODS)
    axes = figure.subplots(*counts, sharex=True, sharey=True, squeeze=False)
    grid = np.linspace(-9, 9, 400)
    for row, decoder in zip(axes, DECODERS, strict=True):
        for ax, method in zip(row, METHODS, strict=True):
            x = next(
                one["samples"]
                for one in runs
                if (one["decoder"], one["method"]) == (decoder, method)
            )
            ax.hist(x, np.linspace(-9, 9, 121), density=True, alpha=0.6, label="model")
            ax.plot(grid, target_density(grid), "k", linewidth=1, label="data")
            ax.set(title=f"{method}: {decoder}", ylim=(0, 0.8), yticks=[])
    axes[0, 0].legend()
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")


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


def main(argv: list[str] | None = None) -> None:
    """Fits, then writes `unified_view.json` and `.png`."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.unified_view",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", default="runs/unified-view", help="a folder [%(default)s]")
    add("--seeds", type=int, default=3, help="of each fit [%(default)s]")
    add("--steps", type=int, default=3000, help="of each fit [%(default)s]")
    given = parser.parse_args(argv)
    if given.seeds < 1 or given.steps % 100 or given.steps < 100:
        raise ValueError(
            "Expected seeds >= 1, and steps a multiple of 100; received: "
            f"seeds={given.seeds}, steps={given.steps}"
        )
    folder = pathlib.Path(given.out)
    folder.mkdir(parents=True, exist_ok=True)
    runs = run(given.seeds, given.steps)
    rows = summary(runs)
    print(text(rows))
    content = {
        "experiment": "mode missing and mode covering on the real line",
        "target": {"means": MEANS.tolist(), "weights": WEIGHTS, "sigma": SIGMA},
        "a mode is": f"what is within {REACH:g} sigma of its mean",
        "training": {"steps": given.steps, "batch": BATCH, "Adam": RATE, "beta_1": 0.5},
        "temperature of AA-VAE": TEMPERATURE,
        "samples": SAMPLES,
        "rows": rows,
    }
    write_json(folder / "unified_view.json", results.record(**content))
    draw(runs, folder / "unified_view.png")
    print(f"written: {folder / 'unified_view.json'}, {folder / 'unified_view.png'}")


if __name__ == "__main__":
    guarded("reproductions.unified_view", lambda: main(sys.argv[1:]))
