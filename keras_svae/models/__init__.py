"""The methods, one file per family, and the base class they share."""

from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.game import Diverged, Game, Player
from keras_svae.game.terms import Term, over_batch, over_data, over_samples
from keras_svae.models.aae import AdversarialAutoencoder
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.models.adversary_activated import (
    AACVAE,
    AAVAE,
    AASemiSupervisedVAE,
    AdversaryActivated,
)
from keras_svae.models.age import AGE
from keras_svae.models.aim import AIM
from keras_svae.models.alpha_gan import AlphaGAN
from keras_svae.models.as_vae import ASVAE
from keras_svae.models.autoencoder import Autoencoder, JointModel
from keras_svae.models.avb import AdversarialVariationalBayes
from keras_svae.models.critic_of_codes import CriticOfCodes
from keras_svae.models.domain_adaptation import AdversarialDomainAdaptation
from keras_svae.models.draw import Draw
from keras_svae.models.gan import CGAN, GAN, IWCGAN, IWGAN, WGAN, WGANGP
from keras_svae.models.ijae import IJAE
from keras_svae.models.infogan import InfoGAN
from keras_svae.models.latent import LatentModel
from keras_svae.models.semi_supervised import SemiSupervisedVAE
from keras_svae.models.svae import ALI, ALICE, SVAE, Matched
from keras_svae.models.two_stage import TwoStageVAE
from keras_svae.models.unrolled import UnrolledGAN
from keras_svae.models.vae import CVAE, VAE
from keras_svae.models.veegan import VEEGAN
from keras_svae.models.wae import WAEGAN, WAEMMD
from keras_svae.models.wake_sleep import WakeSleep

__all__ = [
    "AACVAE",
    "AASemiSupervisedVAE",
    "AAVAE",
    "AGE",
    "AIM",
    "ALI",
    "ALICE",
    "ASVAE",
    "AdversarialAutoencoder",
    "AdversarialDomainAdaptation",
    "AdversarialModel",
    "AdversarialVariationalBayes",
    "AdversaryActivated",
    "AlphaGAN",
    "Autoencoder",
    "CGAN",
    "CVAE",
    "Critic",
    "CriticOfCodes",
    "Diverged",
    "Draw",
    "GAN",
    "Game",
    "IJAE",
    "IWCGAN",
    "IWGAN",
    "InfoGAN",
    "JointModel",
    "LatentModel",
    "Matched",
    "Player",
    "SVAE",
    "SemiSupervisedVAE",
    "Term",
    "TwoStageVAE",
    "UnrolledGAN",
    "VAE",
    "VEEGAN",
    "WAEGAN",
    "WAEMMD",
    "WGAN",
    "WGANGP",
    "WakeSleep",
    "endpoint",
    "over_batch",
    "over_data",
    "over_samples",
]
