"""The files that TensorBoard's embedding projector reads."""

import io
import math
import os

import numpy as np

from keras_svae import files
from keras_svae.paths import AnyPath, any_path
from keras_svae.pictures import plots

__all__ = ["write"]

# The projector takes sprites of at most 8192 x 8192 pixels.
_SPRITE_SIDE = 8192


def write(
    folder: str | os.PathLike,
    codes,
    labels=None,
    images=None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Writes codes for the projector: a configuration and the files it names.

    Args:
        folder: A folder with event files: TensorBoard looks only there.
        codes: (n, latent_dim).
        labels: (n,), or (n, k) for k attributes; written to `metadata.tsv`.
        images: (n, height, width, channels), shown as the points; left out if they do
            not fit on a sprite.
        value_range: The range of the images.
    """
    from tensorboard.plugins import projector  # slow, and needed here only

    folder = any_path(folder)
    codes = np.asarray(codes)
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "codes"
    embedding.tensor_path = "tensors.tsv"
    text = io.StringIO()
    np.savetxt(text, codes, fmt="%.6g", delimiter="\t")
    files.write(folder / "tensors.tsv", text.getvalue().encode())
    if labels is not None:
        embedding.metadata_path = "metadata.tsv"
        _write_metadata(folder / "metadata.tsv", np.asarray(labels), len(codes))
    if images is not None:
        height, width = np.shape(images)[1:3]
        columns = math.ceil(math.sqrt(len(codes)))
        zoom = max(1, 32 // max(height, width))
        if columns * zoom * max(height, width) <= _SPRITE_SIDE:
            embedding.sprite.image_path = "sprite.png"
            embedding.sprite.single_image_dim.extend([zoom * width, zoom * height])
            options = {"zoom": zoom, "smooth": zoom > 1, "gap": 0}
            sprite = plots.grid(images, columns, value_range=value_range, **options)
            plots.save(folder / "sprite.png", sprite)
    projector.visualize_embeddings(str(folder), config)


def _write_metadata(path: AnyPath, labels: np.ndarray, n: int) -> None:
    if len(labels) != n:
        raise ValueError(f"Expected {n} labels; received: {len(labels)}")
    rows = labels.reshape(n, -1)
    # A tab or the end of a line within a label would shift all that follows.
    lines = [
        "\t".join(" ".join(str(one).split()) for one in row) for row in rows.tolist()
    ]
    if rows.shape[1] > 1:  # only then does the projector expect a header
        lines.insert(0, "\t".join(f"label {i}" for i in range(rows.shape[1])))
    files.write(path, ("\n".join(lines) + "\n").encode())
