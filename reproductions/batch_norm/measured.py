"""One trained model, measured under several averages of batch normalisation."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import Noise, scope
from reproductions.batch_norm.averages import SEED, Averages, assign, kept

# Examples in a batch when the batch's own statistics are used.
AT_ONCE = 100
GENERATED = ("mix", "both", "p", "p moving", "q", "q moving", "batch")
# (encoder's, decoder's).
RECONSTRUCTED = (
    *((e, d) for e in ("mix", "data", "batch") for d in ("mix", "p", "q", "batch")),
    ("data moving", "p moving"),
    ("data moving", "q moving"),
)


class Measured:
    """A trained model's outputs, for different averages of batch normalisation.

    Args:
        model: The model.
        known: Averages by network and name; "batch" is each batch's own.
    """

    def __init__(self, model: ks.models.Autoencoder, known: dict[str, dict]):
        self.model, self.known = model, known
        self._encoder = tf.function(self._encoded, reduce_retracing=True)
        self._decoder = tf.function(self._decoded, reduce_retracing=True)

    def _over(self, network: str, by: str, call, *arrays: np.ndarray) -> tuple:
        """A call of a network that has these averages, on all chunks of arrays."""
        one, training = getattr(self.model, network), by == "batch"
        with kept(one):
            if not training:
                assign(one, self.known[network][by])
            parts = [
                call(tf.constant(number), training, *map(tf.constant, part))
                for number, part in enumerate(chunks(*arrays))
            ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _encoded(self, number, training, x):
        noise = Noise(SEED).fold(number)
        law = self.model.posterior_law
        with scope(noise):
            raw = self.model.posterior_raw(x, training)
        q = law(raw)
        drawn = law.sample(raw, noise.seed("z_q"))
        kl = ks.distributions.kl_divergence(q, self.model.prior, drawn)
        return law.mean(raw), drawn, kl

    def _decoded(self, number, training, z, x):
        law = self.model.likelihood_law
        with scope(Noise(SEED)):
            raw = self.model.likelihood_raw(z, training)
        return law.mean(raw), law(raw).log_prob(x)

    def decode(self, z: np.ndarray, by: str, x: np.ndarray) -> tuple:
        """The means of p(x|z), and log p(x|z) in nats, (n,)."""
        return self._over("decoder", by, self._decoder, z, x)

    def encode(self, x: np.ndarray, by: str) -> tuple:
        """Means and draws of q(z|x), and KL(q(z|x) || p(z)) in nats, (n,)."""
        return self._over("encoder", by, self._encoder, x)


def chunks(*arrays: np.ndarray) -> Iterator[tuple]:
    """Parts of arrays of one length; a last, shorter part is left out."""
    for start in range(0, len(arrays[0]) - AT_ONCE + 1, AT_ONCE):
        yield tuple(one[start : start + AT_ONCE] for one in arrays)


def measure(measured: Measured, x: np.ndarray, backbone) -> dict:
    """All numbers of one trained model, of its samples and its reconstructions.

    Args:
        measured: The model.
        x: Test data; as many samples are drawn, of the same codes for all averages.
        backbone: What images are seen through; None for measures without.
    """
    real = np.concatenate(list(backbone.features(x))) if backbone else None
    model = measured.model
    z = model.prior.sample(len(x), seed=Noise(SEED).seed("z")).numpy()
    samples = {by: measured.decode(z, by, x)[0] for by in GENERATED}
    generated = {}
    for by, made in samples.items():
        generated[by] = {
            "difference, mean": float(np.abs(made - samples["batch"]).mean()),
            "difference, largest": float(np.abs(made - samples["batch"]).max()),
            "mean": float(made.mean()),
            **(scores(real, made, backbone) if backbone else {}),
        }
    codes = {by: measured.encode(x, by) for by in dict(RECONSTRUCTED)}
    reconstructed = {}
    for by, other in RECONSTRUCTED:
        mean, drawn, kl = codes[by]
        made, _ = measured.decode(mean, other, x)
        _, log_p = measured.decode(drawn, other, x)
        reconstructed[f"{by} / {other}"] = {
            "mse": float(((made - x) ** 2).mean()),
            "bound": float((log_p - kl).mean()),
            "mean": float(made.mean()),
        }
    order = np.random.default_rng(SEED).permutation(len(z))
    other, _ = measured.decode(z[order], "batch", x)
    return {
        "samples": generated,
        "reconstructions": reconstructed,
        # Of the same codes, each decoded by the statistics of two batches.
        "difference by companions, mean": float(
            np.abs(other - samples["batch"][order]).mean()
        ),
    }


def scores(real: np.ndarray, made: np.ndarray, backbone) -> dict[str, float]:
    """The classifier's scores of samples, and of their features beside real ones."""
    features, probabilities = map(
        np.concatenate, zip(*backbone.both(made), strict=True)
    )
    # A part of few samples has a low score.
    splits = 10 if len(made) >= 5000 else 1
    pair = real, features
    found = ks.evaluation.precision_recall(*pair)
    return {
        "inception score": float(ks.evaluation.inception_score(probabilities, splits)),
        "Frechet distance": float(ks.evaluation.frechet_distance(*pair)),
        "precision": float(found.precision),
        "recall": float(found.recall),
    }


def apart(one: Averages, other: Averages) -> list[dict[str, float]]:
    """How far two laws' statistics are from each other, by layer.

    `mean`: root mean square, over channels, of the means' difference in standard
    deviations of the first; `scale`: of the log of the standard deviations' ratio.
    """
    found = []
    for (mean, variance), (other_mean, other_variance) in zip(one, other, strict=True):
        variance, other_variance = variance + 1e-3, other_variance + 1e-3
        shift = (other_mean - mean) / np.sqrt(variance)
        ratio = np.log(other_variance / variance) / 2
        found.append(
            {
                "mean": float(np.sqrt((shift**2).mean())),
                "scale": float(np.sqrt((ratio**2).mean())),
            }
        )
    return found
