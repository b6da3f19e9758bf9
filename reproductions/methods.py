"""How each method is made of an experiment's parts: a function for each.

A function's return annotation is its class. Its keyword arguments are options of the
command line; their defaults are the method's.
"""

from typing import Any, Literal

import keras

import keras_svae as ks
from reproductions.engine import needed
from reproductions.engine.build import Parts

Reduction = Literal["sum", "mean"]
Loss = Literal["non_saturating", "minimax", "sigmoid", "logit"]


def _regularised(
    parts: Parts, cls: type[ks.Game], lam: float, lam_z: float | None, **more: Any
):
    weights = lam if lam_z is None else (lam, lam_z)
    return parts.game(cls, *parts.networks("pairs"), lam=weights, **more)


def svae(
    parts: Parts,
    *,
    lam: float = 0.0,
    lam_z: float | None = None,
    two_sided: bool = True,
    reduction: Reduction = "sum",
) -> ks.SVAE:
    """sVAE; with lam > 0 sVAE-r (Chen et al., 2018)."""
    more = {"two_sided": two_sided, "reduction": reduction}
    return _regularised(parts, ks.SVAE, lam, lam_z, **more)


def ali(parts: Parts, *, loss: Loss = "non_saturating") -> ks.ALI:
    """ALI (Dumoulin et al., 2017)."""
    return parts.game(ks.ALI, *parts.networks("pairs"), loss=loss)


def alice(
    parts: Parts,
    *,
    lam: float = 0.0,
    lam_z: float | None = None,
    two_sided: bool = True,
    reduction: Reduction = "sum",
    loss: Loss = "non_saturating",
) -> ks.ALICE:
    """ALICE (Li et al., 2017)."""
    more = {"two_sided": two_sided, "reduction": reduction, "loss": loss}
    return _regularised(parts, ks.ALICE, lam, lam_z, **more)


def _of_x(parts: Parts, cls: type[ks.Game], conditional: bool = False, **arguments):
    nets = parts.networks("x", conditional)
    return parts.game(cls, nets.decoder, nets.critic, **arguments)


def gan(parts: Parts, *, loss: Loss = "non_saturating") -> ks.GAN:
    """GAN (Goodfellow et al., 2014)."""
    return _of_x(parts, ks.GAN, loss=loss)


def wgan(parts: Parts, *, clip: float = 0.01) -> ks.WGAN:
    """WGAN with clipped weights (Arjovsky et al., 2017)."""
    return _of_x(parts, ks.WGAN, clip=clip)


def wgan_gp(parts: Parts) -> ks.WGANGP:
    """WGAN-GP (Gulrajani et al., 2017)."""
    return _of_x(parts, ks.WGANGP)


def iwgan(parts: Parts) -> ks.IWGAN:
    """IWGAN (Hu et al., 2018, 4.1)."""
    return _of_x(parts, ks.IWGAN)


def cgan(parts: Parts) -> ks.CGAN:
    """Class-conditional GAN (Mirza & Osindero, 2014)."""
    return _of_x(parts, ks.CGAN, conditional=True)


def iwcgan(parts: Parts) -> ks.IWCGAN:
    """Class-conditional IWGAN (Hu et al., 2018)."""
    return _of_x(parts, ks.IWCGAN, conditional=True)


def unrolled_gan(parts: Parts, *, unrolled: int = 5) -> ks.UnrolledGAN:
    """Unrolled GAN (Metz et al., 2017)."""
    return _of_x(parts, ks.UnrolledGAN, unrolled=unrolled)


def infogan(parts: Parts, *, lam: float = 1.0) -> ks.InfoGAN:
    """InfoGAN, which infers all of the code (Chen et al., 2016)."""
    nets = parts.networks("x")
    return parts.game(ks.InfoGAN, nets.decoder, nets.critic, nets.encoder, lam=lam)


def vae(parts: Parts) -> ks.VAE:
    """VAE (Kingma & Welling, 2014); with a planar flow NF-VAE."""
    # The critic is made, too, so that the other networks start with AA-VAE's weights.
    nets = parts.networks("x")
    return parts.game(ks.VAE, nets.encoder, nets.decoder)


