"""The experiments of sVAE (Chen et al., 2018): python -m reproductions.svae --help."""

from reproductions import command, sweep
from reproductions.experiments.svae import EXPERIMENTS

if __name__ == "__main__":
    command.main(
        "reproductions.svae",
        "Symmetric VAE (Chen et al., 2018) and the methods beside it.",
        EXPERIMENTS,
        extra={"toy-sweep": sweep},
    )
