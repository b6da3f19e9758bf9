"""Settings of the papers that a method may have: weights, reductions, losses, clips."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.replicas import two_replicas


def losses(method, **kwargs):
    """The terms of encoder and decoder, on one draw."""
    model = tiny.build(method, compiled=False, **kwargs)
    return tiny.played(model, "autoencoder", tiny.drawn(model))[0]


def test_a_pair_of_weights_is_for_x_and_z():
    one, pair = losses("svae_r", lam=0.7), losses("svae_r", lam=(0.7, 0.7))
    assert one == pair
    other = losses("svae_r", lam=(0.35, 2.1))
    assert other["matching"] == one["matching"]
    np.testing.assert_allclose(
        other["reconstruction_x"], one["reconstruction_x"] / 2, rtol=1e-6
    )
    np.testing.assert_allclose(
        other["reconstruction_z"], one["reconstruction_z"] * 3, rtol=1e-6
    )
    assert set(losses("svae_r", lam=(0.7, 0.0))) == {"matching", "reconstruction_x"}


@pytest.mark.parametrize("method", ["svae_r", "alice_two_sided"])
def test_mean_absolute_errors(method):
    """With Laplace laws of scale 1: lam mean |x - x'| + lam mean |z - z'|, + log 2."""
    law = ks.distributions.Laplace(1.0, draw="mean")
    laws = {"likelihood": law, "posterior": law}
    model = tiny.build(method, compiled=False, lam=0.3, reduction="mean", **laws)
    terms, _ = tiny.played(model, "autoencoder", tiny.drawn(model))
    w, draw = tiny.weights(model), tiny.drawn(model)
    x, z = draw.x.numpy(), draw.z.numpy()
    x_again = tiny.run(w["decoder"], tiny.run(w["encoder"], x))
    z_again = tiny.run(w["encoder"], tiny.run(w["decoder"], z))
    for name, a, b in (("x", x, x_again), ("z", z, z_again)):
        wanted = 0.3 * (np.abs(a - b).mean() + np.log(2))
        np.testing.assert_allclose(terms[f"reconstruction_{name}"], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("svae_r", {"lam": (0.7, 0.3), "reduction": "mean"}),
        ("alice", {"lam": (0.7, 0.0), "loss": "sigmoid"}),
        ("ali", {"loss": "minimax", "reduction": "mean"}),
        ("gan", {"loss": "logit"}),
        ("aim", {"loss": "minimax"}),
        ("wgan", {"clip": 0.25}),
        ("wgan_gp", {"loss": "logit"}),
    ],
)
def test_they_are_saved(method, given):
    model = tiny.build(method, compiled=False, **given)
    again = type(model).from_config(model.get_config())
    kept = ("lam", "reduction", "two_sided", "fools_by", "clip")
    for name in kept:
        assert getattr(again, name, None) == getattr(model, name, None), name
    assert again.get_config() == model.get_config()


def test_a_weight_that_was_changed_is_saved():
    model = tiny.build("svae_r", compiled=False, lam=(0.7, 0.3))
    model.lam = (0.1, 0.2)
    assert type(model).from_config(model.get_config()).lam == (0.1, 0.2)


def test_files_of_before_have_none_of_them():
    """A config without the new names means what it meant."""
    for method in ("svae_r", "alice", "gan", "wgan_gp"):
        model = tiny.build(method, compiled=False)
        config = model.get_config()
        for name in ("reduction", "loss"):
            config.pop(name, None)
        again = type(model).from_config(config)
        assert getattr(again, "reduction", "sum") == "sum"
        assert getattr(again, "fools_by", None) == getattr(model, "fools_by", None)


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("svae_r", {"lam": (0.7,)}, r"lam to be a number or a pair.*\(0.7,\)"),
        ("svae_r", {"lam": (0.7, -1)}, r"lam\[1\] to be finite and >= 0; .*-1"),
        ("svae_r", {"lam": (0.7, float("nan"))}, r"lam\[1\].*nan"),
        ("alice", {"lam": (0.7, 0.3)}, r"two_sided=True .*lam=\(0.7, 0.3\)"),
        ("svae_r", {"reduction": "none"}, "reduction to be one of .*'none'"),
        ("svae", {"lam": (0, 0.3), "posterior": "implicit"}, "explicit law"),
        ("alice", {"loss": "logit"}, "loss to be one of .*'logit'"),
        ("gan", {"loss": "hinge"}, "loss to be one of .*'hinge'"),
        ("iwgan", {"loss": "minimax"}, "importance weights; .*'minimax'"),
        ("aim_f_gan", {"loss": "minimax"}, "game=\"gan\" .*'minimax'"),
        ("wgan", {"loss": "minimax"}, "minus the critic's score"),
        ("wgan", {"importance_weighted": True}, "importance_weighted=False"),
        ("wgan", {"clip": 0}, "clip to be finite and > 0; .*clip=0"),
    ],
)
def test_what_cannot_be_is_refused(method, given, message):
    with pytest.raises(ValueError, match=message):
        tiny.build(method, compiled=False, **given)


def sizes(network):
    return max(float(np.abs(v.numpy()).max()) for v in network.trainable_variables)


def test_wgan_clips_the_critic_after_each_of_its_updates():
    """And nothing else; the update itself is not changed: algorithm 1."""
    clipped = tiny.build("wgan", clip=0.05, eager=True)
    free = tiny.build("wgan", eager=True)
    decoder = clipped.decoder.get_weights()
    for model in (clipped, free):
        model.train_on_batch(tiny.data())
    for a, b in zip(
        clipped.critic.get_weights(), free.critic.get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, np.clip(b, -0.05, 0.05), atol=1e-7)
    assert sizes(free.critic) > 1 and sizes(clipped.critic) == np.float32(0.05)
    # The generator moves, and is not clipped.
    assert sizes(clipped.decoder) > 0.5
    assert np.abs(decoder[0] - clipped.decoder.get_weights()[0]).max() > 0


def test_wgan_clips_with_xla_and_in_the_average():
    model = tiny.build("wgan", compiled=False, clip=0.05, turns={"critic": 2})
    optimizers = {
        p.optimizer: keras.optimizers.RMSprop(0.01) for p in model.players.values()
    }
    model.compile(**optimizers, jit_compile=True, ema=0.5)
    model.train_on_batch(tiny.data())
    assert sizes(model.critic) == np.float32(0.05)
    model.averages.lend()
    # Half of the start's weights, and a quarter and a half of clipped ones.
    assert 0.05 < sizes(model.critic) < 1


def test_wgan_clips_on_two_replicas():
    strategy = two_replicas()
    with strategy.scope():
        model = tiny.build("wgan", clip=0.05)
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=16)).batch(8)
    model.fit(data, verbose=0)
    assert sizes(model.critic) == np.float32(0.05)
    for variable in model.critic.trainable_variables:
        values = strategy.experimental_local_results(variable.value)
        for value in values:
            np.testing.assert_array_equal(value, variable.numpy())


def test_wgan_goes_on_after_loading(tmp_path):
    model = tiny.build("wgan", clip=0.05)
    model.train_on_batch(tiny.data())
    model.save(tmp_path / "wgan.keras")
    again = keras.saving.load_model(tmp_path / "wgan.keras")
    assert again.clip == 0.05
    for one in (model, again):
        one.train_on_batch(tiny.data(1))
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
