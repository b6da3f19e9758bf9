"""Measures of models with classes, against NumPy."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation.subject import Subject
from tests.models import tiny

CLASSES = 3
X = tiny.data(n=260)
Y = np.random.default_rng(1).integers(0, CLASSES, len(X))


def filled(model):
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def networks():
    encoder = tiny.dense([tiny.DATA, CLASSES], 2 * tiny.CODE, "encoder")
    decoder = tiny.dense([tiny.CODE, CLASSES], tiny.DATA, "decoder")
    return encoder, decoder


@pytest.fixture(scope="module")
def cvae():
    return filled(ks.CVAE(*networks(), likelihood="bernoulli", seed=3))


@pytest.fixture(scope="module")
def m2():
    q_y = tiny.dense([tiny.DATA], CLASSES, "classifier")
    model = ks.models.SemiSupervisedVAE(q_y, *networks(), likelihood="bernoulli")
    return filled(model)


def elbo(model, x, y, n):
    """E_q log p(x|z, y), on n quantiles of each dimension of z, minus KL, in NumPy."""
    w = tiny.weights(model)
    hot = np.eye(CLASSES)[y]
    raw = tiny.run(w["encoder"], x, hot)
    mean, free = np.split(raw, 2, -1)
    scale = np.asarray(model.posterior(x, y).stddev(), np.float64)
    kl = 0.5 * (mean**2 + scale**2 - 1 - 2 * np.log(scale)).sum(-1)
    grid = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    found = np.zeros(len(x))
    for a in grid:
        for b in grid:
            z = mean + scale * np.array([a, b])
            logits = tiny.run(w["decoder"], z, hot)
            found += (x * logits - tiny.softplus(logits)).sum(-1)
    assert free.shape == mean.shape
    return found / n**2 - kl


def marginal(model, x, y, n):
    """log p(x|y) = log E_p(z) p(x|z, y), on n quantiles of each dimension of z."""
    w = tiny.weights(model)["decoder"]
    grid = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    z = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    found = []
    for one, hot in zip(x, np.eye(CLASSES)[y], strict=True):
        logits = tiny.run(w, z, np.tile(hot, (len(z), 1)))
        found.append((one * logits - tiny.softplus(logits)).sum(-1))
    return scipy.special.logsumexp(found, 1) - np.log(n**2)


def measure(model, test, *names, **more):
    given = {"measures": names or None, "verbose": False, "n": len(X)}
    return ks.evaluation.evaluate(model, test, **given | more)


def test_the_bound_of_log_p_x_given_y(cvae):
    options = {"variational_bound": {"samples": 800}}
    found = measure(cvae, (X, Y), "variational_bound", options=options)
    own = elbo(cvae, X, Y, 12).mean()
    drawn = [np.mean(cvae.bound(X, Y, seed=s)) for s in range(20)]
    # What the grid leaves out, and five standard errors of 800 draws.
    tolerance = 0.005 + 5 * float(np.std(drawn)) / np.sqrt(800)
    assert found["variational_bound"] == pytest.approx(own, abs=tolerance)
    wrong = elbo(cvae, X, (Y + 1) % CLASSES, 12).mean()
    assert abs(wrong - own) > 2 * tolerance


# An estimate of a bound may come out above what it bounds: by its sequence.
@pytest.mark.fixed_seed
def test_a_tighter_bound_is_between_it_and_the_truth_which_ais_finds(cvae):
    names = ("variational_bound", "importance_weighted_bound")
    names += ("annealed_importance_sampling",)
    options = {
        names[1]: {"k": 100},
        names[2]: {"n_chains": 8, "n_temperatures": 30},
    }
    found = measure(cvae, (X[:60], Y[:60]), *names, options=options)
    exact = marginal(cvae, X[:60], Y[:60], 40).mean()
    assert found[names[0]] < found[names[1]] < exact
    assert found[names[2]] == pytest.approx(exact, abs=0.03)


def test_the_bound_with_classes_summed_over(m2):
    found = measure(m2, X, "marginal_bound")["marginal_bound"]
    q = np.asarray(m2.classify(X), np.float64)
    each = [elbo(m2, X, np.full(len(X), y), 12) for y in range(CLASSES)]
    own = (q * (np.stack(each, 1) - np.log(CLASSES) - np.log(q))).sum(1)
    # As the model itself has it where a class is not known.
    drawn = [np.mean(m2.bound(X, seed=s)) for s in range(20)]
    error = float(np.std(drawn))  # of one draw, which is what the measure has
    assert found == pytest.approx(np.mean(drawn), abs=5 * error)
    assert found == pytest.approx(own.mean(), abs=0.005 + 5 * error)
    assert error < 0.1


def test_accuracy_of_the_models_own_classifier(m2):
    found = measure(m2, (X, Y), "classification_accuracy")["classification_accuracy"]
    right = np.asarray(m2.classify(X)).argmax(1) == Y
    assert found == pytest.approx(right.mean())
    assert found.deviation == pytest.approx(right.std(ddof=1) / np.sqrt(len(X)))


def test_reconstructions_and_codes_are_of_the_examples_classes(cvae):
    found = measure(cvae, (X, Y), "mse", "active_units")
    assert found["mse"] == pytest.approx(np.mean((cvae.reconstruct(X, Y) - X) ** 2))
    codes = np.concatenate(list(Subject.of(cvae).codes((X, Y))))
    np.testing.assert_allclose(codes, cvae.encode(X, Y), atol=1e-5)
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(70)
    assert measure(cvae, data, "mse")["mse"] == pytest.approx(found["mse"])


@pytest.mark.parametrize("measure", ["classification_accuracy", "class_accuracy"])
def test_accuracies_are_of_the_known_classes(measure):
    measure = getattr(ks.evaluation, measure)
    labels = np.array([0, -1, 2, -1, 1])
    found = measure(np.eye(3)[[0, 1, 1, 2, 1]], labels)
    assert found == pytest.approx(2 / 3)
    assert found.details["n"] == 3 and found.details["unlabelled"] == 2
    assert "unlabelled" not in measure(np.eye(3), np.arange(3)).details
    for wrong, told in ((3, 3), (-2, -2)):
        with pytest.raises(ValueError, match=rf"in 0\.\.2, or -1 .*received: {told}"):
            measure(np.eye(3), np.array([0, 1, wrong]))
    with pytest.raises(ValueError, match="labels of known classes.*received: -1"):
        measure(np.eye(3), np.full(3, -1))


def test_samples_are_of_all_classes_in_turn_and_of_the_class_asked_for():
    """A decoder that paints its class, and a classifier that reads it."""
    z, y = keras.Input((2,)), keras.Input((4,))
    painted = keras.layers.Dense(64, name="paint")(keras.layers.Concatenate()([z, y]))
    decoder = keras.Model([z, y], keras.layers.Reshape((8, 8, 1))(painted))
    weights = np.zeros((6, 64), "f")
    weights[2:] = np.repeat(40 * np.eye(4), 16, 1)
    decoder.layers[-2].set_weights([weights, np.full(64, -20, "f")])
    x, label = keras.Input((8, 8, 1)), keras.Input((4,))
    critic = keras.layers.Concatenate()([keras.layers.Flatten()(x), label])
    critic = keras.Model([x, label], keras.layers.Dense(1)(critic))
    gan = ks.CGAN(decoder, critic, likelihood="bernoulli")
    image = keras.Input((8, 8, 1))
    sees = keras.layers.Dense(4)
    net = keras.Model(image, sees(keras.layers.Flatten()(image)))
    columns = np.repeat(np.eye(4), 16, 0)
    columns[:, 3] = 0  # it cannot tell the last class from the first
    sees.set_weights([columns, np.zeros(4)])
    backbone = ks.evaluation.Backbone(net, "a net", outputs="logits")
    test = np.zeros((40, 8, 8, 1), "f")
    found = measure(gan, test, "class_accuracy", backbone=backbone, n=40)
    assert found["class_accuracy"] == pytest.approx(0.75)
    made = np.concatenate(list(Subject.of(gan).generate(6)))
    bright = made.reshape(6, 4, 16).mean(-1).argmax(-1)
    np.testing.assert_array_equal(bright, [0, 1, 2, 3, 0, 1])
    # Of samples for which the critic is asked, too, and of data without classes not.
    with pytest.raises(ValueError, match="Expected test data with their classes"):
        measure(gan, test, "calibration")
    some = measure(gan, test, backbone=backbone)
    assert "their classes" in some.left_out["calibration"]
    assert {"class_accuracy", "inception_score"} <= set(some)


def test_the_critic_is_told_the_classes():
    critic = tiny.dense([tiny.DATA, CLASSES], 1, "critic")
    gan = filled(ks.CGAN(networks()[1], critic, likelihood="bernoulli"))
    subject = Subject.of(gan)
    data = np.concatenate(list(subject.log_ratios((X, Y))))
    np.testing.assert_allclose(data, gan.log_ratio(X, Y), atol=1e-5)
    made = np.concatenate(list(subject.model_log_ratios(7, seed=2)))
    x = np.concatenate(list(subject.generate(7, seed=2)))
    again = gan.log_ratio(x, np.arange(7) % CLASSES)
    np.testing.assert_allclose(made, again, atol=1e-5)


def test_bad_input(cvae, m2):
    with pytest.raises(ValueError, match="Expected test data with their classes"):
        measure(cvae, X, "mse")
    with pytest.raises(ValueError, match=r"Expected classes as integers in 0\.\.2"):
        measure(cvae, (X, Y + 1), "mse")
    with pytest.raises(ValueError, match="x alone"):
        next(Subject.of(cvae).encode(X))
    with pytest.raises(ValueError, match="Expected a model with a classifier"):
        measure(cvae, (X, Y), "classification_accuracy")
    with pytest.raises(ValueError, match="Expected labelled test data"):
        measure(m2, X, "classification_accuracy")
    with pytest.raises(ValueError, match="Expected probabilities"):
        ks.evaluation.classification_accuracy(np.ones((3, 2)), np.ones(2, int))


def test_examples_and_their_classes_go_through_likelihoods_as_fields(cvae):
    subject = Subject.of(cvae)
    given = {"prior": subject.prior, "seed": 4}
    functions = subject.log_likelihood, subject.posterior
    examples = ks.evaluation.Examples(X, Y)
    found = ks.evaluation.variational_bound(examples, *functions, samples=50, **given)
    drawn = np.stack([cvae.bound(X, Y, seed=s) for s in range(50)])
    error = drawn.std(0).max() / np.sqrt(50)
    np.testing.assert_allclose(found.per_example, drawn.mean(0), atol=6 * error)
    # The same batch by batch, and by importance weights of one draw.
    parts = (ks.evaluation.Examples(X[i : i + 256], Y[i : i + 256]) for i in (0, 256))
    again = ks.evaluation.variational_bound(parts, *functions, samples=50, **given)
    np.testing.assert_array_equal(found.per_example, again.per_example)
    one = ks.evaluation.importance_weighted_bound(examples, *functions, k=1, **given)
    assert one.mean == pytest.approx(found.mean, abs=6 * one.mean.deviation)
    with pytest.raises(
        ValueError, match="Expected 260 labels, one for each .*received: 9"
    ):
        wrong = ks.evaluation.Examples(X, Y[:9])
        ks.evaluation.variational_bound(wrong, *functions, **given)


def test_a_data_set_that_shuffles_keeps_its_pairs(cvae):
    """x and y are read together: classes of other examples would give other codes."""
    ordered = np.concatenate(list(Subject.of(cvae).codes((X, Y))))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(260, seed=1).batch(70)
    shuffled = np.concatenate(list(Subject.of(cvae).codes(data)))
    assert not np.allclose(shuffled, ordered)
    order = [np.lexsort(np.round(codes, 4).T) for codes in (ordered, shuffled)]
    np.testing.assert_allclose(ordered[order[0]], shuffled[order[1]], atol=1e-3)


def test_dequantised_images_with_classes():
    """log p(x|y) of a law that does not look at x's class: that of the same VAE."""
    rng = np.random.default_rng(0)
    levels = (rng.integers(0, 256, (60, tiny.DATA)) / 255).astype("float32")
    model = filled(ks.CVAE(*networks(), likelihood="gaussian"))
    given = {"dequantise": True, "seed": 1, "n": 60}
    found = measure(model, (levels, np.arange(60) % 3), "variational_bound", **given)
    assert found["variational_bound"].details["dequantised"] is True
    x = ks.evaluation.dequantise(levels, [1, 0])
    own = np.mean([model.bound(x, np.arange(60) % 3, seed=s) for s in range(20)])
    bound = found["variational_bound"]
    assert bound == pytest.approx(own, abs=4 * bound.deviation)
    bits = found["variational_bound.bits_per_dimension"]
    assert bits == pytest.approx(8 - bound / (tiny.DATA * np.log(2)))


def test_pairs_whose_target_is_x_itself_are_measured_as_pairs(cvae):
    of_pairs = tf.data.Dataset.from_tensor_slices(((X, Y), X)).batch(50)
    wanted, *others = (
        float(ks.evaluation.evaluate(cvae, data, measures="mse", verbose=False)["mse"])
        for data in ((X, Y), ((X, Y), X), ((X, Y),), of_pairs)
    )
    assert others == pytest.approx([wanted] * 3, rel=1e-5)
    with pytest.raises(ValueError, match="other values"):
        ks.evaluation.evaluate(cvae, ((X, Y), 1 - X), measures="mse")
