"""All that fixes a run."""

import dataclasses

from reproductions.methods import METHODS, WEIGHTED

BUDGETS = ("paper", "quick")
DECAYS = ("none", "cosine", "inverse_sqrt_epoch")
# What each name means is in reproductions/build.py and keras_svae.distributions.
POSTERIORS = (
    "gaussian",
    "laplace",
    "planar_flow",
    "implicit",
    "unit_gaussian",
    "unit_laplace_tanh",
)
PLAYS = ("alternating", "simultaneous")
LIKELIHOODS = (
    "bernoulli",
    "continuous_bernoulli",
    "gaussian",
    "laplace",
    "implicit",
    "learned_gaussian",
    "unit_gaussian",
    "unit_gaussian_tanh",
    "unit_laplace_tanh",
    "shift_tanh",
)


def option(text: str, default=dataclasses.MISSING, **more):
    """A field of `Config`: help, default; group, choices, and what None means."""
    return dataclasses.field(default=default, metadata={"help": text, **more})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """All that fixes a run: the same configuration gives the same weights.

    Each field is an option of the command line, `--like-this`.
    """

    experiment: str = option("the experiment", group=None)
    nets: str = option("the networks, by their name in keras_svae.networks", group=None)

    method: str = option("the method", "svae", choices=tuple(METHODS), group="method")
    lam: float = option(
        "what the method calls lam: of svae and alice the weight of the log "
        "likelihoods, 0 for svae of svae-r and ali of alice",
        0.0,
        group="method",
    )
    two_sided: bool = option(
        "whether log q(z|x) is regularised beside log p(x|z), svae and alice only",
        True,
        group="method",
    )
    prior: str = option(
        "p(z): N(0, I) or U(-1, 1)",
        "normal",
        choices=("normal", "uniform"),
        group="method",
    )
    posterior: str = option(
        "q(z|x); unit_*: scale 1, and the noise is what the encoder is fed",
        choices=POSTERIORS,
        group="method",
    )
    flow_length: int = option("layers of a planar_flow", 8, group="method")
    adaptive_contrast: bool = option(
        "whether avb compares with a Gaussian of the encoder's moments",
        True,
        group="method",
    )
    likelihood: str = option(
        "p(x|z); *_tanh: for images in [-1, 1]", choices=LIKELIHOODS, group="method"
    )

    shift: int = option(
        "the largest of shift_tanh, pixels of a cyclic shift", 5, group="method"
    )
    code_lam: float | None = option(
        "weight of the code's reconstruction, aim, aim_minus and veegan only",
        None,
        unset="the paper's",
        group="method",
    )
    stop_code: bool | None = option(
        "whether the pair's critic, by its input z, passes the encoder no gradient, "
        "ijae only",
        None,
        unset="so it is",
        group="method",
    )
    temperature: float = option(
        "T of the discriminator that weights examples, aavae, aacvae, aa_ss_vae only",
        1.0,
        group="method",
    )
    alpha: float = option(
        "weight of the classification, ss_vae and aa_ss_vae only", 0.1, group="method"
    )
    unrolled: int = option(
        "steps of the critic that unrolled_gan looks ahead", 5, group="method"
    )

    seed: int = option(
        "seed of weights, noise, and the order of data", 0, group="training"
    )
    budget: str = option(
        "the paper's training, or one that fits into minutes",
        "paper",
        choices=BUDGETS,
        group="training",
    )
    epochs: int = option("how many epochs", group="training")
    steps_per_epoch: int | None = option(
        "steps that count as an epoch",
        None,
        unset="a pass over the data",
        group="training",
    )
    batch_size: int = option("examples per step, over all replicas", group="training")
    learning_rate: float = option("Adam's, of encoder and decoder", group="training")
    critic_learning_rate: float | None = option(
        "Adam's, of the critic", None, unset="the same", group="training"
    )
    beta_1: float = option("Adam's", 0.9, group="training")
    beta_2: float = option("Adam's", 0.999, group="training")
    decay: str = option(
        "of the learning rates: to zero along half a cosine, or over the root of the "
        "epoch's number",
        "none",
        choices=DECAYS,
        group="training",
    )
    ema: float | None = option(
        "momentum of an average of the weights, which is what is measured",
        None,
        unset="no average",
        group="training",
    )
    turns: int | None = option(
        "updates of each other player in a step",
        None,
        unset="the method's",
        group="training",
    )
    critic_turns: int | None = option(
        "updates of the critic in a step",
        None,
        unset="the method's",
        group="training",
    )
    play: str | None = option(
        "whether each player sees what those before it have learned in a step, or all "
        "gradients are taken at the same weights; if not given, what the method's "
        "class has, and alternating where a player has other than one turn",
        None,
        choices=(None, *PLAYS),
        group="training",
    )
    patience: int | None = option(
        "epochs without a better MONITOR before training stops; the best weights are "
        "then taken",
        None,
        unset="no early stopping",
        group="training",
    )
    monitor: str = option(
        "what early stopping looks at, a column of log.csv", "val_mse", group="training"
    )
    clipnorm: float | None = option(
        "largest norm of each gradient", None, unset="any", group="training"
    )

    latent_dim: int = option("the code's dimension", group="networks")
    units: int | None = option(
        "of each hidden layer, dense networks only", None, group="networks"
    )
    depth: int | None = option(
        "how many hidden layers, dense networks only", None, group="networks"
    )
    noise: bool | None = option(
        "whether noise is fed to encoder and decoder", None, group="networks"
    )
    dropout: float = option("rate after each hidden block", 0.0, group="networks")
    width: float | None = option(
        "factor of all hidden sizes, of networks that have one", None, group="networks"
    )
    batch_norm: bool | None = option(
        "whether encoder and decoder have batch normalisation", None, group="networks"
    )
    critic_batch_norm: bool | None = option(
        "whether the critic has batch normalisation", None, group="networks"
    )
    logit_batch_norm: bool | None = option(
        "whether the critic has it after its features, aim_mnist only",
        None,
        group="networks",
    )
    critic_activation: str | None = option(
        "of the critic, a Keras activation", None, group="networks"
    )
    stack: str | None = option(
        "how the pair's critic joins two images, networks of ijae only",
        None,
        choices=(None, "horizontal", "channels"),
        group="networks",
    )

    classes: int | None = option(
        "how many the data have, for methods that read them", None, group="data"
    )
    data: str = option(
        "a data set keras_svae.data knows, a folder of images, or an .npz",
        group="data",
    )
    validation: int | None = option(
        "examples of train that are held out, for early stopping",
        None,
        unset="none, or the data's own validation split",
        group="data",
    )
    examples: float | None = option(
        "the share, below 1, or number of train's examples that is used",
        None,
        unset="all",
        group="data",
    )
    labelled: float | None = option(
        "the share, below 1, or number of train's examples that tell their class, "
        "ss_vae and aa_ss_vae only",
        None,
        unset="all",
        group="data",
    )
    labelled_batch: int | None = option(
        "how many of each batch do", None, unset="half", group="data"
    )
    binarize: str | None = option(
        "grey values as probabilities of bits, drawn once, or anew in each epoch",
        None,
        unset="grey values as they are",
        choices=(None, "fixed", "epoch"),
        group="data",
    )
    dequantise: bool = option(
        "whether 8-bit images get uniform noise, in training and in likelihoods",
        False,
        group="data",
    )
    crop: int | None = option(
        "side of a centred square that is cut out of images",
        None,
        unset="all",
        group="data",
    )
    size: int | None = option(
        "side that images are resized to", None, unset="as they are", group="data"
    )

    test_split: str = option("the split that is measured on", "test", group="measures")
    measures: str | None = option(
        "names of keras_svae.evaluation's measures, with commas between",
        None,
        unset="all that apply but the costly ones",
        group="measures",
    )
    importance_samples: int = option(
        "k of the importance-weighted bound, if that is named", 50, group="measures"
    )

    replicas: int = option(
        "devices that share each batch: GPUs, else logical CPUs", 1, group="machine"
    )
    dtype: str = option(
        "policy of the networks, weights and losses being float32",
        "float32",
        choices=("float32", "mixed_bfloat16"),
        group="machine",
    )
    steps_per_execution: int = option(
        "steps per call of the graph, at most; 1 for several replicas",
        1,
        group="machine",
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            choices = field.metadata.get("choices")
            value = getattr(self, field.name)
            if choices and value not in choices:
                raise ValueError(
                    f"Expected {field.name} to be one of {list(choices)}; received: "
                    f"{value!r}"
                )
        for name in ("epochs", "batch_size", "replicas", "turns", "critic_turns"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"Expected {name} >= 1; received: {value}")
        self._resolve_play()
        if METHODS[self.method].labels != "none" and self.classes is None:
            raise ValueError(
                f"Expected classes, how many the data have, with {self.method!r}; "
                "received: none"
            )
        if (METHODS[self.method].labels == "some") != (self.labelled is not None):
            raise ValueError(
                "Expected labelled with ss_vae and aa_ss_vae, and only with them; "
                f"received: labelled={self.labelled} with {self.method!r}"
            )
        if self.dequantise and METHODS[self.method].labels != "none":
            raise ValueError(
                f"Expected dequantise=False with {self.method!r}; received: True"
            )
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"Expected patience >= 1; received: {self.patience}")
        if self.lam and self.method not in WEIGHTED:
            raise ValueError(
                f"Expected lam only with the methods {list(WEIGHTED)}; received: "
                f"lam={self.lam:g} with {self.method!r}"
            )
        if self.batch_size % self.replicas:
            raise ValueError(
                "Expected a batch that the replicas can share evenly; received: "
                f"batch_size={self.batch_size}, replicas={self.replicas}"
            )

    def _resolve_play(self):
        # The word is kept, so that a record says it whatever the default is one day.
        single = all(number == 1 for number in self.turns_by_player.values())
        if self.play is None:
            default = METHODS[self.method].cls.default_play
            object.__setattr__(self, "play", default if single else "alternating")
        if self.play == "simultaneous" and not single:
            raise ValueError(
                "Expected one turn per player in simultaneous play; received: "
                f"turns={self.turns_by_player} with {self.method!r}"
            )

    @property
    def turns_by_player(self) -> dict[str, int]:
        """Updates of each of the method's players in a step."""
        return {
            name: (self.critic_turns if name == "critic" else self.turns)
            or player.turns
            for name, player in METHODS[self.method].cls.players.items()
        }

    def asdict(self) -> dict:
        """Plain values, as they go into config.json."""
        return dataclasses.asdict(self)

    @property
    def title(self) -> str:
        """A short name of the run, fit for a folder; the play, if not the class's."""
        lam = f"-lam{self.lam:g}" if self.method in WEIGHTED else ""
        usual = self.play == METHODS[self.method].cls.default_play
        play = "" if usual else f"-{self.play}"
        method = f"{self.method}{lam}{play}"
        return f"{self.experiment}-{method}-seed{self.seed}-{self.budget}"
