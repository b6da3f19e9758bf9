"""What a loss and `observe` of one's own may return."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def own(loss, observe=None, eager=False, encoder=None):
    """A compiled VAE with a loss of a user's own, a function of the draw."""
    keras.utils.set_random_seed(0)
    members = {"autoencoder_loss": lambda self, draw: loss(draw)}
    if observe is not None:
        members["observe"] = lambda self, draw: observe(draw)
    model = type("Own", (ks.VAE,), members)(
        encoder or tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder"),
        tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
        likelihood="gaussian",
    )
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=eager)
    return model


@pytest.mark.parametrize(
    ("loss", "received"),
    [
        (lambda d: (-d.log_p_x, d.kl), "a tuple. Several terms are a dictionary"),
        (lambda d: [-d.log_p_x, d.kl], "a list. Several terms are a dictionary"),
        (lambda d: None, "None"),
        (lambda d: {"kl": None}, "None"),
        (lambda d: {"kl": "text"}, "numbers of type string"),
        (lambda d: {}, "a dictionary without terms"),
        (lambda d: {1: d.kl}, "1"),
        (lambda d: tf.reduce_mean((d.x - d.reconstruction) ** 2, 0), r"shape \(3,\)"),
        (lambda d: tf.reduce_mean(d.kl, keepdims=True), r"shape \(1,\)"),
    ],
)
@pytest.mark.parametrize("eager", [False, True])
def test_a_loss_of_another_structure_is_refused(loss, received, eager):
    with pytest.raises(ValueError, match=f"Expected .*received: {received}"):
        own(loss, eager=eager)


def test_a_mean_over_the_wrong_axis_is_refused_where_it_has_the_size_of_a_batch():
    """`compile` tries 4 examples: only a step knows that this is no batch."""
    model = own(lambda d: tf.stack([tf.reduce_mean(d.kl)] * 4), eager=True)
    with pytest.raises(ValueError, match=r"Expected the term 'loss'.*shape \(4,\)"):
        model.train_on_batch(tiny.data())
    assert model.step == 0


def test_a_batch_that_a_network_fixes_is_a_batch():
    x = keras.Input(batch_shape=(6, tiny.DATA))
    encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(x))
    model = own(lambda d: -d.log_p_x + d.kl, encoder=encoder)
    assert np.isfinite(model.train_on_batch(tiny.data(n=6))[0])


def test_losses_in_other_precision_are_taken_in_float32():
    losses = []
    for kind in (tf.float32, tf.float64):
        model = own(lambda d, kind=kind: tf.cast(-d.log_p_x + d.kl, kind), eager=True)
        losses.append(model.train_on_batch(tiny.data(), return_dict=True)["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("name", ["regularization", "loss", ""])
def test_names_that_the_base_class_gives_are_refused(name):
    """With a regularizer, a term of its name was not in the loss."""
    with pytest.raises(ValueError, match=f"another name of a term.*received: '{name}'"):
        own(lambda d: {"reconstruction": -d.log_p_x, name: d.kl})


def _logs(name):
    def loss(draw):
        draw.log[name] = tf.constant(7.0)
        return {"reconstruction": -draw.log_p_x, "kl": draw.kl}

    return loss


@pytest.mark.parametrize("name", ["autoencoder_kl", "autoencoder_loss", "loss"])
def test_what_is_logged_has_a_name_of_its_own(name):
    said = f"received: '{name}' for .*autoencoder_loss and for '{name}' of draw.log"
    with pytest.raises(ValueError, match=said):
        own(_logs(name), eager=True)
    plain = {"reconstruction": 0.0}
    with pytest.raises(ValueError, match=said):
        own(_logs("mine"), lambda d: {**plain, name: tf.constant(3.0)}, eager=True)
    logs = own(_logs("mine"), lambda d: plain, eager=True).evaluate(
        tiny.data(), verbose=0, return_dict=True
    )
    assert logs["mine"] == 7 and logs["reconstruction"] == 0


@pytest.mark.parametrize("found", [None, [1.0]])
def test_observe_returns_a_dictionary(found):
    with pytest.raises(
        ValueError, match=r"observe\(draw\) to return a dictionary.*rec"
    ):
        own(lambda d: -d.log_p_x + d.kl, observe=lambda d: found)


def test_observe_may_return_counts_and_truths():
    def found(draw):
        return {"n": tf.shape(draw.x)[0], "positive": tf.reduce_all(draw.x > 0)}

    model = own(lambda d: -d.log_p_x + d.kl, observe=found)
    logs = model.evaluate(tiny.data(), verbose=0, return_dict=True)
    assert (logs["n"], logs["positive"]) == (tiny.BATCH, 1)


class Filtered(ks.VAE):
    """Its loss has some of the examples alone, which a graph's shapes do not tell."""

    def autoencoder_loss(self, draw):
        return tf.boolean_mask(-draw.log_p_x, draw.x[:, 0] > 0.5)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("weights", [None, np.ones(8, "float32")], ids=["", "weights"])
def test_a_loss_of_some_examples_is_refused_before_an_update(eager, weights):
    nets = tiny.build("vae", compiled=False)
    model = Filtered(nets.encoder, nets.decoder, likelihood="gaussian", seed=0)
    x = tiny.data(n=8, low=0.1, high=0.9)
    x[:3, 0] = 0.9
    x[3:, 0] = 0.1
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=r"one value per example.*received.*where=\.\.\."
    ):
        model.compile(optimizer="sgd", run_eagerly=eager)  # eagerly it is known now
        model.fit(x, sample_weight=weights, batch_size=8, verbose=0)
    assert model.step == 0
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
