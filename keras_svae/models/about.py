"""What a SavedModel says about itself."""

import inspect

from keras_svae.networks.layers import noise_layers


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
        "data_shape": list(model.data_shape),
        "range": model.likelihood_law.range,
        "prior": model.prior_name,
        "likelihood": type(model.likelihood_law).__name__,
        "posterior": posterior and type(posterior).__name__,
        "fed_noise": [
            name
            for name in ("decoder", "encoder")
            if hasattr(model, name) and noise_layers(getattr(model, name))
        ],
        "log_ratio": ratio,
    }
