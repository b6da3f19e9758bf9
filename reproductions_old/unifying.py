"""On Unifying Deep Generative Models: python -m reproductions.unifying --help."""

from reproductions import command, unifying_adapt, unifying_table
from reproductions.experiments.unifying import EXPERIMENTS

if __name__ == "__main__":
    command.main(
        "reproductions.unifying",
        "On unifying deep generative models (Hu et al., 2018): importance weighted "
        "GANs, adversary activated VAEs, domain adaptation.",
        EXPERIMENTS,
        extra={"table": unifying_table, "adapt": unifying_adapt},
    )
