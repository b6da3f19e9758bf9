"""Symmetric Variational Autoencoder and Connections to Adversarial Learning.

Chen et al., 2018.
"""

from reproductions.experiments.experiment import Experiment

# What 6.1 of the paper takes over from ALICE's released code (Li et al., 2017), with
# these differences, alike for both methods:
# 1. There lam multiplies the squared error's mean over the batch and two dimensions.
#    Here it multiplies -log N(x; decoder, I), which is that mean plus a constant: with
#    scale 1, half of the sum over two dimensions. So lam means the same.
# 2. As there, the code's error is regularised too, with the same weight (`two_sided`).
# 3. There all turns of a step share one z and one x; here each further turn has new
#    noise and new z, on the same x.
# 4. There the score's classifier was trained, to 100% accuracy; here it is the exact
#    posterior, on 10,000 samples.
TOY = Experiment(
    name="toy",
    title="five Gaussians in the plane",
    source="6.1, figure 3, in the setting of ALICE's released toy code",
    settings={
        "nets": "toy",
        "data": "toy5",
        "units": 256,
        "depth": 2,
        "latent_dim": 2,
        "noise": True,
        "posterior": "unit_gaussian",
        "likelihood": "unit_gaussian",
        "lam": 1.0,
        "batch_size": 128,
        "learning_rate": 1e-3,
        "beta_1": 0.5,
        "turns": 5,
        "critic_turns": 1,
        "steps_per_execution": 16,
    },
    budgets={"paper": {"epochs": 100}, "quick": {"epochs": 20}},
    methods={
        # Fed no noise: the bound needs a posterior and a likelihood with scales.
        "vae": {
            "posterior": "gaussian",
            "likelihood": "learned_gaussian",
            "noise": False,
            "turns": 1,
        },
        "gan": {"turns": 1},
        "wgan_gp": {"turns": 1, "critic_turns": 5},
    },
    published={
        "mixture_score": {
            "ali": "2.750 +- 1.498 (lam 0)",
            "alice": "3.669 +- 1.386 (lam .01), 4.495 +- .775 (.1), 4.598 +- .576 (1)",
        },
        "mse": {
            "ali": "4.715 (lam 0)",
            "alice": "1.467 (lam .01), .129 (.1), .0218 (1)",
        },
    },
    notes=(
        "Published: ALICE's 576 raw runs per lam over architectures and "
        "hyper-parameters; single runs scatter as widely. See toy-sweep.",
    ),
    minutes="half a minute / 10 seconds",
)

_BERNOULLI = {
    "posterior": "gaussian",
    "likelihood": "bernoulli",
    "beta_1": 0.5,
    "batch_size": 64,
}

DIGITS = Experiment(
    name="digits",
    title="scikit-learn's 8 x 8 digits, not in the paper: small enough for a demo",
    source="none",
    settings=_BERNOULLI
    | {
        "nets": "digits",
        "data": "digits",
        "latent_dim": 8,
        "lam": 0.05,
        "learning_rate": 5e-4,
        "steps_per_execution": 32,
    },
    budgets={"paper": {"epochs": 1000}, "quick": {"epochs": 300}},
    methods={"alice": {"two_sided": False}, "wgan_gp": {"critic_turns": 5}},
    minutes="5 minutes / 2 minutes",
)

MNIST = Experiment(
    name="mnist",
    title="MNIST with the networks of table 3",
    source="6.2, table 1, figure 4",
    settings=_BERNOULLI
    | {
        "nets": "mnist",
        "data": "mnist",
        "latent_dim": 32,
        "lam": 0.1,
        "learning_rate": 2e-4,
        "critic_batch_norm": False,
        "critic_activation": "leaky_relu",
    },
    budgets={
        "paper": {"epochs": 100},
        "quick": {"epochs": 4, "steps_per_epoch": 234},
    },
    methods={"alice": {"two_sided": False}, "wgan_gp": {"critic_turns": 5}},
    published={
        "annealed_importance_sampling": {
            "svae": "-80.42 (lam 0), -79.26 (lam .1)",
            "gan": "-114.25",
            "wgan_gp": "-79.92",
        },
        "inception_score": {
            "svae": "8.81 (lam 0), 9.12 (lam .1)",
            "gan": "8.34",
            "wgan_gp": "8.45",
        },
    },
    notes=(
        "The paper's score is under another classifier than ours, its log likelihood "
        "on binarised digits.",
    ),
    minutes="9 hours / 6 minutes",
)

CIFAR10 = Experiment(
    name="cifar10",
    title="CIFAR-10 with the networks of table 5",
    source="6.4, table 2, figure 7",
    settings={
        "nets": "cifar10",
        "data": "cifar10",
        "latent_dim": 256,
        "prior": "uniform",
        "posterior": "unit_laplace_tanh",
        "likelihood": "unit_laplace_tanh",
        "noise": True,
        "lam": 1e-3,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "beta_1": 0.5,
    },
    budgets={
        "paper": {"epochs": 101},
        "quick": {"epochs": 3, "steps_per_epoch": 200},
    },
    methods={
        "vae": {
            "prior": "normal",
            "posterior": "gaussian",
            "likelihood": "unit_laplace_tanh",
            "noise": False,
        },
        "alice": {"two_sided": False},
        "wgan_gp": {"critic_batch_norm": False, "critic_turns": 5},
    },
    published={
        "inception_score": {
            "svae": "6.76 +- .046 (lam 0), 6.96 +- .066 (sVAE-r)",
            "ali": "5.34",
            "wgan_gp": "6.56",
        },
    },
    notes=("The paper's score is under Inception v3.",),
    minutes="days / 15 minutes",
)

CELEBA = Experiment(
    name="celeba",
    title="CelebA at 64 x 64 with the networks of table 4",
    source="6.3, figures 5 and 6",
    settings={
        "nets": "celeba",
        "data": "celeb_a",
        "crop": 148,
        "size": 64,
        "latent_dim": 64,
        "prior": "uniform",
        "posterior": "unit_laplace_tanh",
        "likelihood": "unit_laplace_tanh",
        "noise": True,
        "lam": 1e-3,
        "batch_size": 64,
        "learning_rate": 2e-4,
        "beta_1": 0.5,
        "critic_turns": 2,
    },
    budgets={
        "paper": {"epochs": 16, "steps_per_epoch": 3125},
        "quick": {"epochs": 2, "steps_per_epoch": 100},
    },
    methods={
        "vae": {
            "prior": "normal",
            "posterior": "gaussian",
            "likelihood": "unit_laplace_tanh",
            "noise": False,
        },
        "alice": {"two_sided": False},
        "wgan_gp": {"critic_batch_norm": False, "critic_turns": 5},
    },
    notes=("The paper shows pictures, and no numbers.",),
    minutes="days / 10 minutes",
)

EXPERIMENTS = {e.name: e for e in (TOY, DIGITS, MNIST, CIFAR10, CELEBA)}
