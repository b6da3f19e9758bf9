"""The one engine behind all experiments.

A run: `experiment` is a function with options, it returns a `Run`, and `execute` is the
one way to train, measure and record. A study: a `Study` finds or makes many runs;
`cells`, `spread` and `interval` summarise them; `published` gives the papers' numbers.
"""

from reproductions.engine.build import Parts
from reproductions.engine.call import Call
from reproductions.engine.execution import execute
from reproductions.engine.experiment import Experiment, experiment
from reproductions.engine.options import Play
from reproductions.engine.places import Places
from reproductions.engine.results import (
    cells,
    interval,
    published,
    published_text,
    spread,
    text_of,
)
from reproductions.engine.settings import Data, Images, Laws, Training
from reproductions.engine.study import Study
from reproductions.engine.training import Run

__all__ = [
    "Call",
    "Data",
    "Experiment",
    "Images",
    "Laws",
    "Parts",
    "Places",
    "Play",
    "Run",
    "Study",
    "Training",
    "cells",
    "execute",
    "experiment",
    "interval",
    "published",
    "published_text",
    "spread",
    "text_of",
]
