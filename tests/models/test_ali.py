"""ALI between deterministic maps, which is BiGAN."""

import numpy as np
import pytest

import keras_svae as ks
from tests.models import tiny

STILL = ks.distributions.Gaussian(1.0, draw="mean")


def bigan():
    return tiny.build("ali", likelihood="implicit", posterior="implicit")


@pytest.mark.parametrize("player", ["critic", "autoencoder"])
def test_bigans_game_by_hand(player):
    """On (x, E(x)) and (G(z), z), with the gradient for both maps."""
    model = bigan()
    w, x = tiny.weights(model), tiny.data()
    z = np.random.default_rng(2).normal(size=(len(x), tiny.CODE))
    sign = 1 if player == "critic" else -1

    def expected():
        f_q = tiny.run(w["critic"], x, tiny.run(w["encoder"], x))
        f_p = tiny.run(w["critic"], tiny.run(w["decoder"], z), z)
        return (tiny.softplus(sign * f_q) + tiny.softplus(-sign * f_p)).mean()

    tiny.check(model, player, expected, w, z=z)


def test_bigan_is_ali_with_deterministic_maps():
    """Of the laws ALI asks for draws alone: no density is part of its losses."""
    maps, laws = bigan(), tiny.build("ali", likelihood=STILL, posterior=STILL)
    drawing = tiny.build("ali", posterior=ks.distributions.Gaussian(1.0))
    x = tiny.data()
    logs = []
    for model in (maps, laws, drawing):
        logs.append(model.train_on_batch(x, return_dict=True))
    for name in ("critic_loss", "autoencoder_loss"):
        assert logs[0][name] == logs[1][name]
        assert abs(logs[0][name] - logs[2][name]) > 1e-3
    for a, b in zip(maps.trainable_variables, laws.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(maps.encode(x, seed=1), maps.encode(x, seed=2))
    with pytest.raises(ValueError, match="explicit law"):
        maps.posterior(x)
