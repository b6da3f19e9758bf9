"""Pictures, pixel by pixel where that can be done by hand."""

import warnings

import numpy as np
import PIL.Image
import pytest

from keras_svae.pictures import plots

# Three images of 1 x 2 pixels and one channel.
IMAGES = np.array([[0.0, 1.0], [0.2, 0.4], [0.6, 0.8]]).reshape(3, 1, 2, 1)
G = plots.GAP_COLOR


def test_to_uint8_maps_the_range_to_bytes_and_clips():
    x = np.array([-2, -1, 0, 0.5, 1, 3.0]).reshape(1, 1, 6, 1)
    found = plots.to_uint8(x, (-1, 1))
    assert found.dtype == np.uint8
    # 127.5 and 191.25, rounded to even and down
    assert found.ravel().tolist() == [0, 0, 128, 191, 255, 255]
    assert plots.to_uint8(x).ravel().tolist() == [0, 0, 0, 128, 255, 255]


def test_grid_places_images_row_after_row():
    picture = plots.grid(IMAGES, 2, zoom=1, gap=1)
    assert picture.dtype == np.uint8
    assert picture[..., 0].tolist() == [
        [G, G, G, G, G, G, G],
        [G, 0, 255, G, 51, 102, G],
        [G, G, G, G, G, G, G],
        [G, 153, 204, G, G, G, G],
        [G, G, G, G, G, G, G],
    ]


def test_grid_enlarges_pixel_by_pixel():
    picture = plots.grid(IMAGES[:1], zoom=2, gap=0)
    assert picture[..., 0].tolist() == [[0, 0, 255, 255]] * 2


def test_grid_keeps_colors_and_height_and_width_apart():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 2, 3, 3))
    picture = plots.grid(images / 255, 2, zoom=1, gap=0)
    assert picture.shape == (4, 6, 3)
    np.testing.assert_array_equal(picture[:2, 3:], images[1])
    np.testing.assert_array_equal(picture[2:, :3], images[2])


def test_tiny_images_become_readable_and_large_ones_stay():
    assert plots.grid(np.zeros((4, 8, 8, 1)), gap=0).shape == (128, 128, 1)
    assert plots.grid(np.zeros((4, 28, 28, 1)), gap=0).shape == (168, 168, 1)
    assert plots.grid(np.zeros((4, 64, 64, 3)), gap=0).shape == (128, 128, 3)


def test_smooth_enlargement_keeps_place_and_brightness():
    image = np.zeros((1, 4, 8, 1))
    image[0, 1, 6] = 1
    smooth = plots.grid(image, zoom=8, smooth=True, gap=0)[..., 0]
    sharp = plots.grid(image, zoom=8, gap=0)[..., 0]
    assert smooth.shape == sharp.shape == (32, 64)
    peak = np.unravel_index(np.argmax(smooth), smooth.shape)
    assert sharp[peak] == 255
    assert 0.7 < smooth.sum() / sharp.sum() < 1.3
    assert len(np.unique(smooth)) > 20


def test_pairs_stand_above_each_other():
    picture = plots.pairs(IMAGES, IMAGES[::-1], 2, zoom=1, gap=1)
    rows = picture[..., 0].tolist()
    wall, gap = [G] * 16, [G] * 4
    assert rows[:4] == [wall] * 4
    assert rows[4] == [*gap, 0, 255, *gap, 51, 102, *gap]
    assert rows[5] == wall
    assert rows[6] == [*gap, 153, 204, *gap, 51, 102, *gap]
    assert rows[11] == [*gap, 153, 204, *gap, G, G, *gap]
    assert rows[13] == [*gap, 0, 255, *gap, G, G, *gap]


