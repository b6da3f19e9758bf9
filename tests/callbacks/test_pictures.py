"""Pictures: its files, its events, and that what they show is the model's."""

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

import keras_svae as ks
from keras_svae.callbacks.pictures import some_examples
from keras_svae.pictures import plots, views
from tests.batches import Batches, rows
from tests.callbacks import small
from tests.models import tiny
from tests.replicas import two_replicas

IMAGES = ["interpolations", "log_ratios", "reconstructions", "samples"]


def png(path):
    picture = np.asarray(PIL.Image.open(path))
    return picture[..., None] if picture.ndim == 2 else picture


def names(folder):
    return sorted(path.stem for path in folder.glob("*.png"))


def fit(model, folder, data, epochs=2, callbacks=(), **kwargs):
    x = data[0] if isinstance(data, tuple) else data
    pictures = ks.callbacks.Pictures(folder, data, **{"examples": 40, "n": 9, **kwargs})
    model.fit(
        small.dataset(x), epochs=epochs, verbose=0, callbacks=[*callbacks, pictures]
    )
    return pictures


def test_files_show_the_model_as_it_is(tmp_path):
    x, labels = small.digits()
    model = small.svae()
    fit(model, tmp_path, (x, labels), seed=4)
    assert names(tmp_path) == IMAGES
    assert names(tmp_path / "pictures") == [
        *(f"epoch-{n:04d}-{name}" for n in range(3) for name in IMAGES),
        "sprite",
    ]
    x, _ = some_examples(x, 40, 9, seed=4)
    expected = {
        "samples": plots.grid(model.generate(9, seed=4), smooth=True),
        "reconstructions": plots.pairs(x[:9], model.reconstruct(x[:9]), smooth=True),
    }
    for name, picture in expected.items():
        np.testing.assert_array_equal(png(tmp_path / f"{name}.png"), picture)
        kept = tmp_path / "pictures" / f"epoch-0002-{name}.png"
        np.testing.assert_array_equal(png(kept), picture)
        earlier = png(tmp_path / "pictures" / f"epoch-0001-{name}.png")
        assert (earlier != picture).any()
    # Nothing half-written stays.
    assert not [path for path in tmp_path.rglob(".*")]


def test_interpolations_lie_between_the_data_at_their_ends(tmp_path):
    x, _ = small.digits()
    model = small.svae()
    rows, ends = views._interpolations(model, x, None, 8, seed=0)
    assert rows.shape == (8, 8, 8, 8, 1)
    np.testing.assert_array_equal(ends[0], x[:8])
    np.testing.assert_array_equal(ends[1], x[8:16])
    np.testing.assert_allclose(rows[:, 0], model.reconstruct(x[:8]), atol=1e-5)
    np.testing.assert_allclose(rows[:, -1], model.reconstruct(x[8:16]), atol=1e-5)
    picture = views.pictures(model, x, n=4)["interpolations"]
    tile = plots.grid(x[8:9], gap=0, smooth=True)
    np.testing.assert_array_equal(picture[2:66, -66:-2], tile)


