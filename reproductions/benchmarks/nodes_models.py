"""One model of each method, for the count of nodes."""

import keras
import numpy as np

import keras_svae as ks

BATCH, SEED, RATE, CLASSES = 64, 0, 1e-4, 10
# By the networks' name in `keras_svae.networks`: the code's dimension, the law of x.
NETWORKS = {
    "toy": (2, "gaussian"),
    "digits": (8, "bernoulli"),
    "mnist": (32, "bernoulli"),
}


class Kit:
    """What models are made of: the networks of one data set.

    Args:
        name: One of `NETWORKS`.
    """

    def __init__(self, name: str):
        self.name = name
        self.latent_dim, likelihood = NETWORKS[name]
        self.law = {"likelihood": likelihood}
        self.activation = {"gaussian": "linear", "bernoulli": "sigmoid"}[likelihood]

    def nets(self, **options) -> ks.networks.Networks:
        """Encoder, decoder and critic."""
        builder = getattr(ks.networks, self.name)
        return builder(latent_dim=self.latent_dim, **options)

    def of_x(self, **options) -> ks.networks.Networks:
        """The same with a critic that reads x alone, or x and y."""
        return self.nets(joint=False, **options)

    def conditional(self) -> ks.networks.Networks:
        """The same of models that read classes."""
        return self.of_x(classes=CLASSES)

    def certain(self, **options) -> list[keras.Model]:
        """An encoder whose codes are its outputs, and a decoder."""
        return list(self.nets(posterior="implicit", noise=False, **options)[:2])

    def classifier(self) -> keras.Model:
        """Logits of classes from x."""
        return ks.networks.classifier(self.of_x().critic, CLASSES)

    def critic_of_codes(self, dim: int | None = None) -> keras.Model:
        """A logit from codes, or from other vectors of this dimension."""
        return ks.networks.critic_code(dim or self.latent_dim)


def _aim(kit: Kit, variance: str = "learned", **options) -> ks.AIM:
    """Its encoder is one linear layer on the discriminator's features."""
    nets = kit.of_x()
    features = keras.Input(nets.critic.get_layer("features").output.shape[1:])
    outputs = kit.latent_dim * {"learned": 2, "unit": 1}[variance]
    h = keras.layers.Flatten()(features)
    encoder = keras.Model(features, keras.layers.Dense(outputs)(h), name="encoder")
    options |= {"variance": variance, **kit.law}
    return ks.AIM(nets.decoder, nets.critic, encoder, **options)


def _as_vae(kit: Kit) -> ks.ASVAE:
    nets = kit.nets()
    return ks.ASVAE(*nets, keras.models.clone_model(nets.critic), **kit.law)


def _ijae(kit: Kit, likelihood=None) -> ks.IJAE:
    """The residual networks at a quarter of their width: a step has as many nodes."""
    if kit.name != "mnist":
        raise ValueError(
            f"Expected mnist's networks for IJAE; received: networks={kit.name!r}"
        )
    nets = ks.networks.ijae_mnist(latent_dim=kit.latent_dim, width=0.25)
    return ks.IJAE(*nets, likelihood=likelihood)


def _two_stage(kit: Kit) -> ks.TwoStageVAE:
    first = kit.nets(likelihood="gaussian")[:2]
    second = ks.networks.second_stage(kit.latent_dim)
    return ks.TwoStageVAE(*first, *second, activation=kit.activation)


def _adaptation(kit: Kit) -> ks.AdversarialDomainAdaptation:
    """Its features are what the encoder says of x."""
    extractor = kit.nets().encoder
    critic = kit.critic_of_codes(extractor.output_shape[-1])
    classifier = ks.networks.classifier(critic, CLASSES)
    return ks.AdversarialDomainAdaptation(extractor, classifier, critic)


