"""What methods of a model say of what is no data, no codes and no count."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game import checks
from tests.models import ijae, tiny

D = tf.data.Dataset


@pytest.fixture(scope="module")
def images():
    """A model of 8 x 8 images in [0, 1], images, and their codes."""
    nets = ks.networks.digits(latent_dim=2, units=8, depth=1)
    model = ks.SVAE(nets.encoder, nets.decoder, nets.critic, seed=0)
    x = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype("float32")
    return model, x, model.encode(x).numpy()


# What is no image, for all methods that read images.
NO_IMAGES = {
    "another shape": (lambda x: x[:, :1], "shape.*received: .1, 8, 1."),
    "one example": (lambda x: x[0], r"rank 4.*received: shape \(8, 8, 1\)"),
    "out of range": (lambda x: 255 * x, "data in .0, 1.*received: values from"),
    "below the range": (lambda x: 2 * x - 1, "data in .0, 1.*received: values from"),
    "8 bits": (lambda x: (255 * x).astype("uint8"), "received: uint8"),
    "not finite": (lambda x: x * np.nan, "finite data.*3 of 3"),
    "none": (lambda x: None, r"an array \(batch, 8, 8, 1\); received: None"),
    "a data set": (lambda x: D.from_tensors(x), "received: a data set.*for x in data"),
    "a dictionary": (lambda x: {"x": x}, "an array.*received: dict"),
    "a pair": (lambda x: (x, np.arange(3)), "one array.*a tuple of 2.*give x"),
    "two of a kind": (lambda x: [x, x], "one array.*a list of 2.*give x"),
    "a table of objects": (lambda x: Table(x), "received: Table of type object"),
    "objects": (lambda x: x.astype(object) + None_(), "received: ndarray of type obj"),
}


class Table:
    """As a table of pandas with columns of several types: it has no one type."""

    def __init__(self, x):
        self.x, self.shape = x, x.shape

    def __iter__(self):
        return iter("ab")

    def __array__(self, dtype=None, copy=None):
        return self.x.astype(object)


class None_:
    """Added to numbers, it gives objects that are no numbers."""

    def __radd__(self, other):
        return None


METHODS = {
    "encode": lambda m, x, z: m.encode(x),
    "reconstruct": lambda m, x, z: m.reconstruct(x),
    "neighbours": lambda m, x, z: m.neighbours(x, 2),
    "log_likelihood": lambda m, x, z: m.log_likelihood(x, z),
    "log_posterior": lambda m, x, z: m.log_posterior(x, z),
    "log_ratio": lambda m, x, z: m.log_ratio(x, z),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", NO_IMAGES)
def test_what_is_no_data_is_named(images, method, kind):
    model, x, z = images
    made, message = NO_IMAGES[kind]
    with pytest.raises(ValueError, match=f"(?s)Expected.*{message}"):
        METHODS[method](model, made(x), z)


@pytest.mark.parametrize("method", ["log_likelihood", "log_posterior", "log_ratio"])
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda z: z[:, :1], r"codes \(2,\), as.*received: \(1,\)"),
        (lambda z: z[0], r"codes \(batch, 2\).*received: shape \(2,\)"),
        (lambda z: 2.0, r"codes \(batch, 2\).*received: shape \(\)"),
        (lambda z: z * [[1], [np.nan], [np.inf]], "finite codes.*infinity in 2 of 3"),
        (lambda z: z[:2], r".*one number of rows.*\(3, 8, 8, 1\)"),
        (lambda z: z[:1], ".*one number of rows"),
        (lambda z: None, r"codes as an array \(batch, 2\); received: None"),
        (lambda z: z.astype(str), "codes as floats; received: string"),
    ],
)
def test_what_are_no_codes_is_named(images, method, made, message):
    model, x, z = images
    with pytest.raises(ValueError, match=f"Expected {message}"):
        METHODS[method](model, x, made(z))


def test_one_example_does_not_go_with_several_codes(images):
    model, x, z = images
    for method in ("log_likelihood", "log_posterior", "log_ratio"):
        with pytest.raises(ValueError, match="one number of rows"):
            METHODS[method](model, x[:1], z)


def test_decode_wants_rows_of_finite_numbers(images):
    model, _, z = images
    with pytest.raises(ValueError, match=r"codes \(batch, 2\).*received: shape \(2,\)"):
        model.decode(np.zeros(2))
    with pytest.raises(ValueError, match="Expected finite codes"):
        model.decode(z * np.nan)
    # Numbers of any type are codes.
    for kind in (int, "float16", "float64"):
        codes = np.ones((2, 2), kind)
        for one in (codes, tf.constant(codes), codes.tolist()):
            found = model.decode(one)
            np.testing.assert_array_equal(found, model.decode(np.ones((2, 2), "f")))


def test_all_precisions_of_data_are_read(images):
    model, x, z = images
    expected = model.log_likelihood(x, z)
    np.testing.assert_array_equal(model.log_likelihood(x.astype(float), z), expected)
    codes = tf.constant(z, tf.float64)
    np.testing.assert_array_equal(model.log_likelihood(x, codes), expected)


def test_a_tuple_or_list_of_one_array_is_that_array(images):
    model, x, z = images
    for given in ((x,), [x], [tf.constant(x)], [*x], x.tolist()):
        np.testing.assert_array_equal(model.encode(given), z)
        np.testing.assert_allclose(model.reconstruct(given), model.decode(z), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_graphs_refuse_types_and_shapes_that_they_know(images, method):
    model, x, z = images

    def call(x):
        return METHODS[method](model, x, z)

    in_graph = tf.function(call)
    np.testing.assert_allclose(in_graph(x), call(x), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="received: uint8"):
        in_graph((255 * x).astype("uint8"))
    with pytest.raises(ValueError, match="Expected each example to have shape"):
        in_graph(x[:, :4])
    # What is not known passes, as before.
    loose = tf.function(call, input_signature=[tf.TensorSpec([None, None, 8, 1])])
    np.testing.assert_allclose(loose(x), call(x), rtol=1e-4, atol=1e-4)


def test_a_map_of_8_bit_images_is_refused(images):
    model, x, _ = images
    data = D.from_tensors((255 * x).astype("uint8"))
    with pytest.raises(ValueError, match="received: uint8. Divide 8-bit images by 255"):
        data.map(model.encode)


IMAGE = (2, 4, 4, 1)
INTEGERS = {
    "pixels": (np.uint8, IMAGE, (0, 1), r"Divide.*by 255.*astype.*0 and 1"),
    "pixels of any value": (np.uint8, IMAGE, None, "Divide.*keeps the numbers"),
    "pixels in rows": (np.uint8, (2, 16), (0, 1), "Divide 8-bit images by 255"),
    "small counts": (np.uint8, (2, 5), (0, np.inf), None),
    "counts": (np.int64, (2, 5), (0, np.inf), None),
    "counts on a grid": (np.int64, IMAGE, (0, np.inf), None),
}


@pytest.mark.parametrize("case", INTEGERS)
def test_what_is_said_of_integers_fits_them(case):
    kind, shape, value_range, hint = INTEGERS[case]
    hint = hint or r"x.astype\('float32'\) makes floats of numbers.$"
    with pytest.raises(ValueError, match=f"received: {kind.__name__}. {hint}"):
        checks.images(np.ones(shape, kind), shape[1:], value_range)


def test_data_near_data_may_leave_the_range():
    law = ks.distributions.GaussianNoise(0.5, "sigmoid")
    model = ijae.make(law)
    x = np.random.default_rng(0).uniform(size=(4, tiny.DATA)).astype("float32")
    z = model.encode(x)
    assert model.log_ratio_pair(x, z, 3 * x - 1).shape == (4,)
    with pytest.raises(ValueError, match="data in .0, 1.*received: values"):
        model.log_ratio_pair(3 * x - 1, z, x)
    for wrong in (x[:, :1], x.astype(int), x[:3], x * np.nan):
        with pytest.raises(ValueError, match="Expected"):
            model.log_ratio_pair(x, z, wrong)


@pytest.mark.parametrize("n", [2.7, -1, 0, [2, 3], True])
def test_counts_in_tensors_are_checked(images, n):
    model, x, _ = images
    for given in (n, np.array(n), tf.constant(n)):
        with pytest.raises(ValueError, match="Expected n to be an integer >= 1; rec"):
            model.generate(given)
        with pytest.raises(ValueError, match="Expected n to be an integer >= 1; rec"):
            model.neighbours(x, given)


def test_counts_in_graphs(images):
    model, x, _ = images
    generate = tf.function(lambda n: model.generate(n))
    assert generate(tf.constant(2)).shape == (2, 8, 8, 1)
    assert model.generate(tf.constant(2)).shape == (2, 8, 8, 1)
    assert model.neighbours(x, tf.Variable(2)).shape == (3, 2, 8, 8, 1)
    for n in (tf.constant(2.7), tf.constant([2])):
        with pytest.raises(ValueError, match="an integer >= 1; received: a tensor of"):
            generate(n)


def test_conditional_models_name_what_is_no_data():
    x, y = tiny.data(n=5), np.arange(5) % tiny.CLASSES
    for method in ("cvae", "semi_supervised_vae"):
        model = tiny.build(method)
        with pytest.raises(ValueError, match="one array.*received: a tuple of 2.*y ap"):
            model.reconstruct((x, y), y)
        with pytest.raises(ValueError, match="an array.*received: a data set"):
            model.reconstruct(keras.utils.PyDataset(), y)