@needed.requires(posterior="planar_flow")
def nf_vae(parts: Parts) -> ks.VAE:
    """VAE with a normalising flow (Rezende & Mohamed, 2015)."""
    return vae(parts)


def wake_sleep(parts: Parts) -> ks.WakeSleep:
    """Wake-sleep (Hinton et al., 1995; Hu et al., 2018, (14))."""
    nets = parts.networks("x")
    return parts.game(ks.WakeSleep, nets.encoder, nets.decoder)


def cvae(parts: Parts) -> ks.CVAE:
    """Class-conditional VAE."""
    nets = parts.networks("x", conditional=True)
    return parts.game(ks.CVAE, nets.encoder, nets.decoder)


def _weights(temperature: float, constant: float | None) -> dict:
    if constant is not None and temperature != 1.0:
        raise ValueError(
            "Expected --temperature or --constant, which takes the place of weights "
            f"that depend on T; received: both, {temperature:g} and {constant:g}"
        )
    return {"temperature": temperature, "constant": constant}


def aavae(
    parts: Parts, *, temperature: float = 1.0, constant: float | None = None
) -> ks.AAVAE:
    """AA-VAE (Hu et al., 2018, 4.2); with constant, its control."""
    return parts.game(ks.AAVAE, *parts.networks("x"), **_weights(temperature, constant))


def aacvae(
    parts: Parts, *, temperature: float = 1.0, constant: float | None = None
) -> ks.AACVAE:
    """Class-conditional AA-VAE (Hu et al., 2018); with constant, its control."""
    nets = parts.networks("x", conditional=True)
    return parts.game(ks.AACVAE, *nets, **_weights(temperature, constant))


def _m2(parts: Parts) -> tuple[list[keras.Model], keras.Model]:
    nets = parts.networks("x", conditional=True)
    critic = parts.networks("x").critic
    # The classifier has the layers of a critic.
    classifier = ks.networks.classifier(critic, parts.classes)
    return [classifier, nets.encoder, nets.decoder], critic


def ss_vae(parts: Parts, *, alpha: float = 0.1) -> ks.SemiSupervisedVAE:
    """M2 (Kingma et al., 2014)."""
    nets, _ = _m2(parts)
    return parts.game(ks.SemiSupervisedVAE, *nets, alpha=alpha)


def aa_ss_vae(
    parts: Parts,
    *,
    alpha: float = 0.1,
    temperature: float = 1.0,
    constant: float | None = None,
) -> ks.AASemiSupervisedVAE:
    """M2 with an adversary (Hu et al., 2018); with constant, its control."""
    nets, critic = _m2(parts)
    options = {"alpha": alpha, **_weights(temperature, constant)}
    return parts.game(ks.AASemiSupervisedVAE, *nets, critic, **options)


def as_vae(parts: Parts) -> ks.ASVAE:
    """AS-VAE (Pu et al., 2017)."""
    nets = parts.networks("pairs")
    second = keras.models.clone_model(nets.critic)  # with weights of its own
    return parts.game(ks.ASVAE, *nets, second)


def as_vae_r(parts: Parts) -> ks.ASVAE:
    """AS-VAE-r, the half that reconstructs (Pu et al., 2017)."""
    return parts.game(ks.ASVAE, *parts.networks("pairs"), part="reconstruction")


def as_vae_g(parts: Parts) -> ks.ASVAE:
    """AS-VAE-g, the half that generates (Pu et al., 2017)."""
    encoder, decoder, critic = parts.networks("pairs")
    nets = encoder, decoder, None, critic  # its one critic is the second
    return parts.game(ks.ASVAE, *nets, part="generation")


def avb(
    parts: Parts, *, adaptive_contrast: bool = True
) -> ks.AdversarialVariationalBayes:
    """AVB (Mescheder et al., 2017)."""
    more = {"adaptive_contrast": adaptive_contrast}
    return parts.game(ks.AdversarialVariationalBayes, *parts.networks("pairs"), **more)


def _aim(parts: Parts, variance: str, code_lam: float | None) -> ks.AIM:
    nets = parts.networks("shared")
    order = nets.decoder, nets.critic, nets.encoder
    return parts.game(ks.AIM, *order, variance=variance, lam=code_lam)