def test_sixty_four_pairs_are_sixteen_wide_and_eight_high():
    x = np.zeros((64, 64, 64, 1))
    assert plots.pairs(x, x, gap=0).shape == (8 * 64, 16 * 64, 1)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((2, 3, 3)), {}, "1 or 3.*received: shape"),
        (np.zeros((2, 3, 3, 2)), {}, "1 or 3.*received: shape"),
        (np.zeros((0, 3, 3, 1)), {}, "1 or 3.*received: shape"),
        (np.full((2, 3, 3, 1), np.nan), {}, "without NaN"),
        (np.zeros((2, 3, 3, 1)), {"value_range": (1, 1)}, "value_range"),
        (np.full((2, 3, 3, 1), 200, "uint8"), {}, "floats.*uint8.*by 255"),
        (np.full((2, 3, 3, 1), -1), {}, "floats.*int64 from -1"),
        (np.zeros((2, 3, 3, 1)), {"columns": 0}, "columns to be an integer >= 1"),
        (np.zeros((2, 3, 3, 1)), {"columns": "3"}, "columns to be an integer >= 1"),
        (np.zeros((2, 3, 3, 1)), {"zoom": 2.5}, "zoom to be an integer >= 1"),
        (np.zeros((2, 3, 3, 1)), {"zoom": 0}, "zoom to be an integer >= 1"),
        (np.zeros((2, 3, 3, 1)), {"gap": -1}, "gap to be an integer >= 0"),
    ],
)
def test_grid_refuses(images, options, message):
    with pytest.raises(ValueError, match=message):
        plots.grid(images, **options)
    if images.shape == (2, 3, 3, 1):
        with pytest.raises(ValueError, match=message):
            plots.pairs(images, images, **options)


def test_integers_in_the_range_are_images_and_values_beyond_it_are_told():
    bytes_ = np.arange(2 * 3 * 3, dtype="uint8").reshape(2, 3, 3, 1) * 14
    found = plots.to_uint8(bytes_, value_range=(0, 255))
    np.testing.assert_array_equal(found, bytes_)
    binary = (bytes_ % 2).astype("uint8")
    np.testing.assert_array_equal(plots.to_uint8(binary), 255 * binary)
    with pytest.warns(UserWarning, match="from 0 to 238, most of them beyond"):
        plots.grid(bytes_.astype("float32"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.grid(np.linspace(-0.4, 1.4, 18).reshape(2, 3, 3, 1))


def test_pairs_refuse_other_shapes():
    with pytest.raises(ValueError, match="inputs' shape"):
        plots.pairs(IMAGES, IMAGES[:2])


def test_interpolation_is_an_arc_for_normal_codes():
    found = plots.interpolate([[1, 0], [0, 2]], [[0, 1], [0, 4]], 3)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        # The second pair is parallel: its arc is a straight line.
        found,
        [[[1, 0], [half, half], [0, 1]], [[0, 2], [0, 3], [0, 4]]],
        atol=1e-6,
    )
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 5, 32))
    end *= np.linalg.norm(start, axis=1)[:, None] / np.linalg.norm(
        end, axis=1, keepdims=True
    )
    way = plots.interpolate(start, end, 7)
    assert way.shape == (5, 7, 32) and way.dtype == np.float32
    np.testing.assert_allclose(way[:, 0], start, atol=1e-5)
    np.testing.assert_allclose(way[:, -1], end, atol=1e-5)
    norms = np.linalg.norm(way, axis=-1)
    np.testing.assert_allclose(norms, norms[:, :1].repeat(7, 1), rtol=1e-4)


def test_interpolation_knows_the_priors_by_their_names():
    with pytest.raises(ValueError, match="prior to be one of.*'Normal'"):
        plots.interpolate(np.eye(2), np.eye(2), 3, prior="Normal")


def test_interpolation_is_straight_for_uniform_codes():
    found = plots.interpolate([[1.0, 0.0]], [[0.0, 1.0]], 3, prior="uniform")
    np.testing.assert_allclose(found, [[[1, 0], [0.5, 0.5], [0, 1]]])


def test_interpolation_between_opposite_and_zero_codes_is_finite():
    found = plots.interpolate([[1.0, 0], [0, 0]], [[-1.0, 0], [1, 0]], 3)
    np.testing.assert_allclose(found[:, 1], [[0, 0], [0.5, 0]], atol=1e-6)
    with pytest.raises(ValueError, match="steps to be an integer >= 2"):
        plots.interpolate([[1.0]], [[2.0]], 1)


def colored(picture, color, tolerance=60):
    return np.abs(picture.astype(int) - color).max(-1) < tolerance


BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


def test_scatter_puts_points_in_their_place_and_colors_them():
    points = np.concatenate([np.full((50, 2), -1.0), np.full((50, 2), 1.0)])
    labels = {"data": np.repeat([3, 7], 50)}
    picture = plots.scatter({"data": points}, labels=labels)
    assert picture.dtype == np.uint8 and picture.shape[-1] == 3
    height, width = picture.shape[:2]
    low = np.argwhere(colored(picture, BLUE)).mean(0) / (height, width)
    high = np.argwhere(colored(picture, ORANGE)).mean(0) / (height, width)
    assert low[0] > 0.6 and low[1] < 0.4  # down on the left
    assert high[0] < 0.4 and high[1] > 0.6  # up on the right


