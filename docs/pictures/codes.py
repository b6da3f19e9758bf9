"""Makes the pictures and the numbers of docs/codes.md, from scikit-learn's digits.

python docs/pictures/codes.py

It takes a trained sVAE-r, `reproductions/models/digits`, and trains a VAE. To the codes
of both it fits all samplers. It writes `codes_*.png` and `codes.json` beside itself.
"""

import json
import pathlib

import keras
import numpy as np

import keras_svae as ks
from keras_svae.pictures import plots, views, ways

HERE = pathlib.Path(__file__).parent
SEEDS = (0, 1, 2)
EPOCHS = 60


def main() -> None:
    """Writes all of it."""
    keras.utils.set_random_seed(0)  # the initial weights
    svae = ks.hub.load(HERE.parents[1] / "reproductions" / "models" / "digits")
    pairs = [*ks.data.load("digits", labels=True, shuffle=False).as_numpy_iterator()]
    x, y = (np.concatenate(one) for one in zip(*pairs, strict=True))
    test = np.concatenate([*ks.data.load("digits", "test").as_numpy_iterator()])

    write("interpolations", ways.interpolations(svae, test[:3], test[3:6]))
    write("traversals", ways.traversals(svae, test[1:], range(4), 9))
    three, eight = y == 3, y == 8
    z = ks.codes.encode(svae, x[three | eight])
    direction = ks.codes.attribute(z, eight[three | eight])
    amounts = np.linspace(0, 1.5, 7)
    write("attribute", ways.attribute(svae, x[three][:3], direction, amounts))

    vae = trained_vae()
    for model in (svae, vae):
        for sampler in samplers():
            model.add_sampler(sampler.fit(model, x, seed=0))
    prior, mixture = (
        views.samples(vae, 25, sampler=name) for name in ("prior", "gaussian_mixture")
    )
    gap = np.full((len(prior), 24, 1), 255, np.uint8)
    write("samples", np.concatenate([prior, gap, mixture], 1))

    record = {
        "command": "python docs/pictures/codes.py",
        "data": "digits",
        "measure": "frechet_distance[random_network], test split, n=358, by seed",
        "vae": f"Gaussian likelihood of scale .1, latent_dim 8, {EPOCHS} epochs",
        "svae_r": "reproductions/models/digits",
        "results": {"vae": measured(vae, test), "svae_r": measured(svae, test)},
    }
    (HERE / "codes.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["results"], indent=2))


def trained_vae() -> ks.VAE:
    """A VAE whose codes do not have the prior's law: its reconstructions weigh much."""
    law = ks.distributions.Gaussian(0.1, activation="sigmoid", draw="mean")
    nets = ks.networks.digits(latent_dim=8, likelihood=law)
    model = ks.VAE(nets.encoder, nets.decoder, seed=0)
    model.compile(ks.optimizers.Adam(1e-3))
    model.fit(ks.data.load("digits"), epochs=EPOCHS, verbose=0)
    return model


def samplers() -> list[ks.samplers.Sampler]:
    """One of each kind, in sizes that suit 1,260 codes."""
    return [
        ks.samplers.GaussianMixture(10),
        ks.samplers.AggregatedPosterior(),
        ks.samplers.SecondStageVAE(units=128, depth=2, patience=10),
        ks.samplers.MaskedAutoregressiveFlow(patience=10),
    ]


def measured(model, test: np.ndarray) -> dict[str, list[float]]:
    """The Fréchet distance with each law of codes, for each seed of samples."""
    subject = ks.evaluation.Subject.of(model)
    found: dict[str, list[float]] = {}
    for name in subject.samplers():
        for seed in SEEDS:
            report = ks.evaluation.evaluate(
                subject,
                test,
                measures="frechet_distance",
                backbone="random",
                sampler=name,
                seed=seed,
                verbose=False,
            )
            found.setdefault(name, []).extend(map(float, report.values()))
    return found


def write(name: str, picture: np.ndarray) -> None:
    """Writes a picture beside this file."""
    plots.save(HERE / f"codes_{name}.png", picture)


if __name__ == "__main__":
    main()
