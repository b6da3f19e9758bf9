"""The base class of all methods and what it does for them: players who take turns.

`game.py` has the class. A method says who plays and what each player minimises. The
other files do what all methods need: they check data, weigh examples, take means, and
handle optimizers, averages of weights, configurations and endpoints.
"""

from keras_svae.game.critic import Critic
from keras_svae.game.endpoints import endpoint
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