def test_scatter_of_points_that_are_not_finite():
    points = np.array([[0, 0], [1, 1], [np.nan, 0], [0, np.inf]])
    expected = plots.scatter({"a": points[:2]})
    found = plots.scatter({"a": points})
    assert found.shape == expected.shape and np.any(found != expected)  # its title
    plots.scatter({"a": points[2:]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: plots.scatter({}), "panels as a dictionary"),
        (lambda p: plots.scatter(p), "panels as a dictionary.*ndarray"),
        (lambda p: plots.scatter({"a": p}, labels=p[:, 0]), "labels as a dictionary"),
        (lambda p: plots.scatter({"a": p}, labels={"a": [1]}), "4 labels, one for"),
        (lambda p: plots.histogram({}), "values as a dictionary"),
        (lambda p: plots.histogram({"a": p[:, 0]}, bins=0), "bins to be an integer"),
    ],
)
def test_charts_refuse(make, message):
    with pytest.raises(ValueError, match="Expected " + message):
        make(np.ones((4, 2)))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 1)),
        np.zeros((2, 4, 4, 1), "uint8"),
        np.zeros((4, 4, 2), "uint8"),
    ],
)
def test_save_refuses(wrong, tmp_path):
    with pytest.raises(ValueError, match="Expected a picture, uint8"):
        plots.save(tmp_path / "x.png", wrong)
    with pytest.raises(ValueError, match="ends in .png; received: .*x.jpg"):
        plots.save(tmp_path / "x.jpg", np.zeros((4, 4, 1), "uint8"))
    assert not list(tmp_path.iterdir())


def test_scatter_shows_each_panel_on_the_axes_of_the_first():
    points = np.array([[-1.0, -1], [1, 1]]).repeat(20, 0)
    alone = plots.scatter({"a": points})
    two = plots.scatter({"a": points, "b": points + 100})
    assert two.shape[1] == 2 * alone.shape[1]
    half = two.shape[1] // 2
    assert colored(two[:, :half], BLUE).sum() > 5
    assert colored(two[:, half:], BLUE).sum() == 0
    with pytest.raises(ValueError, match=r"points \(n, 2\) in 'b'"):
        plots.scatter({"a": points, "b": np.zeros((3, 3))})


def test_histogram_has_both_laws_where_they_are():
    rng = np.random.default_rng(0)
    values = {"low": rng.normal(-5, 1, 500), "high": rng.normal(5, 1, 500)}
    picture = plots.histogram(values, xlabel="nats")
    inside = picture[60:-60]  # without the legend
    faint = 0.55 * np.array([BLUE, ORANGE]) + 0.45 * 255
    low, high = (np.argwhere(colored(inside, c, 12))[:, 1].mean() for c in faint)
    assert low < 0.45 * picture.shape[1] < 0.6 * picture.shape[1] < high


def test_histogram_of_numbers_that_are_not_finite():
    plain = plots.histogram({"a": [1.0, 2.0], "b": [3.0]})
    odd = plots.histogram({"a": [1.0, np.inf, 2.0], "b": [np.nan, 3.0]})
    bars = slice(100, -60)  # below the legend, which tells how many
    np.testing.assert_array_equal(odd[bars], plain[bars])
    assert (odd != plain).any()
    plots.histogram({"a": [np.nan]})


@pytest.mark.parametrize("channels", [1, 3])
def test_save_writes_what_can_be_read_back(tmp_path, channels):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (5, 7, channels)).astype(np.uint8)
    plots.save(tmp_path / "a.png", picture)
    found = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(found.reshape(5, 7, channels), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_reliability_draws_full_bins_only():
    nan = float("nan")
    picture = plots.reliability([0.2, nan, 0.9], [0.1, nan, 1.0], [5, 0, 15])
    assert picture.dtype == np.uint8 and picture.shape == (440, 440, 3)
    swapped = plots.reliability([0.1, nan, 1.0], [0.2, nan, 0.9], [5, 0, 15])
    assert (picture != swapped).any()
