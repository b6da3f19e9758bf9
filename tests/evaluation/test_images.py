"""PSNR and SSIM against scikit-image; what both refuse."""

import numpy as np
import pytest
import skimage.metrics
import tensorflow as tf

from keras_svae import evaluation


def images(channels, n=5, size=(17, 23), seed=0):
    """Blurred noise, and the same with noise that differs from image to image."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, *size, channels))
    x = (x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3
    noise = rng.normal(size=x.shape) * np.linspace(0.02, 0.3, n).reshape(-1, 1, 1, 1)
    return x.astype(np.float32), np.clip(x + noise, 0, 1).astype(np.float32)


def scaled(x, value_range):
    low, high = value_range
    return low + (high - low) * x.astype(np.float64)


def reference_psnr(one, other, width):
    return skimage.metrics.peak_signal_noise_ratio(one, other, data_range=width)


def reference_ssim(one, other, width):
    return skimage.metrics.structural_similarity(
        one,
        other,
        data_range=width,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (0, 255)])
def test_as_scikit_image(channels, value_range):
    x, y = (scaled(part, value_range) for part in images(channels))
    width = value_range[1] - value_range[0]
    each = [reference_psnr(a, b, width) for a, b in zip(x, y, strict=True)]
    found = evaluation.psnr(x, y, value_range=value_range)
    assert found == pytest.approx(np.mean(each), rel=1e-12)
    assert found.deviation == pytest.approx(np.std(each))
    # Of luminances from 0: in [-1, 1] the reference would take grey for black.
    each = [
        reference_ssim(a - value_range[0], b - value_range[0], width)
        for a, b in zip(x, y, strict=True)
    ]
    found = evaluation.ssim(x, y, value_range=value_range)
    assert found == pytest.approx(np.mean(each), rel=1e-9)
    assert found.deviation == pytest.approx(np.std(each))
    assert found.details["n"] == 5 and found.details["window"] == 11


@pytest.mark.parametrize("amplitude", [0.1, 0.01, 0.001])
def test_tf_image_agrees_to_its_precision(amplitude):
    """It computes in float32."""
    rng = np.random.default_rng(0)
    noise = amplitude * rng.normal(size=(2, 4, 32, 32, 1))
    x = np.clip(0.9 + noise[0], 0, 1).astype("float32")
    y = np.clip(x + noise[1], 0, 1).astype("float32")
    theirs = tf.reduce_mean(tf.image.ssim(x, y, 1.0))
    assert evaluation.ssim(x, y) == pytest.approx(float(theirs), abs=1e-4)
    theirs = tf.reduce_mean(tf.image.psnr(x, y, 1.0))
    assert evaluation.psnr(x, y) == pytest.approx(float(theirs), abs=1e-3)


def test_tf_image_is_off_by_more_than_1e_5():
    """So this package does not use it: ours agree with scikit-image more closely."""
    rng = np.random.default_rng(0)
    # SSIM: bright, flat images in float32. The reference computes in float64.
    noise = 0.03 * rng.normal(size=(2, 16, 16, 16, 1))
    x = np.clip(0.99 + noise[0], 0, 1).astype("float32")
    y = np.clip(x + noise[1], 0, 1).astype("float32")
    pairs = zip(x.astype(float), y.astype(float), strict=True)
    exact = np.mean([reference_ssim(a, b, 1) for a, b in pairs])
    assert abs(np.mean(tf.image.ssim(x, y, 1.0)) - exact) > 1e-5
    assert evaluation.ssim(x, y) == pytest.approx(exact, abs=1e-9)
    # PSNR: images in float64 that are near each other, 120 dB.
    x = rng.uniform(0.5, 0.9, size=(8, 32, 32, 1))
    y = x + 1e-6 * rng.normal(size=x.shape)
    pairs = zip(x, y, strict=True)
    exact = [reference_psnr(a, b, 1) for a, b in pairs]
    assert np.abs(tf.image.psnr(x, y, 1.0) - exact).max() > 1e-5
    assert evaluation.psnr(x, y) == pytest.approx(np.mean(exact), abs=1e-9)


def test_psnr_is_the_mean_over_images_not_the_ratio_of_the_mean():
    x = np.zeros((2, 2, 2, 1))
    y = np.stack([np.full((2, 2, 1), 0.1), np.full((2, 2, 1), 0.01)])
    assert evaluation.psnr(x, y) == pytest.approx((20 + 40) / 2)
    # The same error in a range twice as wide is a quarter: 6.02 dB more.
    wide = evaluation.psnr(x, y, value_range=(-1, 1))
    assert wide == pytest.approx(30 + 20 * np.log10(2))


def test_equal_images():
    x, _ = images(3)
    assert evaluation.ssim(x, x) == pytest.approx(1, abs=1e-12)
    assert evaluation.psnr(x, x) == np.inf
    assert evaluation.psnr(x, x).deviation is None
    # One without an error among others.
    y = np.concatenate([x[:1], 1 - x[1:]])
    assert evaluation.psnr(x, y) == np.inf


def test_of_streams_as_of_arrays():
    x, y = images(3)
    streams = (
        tf.data.Dataset.from_tensor_slices((x, np.zeros(5))).batch(2),
        (y[i : i + 3] for i in (0, 3)),
    )
    assert evaluation.ssim(*streams) == pytest.approx(evaluation.ssim(x, y))


def test_bytes_do_not_wrap_around():
    x = np.array([0, 200], np.uint8).reshape(1, 1, 2, 1)
    y = np.array([100, 100], np.uint8).reshape(1, 1, 2, 1)
    expected = 20 * np.log10(255 / 100)
    assert evaluation.psnr(x, y, value_range=(0, 255)) == pytest.approx(expected)


def test_ssim_by_hand_with_a_smaller_window():
    x, y = images(1, n=1, size=(3, 3))
    axis = np.exp(-(np.array([-1, 0, 1]) ** 2) / (2 * 1.5**2))
    w = np.outer(axis, axis) / axis.sum() ** 2
    a, b = x[0, ..., 0].astype(float), y[0, ..., 0].astype(float)
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
    cov = (w * (a - ma) * (b - mb)).sum()
    expected = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4)
    expected /= (ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)
    assert evaluation.ssim(x, y, window=3) == pytest.approx(expected)


def test_ssim_of_digits_asks_for_a_window_that_fits():
    x, y = images(1, size=(8, 8))
    with pytest.raises(ValueError, match="11 x 11.*received: 8 x 8; window=7 fits"):
        evaluation.ssim(x, y)
    assert -1 < evaluation.ssim(x, y, window=np.int64(7)) < 1
    assert evaluation.ssim(x, y, window=7).details["window"] == 7


X, Y = images(3)
NAN = X.copy()
NAN[1, 0, 0, 0] = np.nan


@pytest.mark.parametrize("measure", [evaluation.psnr, evaluation.ssim])
@pytest.mark.parametrize(
    ("x", "y", "options", "why"),
    [
        (X, 2 * Y, {}, "in .0, 1.*from .* to "),
        (2 * X - 1, Y, {}, "in .0, 1"),
        (X, Y, {"value_range": (1, 0)}, "low < high"),
        (NAN, Y, {}, "NaN or infinity in 1 of 5"),
        (X, Y[:4], {}, "more images"),
        (X, Y[..., :1], {}, "same shape"),
        (X[..., :2], Y[..., :2], {}, "1 or 3"),
        (X[..., 0], Y[..., 0], {}, "1 or 3"),
    ],
)
def test_what_is_refused(measure, x, y, options, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        measure(x, y, **options)
    assert error.match(why)


@pytest.mark.parametrize("window", [4, 1, 7.0, True])
def test_windows_that_are_refused(window):
    with pytest.raises(ValueError, match="odd window"):
        evaluation.ssim(X, Y, window=window)
