"""Means over data, samples and batches, against the sums that define them."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.means import Means
from keras_svae.game.terms import Term, over_batch, over_data, over_samples
from keras_svae.game.weighing import Mean, Part, Weighing
from keras_svae.models.draw import Draw
from tests.models import tiny
from tests.replicas import two_replicas

VALUES = tf.constant([1.0, 2.0, 6.0, 3.0])
WEIGHT = tf.constant([1.0, 0.0, 2.0, 1.0])
KNOWN = tf.constant([True, True, False, False])


def value(term, weight=None):
    weighing = Weighing(4, weight)
    return float(sum(weighing.mean(part).value for part in Term.of(term).parts))


@pytest.mark.parametrize(
    ("term", "plain", "weighted"),
    [
        (over_data(VALUES), 12 / 4, (1 + 12 + 3) / 4),
        (over_data(VALUES[:, None]), 12 / 4, (1 + 12 + 3) / 4),
        (over_samples(VALUES), 12 / 4, 12 / 4),
        (over_samples(tf.constant(5.0)), 5, 5),
        (over_batch(tf.constant(5.0)), 5, 5),
        (over_data(VALUES, where=KNOWN), 3 / 2, 1 / 1),
        (over_data(VALUES, where=tf.zeros(4, tf.bool)), 0, 0),
        (over_data(VALUES, where=KNOWN[:, None]), 3 / 2, 1 / 1),
        (over_data(VALUES[:, None], where=[True, True, False, False]), 3 / 2, 1 / 1),
        (2 * over_data(VALUES) - over_samples(VALUES) / 3, 5, 7),
        (-over_data(VALUES) + tf.constant(1.0), -2, -3),
        (sum([over_data(VALUES), over_samples(VALUES)]), 6, 7),
    ],
)
def test_means_are_the_sums_that_define_them(term, plain, weighted):
    assert value(term) == pytest.approx(plain, abs=1e-6)
    assert value(term, WEIGHT) == pytest.approx(weighted, abs=1e-6)
    assert float(term) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(
    ("where", "received"),
    [
        (tf.ones(4), "float32.*mask > 0"),
        (tf.ones(4, tf.int32), "int32"),
        (tf.ones((4, 3), tf.bool), r"shape \(4, 3\) for values \(4,\)"),
        (tf.ones(3, tf.bool), r"shape \(3,\) for values \(4,\)"),
        (tf.constant(True), r"shape \(\)"),
        (object(), "object"),
    ],
)
def test_which_values_count_is_a_bool_for_each(where, received):
    with pytest.raises(ValueError, match=f"Expected where of .*'n'.*rec.*{received}"):
        over_data(VALUES, where=where, name="n")


def test_values_that_do_not_count_may_be_anything():
    values = tf.constant([1.0, 2.0, np.nan, np.inf])
    assert value(over_data(values, where=KNOWN)) == 1.5


def test_weights_that_are_all_zero_give_zero():
    assert value(over_data(VALUES), tf.zeros(4)) == 0


@pytest.mark.parametrize("shape", [(4, 2), (2, 2, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"'game'.*one value per example.*received"):
        Term.of(tf.zeros(shape), "game")


def test_a_plain_scalar_is_a_statistic_of_the_batch():
    assert not Term.of(tf.constant(1.0)).of_examples
    assert Term.of(VALUES).of_examples
    assert (over_data(VALUES) + over_samples(tf.constant(1.0))).of_examples


def test_running_means_weigh_batches_by_their_examples():
    means = Means({"a": 1, "b": 2, "both": ["a", "b"]})
    for count, x, y in ((3, 1.0, 2.0), (1, 5.0, 10.0)):
        weight = tf.constant(float(count))
        parts = [Mean(tf.constant(y), weight), Mean(tf.constant(1.0), weight)]
        means.update_state([("a", [Mean(tf.constant(x), weight)]), ("b", parts)])
    found = {name: float(one) for name, one in means.result().items()}
    a, b = (3 * 1 + 5) / 4, (3 * 2 + 10) / 4 + 1
    assert found == pytest.approx({"a": a, "b": b, "both": a + b})
    means.reset_state()
    assert means.known() == []
    assert np.isnan(float(means.result(["a"], empty=np.nan)["a"]))


def test_a_sum_of_means_has_one_order_of_additions_in_all_graphs():
    """TensorFlow joins additions into a node whose order depends on the moment."""
    means = Means({"three": 3, "four": 4})
    means.weight.assign(tf.ones(7))
    in_graph = tf.function(means.result)
    nodes = in_graph.get_concrete_function().graph.get_operations()
    assert not {"Add", "AddV2", "AddN"} & {node.type for node in nodes}
    for row in np.random.default_rng(0).normal(size=(100, 7)):
        means.total.assign(row)
        for name, one in means.result().items():
            assert float(in_graph()[name]) == float(one)


def test_shares_of_replicas_average_to_the_mean_over_the_global_batch():
    strategy = two_replicas()
    halves = [(VALUES[:3], WEIGHT[:3]), (VALUES[3:], WEIGHT[3:])]

    def replica(context):
        index = context.replica_id_in_sync_group
        return halves[index]

    values, weights = (
        strategy.experimental_distribute_values_from_function(
            lambda context, i=i: replica(context)[i]
        )
        for i in (0, 1)
    )

    @tf.function
    def shares(weighted):
        def one(values, weights):
            weight = weights if weighted else None
            weighing = Weighing(tf.size(values), weight, replicas=2)
            data, samples = (
                weighing.mean(Part(kind, values)).value for kind in ("data", "samples")
            )
            return data, samples

        return strategy.run(one, (values, weights))

    for weighted, data in ((False, 3.0), (True, 4.0)):
        found = [
            np.mean([float(x) for x in strategy.experimental_local_results(one)])
            for one in shares(weighted)
        ]
        assert found == pytest.approx([data, 3.0])


def per_example(model, x):
    """Of a VAE of tests: each example's gradient, by a batch of it alone."""
    before = tiny.weights(model)
    rows = []
    for row in x:
        model.train_on_batch(row[None])
        after = tiny.weights(model)
        rows.append(
            [a - b for n in before for a, b in zip(after[n], before[n], strict=True)]
        )
        for name, values in before.items():
            for variable, start in zip(
                getattr(model, name).weights, values, strict=True
            ):
                variable.assign(start)
        model._step.assign(0)
    return rows


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


