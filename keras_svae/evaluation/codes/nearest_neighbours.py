"""How well a vote of the nearest codes finds labels."""

from keras_svae import arguments
from keras_svae.evaluation.codes.labelled_codes import labelled_codes
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["nearest_neighbours"]


def nearest_neighbours(
    train_codes: Stream,
    train_labels,
    test_codes: Stream,
    test_labels,
    *,
    k: int = 5,
) -> Measurement:
    """Test accuracy of a vote among the nearest training codes.

    Distances are Euclidean between codes that are not standardised. Standardising would
    give dimensions that hardly vary as much weight as the others.

    Args:
        train_codes: (n, d), see `Stream`.
        train_labels: (n,), integers >= 0, booleans or strings. Examples of an unknown
            class, -1, are left out, here and in the test.
        test_codes: (m, d).
        test_labels: (m,).
        k: How many neighbours vote; of classes with as many votes the first in order
            wins.

    Returns:
        As `linear_probe`.

    Raises:
        ValueError: As `linear_probe`, and on fewer training codes than k.
    """
    from sklearn.neighbors import KNeighborsClassifier

    k = arguments.integer("k", k, at_least=0)
    given = train_codes, train_labels, test_codes, test_labels
    train, test, about = labelled_codes(*given)
    if not 1 <= k <= len(train[0]):
        raise ValueError(
            f"Expected k from 1 to {len(train[0])}, the number of training codes; "
            f"received: k={k!r}"
        )
    vote = KNeighborsClassifier(k).fit(*train)
    return Measurement(
        vote.score(*test),
        "nearest-neighbour accuracy",
        **about,
        k=k,
    )
