"""The benchmark's medians as a picture: python -m reproductions.benchmarks.chart."""

import argparse
import json
import pathlib

from matplotlib.figure import Figure

from reproductions.benchmarks.cases import ALONE, CASES, FLOOR, UPDATE

__all__ = ["chart"]

TORCH = {
    name for case in CASES.values() for side, name in case.references if side == "torch"
}
NAMES = {ALONE, *(name for case in CASES.values() for name in case.all_of_ours)}
OURS, OTHERS, LIMIT = "tab:blue", "tab:gray", "tab:green"


def chart(results: dict[str, dict]) -> Figure:
    """Medians of a step with their quartiles, a panel for each case.

    Args:
        results: What the benchmark's record has under this name.
    """
    rows = [len(one["configurations"]) for one in results.values()]
    figure = Figure((10, 0.6 * len(rows) + 0.26 * sum(rows)), layout="constrained")
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=rows)[:, 0]
    for panel, (case, one) in zip(panels, results.items(), strict=True):
        found = sorted(
            one["configurations"].items(), key=lambda pair: -pair[1]["median_ms"]
        )
        names = [name for name, _ in found]
        medians = [row["median_ms"] for _, row in found]
        away = [
            [row["median_ms"] - row["quartiles_ms"][0] for _, row in found],
            [row["quartiles_ms"][1] - row["median_ms"] for _, row in found],
        ]
        # Their quartiles are not of a step.
        for limit in {FLOOR, UPDATE} & set(names):
            for side in away:
                side[names.index(limit)] = 0
        colors = [
            LIMIT if name in (FLOOR, UPDATE)
            else OURS if name in NAMES
            else OTHERS
            for name in names
        ]  # fmt: skip
        labels = [f"PyTorch, {name}" if name in TORCH else name for name in names]
        panel.barh(labels, medians, xerr=away, color=colors, ecolor="black")
        panel.set_title(f"{case}: milliseconds a step, batch {one['batch']}")
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: list[str] | None = None) -> None:
    """Writes a record's picture beside it."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.chart", description=__doc__
    )
    parser.add_argument("record", type=pathlib.Path, help="a record of the benchmark")
    given = parser.parse_args(argv)
    content = json.loads(given.record.read_text(encoding="utf-8"))
    path = given.record.with_suffix(".png")
    chart(content["results"]).savefig(path, dpi=120)
    print(f"Written: {path}")


if __name__ == "__main__":
    main()
