"""Adversarial Symmetric Variational Autoencoder (Pu et al., 2017)."""

from reproductions.experiments.experiment import Experiment

# The appendix with the paper's networks is lost: the tables of sVAE (Chen et al.,
# 2018), by some of the same authors, stand in. The paper stops early, "based on the
# average reconstruction loss of x and z on validation sets": here by the mean of two
# mean squared errors, E_q |x - E p(x|z)|^2 per pixel and E_p |z - E q(z|x)|^2 per
# dimension. The methods without a second critic stop by what they optimise.
_STOPPING = {
    "patience": 10,
    "monitor": "val_reconstruction",
}
_BY_METHOD = {
    "vae": {"posterior": "gaussian", "monitor": "val_autoencoder_loss"},
    "nf_vae": {"posterior": "planar_flow", "monitor": "val_autoencoder_loss"},
    # It has no density of the code, and its loss is the critic's estimate.
    "avb": {"monitor": "val_mse", "measures": "mse,rmse,inception_score"},
}
_MEASURES = "variational_bound,importance_weighted_bound,inception_score,mse,rmse"

MNIST = Experiment(
    name="mnist",
    title="MNIST, grey values as probabilities",
    source="5.2",
    settings=_STOPPING
    | {
        "method": "as_vae",
        "nets": "mnist",
        "data": "mnist",
        "validation": 5000,
        "latent_dim": 32,
        "posterior": "planar_flow",
        "flow_length": 80,
        "likelihood": "bernoulli",
        "batch_size": 64,
        "learning_rate": 1e-4,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
        "measures": _MEASURES,
        "importance_samples": 500,
    },
    budgets={
        "paper": {"epochs": 200},
        # Two hidden layers of 500, a shorter flow, larger batches, and a small
        # code: at 32 dimensions the critics told 8 nats where 90 were true.
        "quick": {
            "nets": "mnist_dense",
            "latent_dim": 8,
            "flow_length": 4,
            "batch_size": 100,
            "learning_rate": 5e-4,
            "beta_1": 0.5,
            "epochs": 10,
            "steps_per_epoch": 275,
            "patience": 5,
            "importance_samples": 50,
        },
    },
    methods=_BY_METHOD,
    published={
        "variational_bound": {
            "as_vae": "-82.51",
            "as_vae_r": "-81.14",
            "nf_vae": "-85.1",
            "avb": "-79.5 (Mescheder et al., 2017)",
        },
    },
    notes=(
        "On grey values taken as probabilities the bound is minus a cross entropy.",
    ),
    minutes="a day / 4 minutes",
)

_IMAGES = _STOPPING | {
    "method": "as_vae",
    "posterior": "gaussian",
    "likelihood": "learned_gaussian",
    "dequantise": True,
    "batch_size": 64,
    "learning_rate": 1e-4,
    "critic_batch_norm": False,
    "critic_activation": "leaky_relu",
    "measures": _MEASURES,
    "importance_samples": 50,
}

CIFAR10 = Experiment(
    name="cifar10",
    title="CIFAR-10 with uniform noise, a learned Gaussian of each pixel",
    source="5.3",
    settings=_IMAGES
    | {"nets": "cifar10", "data": "cifar10", "validation": 5000, "latent_dim": 256},
    budgets={
        "paper": {"epochs": 200},
        "quick": {"epochs": 3, "steps_per_epoch": 200},
    },
    methods=_BY_METHOD,
    published={
        "inception_score": {
            "as_vae": "6.89 (as sVAE quotes it), 6.3 (as lambda-IJAE does)",
        },
    },
    notes=("The paper's score is under Inception v3.",),
    minutes="days / 15 minutes",
)

IMAGENET64 = Experiment(
    name="imagenet64",
    title="64 x 64 images: ImageNet, or a folder (--data), e.g. TinyImageNet's",
    source="5.4",
    settings=_IMAGES
    | {
        "nets": "celeba",
        "data": "imagenet_resized/64x64",
        "test_split": "validation",
        "latent_dim": 256,
        # The data's validation split is what the paper measures on.
        "patience": None,
    },
    budgets={
        "paper": {"epochs": 20},
        "quick": {"epochs": 2, "steps_per_epoch": 100},
    },
    methods=_BY_METHOD,
    notes=("The paper's score is under Inception v3.",),
    minutes="weeks / 10 minutes",
)

EXPERIMENTS = {e.name: e for e in (MNIST, CIFAR10, IMAGENET64)}
