"""python -m reproductions.side_by_side table: all methods on the same data and nets.

From no paper: the comparison that none of them has. Domain adaptation, which needs two
data sets, is not in it.
"""

import functools
from typing import Literal

import numpy as np

import keras_svae as ks
from reproductions import methods as of
from reproductions.engine import (
    Run,
    Study,
    Training,
    cells,
    command,
    experiment,
)
from reproductions.engine.options import DENSE, PositiveInt
from reproductions.engine.rows import table_of
from reproductions.unifying.images import Classed

__all__ = ["digits", "table"]

# By what they have: an encoder and a critic of pairs, a bound, a critic of x, ...
NAMES = {
    "svae": "sVAE-r", "ali": "ALI", "alice": "ALICE", "as_vae": "AS-VAE",
    "as_vae_r": "AS-VAE-r", "as_vae_g": "AS-VAE-g", "avb": "AVB", "vae": "VAE",
    "nf_vae": "NF-VAE", "aavae": "AA-VAE", "two_stage_vae": "two-stage VAE",
    "wake_sleep": "wake-sleep", "alpha_gan": "α-GAN", "wae_mmd": "WAE-MMD",
    "wae_gan": "WAE-GAN", "aae": "AAE", "age": "AGE",
    "ijae": "λ-IJAE", "ijae_l1": "λ-IJAE-L1", "ijae_l2": "λ-IJAE-L2", "aim": "AIM",
    "aim_minus": "AIM-", "veegan": "VEEGAN", "gan": "GAN", "iwgan": "IWGAN",
    "unrolled_gan": "Unrolled GAN", "wgan_gp": "WGAN-GP",
    "wgan": "WGAN", "infogan": "InfoGAN",
    # These read classes.
    "cgan": "CGAN", "iwcgan": "IWCGAN", "cvae": "CVAE", "aacvae": "AA-CVAE",
    "ss_vae": "M2", "aa_ss_vae": "AA-M2",
}  # fmt: skip
METHODS = tuple(getattr(of, name) for name in NAMES)
# The measures, by what they are about.
QUESTIONS = {
    "generation": ("inception_score", "frechet_distance"),
    "coverage": ("density_coverage.coverage", "precision_recall.recall"),
    # SSIM's window does not fit 8 x 8 pixels.
    "inference": ("psnr", "code_mse"),
    "likelihood": ("variational_bound", "importance_weighted_bound"),
}
MEASURES = tuple(name for some in QUESTIONS.values() for name in some)
# Its likelihood of images is a Gaussian, so its bounds are of densities.
OF_DENSITIES = "two_stage_vae"
# A tenth of the examples tell their class, half of those in each batch.
SOME = {"labelled": 0.1}
COSTS = ("processor seconds", "weights", "peak memory of training, GB")
IMPLICIT = {"posterior": "implicit"}
FIVE = IMPLICIT | {"nets": "ijae_dense", "shift": 1}
SHAPE = (8, 8, 1)


@experiment(
    methods=METHODS,
    networks={
        "digits": (ks.networks.digits, DENSE),
        "ijae_dense": (
            functools.partial(ks.networks.ijae_mnist_dense, shape=SHAPE),
            DENSE,
        ),
    },
    # One setting for all. What differs is what a method needs: a weight, which is that
    # of its paper or of the demo and tuned for none, an encoder that is fed noise.
    settings={
        "data": "digits",
        "nets": "digits",
        "classes": 10,
        "units": 128,
        "latent_dim": 8,
        "batch_norm": True,
        "posterior": "gaussian",
        "likelihood": "bernoulli",
        # Records say these of each run, whatever its laws are.
        "flow_length": 8,
        "likelihood_length": 4,
        "shift": 5,
        "scale": 0.3,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "critic_learning_rate": 5e-4,
        "beta_1": 0.5,
        "decay": "cosine",
        "steps_per_epoch": 20,
        "steps_per_execution": 20,
        "measures": ",".join(dict.fromkeys(name.split(".")[0] for name in MEASURES)),
    },
    budgets={"quick": {"epochs": 100}},
    by_method={
        "svae": {"lam": 0.05},
        "alice": {"lam": 0.05, "two_sided": False},
        "nf_vae": {"posterior": "planar_flow", "flow_length": 4},
        "avb": IMPLICIT | {"noise": True},
        "aavae": {"temperature": 1.5},
        "alpha_gan": IMPLICIT,
        "wae_mmd": IMPLICIT,
        "wae_gan": IMPLICIT,
        "aae": IMPLICIT,
        # With batch normalisation it learns nothing: docs/methods/age.md.
        "age": IMPLICIT | {"lam": 32.0, "batch_norm": False},
        "veegan": IMPLICIT,
        "aim_minus": {"posterior": "unit_gaussian"},
        "ijae": FIVE | {"likelihood": "shift_tanh"},
        "ijae_l1": FIVE | {"likelihood": "unit_laplace_tanh"},
        "ijae_l2": FIVE | {"likelihood": "unit_gaussian_tanh"},
        "wgan_gp": {"critic_turns": 5},
        "wgan": {"critic_turns": 5},
        "aacvae": {"temperature": 1.5},
        "ss_vae": SOME,
        "aa_ss_vae": SOME | {"temperature": 1.5},
    },
)
def digits(model: ks.Game, data: Classed, training: Training) -> Run:
    """scikit-learn's 8 x 8 digits with any method and the same networks."""

    def weights(model: ks.Game, _) -> dict:
        """How many weights the method trains, in all its networks."""
        sizes = [np.prod(weight.shape) for weight in model.trainable_weights]
        return {"weights": int(sum(sizes))}

    return Run(model, data, training, extra=weights)


@experiment()
def table(
    study: Study,
    seeds: PositiveInt = 5,
    methods: list[Literal[tuple(NAMES)]] = list(NAMES),  # noqa: B006
    epochs: PositiveInt = 100,
    dtype: Literal["float32", "mixed_bfloat16"] = "float32",
) -> None:
    """All methods on the same data, networks and budget, means over seeds.

    All methods run with one seed before the next seed, so that a partial result is
    balanced.

    Args:
        study: Where the runs are.
        seeds: Runs of each method.
        methods: The rows.
        epochs: How many, of 20 steps each.
        dtype: Policy of the networks.
    """
    given = {"epochs": epochs, "dtype": dtype}
    study.check_backbone("digits")
    records = study(
        [
            digits.call(method=method, seed=seed, **given)
            for seed in range(seeds)
            for method in methods
        ]
    )
    found = summary(records)
    content = {
        "experiment": "all methods side by side, digits",
        "settings": digits.resolve(**given),
        "data": records[0].get("data"),
        "backbone": records[0].get("backbone"),
        "by_method": found,
    }
    study.write(content, text(found))


def summary(records: list[dict]) -> dict[str, dict]:
    """By method: measures and costs, mean and spread over seeds."""
    whole = []
    for one in records:
        found = dict(one["metrics"])
        if one["settings"]["method"] == OF_DENSITIES:
            for name in QUESTIONS["likelihood"]:
                found.pop(name, None)
        whole.append(one | {"metrics": found})
    rows = cells(whole, by=["method"], measures=[*MEASURES, *COSTS])
    return {row.pop("method"): row for row in rows}


def text(found: dict[str, dict]) -> str:
    """The summary as a table."""
    rows = [{"method": method, **row} for method, row in found.items()]
    heads = {name: name[-22:] for name in (*MEASURES, *COSTS[:2])}
    return table_of(rows, lambda row: NAMES[row["method"]], heads, ".3g")


if __name__ == "__main__":
    command.main("side_by_side")
