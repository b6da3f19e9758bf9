"""A VAE whose loss is not random."""

import functools

import keras

import keras_svae as ks
from keras_svae.models.draw import Draw
from tests.models import tiny


class StillDraw(Draw):
    """Its codes are means."""

    @functools.cached_property
    def z_q(self):
        return self.model.posterior_law.mean(self._posterior_raw)


class Still(ks.VAE):
    """Nothing of its loss is random."""

    def draw(self, batch, noise, training):
        return StillDraw(self, batch, noise, training)


def still():
    keras.utils.set_random_seed(1)
    model = Still(
        tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder"),
        tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
        likelihood="gaussian",
    )
    model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    return model