METHODS = {
    "SVAE": lambda kit: ks.SVAE(*kit.nets(), **kit.law),
    "sVAE-r": lambda kit: ks.SVAE(*kit.nets(), lam=0.1, **kit.law),
    "ALI": lambda kit: ks.ALI(*kit.nets(), **kit.law),
    "ALICE": lambda kit: ks.ALICE(*kit.nets(), lam=0.1, **kit.law),
    "ASVAE": _as_vae,
    "ASVAE-r": lambda kit: ks.ASVAE(*kit.nets(), part="reconstruction", **kit.law),
    "ASVAE-g": lambda kit: ks.ASVAE(
        *kit.nets()[:2], None, kit.nets().critic, part="generation", **kit.law
    ),
    "AVB": lambda kit: ks.AdversarialVariationalBayes(
        *kit.nets(posterior="implicit"), **kit.law
    ),
    "AVB-contrast": lambda kit: ks.AdversarialVariationalBayes(
        *kit.nets(posterior="implicit"), adaptive_contrast=True, **kit.law
    ),
    "VAE": lambda kit: ks.VAE(*kit.nets()[:2], **kit.law),
    "TwoStageVAE": _two_stage,
    "AAVAE": lambda kit: ks.AAVAE(**kit.of_x()._asdict(), **kit.law),
    "CVAE": lambda kit: ks.CVAE(*kit.conditional()[:2], **kit.law),
    "AACVAE": lambda kit: ks.AACVAE(**kit.conditional()._asdict(), **kit.law),
    "SemiSupervisedVAE": lambda kit: ks.SemiSupervisedVAE(
        kit.classifier(), *kit.conditional()[:2], **kit.law
    ),
    "AASemiSupervisedVAE": lambda kit: ks.AASemiSupervisedVAE(
        kit.classifier(),
        *kit.conditional()[:2],
        critic=kit.of_x().critic,
        **kit.law,
    ),
    "AdversarialAutoencoder": lambda kit: ks.AdversarialAutoencoder(
        *kit.certain(), kit.critic_of_codes(), **kit.law
    ),
    "AlphaGAN": lambda kit: ks.AlphaGAN(
        *kit.of_x(posterior="implicit"), kit.critic_of_codes(), **kit.law
    ),
    "WAEMMD": lambda kit: ks.WAEMMD(*kit.certain(), **kit.law),
    "WAEGAN": lambda kit: ks.WAEGAN(*kit.certain(), kit.critic_of_codes(), **kit.law),
    "AGE": lambda kit: ks.AGE(*kit.certain(batch_norm=False), **kit.law),
    "WakeSleep": lambda kit: ks.WakeSleep(*kit.nets()[:2], **kit.law),
    "GAN": lambda kit: ks.GAN(*kit.of_x()[1:], **kit.law),
    "IWGAN": lambda kit: ks.IWGAN(*kit.of_x()[1:], **kit.law),
    "CGAN": lambda kit: ks.CGAN(*kit.conditional()[1:], **kit.law),
    "IWCGAN": lambda kit: ks.IWCGAN(*kit.conditional()[1:], **kit.law),
    "WGAN": lambda kit: ks.WGAN(*kit.of_x()[1:], **kit.law),
    "WGANGP": lambda kit: ks.WGANGP(*kit.of_x(critic_batch_norm=False)[1:], **kit.law),
    "InfoGAN": lambda kit: ks.InfoGAN(
        *kit.of_x()[1:], encoder=kit.of_x().encoder, **kit.law
    ),
    "AIM": _aim,
    "AIM-": lambda kit: _aim(kit, variance="unit"),
    "AIM-f-GAN": lambda kit: _aim(kit, game="f-gan"),
    "VEEGAN": lambda kit: ks.VEEGAN(
        *kit.nets(posterior="implicit", noise=False), **kit.law
    ),
    "UnrolledGAN": lambda kit: ks.UnrolledGAN(
        *kit.of_x(critic_batch_norm=False)[1:], **kit.law
    ),
    "IJAE": _ijae,
    "IJAE-L1": lambda kit: _ijae(
        kit, ks.distributions.Laplace(1.0, activation="tanh", draw="mean")
    ),
    "IJAE-L2": lambda kit: _ijae(
        kit, ks.distributions.Gaussian(1.0, activation="tanh", draw="mean")
    ),
    "AdversarialDomainAdaptation": _adaptation,
}
# They have networks on images of MNIST's size only.
MNIST_ONLY = frozenset({"IJAE", "IJAE-L1", "IJAE-L2"})


def compiled(method: str, networks: str) -> ks.Game:
    """A method's model, each player with an Adam of its own.

    Args:
        method: One of `METHODS`.
        networks: One of `NETWORKS`.
    """
    keras.utils.set_random_seed(SEED)
    model = METHODS[method](Kit(networks))
    # The package's own Adam where it has one.
    adam = getattr(ks, "optimizers", keras.optimizers).Adam
    names = {player.optimizer for player in model.players.values()}
    model.compile(**{name: adam(RATE) for name in sorted(names)})
    return model


def batch(model: ks.Game):
    """Numbers in (0, 1) as a batch of the model, with classes where it reads them."""
    adapts = isinstance(model, ks.AdversarialDomainAdaptation)
    shape = model.extractor.input_shape[1:] if adapts else model.data_shape
    x = np.random.default_rng(SEED).uniform(0.05, 0.95, (BATCH, *shape))
    x, y = x.astype("float32"), np.arange(BATCH) % CLASSES
    if adapts:
        return (x, y), x
    if not model.conditional:
        return x
    if model.unlabelled:
        y = np.where(np.arange(BATCH) % 2, y, -1)
    return x, y
