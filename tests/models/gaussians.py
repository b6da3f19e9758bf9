"""Linear-Gaussian models in the plane (x, z), whose every quantity is known exactly.

q: x ~ N(.4, 1), z|x ~ N(.6 x, .8^2).  p: z ~ N(0, 1), x|z ~ N(.5 z - .3, .9^2).
"""

import keras
import numpy as np

import keras_svae as ks

Q_SCALE, P_SCALE = 0.8, 0.9
SLOPES = {"encoder": (0.6, 0.0), "decoder": (0.5, -0.3)}
DATA = (0.4, 1.0)


class Gaussian:
    """A Gaussian of (x, z): mean, covariance, and what follows from them."""

    def __init__(self, mean, cov):
        self.mean, self.cov = np.asarray(mean, float), np.asarray(cov, float)
        self.precision = np.linalg.inv(self.cov)

    @property
    def marginals(self):
        """The product of the marginals."""
        return Gaussian(self.mean, np.diag(np.diag(self.cov)))

    def log(self, pairs):
        d = pairs - self.mean
        size = np.linalg.slogdet(2 * np.pi * self.cov)[1]
        return -0.5 * (np.einsum("ni,ij,nj->n", d, self.precision, d) + size)

    def draw(self, n, seed=0):
        return np.random.default_rng(seed).multivariate_normal(self.mean, self.cov, n)

    def coefficients(self):
        """Of the log density in x, z, x^2, z^2, x z, 1."""
        p, m = self.precision, self.mean
        one = -0.5 * (m @ p @ m + np.linalg.slogdet(2 * np.pi * self.cov)[1])
        return np.array([*(p @ m), -0.5 * p[0, 0], -0.5 * p[1, 1], -p[0, 1], one])


def kl(a: Gaussian, b: Gaussian) -> float:
    """KL(a || b)."""
    d = b.mean - a.mean
    sizes = np.linalg.slogdet(b.cov)[1] - np.linalg.slogdet(a.cov)[1]
    return 0.5 * (np.trace(b.precision @ a.cov) + d @ b.precision @ d - 2 + sizes)


def joints(encoder=SLOPES["encoder"], decoder=SLOPES["decoder"], **scales):
    """q(x, z) and p(x, z) of these slopes and offsets."""
    s_q, s_p = scales.get("q", Q_SCALE), scales.get("p", P_SCALE)
    (m, s), (a, b), (c, d) = scales.get("data", DATA), encoder, decoder
    q = Gaussian([m, a * m + b], [[s**2, a * s**2], [a * s**2, (a * s) ** 2 + s_q**2]])
    return q, Gaussian([d, 0], [[c**2 + s_p**2, c], [c, 1]])


def bounds(q: Gaussian, p: Gaussian, scale_q=Q_SCALE, scale_p=P_SCALE):
    """L_x and L_z by their definitions, (8) and (9)."""

    def cross(a, b):
        """E_a log b of two Gaussians of one variable, (mean, variance) each."""
        (m, v), (n, w) = a, b
        return -0.5 * (np.log(2 * np.pi * w) + (v + (m - n) ** 2) / w)

    def marginal(g, i):
        return g.mean[i], g.cov[i, i]

    return (
        cross(marginal(q, 0), marginal(p, 0)) - kl(q, p),
        cross(marginal(p, 1), marginal(q, 1)) - kl(p, q),
    )


def quadratic(coefficients=None) -> keras.Model:
    """A critic that is any quadratic function of (x, z), zero unless given."""
    x, z = keras.Input((1,)), keras.Input((1,))
    times = keras.layers.Multiply()
    features = [x, z, times([x, x]), times([z, z]), times([x, z])]
    one = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Model([x, z], one(keras.layers.Concatenate()(features)))
    if coefficients is not None:
        *kernel, bias = coefficients
        model.set_weights([np.array(kernel)[:, None], np.array([bias])])
    return model


def linear(slope, offset) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[slope]]), np.array([offset])])
    return model


def networks():
    """Encoder and decoder of the module's laws, and those laws."""
    nets = linear(*SLOPES["encoder"]), linear(*SLOPES["decoder"])
    laws = {
        "posterior": ks.distributions.Gaussian(Q_SCALE),
        "likelihood": ks.distributions.Gaussian(P_SCALE),
    }
    return nets, laws


def data(n, seed=0):
    """x ~ q(x), (n, 1)."""
    return np.random.default_rng(seed).normal(*DATA, (n, 1)).astype("float32")
