"""What is calculated in parts is what is calculated at once, noise included."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae import philox
from keras_svae.game import in_parts
from tests.models import tiny

ROWS = 23


class Largest(keras.layers.Layer):
    """Notes the largest batch that passes."""

    seen = 0

    def call(self, inputs):
        if not isinstance(inputs, keras.KerasTensor) and inputs.shape[0]:
            Largest.seen = max(Largest.seen, inputs.shape[0])
        return inputs


def network(inputs, outputs, name, noise):
    x = keras.Input((inputs,))
    y = keras.layers.Dense(5, activation="tanh")(Largest()(x))
    if noise:
        y = ks.networks.layers.AppendNoise(3, "uniform")(y)
        y = ks.networks.layers.InjectNoise(3)(y)
    return keras.Model(x, keras.layers.Dense(outputs)(y), name=name)


def critic():
    x, z = keras.Input((tiny.DATA,)), keras.Input((tiny.CODE,))
    y = Largest()(keras.layers.Concatenate()([x, z]))
    return keras.Model([x, z], keras.layers.Dense(1)(y), name="critic")


def model(likelihood="gaussian", posterior="gaussian", noise=False):
    keras.utils.set_random_seed(1)
    law = ks.distributions.get(likelihood)
    codes = ks.distributions.get(posterior, "posterior").outputs(tiny.CODE)
    return ks.SVAE(
        network(tiny.DATA, codes, "encoder", noise),
        network(tiny.CODE, tiny.DATA * law.parameters, "decoder", noise),
        critic(),
        likelihood=likelihood,
        posterior=posterior,
    )


def calls(model, x, size):
    """Everything that a model answers, by name."""
    given = {"batch_size": size}
    z = np.linspace(-1, 1, 2 * ROWS, dtype="float32").reshape(ROWS, 2)
    made, codes = model.generate_pairs(ROWS, seed=3, **given)
    found = {
        "generate": made,
        "codes": codes,
        "decode": model.decode(z, seed=3, **given),
        "encode": model.encode(x, **given),
        "draw": model.encode(x, seed=3, **given),
        "reconstruct": model.reconstruct(x, seed=3, **given),
        "neighbours": model.neighbours(x[:9], 5, seed=3, **given),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_parts, "PART", size)
        found["log_ratio"] = model.log_ratio(x, z)
        if model.likelihood_law.explicit:
            found["log_likelihood"] = model.log_likelihood(x, z, seed=3)
            found["likelihood"] = model.likelihood(z, seed=3).mean()
        if model.posterior_law.explicit:
            found["log_posterior"] = model.log_posterior(x, z, seed=3)
            found["posterior"] = model.posterior(x, seed=3).mean()
    return found


LAWS = {
    "explicit": {"likelihood": "continuous_bernoulli"},
    "fed noise": {"noise": True},
    "implicit": {"likelihood": "implicit", "posterior": "implicit", "noise": True},
}


@pytest.mark.parametrize("laws", LAWS)
def test_the_size_of_a_part_changes_nothing_but_memory(laws):
    one = model(**LAWS[laws])
    x = tiny.data(n=ROWS)
    expected = calls(one, x, 1000)
    Largest.seen = 0
    found = calls(one, x, 9)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        # Rounding in float32 is relative: log densities are sums of large terms.
        close = {"rtol": 3e-6, "atol": 1e-5}
        np.testing.assert_allclose(value, expected[name], err_msg=name, **close)
    assert Largest.seen == 9


def test_by_default_a_network_sees_250_rows():
    one = model()
    Largest.seen = 0
    x = tiny.data(n=601)
    assert one.generate(601).shape == (601, tiny.DATA)
    one.log_ratio(x, one.encode(x))
    one.reconstruct(x)
    assert Largest.seen == in_parts.PART == 250
    one.generate(601, batch_size=400)
    assert Largest.seen == 400


@pytest.mark.parametrize("size", [0, -1, 2.5, "10"])
def test_a_part_is_a_count(size):
    one = model()
    with pytest.raises((ValueError, TypeError), match="Expected .*batch_size.*rec"):
        one.generate(3, batch_size=size)


def test_evaluation_shows_the_networks_no_more_than_a_batch():
    one = model()
    x = tiny.data(n=900)
    small = ks.evaluation.evaluate(one, x[:300])
    assert len(small) > 3
    Largest.seen = 0
    ks.evaluation.evaluate(one, x)
    seen = Largest.seen
    Largest.seen = 0
    ks.evaluation.evaluate(one, x[:600])
    assert Largest.seen == seen


def test_methods_with_ways_of_their_own_are_calculated_in_parts():
    x = tiny.data(n=ROWS)
    for name in ("avb_contrast", "vae", "aae", "as_vae", "cvae", "semi_supervised_vae"):
        one = tiny.build(name, compiled=False)
        y = 1 if one.classes else None
        z = one.encode(x, y)
        asked = {
            "log_ratio": lambda one, z: one.log_ratio(x, z),
            "log_ratio_x": lambda one, z: one.log_ratio_x(x, z),
            "log_ratio_code": lambda one, z: one.log_ratio_code(z),
            "classify": lambda one, z: one.classify(x),
            "generate": lambda one, z, y=y: one.generate(ROWS, y),
        }
        asked = {key: call for key, call in asked.items() if hasattr(one, key)}
        assert asked
        for key, call in asked.items():
            whole = call(one, z)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(in_parts, "PART", 6)
                found = call(one, z)
            np.testing.assert_allclose(found, whole, atol=1e-5, err_msg=f"{name} {key}")


def test_two_stages_are_calculated_in_parts():
    nets = tiny.build("vae", compiled=False)
    second = [tiny.dense([2], 4, "to_second"), tiny.dense([2], 2, "from_second")]
    one = ks.TwoStageVAE(nets.encoder, tiny.dense([2], 3, "decoder"), *second)
    expected = one.generate(ROWS, seed=2)
    found = one.generate(ROWS, seed=2, batch_size=4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_rows_of_a_draw_are_those_of_the_whole_draw(width, dtype):
    seed = tf.constant([5, 7])
    for draw in (philox.normal, philox.uniform):
        whole = draw([ROWS, width], seed, dtype=dtype)
        parts, start = [], 0
        for count in (1, 6, 9, 7):
            with philox.rows(start, count):
                parts.append(draw([1, count, width], seed, dtype=dtype)[0])
            start += count
        assert start == ROWS
        # Sine and cosine round by a number's place.
        np.testing.assert_allclose(tf.concat(parts, 0), whole, atol=1e-6)


@pytest.mark.fixed_seed  # of 69 draws two are equal to four places now and then
def test_a_law_that_knows_nothing_of_parts_draws_each_example_by_itself():
    class Own(ks.distributions.Gaussian):
        def distribution(self, raw):
            return tfp.distributions.Normal(self.location(raw), 1.0)

    one = model(likelihood=Own())
    noise = one.generate(ROWS, batch_size=9) - one.decode(
        one.generate_pairs(ROWS)[1], batch_size=9
    )
    assert len(np.unique(np.round(noise, 4))) == ROWS * tiny.DATA
    np.testing.assert_allclose(one.generate(ROWS), one.generate(ROWS, batch_size=9))
