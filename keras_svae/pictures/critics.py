"""What a model's critic says of data and of samples."""

import inspect

import numpy as np

from keras_svae.noise import Noise, scope

__all__ = ["log_ratios"]

# Arguments of `model.log_ratio(x, z)` under each law: attributes of a draw.
_LAWS = {
    "q": {"x": "x", "z": "z_q", "y": "y"},
    "p": {"x": "x_p", "z": "z", "y": "y"},
}
# Examples that pass through the networks at once.
_CHUNK = 250


def log_ratios(model, x, seed: int = 0, y=None) -> dict[str, np.ndarray]:
    """A critic's `log_ratio` on samples of both laws.

    Args:
        model: A model of this package.
        x: Data (batch, ...).
        seed: The seed of the samples.
        y: Classes (batch,), for a conditional model.

    Returns:
        "q" and "p", each (batch,): on the law of the data (x, or pairs of x and
        z ~ q(z|x)) and on the model's. "symmetric_kl", a scalar in nats, if the
        model's metrics have it. Empty for a model without a critic.
    """
    if not hasattr(model, "log_ratio"):
        return {}
    names = list(inspect.signature(model.log_ratio).parameters)
    values: dict[str, list] = {law: [] for law in _LAWS}
    for start in range(0, len(x), _CHUNK):
        noise = Noise(seed).fold(start)
        rows = slice(start, start + _CHUNK)
        batch = (x[rows], y[rows]) if model.conditional else x[rows]
        draw = model.draw(batch, noise, training=False)
        with scope(draw.noise):
            for law, attributes in _LAWS.items():
                given = [getattr(draw, attributes[name]) for name in names]
                # This is not the model's method: samples of a Gaussian leave the range
                # it checks.
                values[law].append(model.f.log_ratio(*given))
    found = {law: np.concatenate(parts) for law, parts in values.items()}
    if "symmetric_kl" in [metric.name for metric in model.metrics]:
        f = type(model).f
        found["symmetric_kl"] = found[f.above].mean() - found[f.below].mean()
    return found
