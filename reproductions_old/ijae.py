"""The experiments of lambda-IJAE: python -m reproductions.ijae --help."""

from reproductions import command, figure1, plane
from reproductions.experiments.ijae import EXPERIMENTS

if __name__ == "__main__":
    command.main(
        "reproductions.ijae",
        "Implicit lambda-Jeffreys autoencoders and the methods beside them.",
        EXPERIMENTS,
        extra={"figure1": figure1, "plane": plane},
    )
