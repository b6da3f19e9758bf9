"""The experiments of AIM: python -m reproductions.aim --help."""

from reproductions import command, modes
from reproductions.experiments.aim import EXPERIMENTS

if __name__ == "__main__":
    command.main(
        "reproductions.aim",
        "AIM (adversarial inference by matching priors and conditionals) and the "
        "methods beside it.",
        EXPERIMENTS,
        extra={"table2": modes},
    )
