"""The study: methods, each trained once and measured under several averages."""

from typing import Literal

import keras_svae as ks
from reproductions.batch_norm.averages import LAST, Calls, Shadows, known
from reproductions.batch_norm.measured import AT_ONCE, Measured, apart, measure
from reproductions.engine import (
    Images,
    Run,
    Study,
    Training,
    experiment,
    spread,
    text_of,
)
from reproductions.engine.options import DENSE, TABLE, PositiveInt
from reproductions.methods import aavae, alice, svae

DATA = {"mnist": "mnist", "mnist_dense": "mnist", "digits": "digits"}
METHODS = {
    "sVAE-r": {"method": "svae", "lam": 0.1},
    "ALICE": {"method": "alice", "lam": 0.1, "two_sided": False},
    "AA-VAE": {"method": "aavae", "temperature": 1.5},
}


@experiment(
    methods=(svae, alice, aavae),
    networks={
        "mnist": (ks.networks.mnist, TABLE),
        "mnist_dense": (ks.networks.mnist_dense, DENSE),
        "digits": (ks.networks.digits, DENSE),
    },
    settings={
        "data": "mnist",
        "epochs": 1,
        "latent_dim": 32,
        "batch_norm": True,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
        "batch_size": 64,
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "n": 5000,
        "measures": "mse",
    },
)
def trained(model: ks.Game, data: Images, training: Training) -> Run:
    """One model, its samples and reconstructions under several averages."""
    kept: dict = {}

    def callbacks(model: ks.Game, inputs) -> list:
        steps, calls = inputs.steps_per_epoch, Calls(model)
        # Later batches than those of training.
        batches = inputs.stream(steps).as_numpy_iterator()
        shadows = Shadows(calls, batches, max(0, steps - LAST))
        kept.update(calls=calls, shadows=shadows, batches=batches)
        return [shadows]

    def extra(model: ks.Game, inputs) -> dict:
        found = known(kept["calls"], kept["shadows"], kept["batches"])
        x = inputs.arrays("test", training.n)
        x = x[: len(x) // AT_ONCE * AT_ONCE]
        decoder, encoder = found["decoder"], found["encoder"]
        # These scores are of a trained network.
        backbone = None if inputs.backbone == "random" else inputs.backbone
        return measure(Measured(model, found), x, backbone) | {
            "laws apart": {
                "decoder, p and q": apart(decoder["p"], decoder["q"]),
                "encoder, data and samples": apart(encoder["data"], encoder["samples"]),
            }
        }

    return Run(model, data, training, extra=extra, callbacks=callbacks)


@experiment()
def compare(
    study: Study,
    nets: Literal["mnist", "mnist_dense", "digits"] = "mnist",
    methods: list[Literal["sVAE-r", "ALICE", "AA-VAE"]] = list(METHODS),  # noqa: B006
    seeds: PositiveInt = 3,
    steps: PositiveInt = 1500,
    width: float = 0.5,
    n: PositiveInt = 5000,
) -> None:
    """Samples and reconstructions by whose averages batch normalisation has.

    In training the decoder sees codes of the prior, codes of data, or (AA-VAE) codes
    of samples, each in a batch of its own, which batch normalisation brings to one
    mean and scale. Its running averages have no part in training, so each method is
    trained once, and the same weights are measured under several averages: mix, what
    training leaves; p, q, both, of the decoder's calls on codes of p(z), of q(z|x), of
    both in turn, plain means over batches after training; data, of the encoder's calls
    on data; "moving", what training would leave that follows one law; batch, each
    batch's own moments.

    Args:
        study: Where the runs are.
        nets: The networks, of the data in their name.
        methods: Which.
        seeds: Runs of each method.
        steps: How many steps of training.
        width: The width of mnist's networks.
        n: How many test examples and samples are measured.
    """
    if n < AT_ONCE:
        raise ValueError(f"Expected n >= {AT_ONCE}; received: {n}")
    given = {"nets": nets, "data": DATA[nets], "steps_per_epoch": steps, "n": n}
    given |= {"width": width} if nets == "mnist" else {}
    given |= {"latent_dim": 8, "learning_rate": 5e-4} if nets == "digits" else {}
    calls = [
        trained.call(**given, **METHODS[name], seed=seed)
        for seed in range(seeds)
        for name in methods
    ]
    records = study(calls)
    runs = [one for one in records if "diverged" not in one]
    if not runs:
        raise ValueError("Expected a run that did not diverge; received: none")
    found = summary(runs)
    study.write(
        {
            "experiment": f"batch_norm {nets}",
            "data": runs[0]["data"],
            "seeds": seeds,
            "steps": steps,
            "diverged": len(records) - len(runs),
            "summary": found,
            "runs": runs,
        },
        text(found),
    )


def summary(runs: list[dict]) -> dict:
    """Means and standard deviations over seeds, and of the differences from mix."""
    found: dict = {}
    for name, settings in METHODS.items():
        method = settings["method"]
        mine = [run for run in runs if run["settings"]["method"] == method]
        if not mine:
            continue
        found[name] = {}
        for part, base in (("samples", "mix"), ("reconstructions", "mix / mix")):
            found[name][part] = {
                by: {
                    one: {
                        **spread([run[part][by][one] for run in mine]),
                        "from mix": spread(
                            [run[part][by][one] - run[part][base][one] for run in mine]
                        ),
                    }
                    for one in values
                }
                for by, values in mine[0][part].items()
            }
    return found


def text(found: dict) -> str:
    """Tables of a summary, as Markdown."""
    lines = []
    heads = {"samples": "decoder", "reconstructions": "encoder / decoder"}
    for part, head in heads.items():
        measures = list(next(iter(next(iter(found.values()))[part].values())))
        lines += [f"| method | {head} | " + " | ".join(measures) + " |"]
        lines += ["|---" * (len(measures) + 2) + "|"]
        for name, parts in found.items():
            for by, values in parts[part].items():
                cells = [text_of(values[one]) for one in measures]
                lines.append(f"| {name} | {by} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)
