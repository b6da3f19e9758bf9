"""Images: CIFAR-10 and TinyImageNet as in the paper, and MNIST for a CPU."""

from typing import Any

import keras
import numpy as np

import keras_svae as ks
from reproductions import methods as of
from reproductions.engine import Images, Parts, Run, Training, experiment, needed
from reproductions.engine.inputs import Inputs
from reproductions.engine.options import DENSE

METHODS = (of.ijae, of.ijae_l1, of.ijae_l2, of.vae, of.two_stage_vae, of.alpha_gan,
           of.age, of.svae, of.ali, of.alice, of.wae_mmd, of.wae_gan,
           of.as_vae)  # fmt: skip
# The paper shows these of them with several lam; they have five networks.
SWEPT = ("ijae", "ijae_l1", "ijae_l2")
FIVE, THREE = "latent_dim width stack", "latent_dim width noise"

# Appendix D: Adam with these, codes of 128 dimensions, images in [-1, 1]. It gives
# neither the batch nor how many steps: batches of 64 and 200 epochs are ours.
PAPER = {
    "latent_dim": 128,
    "posterior": "gaussian",
    "likelihood": "unit_laplace_tanh",
    "shift": 5,
    "batch_size": 64,
    "learning_rate": 1e-4,
    "beta_1": 0.5,
    "beta_2": 0.9,
    "measures": "inception_score,lpips,mse,decoder_probe",
}
BUDGETS = {
    "paper": {"epochs": 200},
    "quick": {"epochs": 3, "steps_per_epoch": 100, "width": 0.25},
}
NOTES = (
    "The paper's score is under Inception v3 of TensorFlow 1.13.",
    "Published: AGE a pretrained model, sVAE and 2Stage-VAE by their authors' code and "
    "networks; here all have the networks of tables 3 to 7.",
)
IMPLICIT = {"posterior": "implicit"}
OTHERS = {
    "two_stage_vae": {"noise": False},
    "alpha_gan": IMPLICIT,
    "age": IMPLICIT | {"noise": False},
    # Its lam weighs log likelihoods, sums over pixels; sVAE's paper has 1e-3.
    "svae": {"lam": 1e-3},
    "alice": {"lam": 1e-3, "two_sided": False},
    "wae_mmd": IMPLICIT | {"noise": False},
    "wae_gan": IMPLICIT | {"noise": False},
}


def by_method(five: str) -> dict:
    """What differs by method: all have the same encoder and generator."""
    swept = IMPLICIT | {"nets": five}
    laws = ("shift_tanh", "unit_laplace_tanh", "unit_gaussian_tanh")
    variants = zip(SWEPT, laws, strict=True)
    return {name: swept | {"likelihood": law} for name, law in variants} | OTHERS


@experiment(
    methods=METHODS,
    networks={
        "resnet_cifar10": (ks.networks.resnet_cifar10, THREE),
        "ijae_cifar10": (ks.networks.ijae_cifar10, FIVE),
    },
    settings=PAPER | {"data": "cifar10"},
    budgets=BUDGETS,
    by_method=by_method("ijae_cifar10"),
    notes=NOTES,
)
def cifar10(model: ks.Game, data: Images, training: Training) -> Run:
    """CIFAR-10 with the networks of tables 3 to 7 (5, table 1, figures 2 and 3)."""
    return Run(model, data, training)


@experiment(
    methods=METHODS,
    networks={
        "resnet_tiny_imagenet": (ks.networks.resnet_tiny_imagenet, THREE),
        "ijae_tiny_imagenet": (ks.networks.ijae_tiny_imagenet, FIVE),
    },
    settings=PAPER | {"data": "tiny_imagenet", "test_split": "validation"},
    budgets=BUDGETS,
    by_method=by_method("ijae_tiny_imagenet"),
    notes=(
        *NOTES,
        "Test images of TinyImageNet have no part here: its validation split has.",
    ),
)
def tiny_imagenet(model: ks.Game, data: Images, training: Training) -> Run:
    """TinyImageNet with those networks, a block deeper (5, table 1, figure 3)."""
    return Run(model, data, training)


