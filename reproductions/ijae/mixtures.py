"""The laws of lambda-IJAE's figure 1, and their divergences by quadrature.

Nothing here is random, and nothing uses the package: the experiment is checked against
it. A model is `theta`, (4,): mean and log variance of one component, then of the other.
"""

import numpy as np
from scipy import optimize, special, stats

# Appendix B.
WEIGHTS = np.array([0.15, 0.35, 0.3, 0.2])
MEANS = np.array([-8.0, -3.0, 3.0, 8.0])
SCALES = np.array([0.2, 0.8, 1.0, 0.2])
# Of the search. Parameters of one optimum are nearer than this to each other.
BOUNDS = [(-15, 15), (-8, 12)] * 2
NEAR = 0.05

# Points 3 sinh(u): .006 apart in the middle and .02 at the outer modes, whose standard
# deviation is .2, and as far out as the widest components are.
_U = np.linspace(-8, 8, 8001)
X = 3 * np.sinh(_U)
DX = 3 * np.cosh(_U) * (_U[1] - _U[0])


def components(x, weights, means, scales) -> np.ndarray:
    """Log of each component's density times its weight, (k, n)."""
    return stats.norm.logpdf(x, means[:, None], scales[:, None]) + np.log(
        weights[:, None]
    )


def unpacked(theta) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of the model's two components."""
    theta = np.asarray(theta, float)
    return theta[0::2], np.exp(theta[1::2] / 2)


def of_model(theta, x=X) -> np.ndarray:
    """Log densities of the model's components with their weights, (2, n)."""
    return components(x, np.full(2, 0.5), *unpacked(theta))


def target(x) -> np.ndarray:
    """The target's log density."""
    return special.logsumexp(components(x, WEIGHTS, MEANS, SCALES), 0)


LOG_Q = target(X)


def _to_mean(f: np.ndarray) -> np.ndarray:
    """A law's log ratio to the mean of both, by that to the other law."""
    return np.log(2) - np.logaddexp(0, -f)


# What is integrated, of q, p and f = log q/p, and its derivative in log p(x), up to a
# multiple of p.
INTEGRANDS = {
    "forward_kl": lambda q, p, f: (q * f, -q),
    "reverse_kl": lambda q, p, f: (-p * f, -p * f),
    "jensen_shannon": lambda q, p, f: (
        0.5 * (q * _to_mean(f) + p * _to_mean(-f)),
        0.5 * p * _to_mean(-f),
    ),
    "jeffreys": lambda q, p, f: (0.5 * (q - p) * f, -0.5 * (q + p * f)),
}


def divergence(name: str, theta) -> tuple[float, np.ndarray]:
    """A divergence of target q and model p, in nats, and its gradient (4,)."""
    means, scales = unpacked(theta)
    parts = of_model(theta)
    log_p = special.logsumexp(parts, 0)
    values, slopes = INTEGRANDS[name](np.exp(LOG_Q), np.exp(log_p), LOG_Q - log_p)
    d = (X - means[:, None]) / scales[:, None]
    by_log = np.exp(parts - log_p) * slopes * DX
    gradient = np.empty(4)
    gradient[0::2] = (by_log * d).sum(1) / scales
    gradient[1::2] = (by_log * (d**2 - 1)).sum(1) / 2
    return float((values * DX).sum()), gradient


def descend(name: str, theta) -> tuple[float, np.ndarray]:
    """The local optimum below `theta`: its divergence, and itself, by means."""
    found = optimize.minimize(
        lambda t: divergence(name, t),
        np.clip(theta, *np.transpose(BOUNDS)),
        jac=True,
        method="L-BFGS-B",
        bounds=BOUNDS,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 2000},
    )
    return float(found.fun), by_means(found.x)


def by_means(theta) -> np.ndarray:
    """The same law, the component with the lesser mean first."""
    theta = np.asarray(theta, float)
    return theta if theta[0] <= theta[2] else theta[[2, 3, 0, 1]]


def optima(name: str, models) -> list[dict]:
    """The local optima below models, each once, the best first.

    Returns:
        For each its "divergence", its parameters "theta", and in "from" which of the
        models reach it.
    """
    found = [descend(name, theta) for theta in np.asarray(models, float)]
    groups: list[dict] = []
    for i in sorted(range(len(found)), key=lambda i: found[i][0]):
        value, theta = found[i]
        same = (g for g in groups if np.abs(theta - g["theta"]).max() < NEAR)
        if group := next(same, None):
            group["from"].append(i)
        else:
            groups.append({"divergence": value, "theta": theta.tolist(), "from": [i]})
    return groups


# The target's three local minima: its modes' basins end there.
VALLEYS = np.array(
    [
        optimize.minimize_scalar(lambda x: target([x])[0], bounds=pair).x
        for pair in zip(MEANS[:-1], MEANS[1:], strict=True)
    ]
)


def near_modes(weights, means, scales) -> np.ndarray:
    """A mixture's mass within 3 sigma of each mode's mean, (4,)."""
    ends = np.stack([MEANS - 3 * SCALES, MEANS + 3 * SCALES])
    return np.diff(_below(ends, weights, means, scales), axis=0)[0]


def _below(x, weights, means, scales) -> np.ndarray:
    return stats.norm.cdf((np.asarray(x)[..., None] - means) / scales) @ weights


def mass(theta=None) -> dict:
    """What a model, or the target, gives to the four modes.

    Returns:
        "within 3 sigma": of each mode's mean, which holds .997 of a component, and does
        not overlap; "basins": of each mode, between the target's minima; "between and
        beyond": what is in none of the four intervals; "beyond the outer modes": of it
        what is further out than all; "overlap": the integral of min(p, q) over each
        basin, as a share of what q has there: 1 for a mode that is had in full.
    """
    q = np.exp(LOG_Q)
    if theta is None:
        law, p = (WEIGHTS, MEANS, SCALES), q
    else:
        law = (np.full(2, 0.5), *unpacked(theta))
        p = np.exp(special.logsumexp(of_model(theta), 0))
    near = near_modes(*law)
    ends = _below([MEANS[0] - 3 * SCALES[0], MEANS[-1] + 3 * SCALES[-1]], *law)
    basin = np.searchsorted(VALLEYS, X)
    both = np.bincount(basin, np.minimum(p, q) * DX) / np.bincount(basin, q * DX)
    return {
        "within 3 sigma": near.tolist(),
        "basins": np.diff([0, *_below(VALLEYS, *law), 1]).tolist(),
        "between and beyond": float(1 - near.sum()),
        "beyond the outer modes": float(ends[0] + 1 - ends[1]),
        "overlap": both.tolist(),
    }
