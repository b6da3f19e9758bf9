"""Arguments of another kind get a message, and numbers of NumPy are numbers."""

import numpy as np
import pytest

import keras_svae as ks
from keras_svae import arguments
from tests.models import tiny

D, N = ks.distributions, ks.networks
TWO = np.int64(2)


@pytest.mark.parametrize("value", ["no", 1, None, 0.0, np.array([True])])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("two_sided", lambda v: tiny.build("svae", two_sided=v)),
        ("importance_weighted", lambda v: tiny.build("gan", importance_weighted=v)),
        ("adaptive_contrast", lambda v: tiny.build("avb", adaptive_contrast=v)),
        ("conditioned", lambda v: D.PlanarFlow(2, v)),
        ("batch_norm", lambda v: N.toy(batch_norm=v)),
        ("shared", lambda v: N.toy(shared=v)),
        ("critic_noise", lambda v: N.toy(critic_noise=v)),
    ],
)
def test_a_switch_takes_no_other_word(name, make, value):
    with pytest.raises(ValueError, match=f"Expected {name} to be True or False"):
        make(value)


def test_switches_and_counts_of_numpy():
    assert tiny.build("svae", two_sided=np.False_, compiled=False).two_sided is False
    nets = N.dense(latent_dim=TWO, shape=(3,), classes=TWO, units=TWO, depth=TWO)
    assert nets.decoder.input_shape == [(None, 2), (None, 2)]
    assert D.PlanarFlow(TWO).get_config()["length"] == 2
    assert type(D.PartialCode(TWO, 1).latent_dim) is int
    assert N.second_stage(TWO, units=TWO).encoder.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: N.toy(dropout="a"), r"dropout in \[0, 1\).*'a'"),
        (lambda: N.toy(dropout=None), r"dropout in \[0, 1\).*None"),
        (lambda: N.toy(noise_dims=("a", 1)), "noise_dims to be.*'a'"),
        (lambda: N.toy(code_stddev="a"), "code_stddev to be.*'a'"),
        (lambda: N.toy(latent_dim=2.0), "latent_dim to be an integer.*2.0"),
        (lambda: N.dcgan(shape=(8, 8, 1), width="1"), "width in .*'1'"),
        (lambda: D.PartialCode(2, "1"), "inferred to be an integer.*'1'"),
        (lambda: D.PartialCode(2.0, 1), "latent_dim to be an integer.*2.0"),
        (lambda: D.ShiftLikelihood("1"), "steps to be an integer.*'1'"),
        (lambda: tiny.build("vae", turns=5), "turns as a dictionary.*turns=5"),
        (lambda: tiny.build("vae", turns=["autoencoder"]), "turns as a dictionary"),
        (lambda: tiny.build("vae", prior=np.zeros(2)), r"prior to be one of.*array"),
        (
            lambda: tiny.build("vae", play=np.array(["alternating"])),
            "play to be one of",
        ),
        (lambda: ks.WAEMMD(*N.toy(joint=False)[:2], scales=0.5), "one or more scales"),
    ],
)
def test_arguments_of_another_kind_are_refused(make, message):
    with pytest.raises(ValueError, match=f"Expected {message}"):
        make()


def test_a_choice_of_nothing_is_a_choice():
    arguments.choice("x", None, (None, "a"))
    arguments.choice("x", np.True_, (True, False, "batch"))