def test_sample_weights_weigh_the_gradients_of_examples():
    x, weight = tiny.data(n=3), np.array([2.0, 0.0, 1.0], "float32")
    model = still()
    first, _, third = per_example(model, x)
    before = tiny.weights(model)
    model.train_on_batch(x, sample_weight=weight)
    after = tiny.weights(model)
    moved = [a - b for n in before for a, b in zip(after[n], before[n], strict=True)]
    for found, one, other in zip(moved, first, third, strict=True):
        np.testing.assert_allclose(found, (2 * one + other) / 3, atol=1e-5)


def test_evaluation_weighs_examples_over_unequal_batches():
    x = tiny.data(n=5) * np.array([1, 1, 1, 1, 9], "float32")[:, None]
    weight = np.array([1, 2, 3, 0, 4], "float32")
    model = still()
    each = [
        model.evaluate(row[None], verbose=0, return_dict=True)["autoencoder_loss"]
        for row in x
    ]
    for given, expected in ((None, np.mean(each)), (weight, weight @ each / 10)):
        logs = model.evaluate(
            x, sample_weight=given, batch_size=2, verbose=0, return_dict=True
        )
        assert logs["autoencoder_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", ["as_vae", "unrolled_gan"])
def test_weights_are_refused_where_a_term_is_of_the_batch(method):
    model = tiny.build(method)
    x = tiny.data()
    for fed in (
        lambda: model.fit(x, sample_weight=np.ones(len(x)), verbose=0),
        lambda: model.train_on_batch(x, sample_weight=np.ones(len(x))),
    ):
        with pytest.raises(ValueError, match="no sample_weight for .*statistic of the"):
            fed()
    assert model.step == 0


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(4), "one sample_weight for each of 5"),
        (np.ones((5, 2)), "one sample_weight for each"),
        (np.array([1, 1, -1, 1, 1.0]), "finite and >= 0"),
        (np.array([1, 1, np.nan, 1, 1.0]), "finite and >= 0"),
    ],
)
def test_wrong_weights_are_refused(weight, message):
    model = tiny.build("vae")
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(tiny.data(), sample_weight=weight)


