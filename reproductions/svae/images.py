"""sVAE on images: MNIST, CIFAR-10, CelebA, and digits for a demo."""

import functools

import keras_svae as ks
from reproductions.engine import Images, Run, Training, experiment
from reproductions.engine.options import DENSE, TABLE
from reproductions.methods import (
    ali,
    alice,
    as_vae_r,
    avb,
    gan,
    nf_vae,
    svae,
    vae,
    wgan,
    wgan_gp,
)

# The first method and the first budget are the defaults. `by_method` overrides
# `budgets`, which overrides `settings`, which overrides the method's defaults. The
# settings of any run are in `engine/settings.py`. A player has one turn in a step
# unless something else is given.
METHODS = (svae, ali, alice, gan, wgan, wgan_gp, vae)
# Arjovsky et al.: RMSProp, no momentum, five updates of the critic.
_WGAN = {
    "critic_turns": 5,
    "optimizer": "rmsprop",
    "learning_rate": 5e-5,
    "beta_2": 0.99,
}
_WGAN_GP = {"critic_turns": 5, "critic_batch_norm": False}
_TABLE = f"{TABLE} code_stddev"
# Networks of rows of tables 1 and 2 that others published: `--nets dcgan` for DCGAN.
_DCGAN = "latent_dim width critic_batch_norm"
_DCGAN_28 = functools.partial(ks.networks.dcgan, shape=(28, 28, 1))
_DCGAN_32 = functools.partial(ks.networks.dcgan, shape=(32, 32, 3))


@experiment(
    methods=METHODS,
    networks={"digits": (ks.networks.digits, DENSE)},
    budgets={"paper": {"epochs": 1000}, "quick": {"epochs": 300}},
    settings={
        "data": "digits",
        "posterior": "gaussian",
        "likelihood": "bernoulli",
        "latent_dim": 8,
        "lam": 0.05,
        "batch_size": 64,
        "learning_rate": 5e-4,
        "beta_1": 0.5,
        "steps_per_execution": 32,
    },
    by_method={
        "alice": {"two_sided": False},
        "wgan": _WGAN,
        "wgan_gp": {"critic_turns": 5},
    },
)
def digits(model: ks.Game, data: Images, training: Training) -> Run:
    """scikit-learn's 8 x 8 digits, not in the paper: small enough for a demo."""
    return Run(model, data, training)


@experiment(
    # Table 1 also has the last three.
    methods=(*METHODS, nf_vae, avb, as_vae_r),
    networks={"mnist": (ks.networks.mnist, _TABLE), "dcgan": (_DCGAN_28, _DCGAN)},
    budgets={
        # Section 6 and table 3. The paper gives no number of epochs, no batch and no
        # weight of table 1; lam is .1 in its figure 4.
        "paper": {
            "epochs": 100,
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "binarize": "fixed",
            "critic_batch_norm": True,
            "critic_activation": "relu",
            "code_stddev": None,
            "measures": "annealed_importance_sampling,variational_bound,"
            "inception_score,frechet_distance,mse,rmse",
        },
        # What learned better here; it is older than the budget "paper".
        "ours": {"epochs": 100},
        "quick": {"epochs": 4, "steps_per_epoch": 234},
    },
    settings={
        "data": "mnist",
        "prior": "normal",
        "posterior": "gaussian",
        # Of grey values as probabilities, unless they are drawn: binarize.
        "likelihood": "bernoulli",
        "latent_dim": 32,
        "lam": 0.1,
        "batch_size": 64,
        "batch_norm": True,
        # Of "ours" and "quick", as "paper" has its own; rates of both players.
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
        "flow_length": 8,
    },
    by_method={
        "alice": {"two_sided": False},
        "wgan": _WGAN,
        "wgan_gp": _WGAN_GP,
        "nf_vae": {"posterior": "planar_flow", "flow_length": 80, "noise": False},
        "avb": {"posterior": "implicit"},
    },
    notes=("The paper's score is under another classifier than ours.",),
)
def mnist(model: ks.Game, data: Images, training: Training) -> Run:
    """MNIST with the networks of table 3 (6.2, table 1, figure 4).

    Unless told otherwise it trains sVAE-r with the budget "paper", both players by
    Adam, all 60,000 images once an epoch, seed 0, and measures 10,000 samples beside
    the test split. The layers are those of `svae_table3` (keras_svae/networks/svae.py).

    Errors of x and z are -log p(x|z) and -log q(z|x), both weighted by lam; the code
    has 32 dimensions, a batch 64 examples, and rates are constant. The budget "paper"
    is the paper's: binarised data, Xavier, Adam 1e-4. "ours" and
    "quick" have what learned better here: grey data, Adam 2e-4 with beta_1 .5, N(0,
    .02) in the encoder's last layer, and a critic with leaky ReLU without batch
    normalisation.
    """
    return Run(model, data, training)


# Both have a VAE whose prior and posterior are Gaussian, as its bound needs.
_VAE = {"prior": "normal", "posterior": "gaussian", "noise": False}
_IMAGES = {
    "vae": _VAE,
    "alice": {"two_sided": False},
    "wgan": _WGAN,
    "wgan_gp": _WGAN_GP,
}
# As in the authors' code: means of absolute errors of x and of z, and the same for
# ALICE. "quick" has a lam for sums, as its records do.
_MEANS = {"lam": 1.0, "reduction": "mean"}
_BY_BUDGET = {"paper": {"alice": {"two_sided": True}}}
_SETTINGS = {
    "prior": "uniform",
    "posterior": "unit_laplace_tanh",
    "likelihood": "unit_laplace_tanh",
    "noise": True,
    "lam": 1e-3,
    "batch_size": 64,
    "beta_1": 0.5,
}


@experiment(
    methods=METHODS,
    networks={
        "cifar10": (ks.networks.cifar10, _TABLE),
        "dcgan": (_DCGAN_32, _DCGAN),
        "resnet": (ks.networks.resnet, "latent_dim width"),
    },
    budgets={
        "paper": {"epochs": 101} | _MEANS,
        "quick": {"epochs": 3, "steps_per_epoch": 200},
    },
    settings=_SETTINGS | {"data": "cifar10", "latent_dim": 256, "learning_rate": 1e-4},
    by_method=_IMAGES,
    by_budget=_BY_BUDGET,
    notes=("The paper's score is under Inception v3.",),
)
def cifar10(model: ks.Game, data: Images, training: Training) -> Run:
    """CIFAR-10 with the networks of table 5 (6.4, table 2, figure 7)."""
    return Run(model, data, training)


@experiment(
    methods=METHODS,
    networks={"celeba": (ks.networks.celeba, _TABLE)},
    budgets={
        "paper": {"epochs": 16, "steps_per_epoch": 3125} | _MEANS | {"lam": 10.0},
        "quick": {"epochs": 2, "steps_per_epoch": 100},
    },
    settings=_SETTINGS
    | {
        "data": "celeb_a",
        "crop": 148,
        "size": 64,
        "latent_dim": 64,
        "learning_rate": 2e-4,
        "critic_turns": 2,
    },
    by_method=_IMAGES,
    by_budget=_BY_BUDGET,
    notes=("The paper shows pictures, and no numbers.",),
)
def celeba(model: ks.Game, data: Images, training: Training) -> Run:
    """CelebA at 64 x 64 with the networks of table 4 (6.3, figures 5 and 6)."""
    return Run(model, data, training)
