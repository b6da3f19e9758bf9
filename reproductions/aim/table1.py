"""AIM's table 1: methods beside each other, over numbers of epochs."""

from typing import Literal

from reproductions.aim.baselines import NAMES, TABLE1
from reproductions.aim.images import cifar10, mnist
from reproductions.engine import Study, experiment
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import paper_table

DATA = {"mnist": mnist, "cifar10": cifar10}
MEASURES = {"inception_score": "inception score", "mse": "MSE", "code_mse": "codes"}


@experiment()
def table1(
    study: Study,
    data: Literal[tuple(DATA)] = "mnist",
    methods: list[Literal[tuple(NAMES)]] = TABLE1,
    epochs: list[PositiveInt] | None = None,
    seeds: PositiveInt = 3,
    budget: Literal["paper", "quick"] = "quick",
) -> None:
    """Methods with AIM's networks and rates, over epochs and seeds (5.1, table 1).

    Rates fall with the epochs that are over, not with their number in all. So a run of
    8 epochs is the first 8 of a longer one.

    Args:
        study: Where the runs are.
        data: The experiment that all runs are of.
        methods: The rows.
        epochs: How many epochs, several for a curve; unset, as many as the budget says.
        seeds: Runs of each method and number of epochs.
        budget: The settings that each run starts from.
    """
    study.check_backbone(data)
    rows = {name: {"method": name} for name in methods}
    more = {"seeds": seeds, "epochs": epochs, "budget": budget}
    more["not_run"] = [name for name in TABLE1 if name not in rows]
    paper_table(study, DATA[data], rows, NAMES, MEASURES, **more)
