"""Mean and covariance of features, read batch by batch."""

import io
import os
from typing import Any

import numpy as np
import scipy.linalg

from keras_svae import files
from keras_svae.evaluation.reading.streams import Stream, batches
from keras_svae.paths import local
from keras_svae.untrusted import Arrays

__all__ = ["Moments"]

# Features that are added together: enough to make it one large matrix product.
ROWS = 1024


class Moments:
    """Mean and covariance of features (n, d), in float64, without keeping them.

    The sums of squares are about the running mean (Chan et al., 1983), so that features
    far from zero lose nothing. Moments of parts of the data are merged by `+`.

    Args:
        mean: (d,).
        covariance: (d, d), symmetric, with n - 1 in its denominator.
        n: The number of examples that they are of; None if it is not known.

    Attributes:
        n: The number of examples, as given or counted.
        mean: (d,).

    Raises:
        ValueError: On shapes that do not match, values that are not finite, or a
            matrix that is not symmetric.

    Example:
        real = ks.evaluation.Moments.of(backbone.features(test))
        real.save("test.npz")
        ks.evaluation.frechet_distance(real, samples, backbone)
    """

    def __init__(self, mean, covariance, n: int | None = None):
        self.mean = np.array(mean, np.float64)
        covariance = np.array(covariance, np.float64)
        d = self.mean.size
        if self.mean.shape != (d,) or covariance.shape != (d, d) or d == 0:
            raise ValueError(
                "Expected a mean (d,) and a covariance (d, d); received: shapes "
                f"{self.mean.shape} and {covariance.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(covariance).all()):
            raise ValueError("Expected finite moments; received: NaN or infinity")
        if not np.allclose(covariance, covariance.T, rtol=1e-5, atol=1e-8):
            raise ValueError(
                "Expected a symmetric covariance; received: one that isn't"
            )
        if n is not None and n < 2:
            raise ValueError(f"Expected moments of at least 2 features; received: {n}")
        self.n = n
        self._covariance = (covariance + covariance.T) / 2

    @classmethod
    def of(cls, features: Stream, name: str = "features") -> "Moments":
        """Moments of a stream of features (n, d).

        Raises:
            ValueError: On features of another shape, fewer than two, or not finite.
        """
        n = 0
        mean: np.ndarray | None = None
        for part in _blocks(batches(features, ROWS, name), name):
            if mean is None:
                mean = np.zeros(part.shape[1])
                upper = np.zeros((part.shape[1],) * 2, order="F")
            count = len(part)
            shift = part.mean(0, dtype=np.float64) - mean
            # One product for the part about its own mean and for the means' distance.
            rows = np.empty((count + 1, len(mean)))
            np.subtract(part, mean + shift, out=rows[:-1])
            rows[-1] = np.sqrt(n * count / (n + count)) * shift
            upper = scipy.linalg.blas.dsyrk(
                1.0, rows.T, beta=1.0, c=upper, overwrite_c=True
            )
            n += count
            mean = mean + shift * (count / n)
        if n < 2:
            raise ValueError(f"Expected at least 2 {name}; received: {n}")
        assert mean is not None  # there are features
        upper /= n - 1
        made = cls.__new__(cls)
        made.n, made.mean = n, mean
        made._covariance = np.triu(upper) + np.triu(upper, 1).T
        return made

    @property
    def covariance(self) -> np.ndarray:
        """(d, d), with n - 1 in its denominator."""
        return self._covariance

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both parts' features together.

        Raises:
            ValueError: If the dimensions differ, or a number of features is unknown.
        """
        if not isinstance(other, Moments):
            return NotImplemented
        if self.n is None or other.n is None or self.mean.shape != other.mean.shape:
            raise ValueError(
                "Expected moments of known n and of one dimension; received: "
                f"n={self.n} and {other.n}, d={self.mean.size} and {other.mean.size}"
            )
        n = self.n + other.n
        shift = other.mean - self.mean
        scatter = (self.n - 1) * self._covariance + (other.n - 1) * other._covariance
        scatter += np.outer(shift, shift) * (self.n * other.n / n)
        return Moments(self.mean + shift * (other.n / n), scatter / (n - 1), n)

    def save(self, path: str | os.PathLike) -> None:
        """Writes an `.npz` file with `mu`, `sigma` and `n`, as pytorch-fid names them.

        Raises:
            OSError: If it cannot be written.
            ValueError: If the path does not end in .npz.
        """
        path = local(path, "an .npz file")
        if path.suffix != ".npz":
            raise ValueError(f"Expected a path that ends in .npz; received: {path}")
        known: dict[str, Any] = {} if self.n is None else {"n": self.n}
        memory = io.BytesIO()
        np.savez(memory, mu=self.mean, sigma=self._covariance, **known)
        files.write(path, memory.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Moments":
        """Reads what `save` wrote, or a statistics file of pytorch-fid.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it holds something else.
        """
        file = Arrays(path)
        if not {"mu", "sigma"} <= set(file):
            raise ValueError(
                "Expected an .npz file with mu and sigma; received: "
                f"{os.fspath(path)} with {sorted(file)}"
            )
        n = file["n"] if "n" in file else None
        if n is not None and (n.shape != () or n.dtype.kind not in "iu"):
            raise ValueError(
                f"Expected n as one integer; received: {n.dtype} of shape {n.shape} in "
                f"{os.fspath(path)}"
            )
        return cls(file["mu"], file["sigma"], None if n is None else int(n))


def _blocks(stream, name):
    """The same rows in parts of ROWS. The last part may be shorter."""
    held, rows = [], 0
    for part in stream:
        if part.ndim != 2:
            raise ValueError(
                f"Expected {name} (n, d), or images with a backbone; received: a batch "
                f"of shape {part.shape}"
            )
        held.append(part)
        rows += len(part)
        if rows >= ROWS:
            yield np.concatenate(held)
            held, rows = [], 0
    if held:
        yield np.concatenate(held)
