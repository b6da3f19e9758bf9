"""Makes the picture of docs/verdicts/discussed.md from records.

python docs/pictures/verdicts.py

Left, AS-VAE's variants beside others on MNIST; right, what AA-VAE gains over a VAE.
"""

import json
import pathlib

from matplotlib.figure import Figure

HERE = pathlib.Path(__file__).parent
RESULTS = HERE.parents[1] / "reproductions" / "results"
NAMES = {
    "nf_vae": "NF-VAE",
    "vae": "VAE",
    "as_vae": "AS-VAE",
    "as_vae_r": "AS-VAE-r",
}
NLL = "NLL bound, nats"


def main() -> None:
    """Writes `verdicts.png`."""
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    bounds(left, read("as_vae_mnist.json")["table"])
    gains(right, read("unifying_gain_mnist.json")["rows"])
    figure.savefig(HERE / "verdicts.png")


def read(name: str) -> dict:
    """A record."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


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
