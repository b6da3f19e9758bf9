"""sVAE's tables 1 and 2: methods beside each other on MNIST and CIFAR-10."""

from typing import Any, Literal

from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import paper_table
from reproductions.svae.images import cifar10, mnist

DATA = {"mnist": mnist, "cifar10": cifar10}
# What a row is called, and its settings.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "svae_r": ("sVAE-r", {"method": "svae"}),
    # Ours: the setting that decides in `python -m reproductions.svae mnist-settings`.
    "svae_r_near_prior": (
        "sVAE-r, encoder's last layer N(0, .02)",
        {"method": "svae", "code_stddev": 0.02},
    ),
    "svae": ("sVAE", {"method": "svae", "lam": 0.0}),
    "gan": ("GAN", {"method": "gan"}),
    "dcgan": ("DCGAN", {"method": "gan", "nets": "dcgan"}),
    "wgan_gp": ("WGAN-GP", {"method": "wgan_gp"}),
    # Gulrajani et al. have another ResNet.
    "wgan_gp_resnet": ("WGAN-GP ResNet", {"method": "wgan_gp", "nets": "resnet"}),
    "ali": ("ALI", {"method": "ali"}),
    "vae": ("VAE", {"method": "vae"}),
    "nf_vae": ("NF-VAE", {"method": "nf_vae"}),
    "avb": ("AVB", {"method": "avb"}),
    "as_vae_r": ("AS-VAE-r", {"method": "as_vae_r"}),
}
# The tables' rows that are made here, and VAE. Table 2 also has AS-VAE,
# with networks of its own paper: `python -m reproductions.as_vae cifar10`.
OF_DATA = {
    "mnist": "svae_r svae gan dcgan wgan_gp vae nf_vae avb as_vae_r".split(),
    "cifar10": "svae_r svae dcgan wgan_gp wgan_gp_resnet ali vae".split(),
}
# Rows beside them that are no row of a table.
OURS = {"mnist": ["svae_r_near_prior"], "cifar10": []}
MEASURES = {
    "annealed_importance_sampling": "AIS, nats",
    "variational_bound": "bound, nats",
    "inception_score": "inception score",
    "frechet_distance": "Fréchet distance",
    "mse": "MSE",
}


@experiment()
def table1(
    study: Study,
    data: Literal[tuple(DATA)] = "mnist",
    methods: list[Literal[tuple(ROWS)]] | None = None,
    epochs: list[PositiveInt] | None = None,
    seeds: PositiveInt = 5,
    budget: Literal["paper", "quick"] = "paper",
    ais_examples: PositiveInt | None = None,
    ais_temperatures: PositiveInt | None = None,
) -> None:
    """Methods beside each other on MNIST (6.2, table 1) or CIFAR-10 (6.4, table 2).

    Rates are constant, so a run of fewer epochs is the start of a longer one.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: The rows; unset, those of the data's table.
        epochs: How many epochs, several for a curve; unset, as many as the budget says.
        seeds: Runs of each row and number of epochs.
        budget: The settings that each run starts from.
        ais_examples: As in the data's experiment; unset, as many as that has.
        ais_temperatures: As in the data's experiment; unset, as many as that has.
    """
    methods = methods or OF_DATA[data]
    known = OF_DATA[data] + OURS[data]
    if left := [name for name in methods if name not in known]:
        raise ValueError(
            f"Expected methods of {data}, {', '.join(known)}; received: "
            f"{', '.join(left)}"
        )
    study.check_backbone(data)
    # CIFAR-10's images have a Laplace law, of which no bound is published.
    nats = ("annealed_importance_sampling", "variational_bound")
    kept = {n: t for n, t in MEASURES.items() if data == "mnist" or n not in nats}
    names = {name: ROWS[name][0] for name in methods}
    rows = {name: ROWS[name][1] for name in methods}
    not_run = [name for name in OF_DATA[data] if name not in rows]
    more = {"ais_examples": ais_examples, "ais_temperatures": ais_temperatures}
    more |= {"seeds": seeds, "epochs": epochs, "budget": budget, "not_run": not_run}
    paper_table(study, DATA[data], rows, names, kept, **more)
