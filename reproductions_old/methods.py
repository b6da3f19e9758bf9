"""How each method of the command line is made: its class, networks and laws."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """How a method of the command line is made.

    Attributes:
        model: Its class in keras_svae.
        networks: What the class takes first, in this order: networks by their names in
            `keras_svae.networks.Networks` or `IJAENetworks`; `another_critic` is one
            more of the critic's kind, `critic_of_x` one of x alone, `critic_of_z` one
            of codes alone, `classifier` one of its layers, `no_critic` None, and
            `second_encoder` and `second_decoder` are those of codes.
        reads: What the critic reads: "pairs" (x, z); "x" alone; "shared" is "x" with an
            encoder that reads the critic's features; "triples" are the five networks
            of `IJAENetworks`. Where none is used, the builder makes one all the same,
            and what it reads fixes the others' first weights: VAE's are AA-VAE's.
        laws: Which laws the class takes, of "prior", "posterior" and "likelihood";
            "activation" is the likelihood's, for a class that has its own.
        labels: Which examples tell it their class: "none", "all", and then its networks
            read classes, or "some", those of which `Config.labelled` tells.
        arguments: What the class is always given besides.
        options: Arguments of the class by the fields of `Config` that hold them; what
            is None there is not given.
        settings: Values of `Config`'s fields, unless the experiment has others for
            this method.
    """

    model: str
    networks: str = "encoder decoder critic"
    reads: str = "pairs"
    laws: str = "prior posterior likelihood"
    labels: str = "none"
    arguments: dict = dataclasses.field(default_factory=dict)
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    settings: dict = dataclasses.field(default_factory=dict)

    @property
    def cls(self) -> type:
        """Its class itself; the package, and so TensorFlow, is imported only here."""
        import keras_svae as ks

        return getattr(ks.models, self.model)


_LAM = {"lam": "lam"}
_SIDED = _LAM | {"two_sided": "two_sided"}
_NO_CODES = "prior likelihood"
_OF_X = {"networks": "decoder critic", "reads": "x", "laws": _NO_CODES}
_AA = {"options": {"temperature": "temperature"}}
_M2 = {"labels": "some", "options": {"alpha": "alpha"}}
_AIM = {
    "model": "AIM",
    "networks": "decoder critic encoder",
    "reads": "shared",
    "laws": _NO_CODES,
    "options": {"lam": "code_lam"},
}
_IJAE = {
    "model": "IJAE",
    "networks": "encoder generator critic_x critic_pair critic_code",
    "reads": "triples",
    "options": _LAM | {"stop_code": "stop_code"},
}
_IMPLICIT = {"posterior": "implicit", "noise": None}


def _lam(value: float, **more) -> dict:
    """Settings of a method whose lam means another thing than sVAE's."""
    return {"lam": value, **more}


METHODS = {
    "svae": Method(model="SVAE", options=_SIDED),
    "ali": Method(model="ALI"),
    "alice": Method(model="ALICE", options=_SIDED),
    "gan": Method(model="GAN", **_OF_X),
    "wgan_gp": Method(model="WGANGP", **_OF_X),
    "vae": Method(model="VAE", networks="encoder decoder", reads="x"),
    "iwgan": Method(model="IWGAN", **_OF_X),
    "cgan": Method(model="CGAN", labels="all", **_OF_X),
    "iwcgan": Method(model="IWCGAN", labels="all", **_OF_X),
    "cvae": Method(model="CVAE", networks="encoder decoder", reads="x", labels="all"),
    "aavae": Method(model="AAVAE", networks="encoder decoder critic", reads="x", **_AA),
    "aacvae": Method(
        model="AACVAE",
        networks="encoder decoder critic",
        reads="x",
        labels="all",
        **_AA,
    ),
    "ss_vae": Method(
        model="SemiSupervisedVAE",
        networks="classifier encoder decoder",
        reads="x",
        **_M2,
    ),
    "aa_ss_vae": Method(
        model="AASemiSupervisedVAE",
        networks="classifier encoder decoder critic_of_x",
        reads="x",
        **_M2 | {"options": _M2["options"] | _AA["options"]},
    ),
    "nf_vae": Method(
        model="VAE",
        networks="encoder decoder",
        settings={"posterior": "planar_flow", "noise": False},
    ),
    "as_vae": Method(model="ASVAE", networks="encoder decoder critic another_critic"),
    "as_vae_r": Method(model="ASVAE", arguments={"part": "reconstruction"}),
    # Its one critic is the second.
    "as_vae_g": Method(
        model="ASVAE",
        networks="encoder decoder no_critic critic",
        arguments={"part": "generation"},
    ),
    "avb": Method(
        model="AdversarialVariationalBayes",
        options={"adaptive_contrast": "adaptive_contrast"},
        settings={"posterior": "implicit", "noise": None},
    ),
    "aim": Method(**_AIM, arguments={"variance": "learned"}),
    "aim_minus": Method(**_AIM, arguments={"variance": "unit"}),
    "veegan": Method(model="VEEGAN", options={"lam": "code_lam"}),
    "unrolled_gan": Method(
        model="UnrolledGAN", **_OF_X, options={"unrolled": "unrolled"}
    ),
    "ijae": Method(**_IJAE, settings=_lam(0.3, likelihood="shift_tanh", **_IMPLICIT)),
    "ijae_l1": Method(
        **_IJAE, settings=_lam(0.3, likelihood="unit_laplace_tanh", **_IMPLICIT)
    ),
    "ijae_l2": Method(
        **_IJAE, settings=_lam(0.3, likelihood="unit_gaussian_tanh", **_IMPLICIT)
    ),
    "alpha_gan": Method(
        model="AlphaGAN",
        networks="encoder decoder critic critic_of_z",
        reads="x",
        options=_LAM,
        settings=_lam(1.0, **_IMPLICIT),
    ),
    "age": Method(
        model="AGE",
        networks="encoder decoder",
        options=_LAM,
        settings=_lam(250.0, posterior="implicit", noise=False),
    ),
    "wae_mmd": Method(
        model="WAEMMD",
        networks="encoder decoder",
        options=_LAM,
        settings=_lam(10.0, posterior="implicit", noise=False),
    ),
    "wae_gan": Method(
        model="WAEGAN",
        networks="encoder decoder critic_of_z",
        options=_LAM,
        settings=_lam(10.0, posterior="implicit", noise=False),
    ),
    "two_stage_vae": Method(
        model="TwoStageVAE",
        networks="encoder decoder second_encoder second_decoder",
        laws="activation",
        settings={"posterior": "gaussian", "noise": False},
    ),
}
# Only these have a lam.
WEIGHTED = tuple(name for name, one in METHODS.items() if "lam" in one.options)