def test_events_are_read_by_tensorboard_beside_keras_s_own(tmp_path):
    x, labels = small.digits()
    model = small.svae()
    # Its condition for batches must not swallow ours.
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=3)
    fit(model, tmp_path, (x, labels), epochs=3, callbacks=[board], every=2)
    x, _ = some_examples((x, labels), 40, 9, seed=0)
    folder = tmp_path / "pictures"
    events = small.events(folder)
    expected = {f"pictures/{name}" for name in IMAGES}
    expected |= {"log_ratio/q", "log_ratio/p", "epoch_symmetric_kl"}
    assert set(events.Tags()["tensors"]) == expected
    for tag in expected:  # after the second epoch and after the last
        assert [event.step for event in events.Tensors(tag)] == [1, 2], tag
    *_, last = events.Tensors("pictures/samples")
    width, height, encoded = tf.make_ndarray(last.tensor_proto)[:3]
    decoded = tf.io.decode_png(encoded).numpy()
    np.testing.assert_array_equal(decoded, png(tmp_path / "samples.png"))
    assert (int(height), int(width)) == decoded.shape[:2]
    ratios = views.log_ratios(model, x)
    for law in "qp":
        *_, last = events.Tensors(f"log_ratio/{law}")
        left, right, count = tf.make_ndarray(last.tensor_proto).T
        assert count.sum() == len(x)
        np.testing.assert_allclose(left[0], ratios[law].min(), rtol=1e-5)
        np.testing.assert_allclose(right[-1], ratios[law].max(), rtol=1e-5)
    logged = small.scalars(folder, "epoch_symmetric_kl")[2]
    np.testing.assert_allclose(logged, ratios["symmetric_kl"], rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (small.vae, ["interpolations", "reconstructions", "samples"]),
        (small.gan, ["interpolations", "log_ratios", "samples"]),
        (lambda: small.gan(ks.WGANGP), ["interpolations", "log_ratios", "samples"]),
    ],
)
def test_what_a_model_cannot_show_is_left_out(build, expected, tmp_path):
    model = build()
    fit(model, tmp_path, small.digits(), epochs=1)
    assert names(tmp_path) == expected
    has_codes = hasattr(model, "encoder")
    assert (tmp_path / "pictures" / "tensors.tsv").exists() == has_codes


def test_points_are_scattered_and_so_are_codes_in_the_plane(tmp_path):
    x, labels = small.points()
    model = small.svae(ks.networks.toy, latent_dim=2, likelihood="gaussian")
    fit(model, tmp_path, (x, labels), epochs=1)
    assert names(tmp_path) == ["codes", "log_ratios", "scatter"]
    with_labels = png(tmp_path / "scatter.png")
    plain = views.pictures(model, x)["scatter"]
    assert with_labels.shape == plain.shape and (with_labels != plain).any()
    # A GAN has three panels.
    gan = small.gan(nets=ks.networks.toy, likelihood="gaussian")
    assert set(views.pictures(gan, x)) == {"scatter", "log_ratios"}


def test_projector_gets_codes_labels_and_images(tmp_path):
    x, labels = small.digits(30)
    model = small.svae()
    fit(model, tmp_path, (x, labels), epochs=1)
    x, labels = some_examples((x, labels), 40, 9, seed=0)
    folder = tmp_path / "pictures"
    codes = np.loadtxt(folder / "tensors.tsv", delimiter="\t")
    np.testing.assert_allclose(codes, model.encode(x), rtol=1e-4, atol=1e-6)
    lines = (folder / "metadata.tsv").read_text().splitlines()
    assert lines == [str(label) for label in labels]
    config = text_format.Parse(
        (folder / "projector_config.pbtxt").read_text(), ProjectorConfig()
    )
    (embedding,) = config.embeddings
    assert embedding.tensor_path == "tensors.tsv"
    assert embedding.metadata_path == "metadata.tsv"
    assert list(embedding.sprite.single_image_dim) == [32, 32]
    # 30 images of 32 x 32 pixels: 5 rows of 6, the 8th at row 1, column 1.
    sprite = png(folder / embedding.sprite.image_path)
    assert sprite.shape == (160, 192, 1)
    tile = plots.grid(x[7:8], zoom=4, smooth=True, gap=0)
    np.testing.assert_array_equal(sprite[32:64, 32:64], tile)


def test_several_labels_are_columns_with_a_header(tmp_path):
    codes, labels = np.eye(3), np.array([[0, 1], [1, 0], [1, 1]])
    ks.pictures.projector.write(tmp_path, codes, labels)
    lines = (tmp_path / "metadata.tsv").read_text().splitlines()
    assert lines == ["label 0\tlabel 1", "0\t1", "1\t0", "1\t1"]
    with pytest.raises(ValueError, match="Expected 3 labels; received: 2"):
        ks.pictures.projector.write(tmp_path, codes, labels[:2])
    ks.pictures.projector.write(tmp_path, codes, ["a\tb", "c\nd", "e"])
    assert (tmp_path / "metadata.tsv").read_text() == "a b\nc d\ne\n"