@keras.saving.register_keras_serializable(package="reproductions")
class SeparateCritics(ks.IJAE):
    """IJAE whose critic of codes is a player of its own and has five turns in a step.

    It is for a diagnosis, see `draws.py`, and not in the paper. f_zeta, the estimate of
    minus KL(q(z|x) || p(z)), lags less behind the encoder than with one turn.
    """

    players = {
        "critic": ks.Player("critic critic_pair", optimizer="critic_optimizer"),
        "critic_code": ks.Player(
            "critic_code", optimizer="critic_code_optimizer", turns=5
        ),
        "generator": ks.IJAE.players["generator"],
        "encoder": ks.IJAE.players["encoder"],
    }

    def critic_loss(self, draw):
        terms = {"x": self.critic_x_loss(draw)}
        if self.critic_pair is not None:
            terms["pair"] = self.critic_pair_loss(draw)
        return terms


@needed.requires(likelihood="shift_tanh")
def ijae_separate(parts: Parts, *, lam: float = 0.3) -> SeparateCritics:
    """IJAE, the critic of codes with five turns of its own; not in the paper."""
    laws = {"posterior": parts.posterior, "likelihood": parts.likelihood}
    # As the runs that it stands beside.
    return parts.game(SeparateCritics, *parts.nets(), lam=lam, stop_code=True, **laws)


def ijae_mnist_dense_resnet(latent_dim: int = 32, **options: Any):
    """`ijae_mnist_dense`, f_tau that of table 6 at a quarter of its width.

    It is for a diagnosis, see `draws.py`: the paper's kind of f_tau beside networks
    that a CPU trains.
    """
    nets = ks.networks.ijae_mnist_dense(latent_dim, **options)
    residual = ks.networks.ijae_mnist(latent_dim, width=0.25)
    return nets._replace(critic_pair=residual.critic_pair)


def sizes_of_codes(model: ks.Game, inputs: Inputs) -> dict[str, dict[str, float]]:
    """How large the codes of test examples are, and what f_zeta says of it.

    Returns:
        The root mean square of codes' entries; that of a code which one of a thousand
        exceeds; the KL divergence between codes and prior, which is at least that of
        Gaussians with the codes' second moments; and f_zeta's estimate of it, nats.
    """
    x = inputs.arrays("test", 5000)
    z = np.asarray(model.encode(x), np.float64)
    second = (z**2).mean(0)
    found = {
        "rms": float(np.sqrt(second.mean())),
        "rms of a far one": float(np.quantile(np.sqrt((z**2).mean(1)), 0.999)),
        "KL, at least": float(0.5 * (second - 1 - np.log(second)).sum()),
    }
    if isinstance(model, ks.IJAE):
        found["KL by f_zeta"] = -float(np.mean(model.log_ratio_code(x, z)))
    return {"codes": found}


@experiment(
    methods=(*METHODS, ijae_separate),
    networks={
        "resnet_mnist": (ks.networks.resnet_mnist, THREE),
        "ijae_mnist": (ks.networks.ijae_mnist, FIVE),
        "mnist_dense": (ks.networks.mnist_dense, DENSE),
        "ijae_mnist_dense": (ks.networks.ijae_mnist_dense, DENSE),
        "ijae_mnist_dense_resnet": (ijae_mnist_dense_resnet, DENSE),
    },
    # If strokes move by 5 pixels, they no longer overlap themselves. Then the pair's
    # critic learned only what is real.
    settings=PAPER | {"data": "mnist", "latent_dim": 16, "shift": 1},
    budgets={
        "paper": {"epochs": 50, "width": 0.25},
        # Fully connected: residual blocks of an eighth of the width take ten times as
        # long per step, and more steps. Without the higher rate and batch
        # normalisation, the generator was behind.
        "quick": {
            "nets": "mnist_dense",
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
    # AGE's lam weighs an error per dimension of the code, here an eighth of CIFAR-10's.
    by_method=by_method("ijae_mnist")
    | {"age": OTHERS["age"] | {"lam": 32.0}}
    | {"ijae_separate": by_method("ijae_mnist")["ijae"]},
    by_budget={
        "quick": {
            **dict.fromkeys((*SWEPT, "ijae_separate"), {"nets": "ijae_mnist_dense"}),
            # With batch normalisation in the encoder it learns nothing:
            # docs/methods/age.md.
            "age": {"batch_norm": False, "learning_rate": 5e-4, "beta_2": 0.999},
        }
    },
    notes=("The paper has no MNIST.",),
)
def mnist(model: ks.Game, data: Images, training: Training) -> Run:
    """MNIST with narrow networks of the same blocks: the plane on a CPU."""
    return Run(model, data, training, extra=sizes_of_codes)
