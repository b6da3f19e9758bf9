"""A SavedModel's endpoints: what tests give them, and what the model itself gives."""

import numpy as np

from tests.models import tiny

SEED = 5


def arguments(model) -> dict[str, dict]:
    """By endpoint, by name: three examples or codes, four draws."""
    z = np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")
    values = {"x": tiny.data(n=3), "z": z, "n": np.int32(4), "seed": np.int32(SEED)}
    return {
        name: {spec.name: values[spec.name] for spec in specs}
        for name, (_, specs) in model.endpoints().items()
    }


def expected(model, name, n=None, seed=None, **given) -> dict:
    """What the model's methods give for an endpoint's arguments, x and z."""

    def generate():
        return dict(zip("xz", model.generate_pairs(n, seed=seed), strict=True))

    def moments():
        law = model.posterior(**given)
        return {"mean": law.mean(), "scale": law.stddev()}

    def reconstruct():
        draw = None if model.posterior_law.explicit else seed
        return {"reconstruction": model.reconstruct(**given, seed=draw)}

    x, z = given.get("x"), given.get("z")
    found = {
        "generate": generate,
        "decode": lambda: {"x": model.decode(z)},
        "encode": lambda: {"z": model.encode(x, seed=seed)},
        "reconstruct": reconstruct,
        "neighbours": lambda: {"neighbours": model.neighbours(x, n, seed=seed)},
        "posterior": moments,
        "log_likelihood": lambda: {"log_likelihood": model.likelihood(z).log_prob(x)},
        "log_posterior": lambda: {"log_posterior": model.posterior(x).log_prob(z)},
        "bound": lambda: {"bound": model.bound(x, seed=seed)},
    }
    if name.startswith("log_ratio"):
        return {"log_ratio": getattr(model, name)(**given)}
    return found[name]()


def agree(found: dict[str, dict], model) -> None:
    """Raises unless what endpoints gave for `arguments` is what the model gives."""
    for name, given in arguments(model).items():
        if name == "about":
            continue
        wanted = expected(model, name, **given)
        assert set(found[name]) == set(wanted)
        for key, value in wanted.items():
            np.testing.assert_allclose(found[name][key], value, rtol=1e-4, atol=1e-5)
