"""What is measured of a trained model, by kind of data."""

import numpy as np

import keras_svae as ks
import keras_svae.data
from reproductions.inputs import Inputs

# Examples and samples that a measure looks at, at most.
LIMIT = 10_000
SEED = 1


def generate(model, n: int, seed: int = SEED) -> np.ndarray:
    """n samples, made a thousand at a time."""
    sizes = [min(1000, n - i) for i in range(0, n, 1000)]
    made = [np.asarray(model.generate(k, seed + i)) for i, k in enumerate(sizes)]
    return np.concatenate(made)


def reconstruct(model, x: np.ndarray) -> np.ndarray:
    """Reconstructions from the posterior's mean, a thousand at a time.

    Where encoder and decoder are fed noise, each gets its own.
    """
    parts = [x[i : i + 1000] for i in range(0, len(x), 1000)]
    return np.concatenate(
        [np.asarray(model.decode(model.encode(part), SEED)) for part in parts]
    )


def measure(model, inputs: Inputs) -> dict[str, float]:
    """All measures of a model that its data and method allow.

    Returns:
        By name: "test MSE" per pixel or coordinate, in the data's range, for methods
        with an encoder; "symmetric KL" as the critic estimates it on test data, nats;
        and what the kind of data adds.
    """
    name = inputs.config.data
    found = {}
    x = inputs.arrays("test", LIMIT)
    if hasattr(model, "encoder"):
        found["test MSE"] = ks.evaluation.mse(x, reconstruct(model, x))
        found["test MSE, examples"] = len(x)
    logs = model.evaluate(inputs.load("test"), verbose=0, return_dict=True)
    # The Wasserstein critic's difference is a distance, no divergence.
    if "symmetric_kl" in logs and not isinstance(model, ks.WGANGP):
        found["symmetric KL"] = float(logs["symmetric_kl"])
    if x.ndim == 2:
        found |= plane(model, ks.data.mixture(name))
    elif name in ("digits", "mnist"):
        found |= classified(model, inputs)
    return found


def plane(model, law) -> dict[str, float]:
    """Measures of points in the plane, whose law is known exactly."""
    points = generate(model, LIMIT)
    distances = np.linalg.norm(points[:, None] - law.means[None], axis=-1)
    near = distances.min(1) <= 3 * law.sigma
    covered = np.bincount(distances.argmin(1)[near], minlength=len(law.means))
    real, _ = law.sample(LIMIT, SEED)
    return {
        "mixture score": ks.evaluation.mixture_score(points, law.means, law.sigma),
        "mixture score of the true law": ks.evaluation.mixture_score(
            real, law.means, law.sigma
        ),
        "share of samples within 3 sigma": float(near.mean()),
        "components with a sample within 3 sigma": int((covered > 0).sum()),
        "mixture score, samples": LIMIT,
    }


def classified(model, inputs: Inputs) -> dict[str, float]:
    """The inception-type score under a small classifier, and that classifier's worth.

    scikit-learn's `MLPClassifier`, one hidden layer of 256, trained on at most 20,000
    real training images: the score is its own, and is not to be compared with scores
    under other classifiers.
    """
    from sklearn.neural_network import MLPClassifier

    x, y = inputs.arrays("train", 20_000, labels=True)
    test, truth = inputs.arrays("test", LIMIT, labels=True)
    classifier = MLPClassifier(
        (256,), early_stopping=len(x) > 5000, max_iter=300, random_state=0
    )
    classifier.fit(x.reshape(len(x), -1), y)

    def score(images):
        flat = np.asarray(images).reshape(len(images), -1)
        return ks.evaluation.inception_score(classifier.predict_proba(flat), 1)

    flat = test.reshape(len(test), -1)
    return {
        "MLP-classifier score": score(generate(model, LIMIT)),
        "MLP-classifier score, samples": LIMIT,
        "MLP-classifier score of real test images": score(test),
        "MLP classifier's test accuracy": float(classifier.score(flat, truth)),
    }
