"""The base class of all methods and what it does for them: players who take turns.

`game.py` has the class. A method says who plays and what each player minimises. The
files beside it are a step and its parts: turns, losses, updates, averages, what is
logged. The folders are what stands around a step:

* `checks`: what is refused before a weight changes.
* `feeding`: what the user gives, of whatever kind, made into batches.
* `devices`: several steps in a call, XLA, replicas, workers.
* `keras_callbacks`: what Keras's callbacks need of a model of several optimizers.
* `saving`: files of a model, and weights that another model starts from.
* `export`: endpoints, and the formats that they are written in.
"""

from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.game import Diverged, Game, Player
from keras_svae.game.terms import Term, over_batch, over_data, over_samples

__all__ = [
    "Critic",
    "Diverged",
    "Game",
    "Player",
    "Term",
    "endpoint",
    "over_batch",
    "over_data",
    "over_samples",
]