def test_training_is_the_same_with_and_without(tmp_path):
    x, labels = small.digits()
    weights = []
    for callbacks in ([], [ks.callbacks.Pictures(tmp_path, (x, labels), n=4)]):
        model = small.svae()
        model.fit(small.dataset(x), epochs=2, verbose=0, callbacks=callbacks)
        weights.append([v.numpy() for v in model.variables])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_in_minus_one_to_one(tmp_path):
    x, _ = small.digits()
    law = ks.distributions.Gaussian(0.1, activation="tanh", draw="sample")
    model = small.svae(likelihood=law)
    # Samples leave the range, as those of a Gaussian do: they are clipped, and the
    # critic reads them as in training.
    found = fit(model, tmp_path, 2 * x - 1, epochs=1)
    assert views.value_range(model, found.x) == (-1, 1)
    picture = png(tmp_path / "reconstructions.png")
    x, _ = some_examples(x, 40, 9, seed=0)
    tile = plots.grid(x[:1], gap=0, smooth=True)  # as in [0, 1]
    np.testing.assert_array_equal(picture[8:72, 8:72], tile)


def test_every_nth_epoch_and_the_last(tmp_path):
    model = small.vae()
    fit(model, tmp_path, small.digits(), epochs=5, every=2)
    epochs = {path.stem[:10] for path in (tmp_path / "pictures").glob("epoch-*")}
    assert sorted(epochs) == [f"epoch-{n:04d}" for n in (0, 2, 4, 5)]
    # A run that goes on does not start from "before the first epoch" again.
    (tmp_path / "pictures" / "epoch-0000-samples.png").unlink()
    pictures = ks.callbacks.Pictures(tmp_path, small.digits(), n=4)
    model.fit(
        small.digits()[0],
        initial_epoch=5,
        epochs=6,
        verbose=0,
        callbacks=[pictures],
    )
    assert (tmp_path / "pictures" / "epoch-0006-samples.png").exists()
    assert not (tmp_path / "pictures" / "epoch-0000-samples.png").exists()


@pytest.mark.parametrize(
    "form", ["array", "arrays", "dataset", "labelled", "endless", "batches"]
)
def test_the_examples_are_a_random_part(form):
    x, labels = small.digits(300)
    data = {
        "array": x,
        "arrays": (x, labels),
        "dataset": small.dataset(x, 8),
        "labelled": small.dataset((x, labels), 8),
        "endless": small.dataset((x, labels), 8).repeat(),
        "batches": Batches(x, labels),
    }[form]
    # Of the endless ones, of which no length is known, the first 200 are looked at.
    count = 200 if form == "endless" else 300
    numbers = rows(count, 20, seed=3)
    numbers = numbers[np.random.default_rng([3, 2]).permutation(20)]
    found, found_labels = some_examples(data, 20, 19, seed=3)
    np.testing.assert_array_equal(found, x[numbers])
    if form in ("array", "dataset"):
        assert found_labels is None
    else:
        np.testing.assert_array_equal(found_labels, labels[numbers])
    # All of few are in their order.
    found, _ = some_examples(x[:20], 20, 20, seed=3)
    np.testing.assert_array_equal(found, x[:20])


def test_what_is_refused_before_training(tmp_path):
    x, labels = small.digits()
    model = small.svae()
    with pytest.raises(ValueError, match="every to be an integer >= 1; .*every=0"):
        ks.callbacks.Pictures(tmp_path, x, every=0)
    for wrong in ({"every": 1.5}, {"n": "4"}, {"examples": 0}, {"projector": 1}):
        with pytest.raises(ValueError, match=f"Expected {[*wrong][0]} to be"):
            ks.callbacks.Pictures(tmp_path, x, **wrong)
    net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    net.compile(loss="mse")
    with pytest.raises(ValueError, match="of a keras_svae model; received: Sequ"):
        net.fit(
            x,
            x.reshape(len(x), -1),
            verbose=0,
            callbacks=[ks.callbacks.Pictures(tmp_path, x)],
        )
    (tmp_path / "file").write_text("")
    for folder, data, message in [
        ("a", small.dataset(x).take(0), "no examples"),
        ("b", x[:1], "at least 2 examples; received: 1"),
        ("c", 3 * x, r"data in \[0, 1\]"),
        ("d", iter([x]), "more than once.*received: list_iterator"),
        ("e", small.dataset({"x": x}), "x an array; received: x as a dict"),
        ("f", {"x": x}, "Expected data as an array.*received: dict"),
        ("file", x, "file"),
    ]:
        pictures = ks.callbacks.Pictures(tmp_path / folder, data)
        with pytest.raises((ValueError, OSError), match=message):
            model.fit(x, verbose=0, callbacks=[pictures])
    assert model.step == 0