def aim(parts: Parts, *, code_lam: float | None = None) -> ks.AIM:
    """AIM, with a learned variance of codes."""
    return _aim(parts, "learned", code_lam)


def aim_minus(parts: Parts, *, code_lam: float | None = None) -> ks.AIM:
    """AIM-, with variance 1."""
    return _aim(parts, "unit", code_lam)


def veegan(parts: Parts, *, code_lam: float | None = None) -> ks.VEEGAN:
    """VEEGAN (Srivastava et al., 2017)."""
    return parts.game(ks.VEEGAN, *parts.networks("pairs"), lam=code_lam)


def _ijae(parts: Parts, **settings: Any) -> ks.IJAE:
    laws = {"posterior": parts.posterior, "likelihood": parts.likelihood}
    # The five networks name no laws.
    return parts.game(ks.IJAE, *parts.nets(), **laws, **settings)


@needed.requires(likelihood="shift_tanh")
def ijae(
    parts: Parts,
    *,
    lam: float = 0.3,
    stop_code: bool = False,
    adaptive_contrast: bool = False,
) -> ks.IJAE:
    """Lambda-IJAE with a likelihood of which there are only samples."""
    more = {"lam": lam, "adaptive_contrast": adaptive_contrast}
    return _ijae(parts, stop_code=stop_code, **more)


@needed.requires(likelihood="unit_laplace_tanh laplace_tanh laplace")
def ijae_l1(
    parts: Parts, *, lam: float = 0.3, adaptive_contrast: bool = False
) -> ks.IJAE:
    """IJAE with absolute errors as its likelihood."""
    return _ijae(parts, lam=lam, adaptive_contrast=adaptive_contrast)


@needed.requires(likelihood="unit_gaussian_tanh gaussian_tanh unit_gaussian gaussian")
def ijae_l2(
    parts: Parts, *, lam: float = 0.3, adaptive_contrast: bool = False
) -> ks.IJAE:
    """IJAE with squared errors as its likelihood."""
    return _ijae(parts, lam=lam, adaptive_contrast=adaptive_contrast)


def alpha_gan(parts: Parts, *, lam: float = 1.0) -> ks.AlphaGAN:
    """alpha-GAN (Rosca et al., 2017)."""
    nets = parts.networks("x")
    return parts.game(ks.AlphaGAN, *nets, parts.critic_code(), lam=lam)


def age(parts: Parts, *, lam: float = 250.0) -> ks.AGE:
    """AGE (Ulyanov et al., 2018)."""
    both = parts.networks("pairs")[:2]
    return parts.game(ks.AGE, *both, lam=lam)


def aae(parts: Parts, *, lam: float = 1.0) -> ks.AdversarialAutoencoder:
    """AAE (Makhzani et al., 2015)."""
    both = parts.networks("pairs")[:2]
    return parts.game(ks.AdversarialAutoencoder, *both, parts.critic_code(), lam=lam)


def wae_mmd(parts: Parts, *, lam: float = 10.0) -> ks.WAEMMD:
    """WAE with an MMD (Tolstikhin et al., 2018)."""
    return parts.game(ks.WAEMMD, *parts.networks("pairs")[:2], lam=lam)


def wae_gan(parts: Parts, *, lam: float = 10.0) -> ks.WAEGAN:
    """WAE with a critic of codes (Tolstikhin et al., 2018)."""
    both = parts.networks("pairs")[:2]
    return parts.game(ks.WAEGAN, *both, parts.critic_code(), lam=lam)


def two_stage_vae(parts: Parts) -> ks.TwoStageVAE:
    """2Stage-VAE (Dai & Wipf, 2019)."""
    nets = parts.networks("pairs")
    second = ks.networks.second_stage(parts.nets.keywords["latent_dim"])
    both = nets.encoder, nets.decoder, second.encoder, second.decoder
    # It has a likelihood of its own, with the range of the one that is given.
    span = ks.distributions.get(parts.likelihood).range or (0.0, 1.0)
    activation = {(0.0, 1.0): "sigmoid", (-1.0, 1.0): "tanh"}[span]
    return parts.game(ks.TwoStageVAE, *both, activation=activation)
