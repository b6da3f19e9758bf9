"""A changed setting is checked by the constructor itself, which changes nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.game.test_changed_settings import fit
from tests.models import tiny


@pytest.mark.parametrize(
    "method, name, value, message",
    [
        ("svae_r", "lam", -1.0, "lam to be finite and >= 0; received: lam=-1.0"),
        ("svae_r", "lam", float("nan"), "lam to be finite"),
        ("svae_r", "lam", [0.1, 0.2, 0.3], "lam to be a number or a pair"),
        ("svae_r", "two_sided", "no", "two_sided to be True or False"),
        ("svae_r", "reduction", "median", "reduction to be one of"),
        ("wgan", "clip", "a", "clip to be finite and > 0"),
        # What the constructor turns into something else would not act.
        ("gan", "loss", "minimax", "a new model for another loss, which the const"),
        ("unrolled_gan", "loss", "non_saturating", "a new model for another loss"),
        (
            "as_vae",
            "part",
            "generation",
            "a new model for another part, from .*keeps_x",
        ),
        ("aim", "variance", "unit", "the encoder's raw output .2,., what Gaussian"),
    ],
)
def test_a_setting_that_the_constructor_would_refuse_changes_no_weight(
    method, name, value, message, tmp_path
):
    model = tiny.build(method, eager=True)
    before = tiny.flat(model)
    setattr(model, name, value)
    for call in (
        lambda: fit(model),
        lambda: model.train_on_batch(tiny.data()),
        lambda: model.evaluate(tiny.data(), verbose=0),
        lambda: model.save(tmp_path / "m.keras"),
        lambda: model.compile(**model.optimizers),
    ):
        with pytest.raises(ValueError, match=f"Expected {message}"):
            call()
    np.testing.assert_array_equal(tiny.flat(model), before)
    assert not [*tmp_path.iterdir()]


class Steep(ks.VAE):
    """A method of one's own. Its constructor does what it likes with the networks."""

    def __init__(self, encoder, decoder, *, beta, steep=1.0, more=None, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        if beta > 5:
            raise ValueError(f"Expected beta <= 5; received: {beta}")
        self.beta, self.steep, self.scale, self.made = beta, steep, 2 * steep, object()
        self.drawn = np.random.random()
        decoder.trainable = False
        self.encoder.weights[0].assign(tf.zeros_like(self.encoder.weights[0]))
        self.more = None if more is None else next(more)

    def autoencoder_loss(self, draw):
        return {"bound": self.scale * -draw.log_p_x + self.beta * draw.kl}


def test_checks_of_a_method_of_ones_own_hold_and_leave_the_model_as_it_is():
    nets = tiny.build("vae", compiled=False)
    model = Steep(nets.encoder, nets.decoder, beta=1.0, likelihood="gaussian")
    model.decoder.trainable = True
    model.compile(tiny.adam(), run_eagerly=True)
    fit(model)
    before, drawn = tiny.flat(model), np.random.get_state()[1].tolist()
    model.beta = 6.0
    with pytest.raises(ValueError, match="Expected beta <= 5; received: 6.0") as caught:
        fit(model)
    assert caught.value.__notes__ == ["Changed after the model was made: beta."]
    model.beta, model.steep = 2.0, 3.0
    with pytest.raises(ValueError, match="another beta and steep, .* makes scale;"):
        fit(model)
    np.testing.assert_array_equal(tiny.flat(model), before)
    model.scale = 6.0  # now all is as in a new model
    assert model.get_config()["steep"] == 3.0
    np.testing.assert_array_equal(tiny.flat(model), before)
    assert model.decoder.trainable
    fit(model)
    assert np.random.get_state()[1].tolist() == drawn


def test_a_constructor_that_cannot_be_called_twice_is_no_check():
    nets = tiny.build("vae", compiled=False)
    given = {"beta": 1.0, "more": iter([1]), "likelihood": "gaussian"}
    with pytest.warns(UserWarning, match="Expected more of Steep as a value"):
        model = Steep(nets.encoder, nets.decoder, **given)
    model.compile(tiny.adam(), run_eagerly=True)
    model.beta = 2.0
    fit(model)


def test_a_setting_becomes_what_the_constructor_keeps():
    model = tiny.build("svae_r", eager=True)
    model.lam = tf.constant(0.5)
    fit(model)
    assert model.lam == 0.5 and isinstance(model.lam, float)
    model.lam = [0.5, 1]
    assert model.get_config()["lam"] == (0.5, 1.0)
    assert model.lam == (0.5, 1.0)


class Labelled(ks.VAE):
    """It notes its settings for people, draws numbers, and compiles itself."""

    calls = 0

    def __init__(self, encoder, decoder, *, lam, table=None, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        type(self).calls += 1
        self.lam, self.table = lam, table
        self.label, self.hparams = f"beta-VAE {lam:g}", {"lam": lam}
        self.tables = [np.arange(3), np.random.random(3)]
        self.compile(tiny.adam(), run_eagerly=True)


def test_what_a_constructor_notes_for_people_may_differ():
    nets = tiny.build("vae", compiled=False)
    given = {"lam": 1.0, "table": np.array([1.0, np.nan]), "likelihood": "gaussian"}
    model = Labelled(nets.encoder, nets.decoder, **given)
    fit(model)
    assert Labelled.calls == 1  # nothing has changed
    model.lam = 2.0
    fit(model)
    called = Labelled.calls
    assert called > 1
    for _ in range(3):  # a constructor may be slow: once for a new value
        model.get_config()
        fit(model)
    assert Labelled.calls == called
    model.lam = 3.0
    model.get_config()
    assert Labelled.calls > called


@pytest.mark.parametrize(
    "turns", [5, {"critic": 2.5}, {"critic": -1}, {"other": 1}, "critic"]
)
def test_changed_turns_are_checked_as_those_of_the_constructor(turns):
    model = tiny.build("svae", optimizer=tiny.adam)
    model.turns = turns
    with pytest.raises(ValueError, match="Expected turns"):
        fit(model)


class Along(ks.VAE):
    """Its weight goes along a table that the constructor makes of it."""

    def __init__(self, encoder, decoder, beta=1.0, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.beta, self.table = beta, np.linspace(0, beta, 3)

    def autoencoder_loss(self, draw):
        return {"bound": -draw.log_p_x, "kl": self.beta * draw.kl}


def test_a_setting_may_go_along_a_table_that_was_made_of_it():
    nets = tiny.build("vae", compiled=False)
    model = Along(nets.encoder, nets.decoder, beta=2.0, likelihood="gaussian")
    model.compile(tiny.adam(), run_eagerly=True)

    def set_beta(epoch, logs=None):
        model.beta = float(model.table[epoch])

    anneal = keras.callbacks.LambdaCallback(on_epoch_begin=set_beta)
    with pytest.warns(UserWarning, match="Expected table, which the constructor makes"):
        fitted = model.fit(tiny.data(n=5), epochs=3, verbose=0, callbacks=[anneal])
    history = fitted.history
    assert history["autoencoder_kl"][0] == 0 < history["autoencoder_kl"][2]
    assert model.beta == 2