def test_under_two_replicas(tmp_path):
    strategy = two_replicas()
    x, labels = small.digits()
    with strategy.scope():
        # Batch normalisation's averages are weights that replicas hold apart.
        nets = ks.networks.digits(3, units=8, depth=1, batch_norm=True)
        model = small.compiled(ks.SVAE(*nets))
    fit(model, tmp_path, (x, labels), epochs=1)
    assert names(tmp_path) == IMAGES
    expected = plots.grid(model.generate(9), smooth=True)
    np.testing.assert_array_equal(png(tmp_path / "samples.png"), expected)


def conditional(method):
    """A model of points and their classes."""
    keras.utils.set_random_seed(0)
    shapes = {"decoder": ([3, 5], 2), "encoder": ([2, 5], 6), "critic": ([2, 5], 1)}
    if issubclass(method, ks.SemiSupervisedVAE):
        shapes |= {"classifier": ([2], 5), "critic": ([2], 1)}
    nets = {name: tiny.dense(*shape, name) for name, shape in shapes.items()}
    if issubclass(method, ks.GAN):
        nets = {"generator": nets["decoder"], "critic": nets["critic"]}
    return small.compiled(method(**nets, likelihood="gaussian"))


@pytest.mark.parametrize("method", [ks.CGAN, ks.AACVAE, ks.AASemiSupervisedVAE])
def test_conditional_models_are_shown_with_their_classes(method, tmp_path, monkeypatch):
    x, y = small.points()
    if method is ks.AASemiSupervisedVAE:
        y = np.where(np.arange(len(y)) % 2, y, -1)
    model = conditional(method)
    panels = {}
    monkeypatch.setattr(plots, "scatter", lambda found, **_: panels.update(found))
    ratios = views.log_ratios(model, x, y=y)
    views.pictures(model, x, y)
    turns = np.arange(len(x)) % 5
    np.testing.assert_allclose(panels["samples"], model.generate(len(x), turns))
    if method is ks.CGAN:
        np.testing.assert_allclose(ratios["q"], model.log_ratio(x, y), atol=1e-5)
    else:
        again = model.reconstruct(x, y)
        np.testing.assert_allclose(panels["reconstructions"], again, atol=1e-5)
        other = model.reconstruct(x, (np.maximum(y, 0) + 1) % 5)
        assert np.abs(again - other).max() > 0.01
    with pytest.raises(ValueError, match="Expected pairs"):
        fit(model, tmp_path, x)


def test_further_pictures_are_functions_of_the_model(tmp_path):
    x, _ = small.digits()
    model = small.vae()
    more = {"ways": lambda model: ks.pictures.ways.traversals(model, x, [0], 3)}
    fit(model, tmp_path, x, epochs=1, more=more)
    expected = ks.pictures.ways.traversals(model, x, [0], 3)
    np.testing.assert_array_equal(png(tmp_path / "ways.png"), expected)
    assert (tmp_path / "pictures" / "epoch-0000-ways.png").is_file()
    for wrong, message in (
        ({"samples": more["ways"]}, "names in `more` other than.*'samples'"),
        ({"a/b": more["ways"]}, "in `more` to be file names without /.*'a/b'"),
        ({"ways": expected}, "functions of the model in `more`"),
        ({"ways": lambda model: model.decode(np.ones((1, 3)))}, "uint8.*from 'ways'"),
    ):
        untrained = small.vae()
        with pytest.raises(ValueError, match="Expected.*" + message):
            fit(untrained, tmp_path / "other", x, epochs=1, more=wrong)
        assert untrained.step == 0
