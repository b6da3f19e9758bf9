"""VEEGAN: a critic of pairs, and a network that inverts G and reconstructs codes."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.autoencoder import JointModel

__all__ = ["VEEGAN"]


@keras.saving.register_keras_serializable(package="keras_svae")
class VEEGAN(JointModel):
    """VEEGAN (Srivastava et al., 2017, algorithm 1).

    The critic minimises `E_p softplus(-f) + E_q softplus(f)` on pairs, so that
    `f* = log p(x, z) - log q(x, z)`. Generator G and reconstructor F minimise

        E_p f(G(z), z) + lam E_p(z) ||z - F(G(z))||^2.

    The first term trains only the generator. On generated data F learns to give z. On
    missed modes of real data, F then gives codes that the prior does not have. The
    critic sees this.

    Args:
        reconstructor: Network from data to the posterior's raw output: F.
        generator: Network from codes to the likelihood's raw output: G.
        critic: Network from `[x, z]` to one logit.
        lam: Weight of the code's reconstruction, >= 0; 1 in the paper.
        **kwargs: `posterior`, the law of F's codes ("implicit": F's output is the code;
            feed it noise to make it random, as the paper's may be; where the law is
            explicit, z - F(x) is taken at its mean), `likelihood`, `prior`, `seed`,
            `turns`, `play`: see `Autoencoder`.

    Raises:
        ValueError: For a negative lam.

    Example:
        nets = ks.networks.toy(posterior="implicit", noise=False)
        model = ks.VEEGAN(*nets)
    """

    default_laws = {**JointModel.default_laws, "posterior": "implicit"}
    through_z_q = False

    def __init__(self, reconstructor, generator, critic, *, lam: float = 1.0, **kwargs):
        super().__init__(reconstructor, generator, critic, **kwargs)
        self.lam = checks.weight("lam", lam)

    def autoencoder_loss(self, draw):
        """The losses of generator and reconstructor in algorithm 1."""
        f_p = self.f(*draw.p, training=draw.training)
        f_q = tf.stop_gradient(self.f(*draw.q, training=draw.training))
        draw.log["symmetric_kl"] = over_samples(tf.stop_gradient(f_p)) - over_data(f_q)
        with draw.passing("encoder", of_data=False):
            raw = self.posterior_raw(draw.x_p, draw.training)
        mean = self.posterior_law.mean(raw)
        squares = tf.reduce_sum((draw.z - mean) ** 2, -1)
        return {
            "matching": over_samples(f_p),
            "reconstruction_z": self.lam * over_samples(squares),
        }
