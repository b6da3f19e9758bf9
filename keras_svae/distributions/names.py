"""Laws by name."""

from keras_svae.distributions.flows import (
    AutoregressiveFlow,
    CouplingFlow,
    PlanarFlow,
)
from keras_svae.distributions.laws import (
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Implicit,
    Laplace,
    Law,
)
from keras_svae.distributions.planar_likelihood import PlanarLikelihood

__all__ = ["get"]

LIKELIHOODS = {
    "gaussian": lambda: Gaussian(1.0, draw="mean"),
    "laplace": lambda: Laplace(1.0, draw="mean"),
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "planar": PlanarLikelihood,
    "implicit": Implicit,
}
POSTERIORS = {
    "gaussian": lambda: Gaussian("learned"),
    "laplace": lambda: Laplace("learned"),
    "planar": PlanarFlow,
    "coupling": CouplingFlow,
    "autoregressive": AutoregressiveFlow,
    "implicit": Implicit,
}


def get(law: str | Law, role: str = "likelihood") -> Law:
    """A law by name, or the law itself.

    Args:
        law: A name or a `Law`. The names for a likelihood are "gaussian" and "laplace"
            (scale 1, linear), "bernoulli", "continuous_bernoulli", "planar" (8 layers)
            or "implicit"; for a posterior "gaussian" and "laplace" (learned scale),
            "planar" (8 layers, conditioned), "coupling", "autoregressive" (4 layers) or
            "implicit".
        role: "likelihood" or "posterior".

    Raises:
        ValueError: For a name that is none of these, or a posterior's flow as a
            likelihood.
    """
    by_role: dict[str, dict] = {"likelihood": LIKELIHOODS, "posterior": POSTERIORS}
    names = by_role[role]
    if isinstance(law, str) and law in names:
        return names[law]()
    if isinstance(law, Law):
        if role == "likelihood" and law.parameters is None:
            raise ValueError(
                "Expected a likelihood that has raw outputs for each entry of the data "
                f"(of the flows: PlanarLikelihood); received: "
                f"{type(law).__name__}, a posterior of codes"
            )
        return law
    raise ValueError(
        f"Expected {role} to be one of {sorted(names)} or a "
        f"keras_svae.distributions.Law; received: {law!r}"
    )
