"""Structural similarity (Wang et al., 2004)."""

import numpy as np
import scipy.ndimage

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.reconstructions.images import image_pairs

__all__ = ["ssim"]

# The published constants: the window's standard deviation in pixels, and those that
# keep the quotients finite, as shares of the range.
SIGMA = 1.5
K1, K2 = 0.01, 0.03


def ssim(
    x: Stream,
    reconstruction: Stream,
    *,
    value_range: tuple[float, float] = (0.0, 1.0),
    window: int = 11,
) -> Measurement:
    """Mean structural similarity, (13) of Wang et al. (2004), over windows and images.

    A Gaussian window of 11 x 11 pixels with standard deviation 1.5, K1 = .01 and
    K2 = .03 is used, only where the whole window is inside the image. Three channels
    are measured separately, and the mean is taken. Luminance is counted from black, so
    that images in [-1, 1] give the same as in [0, 1].

    Args:
        x: Images (n, height, width, 1 or 3), see `Stream`.
        reconstruction: The reconstructions, of the same shape.
        value_range: (low, high), the values of black and white in both.
        window: Side of the window, odd. 11 is the published one; a smaller one is for
            images that are smaller, and its values compare only with themselves.

    Returns:
        The mean, 1 for equal images, and the standard deviation over images.

    Raises:
        ValueError: If shapes or lengths differ, a value is not finite or outside the
            range, or the images are smaller than the window.
    """
    if not (arguments.whole(window) and window >= 3 and window % 2):
        raise ValueError(f"Expected an odd window >= 3; received: window={window!r}")
    window = int(window)
    found = []
    for one, other in image_pairs(x, reconstruction, value_range):
        side = min(one.shape[1:3])
        if side < window:
            fits = side - 1 + side % 2
            advice = (
                f"; window={fits} fits, but compare its values only with each other"
                * (fits >= 3)
            )
            raise ValueError(
                f"Expected images of at least {window} x {window} pixels, the window; "
                f"received: {one.shape[1]} x {one.shape[2]}{advice}"
            )
        found.append(_similarity(one, other, window // 2).mean((1, 2, 3)))
    each = np.concatenate(found)
    return Measurement(
        each.mean(),
        "SSIM",
        each.std(),
        n=len(each),
        window=window,
        value_range=tuple(value_range),
    )


def _similarity(x: np.ndarray, y: np.ndarray, radius: int) -> np.ndarray:
    """The map of similarities, smaller than the images by the radius on each side."""
    # In float64. `tf.image.ssim` takes variances as differences of squares in float32,
    # which is off by 2e-5 on photographs and by 4e-4 where images are flat and bright.

    def local(values):
        means = scipy.ndimage.gaussian_filter(
            values, SIGMA, radius=radius, axes=(1, 2), mode="nearest"
        )
        return means[:, radius:-radius, radius:-radius]

    mean_x, mean_y = local(x), local(y)
    variance_x = local(x**2) - mean_x**2
    variance_y = local(y**2) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    # The range is 1 here.
    c1, c2 = K1**2, K2**2
    return ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