def test_class_weights_are_weights_of_examples():
    x, y = tiny.data(n=6), np.arange(6) % 3
    runs = []
    for given in (
        {"class_weight": {0: 2.0, 2: 0.0}},
        {"sample_weight": np.array([2, 1, 0, 2, 1, 0], "float32")},
    ):
        model = tiny.build("cvae")
        model.fit(x, y, batch_size=6, shuffle=False, verbose=0, **given)
        runs.append(tiny.weights(model))
    for a, b in zip(runs[0]["encoder"], runs[1]["encoder"], strict=True):
        np.testing.assert_array_equal(a, b)
    for wrong, message in (
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(6)}, "both of them"),
        ({"class_weight": {0: 1.0}, "y": None}, "no y"),
    ):
        given = {"y": y, **wrong}
        with pytest.raises(ValueError, match=message):
            tiny.build("cvae").fit(x, verbose=0, **given)


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


VECTOR = np.array([1, 2], "float32")
TWO, TWO_OF_KERAS = tf.Variable(2.0, trainable=False), keras.Variable(2.0)


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize(
    ("sum_of", "value", "slope"),
    [
        (lambda t: tf.constant(2.0) + t, 5, 1 / 4),
        (lambda t: tf.constant(2.0) * t, 6, 2 / 4),
        (lambda t: tf.constant(2.0) - t, -1, -1 / 4),
        (lambda t: 2 - t, -1, -1 / 4),
        (lambda t: t - np.float64(2), 1, 1 / 4),
        (lambda t: np.float32(2) * t, 6, 2 / 4),
        (lambda t: np.array(2.0) * t, 6, 2 / 4),
        (lambda t: t * tf.constant(2.0, tf.float64), 6, 2 / 4),
        (lambda t: np.ones(4, "float32") + t, 4, 1 / 4),
        (lambda t: TWO * t, 6, 2 / 4),
        (lambda t: t * TWO_OF_KERAS, 6, 2 / 4),
    ],
)
def test_a_term_keeps_its_gradient_on_both_sides_of_an_operator(
    sum_of, value, slope, eager
):
    def both(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            found = sum_of(over_data(values)).mean()
        return found, tape.gradient(found, values)

    found, gradient = both(VALUES) if eager else tf.function(both)(VALUES)
    assert float(found) == pytest.approx(value)
    np.testing.assert_allclose(gradient, np.full(4, slope))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda t: t * t, "Expected a scalar as the factor.*received: Term"),
        (lambda t: t * VECTOR, r"Expected a scalar.*received: shape \(2,\)"),
        (lambda t: VECTOR * t, r"Expected a scalar.*received: shape \(2,\)"),
        (lambda t: tf.constant(VECTOR) * t, "Expected a|only 0-dim"),
        (lambda t: t * "2", "Expected a scalar.*received: str"),
        (lambda t: tf.maximum(t, 0.0), "Expected a tensor; received: a term"),
        (lambda t: tf.reduce_mean(t), "Expected a tensor; received: a term"),
    ],
)
def test_a_term_is_no_tensor(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        wrong(over_data(VALUES))


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
