"""AIM on images: MNIST, also with codes in the plane, CIFAR-10 and CelebA."""

import keras_svae as ks
from reproductions.aim import baselines
from reproductions.engine import Images, Run, Training, experiment

TRAINING = {
    "posterior": "gaussian",
    "batch_size": 100,
    "learning_rate": 2e-4,
    "beta_1": 0.5,
    "decay": "inverse_sqrt_epoch",
    "measures": "mse,code_mse,inception_score,active_units",
}
# A sixteenth of the table's arithmetic. The generator has a higher rate, because it was
# behind for epochs otherwise. For the same reason, the discriminator has no batch
# normalisation after the features.
QUICK = {
    "epochs": 8,
    "width": 0.25,
    "learning_rate": 1e-3,
    "critic_learning_rate": 6e-4,
    "logit_batch_norm": False,
}
TABLE3 = {
    "methods": baselines.METHODS,
    "networks": {
        "aim_mnist": (
            ks.networks.aim_mnist,
            "latent_dim width critic_batch_norm logit_batch_norm",
        )
    },
    "by_method": baselines.own("images"),
}
MNIST = TRAINING | {"data": "mnist", "likelihood": "bernoulli"}


@experiment(
    **TABLE3,
    settings=MNIST | {"latent_dim": 32},
    # The code's weight is 8/d: with less, codes are learned too slowly for so few steps
    # (docs/methods/aim.md).
    budgets={"paper": {"epochs": 400}, "quick": QUICK | {"code_lam": 0.25}},
    notes=(
        "The paper's scores are under ALICE's classifier, and its images' range is not "
        "given; in [-1, 1] squared errors are four times ours.",
    ),
)
def mnist(model: ks.Game, data: Images, training: Training) -> Run:
    """MNIST with the networks of table 3 (5.1, table 1, figures 2, 8 and 9)."""
    return Run(model, data, training)


@experiment(
    **TABLE3,
    settings=MNIST | {"latent_dim": 2},
    # The code's weight 1/d is large there.
    budgets={"paper": {"epochs": 400}, "quick": QUICK},
    notes=("The paper shows pictures, and no numbers.",),
)
def mnist2d(model: ks.Game, data: Images, training: Training) -> Run:
    """MNIST with codes in the plane (5.4, figure 4)."""
    return Run(model, data, training)


TABLE4 = {
    "methods": baselines.METHODS,
    "networks": {
        "aim_images": (ks.networks.aim_images, "latent_dim width critic_batch_norm")
    },
    "by_method": baselines.own("images"),
    "budgets": {
        "paper": {"epochs": 300},
        "quick": {"epochs": 3, "steps_per_epoch": 100, "width": 0.25},
    },
}
IMAGES = TRAINING | {"latent_dim": 64, "likelihood": "unit_gaussian_tanh", "size": 64}


@experiment(
    **TABLE4,
    settings=IMAGES | {"data": "cifar10"},
    notes=("The paper's score is under Inception v3.",),
)
def cifar10(model: ks.Game, data: Images, training: Training) -> Run:
    """CIFAR-10 at 64 x 64, networks of table 4 (5.1, table 1, figures 2 and 8)."""
    return Run(model, data, training)


@experiment(
    **TABLE4,
    settings=IMAGES | {"data": "celeb_a", "crop": 148},
    notes=("The paper shows pictures, and no numbers but figure 8's curve.",),
)
def celeba(model: ks.Game, data: Images, training: Training) -> Run:
    """CelebA at 64 x 64 with the networks of table 4 (5.2, figures 2, 5 to 10)."""
    return Run(model, data, training)
