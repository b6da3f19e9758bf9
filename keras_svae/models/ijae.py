"""The implicit lambda-Jeffreys autoencoder: lambda-IJAE, -L1 and -L2.

Equation numbers are those of `lambda_ijae`.
"""

import math

import keras
import tensorflow as tf

from keras_svae import distributions
from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.in_parts import in_parts
from keras_svae.game.once import once
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.models.contrast import ContrastDraw, Contrasted
from keras_svae.noise import Noise

__all__ = ["IJAE", "TripletDraw"]


class TripletDraw(ContrastDraw):
    """Adds y of both kinds of triplets (x, z, y); x and z are q's pair."""

    @once
    def y_real(self):
        """y ~ r(y|x), (batch, ...)."""
        noise = Noise(self.noise.seed("y_real"))
        return self.model.likelihood_law.perturb(self.x, noise)

    @once
    def y_fake(self):
        """y ~ r'(y|G(z)), (batch, ...)."""
        made = self.reconstruction
        scale = math.sqrt(self.model.fake_variance)
        return made + scale * self.noise.normal(tf.shape(made), "y_fake")


@keras.saving.register_keras_serializable(package="keras_svae")
class IJAE(Contrasted, AdversarialModel):
    """Implicit lambda-Jeffreys autoencoder, lambda-IJAE, and its variants -L1 and -L2.

    It uses p(x|z) = r(x|G(z)) with a symmetric likelihood r. Only samples of r are
    needed. It minimises

        (1 - lam) KL(p(x) || q(x)) - lam ELBO.

    Except for the entropy of the data, this is above the lambda-Jeffreys divergence
    (1 - lam) KL(p || q) + lam KL(q || p). Small lam seeks modes, large lam covers the
    data. Three critics minimise minus (3), (4) and (5). The real part comes first:

        f_psi:  E_q(x) softplus(-f) + E_p(x) softplus(f),
                f* = log q(x) - log p(x);
        f_tau:  E_q(x)q(z|x) [E_r(y|x) softplus(-f) + E_r'(y|G(z)) softplus(f)],
                f* = log r(y|x) - log r'(y|G(z)),   r' = N(., fake_variance I);
        f_zeta: E_q(x)p(z) softplus(-f) + E_q(x)q(z|x) softplus(f),
                f* = log p(z) - log q(z|x).

    Generator and encoder minimise (6) and (7). The paper has the weights of (6) swapped
    by misprint:

        G: -(1 - lam) E_p(x) f_psi(x) - lam E_q(x)q(z|x) f_tau(x, z, G(z)),
        E: -lam E_q(x)q(z|x) [f_tau(x, z, G(z)) + f_zeta(x, z)].

    At f_tau* the gradient through y = G(z) is that of log r(x|G(z)): Theorem 1. The
    gradient by z itself is zero there, because r' is at its mode; that of a critic
    which still learns is not (see `stop_code`). With an explicit likelihood, log p(x|z)
    replaces f_tau: -L1 for "laplace", -L2 for "gaussian"; lam = 1 is then adversarial
    variational Bayes.

    One player trains the critics with one optimizer. Their weights are disjoint, so the
    gradient of the sum is the gradient of each. (A global clipnorm would use all.)

    Args:
        encoder: Network from data to the posterior's raw output; implicit: the code,
            by the noise it is fed.
        generator: Network from codes to the likelihood's raw output.
        critic_x: f_psi, network from x to one logit.
        critic_pair: f_tau, network from `[x, z, y]` to one logit, y another x. If the
            likelihood is explicit, the model does not use it, and it may be None.
        critic_code: f_zeta, network from `[x, z]` to one logit.
        lam: The weight lambda, in [0, 1]. At 0 the encoder learns nothing.
        likelihood: A `keras_svae.distributions.SymmetricLikelihood`; None for what the
            generator's end names, and else the paper's, `ShiftLikelihood(5, "tanh")`.
            Or a sampler of your own, a function of x and a `keras_svae.noise.Noise`
            that returns y ~ r(y|x) (see `Sampled`; G(z) then ends in tanh). Or an
            explicit law, by name or with its scale: symmetric are "gaussian" and
            "laplace", which is not checked.
        fake_variance: The variance of r', >= 0.
        stop_code: Whether f_tau's input z passes the encoder no gradient; its input
            G(z) does. This is not (7), but has the same gradient at f_tau*.
        adaptive_contrast: Whether f_zeta compares codes with a Gaussian near q(z|x)
            instead of the prior, as `AdversarialVariationalBayes` does: a cure for an
            f_zeta that lags behind the encoder. It is not in the paper. In (5)
            normalised codes z~ of the Gaussian r(z|x) replace z, and in (7)
            f_zeta(x, z~) + log p(z) - log r(z|x) replaces f_zeta(x, z). Needs
            prior="normal".
        contrast_draws: See `AdversarialVariationalBayes`.
        **kwargs: `posterior` ("implicit", where neither it nor the encoder's end says
            another law that is drawn from), `prior`, `seed`, `turns`, `play`: see
            `LatentModel` and `Game`.

    Raises:
        ValueError: For lam outside [0, 1], a critic that is missing or reads something
            else, a likelihood that is implicit and not symmetric, as far as
            `check_symmetric` can tell, or does not fit the data.

    Example:
        nets = ks.networks.ijae_cifar10(latent_dim=128)
        model = ks.IJAE(*nets, lam=0.3)
        adam = functools.partial(keras.optimizers.Adam, 1e-4, beta_1=0.5, beta_2=0.9)
        model.compile(optimizer=adam(), encoder_optimizer=adam(),
                      critic_optimizer=adam())
    """

    players = {
        "critic": Player(
            "critic critic_pair critic_code", optimizer="critic_optimizer"
        ),
        "generator": Player("decoder"),
        "encoder": Player("encoder", optimizer="encoder_optimizer"),
    }
    # These are the paper's laws; the symmetric one is in [-1, 1].
    default_laws: dict[str, str | distributions.Law] = {
        "likelihood": distributions.ShiftLikelihood(5),
        "posterior": "implicit",
    }
    # f_psi, f_tau and f_zeta: log q(x) - log p(x), log r(y|x) - log r'(y|G(z)),
    # log p(z) - log q(z|x).
    f = Critic("critic", "x", above="q", below="p", called="critic_x")
    f_tau = Critic("critic_pair", "x z y", y="x", above="r(y|x)", below="r'(y|G(z))")
    f_zeta = Critic("critic_code", "x z", above="p(z)", below="q(z|x)")

    def __init__(
        self,
        encoder,
        generator,
        critic_x,
        critic_pair=None,
        critic_code=None,
        *,
        lam: float = 0.3,
        likelihood=None,
        fake_variance: float = 1e-8,
        stop_code: bool = False,
        adaptive_contrast: bool = False,
        contrast_draws: int | None = None,
        **kwargs,
    ):
        super().__init__(
            encoder, generator, critic=critic_x, likelihood=likelihood, **kwargs
        )
        self.lam = checks.fraction("lam", lam)
        self.fake_variance = checks.weight("fake_variance", fake_variance)
        self.stop_code = checks.flag("stop_code", stop_code)
        self.use_contrast(adaptive_contrast, contrast_draws)
        self.f_zeta.use(critic_code)
        self.critic_pair = None
        if not self.likelihood_law.explicit:
            self.likelihood_law.check(self.data_shape)
            self.f_tau.use(critic_pair)

    def law(self, role, given, name, network):
        """See `LatentModel.law`. An implicit likelihood has to be symmetric."""
        kinds = (str, type, distributions.Law)
        if role == "likelihood" and callable(given) and not isinstance(given, kinds):
            given = distributions.Sampled(given)
        law = super().law(role, given, name, network)
        symmetric = isinstance(law, distributions.SymmetricLikelihood)
        if role == "likelihood" and not (law.explicit or symmetric):
            raise ValueError(
                "Expected a keras_svae.distributions.SymmetricLikelihood, such as "
                "ShiftLikelihood(5), or an explicit law; received: "
                f"{type(law).__name__}, which does not say what is near G(z)"
            )
        return law

    def draw(self, batch, noise, training):
        return TripletDraw(self, batch, noise, training)

    def critic_loss(self, draw):
        """Minus (3), (4) and (5)."""
        terms = {"x": self.critic_x_loss(draw)}
        if self.critic_pair is not None:
            terms["pair"] = self.critic_pair_loss(draw)
        terms["code"] = self.critic_code_loss(draw)
        return terms

    def critic_x_loss(self, draw):
        """Minus (3). f_psi is `f`."""
        return super().critic_loss(draw)

    def critic_pair_loss(self, draw):
        """Minus (4)."""
        above = self.f_tau.as_above(*draw.q, draw.y_real, training=draw.training)
        below = self.f_tau.as_below(*draw.q, draw.y_fake, training=draw.training)
        return over_data(above) + over_data(below)

    def critic_code_loss(self, draw):
        """Minus (5)."""
        # Normalised codes of a contrast are N(0, I), as the prior's.
        above = self.f_zeta.as_above(draw.x, draw.z, training=draw.training)
        below = self.f_zeta.as_below(*draw.normalised_q, training=draw.training)
        return over_data(above) + over_data(below)

    def log_r(self, draw):
        """log r(x|G(z)) except for a constant, (batch, 1) or (batch,): Theorem 1."""
        if self.critic_pair is None:
            return draw.log_p_x
        x, z = draw.q
        z = tf.stop_gradient(z) if self.stop_code else z
        return self.f_tau(x, z, draw.reconstruction, training=draw.training)

    def generator_loss(self, draw):
        """(6), with lam at the reconstruction, as in the objective above it."""
        game = -over_samples(self.f(draw.x_p, training=draw.training))
        return {
            "game": (1 - self.lam) * game,
            "reconstruction_x": -self.lam * over_data(self.log_r(draw)),
        }

    def encoder_loss(self, draw):
        """(7): lam times minus the ELBO."""
        kl = -over_data(self.f_zeta(*draw.normalised_q, training=draw.training))
        terms = {
            "reconstruction_x": -self.lam * over_data(self.log_r(draw)),
            "kl": self.lam * kl,
        }
        draw.log["kl"] = kl
        if self.adaptive_contrast:
            over = over_data(draw.contrast.over(self.prior, draw.z_q))
            terms["contrast"] = self.lam * over
            draw.log["kl"] = kl + over
        return terms

    @endpoint("log_ratio", when=lambda model: model.critic_pair is not None, y="x")
    def log_ratio_pair(self, x, z, y) -> tf.Tensor:
        """f_tau's estimate of log r(y|x) - log r'(y|G(z)), (batch,), nats.

        Args:
            x: Data (batch, ...).
            z: Codes of these data, (batch, latent_dim).
            y: Data near x or near G(z), (batch, ...).
        """
        if self.critic_pair is None:
            raise ValueError(
                "Expected an implicit likelihood, which has a critic_pair; received: "
                f"{type(self.likelihood_law).__name__}"
            )
        # Data near x may leave the range.
        x, z, y = self._data(x), self._codes(z), self._data(y, anywhere=True)
        return self.f_tau.log_ratio(x, z, y)

    @endpoint("log_ratio")
    def log_ratio_code(self, x, z) -> tf.Tensor:
        """f_zeta's estimate of log p(z) - log q(z|x), (batch,), nats."""

        def log_ratio(x, z):
            f, over = self.contrasted(self.f_zeta, x, z)
            return f - over

        return in_parts(log_ratio, self._data(x), self._codes(z))
