"""Means over data, samples and batches, against the sums that define them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_svae.game.means import Means
from keras_svae.game.terms import Term, over_batch, over_data, over_samples
from keras_svae.game.weighing import Mean, Part, Weighing
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
