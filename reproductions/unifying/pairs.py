"""Extensions and their bases, and differences of the two over the same seeds."""

from reproductions.engine import interval, published

# The base with which each extension is compared.
BASES = {
    "iwgan": "gan",
    "iwcgan": "cgan",
    "aavae": "vae",
    "aacvae": "cvae",
    "aa_ss_vae": "ss_vae",
}
NAMES = {
    "vae": "VAE",
    "cvae": "CVAE",
    "ss_vae": "M2",
    "iwgan": "IWGAN",
    "iwcgan": "IWCGAN",
    "aavae": "AA-VAE",
    "aacvae": "AA-CVAE",
    "aa_ss_vae": "AA-M2",
}
# Values of T of the activated adversary. Held-out data choose one.
TEMPERATURES = (1.0, 1.5, 3.0, 5.0)


def paired(runs: list[dict], measure: str, kinds: dict[str, dict]) -> dict[str, dict]:
    """Intervals of a measure of two kinds of runs, and of their difference.

    Over the seeds that both have; empty without any. A kind is a name, and what its
    runs have in common.
    """
    by_seed = {
        name: {
            run["seed"]: run["metrics"][measure]
            for run in runs
            if of.items() <= run.items() and run["metrics"].get(measure) is not None
        }
        for name, of in kinds.items()
    }
    base, other = by_seed.values()
    seeds = sorted(set(base) & set(other))
    values = {name: [one[s] for s in seeds] for name, one in by_seed.items()}
    values["difference"] = [other[s] - base[s] for s in seeds]
    return {name: interval(one) for name, one in values.items()} if seeds else {}


def paper(data: str, measure: str, share: float, base: str, method: str) -> dict:
    """The paper's numbers of both, and their difference."""
    found = {
        one["method"]: one["value"]
        for one in published(paper="unifying", data=data, measure=measure)
        if one.get("method") in (base, method) and one.get("share", 1.0) == share
    }
    if len(found) == 2:
        found["difference"] = round(found[method] - found[base], 4)
    return found
