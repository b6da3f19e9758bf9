"""Makes the pictures and the numbers of docs/codes.md, from the repository's digits.

python docs/pictures/codes.py

It takes a trained sVAE-r of scikit-learn's digits, `reproductions/models/digits`, fits
the samplers to its training data, and writes `codes_*.png` and `codes.json` beside
itself.
"""

import json
import pathlib

import numpy as np

import keras_svae as ks
from keras_svae.pictures import plots, views, ways

HERE = pathlib.Path(__file__).parent
SEED = 0
SAMPLERS = (
    ks.samplers.GaussianMixture(10),
    ks.samplers.AggregatedPosterior(),
    ks.samplers.SecondStageVAE(units=128, depth=2, patience=10),
    ks.samplers.MaskedAutoregressiveFlow(patience=10),
)


def main() -> None:
    """Writes all of it."""
    model = ks.hub.load(HERE.parents[1] / "reproductions" / "models" / "digits")
    split = {
        name: np.concatenate([*ks.data.load("digits", name).as_numpy_iterator()])
        for name in ("train", "test")
    }
    pairs = [*ks.data.load("digits", labels=True, shuffle=False).as_numpy_iterator()]
    x, y = (np.concatenate(one) for one in zip(*pairs, strict=True))

    for sampler in SAMPLERS:
        model.add_sampler(sampler.fit(model, split["train"], seed=SEED))
    pictures = {
        name: views.samples(model, 24, seed=SEED, sampler=name)
        for name in ("prior", *model.samplers)
    }
    gap = np.full((pictures["prior"].shape[0], 24, 1), 255, np.uint8)
    side = [pictures["prior"], gap, pictures["gaussian_mixture"]]
    write("samples", np.concatenate(side, 1))

    test = split["test"]
    write("interpolations", ways.interpolations(model, test[:3], test[3:6]))
    write("traversals", ways.traversals(model, test, range(4), 9))
    three, eight = y == 3, y == 8
    some = three | eight
    direction = ks.codes.attribute(ks.codes.encode(model, x[some]), eight[some])
    threes = x[three][:3]
    amounts = np.linspace(0, 1.5, 7)
    write("attribute", ways.attribute(model, threes, direction, amounts))

    found = {
        name: ks.evaluation.evaluate(
            model,
            test,
            measures="frechet_distance",
            backbone="random",
            sampler=name,
            verbose=False,
        )
        for name in pictures
    }
    record = {
        "command": "python docs/pictures/codes.py",
        "model": "reproductions/models/digits",
        "data": "digits",
        "seed": SEED,
        "measure": "frechet_distance[random_network], test split, n=358",
        "results": {
            name: next(iter(report.values())).asdict() for name, report in found.items()
        },
    }
    (HERE / "codes.json").write_text(json.dumps(record, indent=2) + "\n")
    for name, report in found.items():
        print(name, float(next(iter(report.values()))))


def write(name: str, picture: np.ndarray) -> None:
    """Writes a picture beside this file."""
    plots.save(HERE / f"codes_{name}.png", picture)


if __name__ == "__main__":
    main()
