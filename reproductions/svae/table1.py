"""sVAE's tables 1 and 2: methods beside each other on MNIST and CIFAR-10."""

from typing import Any, Literal

from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.table import table
from reproductions.svae.images import cifar10, mnist

DATA = {"mnist": mnist, "cifar10": cifar10}
# Rows of table 1, and of table 2 but for the last three.
ROWS: dict[str, dict[str, Any]] = {
    "svae_r": {"method": "svae"},
    "svae": {"method": "svae", "lam": 0.0},
    "gan": {"method": "gan"},
    "dcgan": {"method": "gan", "nets": "dcgan"},
    "wgan_gp": {"method": "wgan_gp"},
    "ali": {"method": "ali"},
    "vae": {"method": "vae"},
    "nf_vae": {"method": "nf_vae"},
    "avb": {"method": "avb"},
    "as_vae_r": {"method": "as_vae_r"},
}
NAMES = {
    "svae_r": "sVAE-r",
    "svae": "sVAE",
    "gan": "GAN",
    "dcgan": "DCGAN",
    "wgan_gp": "WGAN-GP",
    "ali": "ALI",
    "vae": "VAE",
    "nf_vae": "NF-VAE",
    "avb": "AVB",
    "as_vae_r": "AS-VAE-r",
}
MEASURES = {
    "annealed_importance_sampling": "AIS, nats",
    "variational_bound": "bound, nats",
    "inception_score": "inception score",
    "frechet_distance": "Fréchet distance",
    "mse": "MSE",
}
ALL = list(ROWS)
# What CIFAR-10's experiment does not have.
ONLY_MNIST = ("nf_vae", "avb", "as_vae_r")


@experiment()
def table1(
    study: Study,
    data: Literal[tuple(DATA)] = "mnist",
    methods: list[Literal[tuple(ROWS)]] = ALL,
    epochs: list[PositiveInt] | None = None,
    seeds: PositiveInt = 5,
    budget: Literal["paper", "quick"] = "paper",
) -> None:
    """Methods beside each other on MNIST (6.2, table 1) or CIFAR-10 (6.4, table 2).

    Rates are constant, so a run of fewer epochs is the start of a longer one.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: The rows; CIFAR-10 has no nf_vae, avb, as_vae_r.
        epochs: How many epochs, several for a curve; unset, as many as the budget says.
        seeds: Runs of each row and number of epochs.
        budget: The settings that each run starts from.
    """
    kept = [name for name in methods if data == "mnist" or name not in ONLY_MNIST]
    if methods != ALL and (left := [name for name in methods if name not in kept]):
        raise ValueError(f"Expected methods of {data}; received: {', '.join(left)}")
    study.check_backbone(data)
    rows = {name: ROWS[name] for name in kept}
    more = {"seeds": seeds, "epochs": epochs, "budget": budget}
    table(study, DATA[data], rows, NAMES, MEASURES, **more)
