"""AS-VAE's experiments (Pu et al., 2017): python -m reproductions.as_vae --help."""

from reproductions import command, table
from reproductions.experiments.as_vae import EXPERIMENTS

if __name__ == "__main__":
    command.main(
        "reproductions.as_vae",
        "Adversarial symmetric VAE (Pu et al., 2017) and the methods beside it.",
        EXPERIMENTS,
        extra={"table": table},
    )
