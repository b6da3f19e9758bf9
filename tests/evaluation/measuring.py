"""Measures of a tiny model, for tests."""

import keras_svae as ks
from tests.models import tiny

X = tiny.data(n=30)


def measure(model, test=X, **given):
    given = {"n": 30, "measures": None, "verbose": False} | given
    return ks.evaluation.evaluate(model, test, **given)
