"""Makes the pictures of docs/verdicts/discussed.md from records.

python docs/pictures/verdicts.py

`verdicts.png`: left, AS-VAE's variants beside others on MNIST; right, what AA-VAE gains
over a VAE. `modes.png`: how many good samples each mode of the grid has, by seed.
"""

import json
import pathlib

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

HERE = pathlib.Path(__file__).parent
RESULTS = HERE.parents[1] / "reproductions" / "results"
NAMES = {
    "nf_vae": "NF-VAE",
    "vae": "VAE",
    "as_vae": "AS-VAE",
    "as_vae_r": "AS-VAE-r",
}
# Methods on the grid of 25, and the record of each one's runs.
GRID = {
    "aim": ("AIM", "aim_grid25_twenty.json"),
    "gan": ("GAN", "aim_grid25_baselines.json"),
    "unrolled_gan": ("Unrolled GAN", "aim_grid25_baselines.json"),
    "ali": ("ALI", "aim_grid25_baselines.json"),
    "veegan": ("VEEGAN", "aim_grid25_baselines.json"),
}
NLL = "NLL bound, nats"


def main() -> None:
    """Writes both."""
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    bounds(left, read("as_vae_mnist.json")["table"])
    gains(right, read("unifying_gain_mnist.json")["rows"])
    figure.savefig(HERE / "verdicts.png")
    figure = Figure(figsize=(9, 3), dpi=110, layout="constrained")
    modes(figure)
    figure.savefig(HERE / "modes.png")


def read(name: str) -> dict:
    """A record."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def modes(figure: Figure) -> None:
    """A panel for each method: a row for each seed, a column for each mode."""
    panels = figure.subplots(1, len(GRID))
    for ax, (method, (name, record)) in zip(panels, GRID.items(), strict=True):
        runs = [one for one in read(record)["runs"] if one["method"] == method]
        counts = np.array([one["counts"] for one in runs], float)
        counts[counts == 0] = np.nan  # a mode that no good sample is in stays white
        shown = ax.imshow(
            counts,
            norm=LogNorm(1, 1000),
            cmap="viridis",
            aspect="auto",
            interpolation="nearest",
        )
        ax.set(title=name, xlabel="mode", yticks=[0, len(runs) - 1])
    panels[0].set_ylabel("seed")
    figure.colorbar(shown, ax=panels, label="good samples")


def bounds(ax, table: dict) -> None:
    """Bounds on -log p(x), a point for each seed."""
    for place, method in enumerate(NAMES):
        values = table[method][NLL]["values"]
        ax.plot(values, [place] * len(values), "o", color="tab:blue")
    ax.set_yticks(range(len(NAMES)), NAMES.values())
    ax.invert_yaxis()
    ax.set(title="bound on -log p(x), MNIST", xlabel="nats, less is better")


def gains(ax, rows: list[dict]) -> None:
    """Means of the best weights' gain over the VAE, with 95% intervals."""
    rows = [one for one in rows if one["kind"] != "base"]
    for place, row in enumerate(rows):
        one = row["best over"]["base"]
        color = "tab:orange" if "constant" in row["name"] else "tab:blue"
        ax.errorbar(one["mean"], place, xerr=one["interval"], fmt="o", color=color)
    ax.axvline(0, color="0.7", linewidth=0.8)
    ax.set_yticks(range(len(rows)), [one["name"] for one in rows])
    ax.invert_yaxis()
    ax.set(
        title="gain over a VAE, 1% of MNIST\n(orange: no adversary)",
        xlabel="nats, best weights",
    )


if __name__ == "__main__":
    main()
