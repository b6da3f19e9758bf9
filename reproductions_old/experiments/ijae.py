"""Implicit lambda-Jeffreys Autoencoders: Taking the Best of Both Worlds."""

from reproductions.experiments.experiment import Experiment

NAMES = {
    "ijae": "IJAE",
    "ijae_l1": "IJAE-L1",
    "ijae_l2": "IJAE-L2",
    "vae": "VAE",
    "two_stage_vae": "2Stage-VAE",
    "alpha_gan": "alpha-GAN",
    "age": "AGE",
    "svae": "sVAE",
    "ali": "ALI",
    "alice": "ALICE",
    "wae_mmd": "WAE-MMD",
    "wae_gan": "WAE-GAN",
    "as_vae": "AS-VAE",
}
# Those of them that the plane has with several lam.
SWEPT = ("ijae", "ijae_l1", "ijae_l2")
# Test images, and samples, that the plane measures.
LIMIT = 5000

# Appendix D: Adam with these, codes of 128 dimensions, images in [-1, 1]. It gives
# neither the batch nor how many steps: batches of 64 and 200 epochs are ours.
_PAPER = {
    "method": "ijae",
    "latent_dim": 128,
    "posterior": "gaussian",
    "likelihood": "unit_laplace_tanh",
    "batch_size": 64,
    "learning_rate": 1e-4,
    "beta_1": 0.5,
    "beta_2": 0.9,
    "measures": "inception_score,lpips,mse",
}


def _methods(shape: str, **more: dict) -> dict:
    """The networks of each method on one data set: the same encoder and generator.

    Args:
        shape: What the networks are called by.
        **more: Further settings by method.
    """
    three = shape if "dense" in shape else f"resnet_{shape}"
    others = {name: {"nets": three} for name in NAMES if name not in SWEPT}
    for name, settings in more.items():
        others[name] |= settings
    five = {"nets": f"ijae_{shape}"}
    # sVAE's lam weighs log likelihoods, sums over pixels; sVAE's paper has 1e-3.
    others["svae"] |= {"lam": 1e-3}
    others["alice"] |= {"lam": 1e-3, "two_sided": False}
    return dict.fromkeys(SWEPT, five) | others


CIFAR10 = Experiment(
    name="cifar10",
    title="CIFAR-10 with the networks of tables 3 to 7",
    source="5, table 1, figures 2 and 3",
    settings=_PAPER | {"data": "cifar10"},
    budgets={
        "paper": {"epochs": 200},
        "quick": {"epochs": 3, "steps_per_epoch": 100, "width": 0.25},
    },
    methods=_methods("cifar10"),
    published={
        "inception_score": {
            "ijae": "6.90 +- .10 (lam .3)",
            "vae": "3.45 +- .02",
            "two_stage_vae": "3.85 +- .03",
            "alpha_gan": "5.20 +- .08",
            "age": "5.90 +- .04",
            "svae": "6.56 +- .07",
            "ali": "5.34 +- .04",
            "alice": "6.02 +- .03",
            "wae_mmd": "4.18 +- .04 (WAE)",
            "wae_gan": "4.18 +- .04 (WAE)",
            "as_vae": "6.3",
        },
        "lpips": {
            "ijae": ".07 +- .03 (lam .3)",
            "vae": ".09 +- .03",
            "two_stage_vae": ".06 +- .03",
            "alpha_gan": ".04 +- .02",
            "age": ".06 +- .02",
            "svae": ".19 +- .08",
        },
    },
    notes=(
        "The paper's score is under Inception v3 of TensorFlow 1.13.",
        "Published: AGE a pretrained model, sVAE and 2Stage-VAE by their authors' code "
        "and networks; here all have the networks of tables 3 to 7.",
    ),
    minutes="weeks / an untimed while",
)

TINY_IMAGENET = Experiment(
    name="tiny_imagenet",
    title="TinyImageNet with the networks of tables 3 to 7, a block deeper",
    source="5, table 1, figure 3",
    settings=_PAPER | {"data": "tiny_imagenet", "test_split": "validation"},
    budgets=CIFAR10.budgets,
    methods=_methods("tiny_imagenet"),
    published={
        "inception_score": {
            "ijae": "6.87 +- .09 (lam .3)",
            "two_stage_vae": "4.22 +- .05",
            "age": "6.75 +- .09",
            "svae": "5.09 +- .05",
        },
        "lpips": {
            "ijae": ".09 +- .03 (lam .3)",
            "two_stage_vae": ".09 +- .05",
            "age": ".27 +- .09",
            "svae": ".28 +- .08",
        },
    },
    notes=CIFAR10.notes
    + ("Test images of TinyImageNet have no part here: its validation split has.",),
    minutes="weeks / an untimed while",
)

# AGE's lam weighs an error per dimension of the code, here an eighth of CIFAR-10's.
_AGE = {"lam": 32.0}
# With batch normalisation in the encoder it learns nothing: docs/methods/age.md.
_AGE_QUICK = _AGE | {"batch_norm": False, "learning_rate": 5e-4, "beta_2": 0.999}

MNIST = Experiment(
    name="mnist",
    title="MNIST with narrow networks of the same blocks; not in the paper",
    source="none; for the plane of figures 2 and 3 on a CPU",
    # A shift by 5 pixels takes a stroke off itself, and the pair's critic then learned
    # nothing but what is real.
    settings=_PAPER | {"data": "mnist", "latent_dim": 16, "shift": 1},
    budgets={
        "paper": {"epochs": 50, "width": 0.25},
        # Fully connected: blocks of an eighth of the width take ten times as long a
        # step, and more steps. The generator was behind without the higher rate and
        # batch normalisation.
        "quick": {
            "units": 256,
            "batch_norm": True,
            "learning_rate": 1e-3,
            "critic_learning_rate": 5e-4,
            "decay": "cosine",
            "steps_per_execution": 50,
            "epochs": 6,
            "steps_per_epoch": 500,
        },
    },
    methods=_methods("mnist", age=_AGE),
    methods_by_budget={"quick": _methods("mnist_dense", age=_AGE_QUICK)},
    notes=("The paper has no MNIST.",),
    minutes="days / 3 minutes",
)

EXPERIMENTS = {e.name: e for e in (CIFAR10, TINY_IMAGENET, MNIST)}
