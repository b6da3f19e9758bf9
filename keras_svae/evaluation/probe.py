"""What labels a simple classifier reads from codes."""

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.streams import Stream, gather

__all__ = ["linear_probe", "nearest_neighbours"]


def linear_probe(
    train_codes: Stream,
    train_labels,
    test_codes: Stream,
    test_labels,
    *,
    strength: float = 1.0,
    max_iter: int = 1000,
) -> Measurement:
    """Test accuracy of a multinomial logistic regression on codes.

    scikit-learn's `LogisticRegression` (L-BFGS, L2 penalty) on codes that are
    standardised by the training codes' means and standard deviations.

    Args:
        train_codes: (n, d), see `Stream`.
        train_labels: (n,), integers, booleans or strings.
        test_codes: (m, d).
        test_labels: (m,); a class that is not in training counts as missed.
        strength: Inverse strength of the penalty, scikit-learn's C.
        max_iter: Iterations of L-BFGS; scikit-learn warns if they do not suffice.

    Returns:
        Share of test codes whose label is found, in [0, 1]; the details tell the share
        that the most frequent training label would get.

    Raises:
        ValueError: On labels of another length than the codes, NaN, codes of different
            dimensions, a single class, or a strength that is not positive.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not 0 < strength < np.inf:
        raise ValueError(f"Expected strength > 0; received: strength={strength}")
    train, test, about = _checked(train_codes, train_labels, test_codes, test_labels)
    if about["classes"] < 2:
        raise ValueError("Expected training labels of two classes or more; received: 1")
    regression = LogisticRegression(C=strength, max_iter=max_iter)
    probe = make_pipeline(StandardScaler(), regression).fit(*train)
    return Measurement(
        probe.score(*test), "linear-probe accuracy", **about, strength=strength
    )


def nearest_neighbours(
    train_codes: Stream,
    train_labels,
    test_codes: Stream,
    test_labels,
    *,
    neighbours: int = 5,
) -> Measurement:
    """Test accuracy of a vote among the nearest training codes.

    Distances are Euclidean between codes as they are: to standardise them would make
    dimensions that hardly vary as loud as the others.

    Args:
        train_codes: (n, d), see `Stream`.
        train_labels: (n,), integers, booleans or strings.
        test_codes: (m, d).
        test_labels: (m,).
        neighbours: How many vote; of classes with as many votes the first in order
            wins.

    Returns:
        As `linear_probe`.

    Raises:
        ValueError: As `linear_probe`, and on fewer training codes than neighbours.
    """
    from sklearn.neighbors import KNeighborsClassifier

    train, test, about = _checked(train_codes, train_labels, test_codes, test_labels)
    if not 1 <= neighbours <= len(train[0]):
        raise ValueError(
            f"Expected 1 to {len(train[0])} neighbours, the number of training codes; "
            f"received: neighbours={neighbours}"
        )
    vote = KNeighborsClassifier(neighbours).fit(*train)
    return Measurement(
        vote.score(*test),
        "nearest-neighbour accuracy",
        **about,
        neighbours=neighbours,
    )


def _checked(train_codes, train_labels, test_codes, test_labels):
    """Both pairs of codes and labels, and what a measurement says of them."""
    found = []
    for name, codes, labels in (
        ("training", train_codes, train_labels),
        ("test", test_codes, test_labels),
    ):
        z, y = gather(codes, f"{name} codes"), np.asarray(labels)
        if z.ndim != 2:
            raise ValueError(f"Expected {name} codes (n, d); received: shape {z.shape}")
        if y.shape != (len(z),):
            raise ValueError(
                f"Expected {name} labels ({len(z)},), one for each code; received: "
                f"shape {y.shape}"
            )
        if y.dtype.kind not in "iubU":
            raise ValueError(
                f"Expected {name} labels as integers, booleans or strings; received: "
                f"{y.dtype}"
            )
        found.append((z.astype(np.float64), y))
    train, test = found
    if train[0].shape[1] != test[0].shape[1]:
        raise ValueError(
            "Expected training and test codes of the same dimension; received: "
            f"{train[0].shape[1]} and {test[0].shape[1]}"
        )
    kinds, counts = np.unique(train[1], return_counts=True)
    about = {
        "n": len(test[0]),
        "n_train": len(train[0]),
        "classes": len(kinds),
        "most_frequent": float((test[1] == kinds[counts.argmax()]).mean()),
    }
    return train, test, about
