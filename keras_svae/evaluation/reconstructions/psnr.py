"""Peak signal-to-noise ratio of reconstructed images."""

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.reconstructions.images import image_pairs

__all__ = ["psnr"]


def psnr(
    x: Stream, reconstruction: Stream, *, value_range: tuple[float, float] = (0.0, 1.0)
) -> Measurement:
    """Mean over images of `10 log10((high - low)^2 / MSE of the image)`, decibels.

    It does not depend only on the mean MSE: by Jensen's inequality it is at least the
    ratio at the mean MSE, which some report under the same name.

    Args:
        x: Images (n, height, width, 1 or 3), see `Stream`.
        reconstruction: The reconstructions, of the same shape.
        value_range: (low, high), the values of black and white in both.

    Returns:
        The mean, with the standard deviation over images. One image without any error
        makes it infinite.

    Raises:
        ValueError: If shapes or lengths differ, or a value is not finite or outside
            the range.
    """
    found = []
    for one, other in image_pairs(x, reconstruction, value_range):
        # In float64. `tf.image.psnr` rounds both images to float32, which is off by
        # more than 1e-5 dB where float64 images are near each other, as above 80 dB.
        with np.errstate(divide="ignore"):
            found.append(-10 * np.log10(((one - other) ** 2).mean((1, 2, 3))))
    each = np.concatenate(found)
    deviation = each.std() if np.isfinite(each).all() else None
    return Measurement(
        each.mean(),
        "PSNR",
        deviation,
        n=len(each),
        value_range=tuple(value_range),
        unit="dB",
    )
