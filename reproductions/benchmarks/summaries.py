"""Medians, ratios and goals of the benchmark of training."""

import statistics

from reproductions.benchmarks.blocks import quantised
from reproductions.benchmarks.cases import ALONE, CASES, FLOOR, GRAPH, UPDATE, Case

# The side of the product, see `step_worker`.
PRODUCT_GFLOP = 2 * 2048**3 / 1e9


def summary(found: dict[str, list[dict]], case: Case) -> dict:
    """Medians, quartiles and ratios of one case, and which of ours is best.

    Returns:
        A dictionary; "wrong" in it says why the numbers cannot be believed, if so, and
        "left_out" which of the others, that no goal is about, cannot.
    """
    rows: dict[str, dict] = {}
    wrong: list[str] = []
    left_out: list[str] = []
    needed = {*case.all_of_ours, *case.goals, case.references[0][1], ALONE, FLOOR}
    for kind, (first, *blocks) in found.items():
        clean = [one for one in blocks if not one["marks"]]
        why = []
        if 2 * len(clean) < len(blocks):
            why.append(f"{kind}: {len(blocks) - len(clean)} of {len(blocks)} busy")
        if quantised([one["seconds"] for one in clean]):
            why.append(f"{kind}: blocks take multiples of a period")
        if why and kind not in needed:
            left_out += why
            continue
        wrong += why
        walls = [one["ms"] for one in clean or blocks]
        walls = walls if len(walls) > 1 else 2 * walls
        low, median, high = statistics.quantiles(walls, n=4, method="inclusive")
        rows[kind] = {
            "median_ms": round(median, 4),
            "quartiles_ms": [round(low, 4), round(high, 4)],
            "median_cpu_ms": round(
                statistics.median(one["cpu_ms"] for one in clean or blocks), 4
            ),
            "blocks": len(blocks),
            "clean": len(clean),
            **first,
        }
    if FLOOR in rows and case.gflop:
        rate = PRODUCT_GFLOP / rows[FLOOR]["median_ms"]  # TFLOP per second
        rows[FLOOR]["product_ms"] = rows[FLOOR]["median_ms"]
        rows[FLOOR]["median_ms"] = round(case.gflop / rate, 4)
    ours = [kind for kind in case.all_of_ours if kind in rows]
    best = min(ours, key=lambda kind: rows[kind]["median_ms"])

    def ratio(kind: str, to: str) -> float:
        return round(rows[kind]["median_ms"] / rows[to]["median_ms"], 4)

    for kind, row in rows.items():
        row["ratios"] = {to: ratio(kind, to) for _, to in case.references if to in rows}
        if FLOOR in rows and kind not in (FLOOR, UPDATE):
            row["ratios"][FLOOR] = ratio(kind, FLOOR)
    if ALONE in rows:
        rows[GRAPH]["ratios"][ALONE] = ratio(GRAPH, ALONE)
    return {
        "best": best,
        "goals": {
            to: {"at most": goal, "ratio": ratio(best, to)}
            for to, goal in case.goals.items()
        },
        "wrong": wrong,
        "left_out": left_out,
        "configurations": rows,
    }


def table(results: dict) -> str:
    """The results as text."""
    lines = []
    for name, result in results.items():
        lines.append(f"{name}, batch {CASES[name].batch}")
        for kind, row in result["configurations"].items():
            low, high = row["quartiles_ms"]
            ratios = "  ".join(f"{one:.3f} {to}" for to, one in row["ratios"].items())
            lines.append(
                f"  {kind:34}{row['median_ms']:9.3f} ms/step  "
                f"[{low:.3f}, {high:.3f}]  CPU {row['median_cpu_ms']:.3f}  x {ratios}"
            )
        for to, goal in result["goals"].items():
            reached = goal["ratio"] <= goal["at most"]
            lines.append(
                f"  best: {result['best']}, {goal['ratio']:.3f} of {to}; goal "
                f"{goal['at most']}: {'reached' if reached else 'missed'}"
            )
        lines += [f"  wrong: {one}" for one in result["wrong"]]
        lines += [f"  left out: {one}" for one in result["left_out"]]
    return "\n".join(lines)
