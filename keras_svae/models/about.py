"""What a SavedModel says about itself."""

import inspect
import math

from keras_svae.game.checks import in_prior
from keras_svae.networks.layers import noise_layers
from keras_svae.owners import owner_of, package_of


def described(model) -> list[str]:
    """Shapes and laws in a few words, for `repr(model)`."""
    shapes = f"x {tuple(model.data_shape)}, z ({model.latent_dim},)"
    if model.classes is not None:
        shapes += f", {model.classes} classes"
    laws = f"p(x|z) {type(model.likelihood_law).__name__}"
    if getattr(model, "posterior_law", None) is not None:
        laws += f", q(z|x) {type(model.posterior_law).__name__}"
    kept = [f"samplers {', '.join(model.samplers)}"] if model.samplers else []
    return [shapes, f"{laws}, p(z) {prior_of(model)}", *kept]


def prior_of(model) -> str:
    """The name of p(z); "own" where a class outside this package overrides `prior`."""
    ours = package_of(owner_of(type(model), "prior")) == "keras_svae"
    return model.prior_name if ours else "own"


def of(model) -> dict:
    """Plain values for JSON; see `LatentModel.about`."""
    ratio = None
    if hasattr(model, "log_ratio") and type(model).f.above:
        reads = inspect.signature(model.log_ratio).parameters
        ratio = {
            "above": type(model).f.above,
            "below": type(model).f.below,
            "reads": [one for one in reads if one in model.input_specs()],
        }
    posterior = getattr(model, "posterior_law", None)
    return {
        "method": type(model).__name__,
        "latent_dim": model.latent_dim,
        "classes": model.classes,
        "unlabelled": bool(model.classes is not None and model.unlabelled),
        "data_shape": list(model.data_shape),
        "range": _ends(model.likelihood_law.range),
        "prior": prior_of(model),
        "likelihood": type(model.likelihood_law).__name__,
        "discrete": bool(model.likelihood_law.discrete),
        "posterior": posterior and type(posterior).__name__,
        "codes_in_prior": posterior is None
        or prior_of(model) == "own"  # of which nothing is known
        or in_prior(posterior, model.prior_name),
        "fed_noise": [
            name
            for name in ("decoder", "encoder")
            if hasattr(model, name) and noise_layers(getattr(model, name))
        ],
        "log_ratio": ratio,
        "samplers": {name: type(one).__name__ for name, one in model.samplers.items()},
    }


def _ends(found: tuple[float, float] | None) -> list[float | None] | None:
    """The ends of a range; None for an infinite one, which JSON does not have."""
    if found is None or not any(map(math.isfinite, found)):
        return None
    return [float(end) if math.isfinite(end) else None for end in found]
