"""Mixtures of Gaussians in the plane, whose densities are known exactly."""

import dataclasses
import itertools

import numpy as np

from keras_svae.data.examples import Source, Stored

_STREAMS = {"train": 0, "validation": 1, "test": 2}


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of isotropic Gaussians with a common standard deviation.

    Attributes:
        means: The components' means, (k, d), float64.
        sigma: Their standard deviation.
        weights: Their probabilities, (k,), float64.
    """

    means: np.ndarray
    sigma: float
    weights: np.ndarray

    def sample(self, n: int, seed=0) -> tuple[np.ndarray, np.ndarray]:
        """Independent draws.

        Args:
            n: How many points.
            seed: A non-negative integer, or several.

        Returns:
            Points (n, d), float32, and the components they came from, (n,), int64.
        """
        rng = np.random.default_rng(seed)
        labels = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.normal(size=(n, self.means.shape[1]))
        points = self.means[labels] + self.sigma * noise
        return points.astype(np.float32), labels.astype(np.int64)


def _equal(means, sigma: float) -> Mixture:
    means = np.array(means, np.float64)
    return Mixture(means, sigma, np.full(len(means), 1 / len(means)))


def _ring(count: int, radius: float) -> list:
    angles = 2 * np.pi * np.arange(count) / count
    return [(radius * np.cos(a), radius * np.sin(a)) for a in angles]


# A mixture, and the default numbers of points for train, validation and test.
_MIXTURES = {
    # sVAE 6.1, in the setting of ALICE's released code.
    "toy5": (
        _equal([(0, 0), *itertools.product((-2, 2), repeat=2)], 0.2),
        {"train": 2048, "validation": 1024, "test": 1024},
    ),
    # AIM's toy.
    "grid25": (
        _equal(list(itertools.product((-4, -2, 0, 2, 4), repeat=2)), 0.05),
        {"train": 100_000, "validation": 10_000, "test": 10_000},
    ),
    # Metz et al., Unrolled Generative Adversarial Networks (2017).
    "ring8": (
        _equal(_ring(8, 2.0), 0.02),
        {"train": 100_000, "validation": 10_000, "test": 10_000},
    ),
}
NAMES = tuple(_MIXTURES)


def mixture(name: str) -> Mixture:
    """The law behind a mixture's data, for measures that need it exactly.

    - `toy5`: five components at 0 and (+-2, +-2), sigma 0.2 (sVAE 6.1);
    - `grid25`: a 5 x 5 grid, spacing 2, sigma 0.05 (AIM);
    - `ring8`: eight on a circle of radius 2, sigma 0.02 (Unrolled GAN).

    All components have equal weights.

    Raises:
        ValueError: If there is no mixture of that name.
    """
    if name not in _MIXTURES:
        raise ValueError(f"Expected a mixture among {list(NAMES)}; received: {name!r}")
    return _MIXTURES[name][0]


def source(name: str, n: int | None, seed: int) -> Source:
    """A mixture's samples: the splits are independent draws by the same seed."""
    law, counts = _MIXTURES[name]

    def read(split: str) -> Stored:
        stream = [seed, _STREAMS[split]]
        return Stored(*law.sample(n or counts[split], stream))

    return Source(name, tuple(_STREAMS), read, ("mixture", name, n, seed))
