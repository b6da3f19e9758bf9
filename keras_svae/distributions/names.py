"""Laws by name."""

from keras_svae.distributions.laws import (
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Implicit,
    Laplace,
    Law,
)

__all__ = ["get"]

LIKELIHOODS = {
    "gaussian": lambda: Gaussian(1.0, draw="mean"),
    "laplace": lambda: Laplace(1.0, draw="mean"),
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "implicit": Implicit,
}
POSTERIORS = {
    "gaussian": lambda: Gaussian("learned"),
    "laplace": lambda: Laplace("learned"),
    "implicit": Implicit,
}


def get(law: str | Law, role: str = "likelihood") -> Law:
    """A law by name, or the law itself.

    Args:
        law: For a likelihood "gaussian" and "laplace" (scale 1, linear), "bernoulli",
            "continuous_bernoulli" or "implicit"; for a posterior "gaussian" and
            "laplace" (learned scale) or "implicit"; or a `Law`.
        role: "likelihood" or "posterior".

    Raises:
        ValueError: For a name that is none of these.
    """
    names = {"likelihood": LIKELIHOODS, "posterior": POSTERIORS}[role]
    if isinstance(law, str) and law in names:
        return names[law]()
    if isinstance(law, Law):
        return law
    raise ValueError(
        f"Expected {role} to be one of {sorted(names)} or a "
        f"keras_svae.distributions.Law; received: {law!r}"
    )
