"""Codes and labels of training and test data: what probes are given."""

import numpy as np

from keras_svae.evaluation.reading.known import KINDS, known, labels_of, same_kind
from keras_svae.evaluation.reading.streams import gather

__all__ = ["labelled_codes"]


def labelled_codes(train_codes, train_labels, test_codes, test_labels):
    """Both pairs of codes and labels, and what a measurement says of them.

    Examples of an unknown class, -1, are left out.
    """
    found, missing = [], {}
    for name, codes, labels in (
        ("training", train_codes, train_labels),
        ("test", test_codes, test_labels),
    ):
        z, y = gather(codes, f"{name} codes"), labels_of(labels)
        if z.ndim != 2:
            raise ValueError(f"Expected {name} codes (n, d); received: shape {z.shape}")
        if y.shape != (len(z),):
            raise ValueError(
                f"Expected {name} labels ({len(z)},), one for each code; received: "
                f"shape {y.shape}"
            )
        if y.dtype.kind not in KINDS:
            raise ValueError(
                f"Expected {name} labels as integers, booleans or strings; received: "
                f"{y.dtype}"
            )
        rows, without = known(y, f"{name} labels")
        suffix = "_train" if name == "training" else ""
        missing |= {f"{key}{suffix}": count for key, count in without.items()}
        found.append((z[rows].astype(np.float64), y[rows]))
    train, test = found
    if not same_kind(train[1], test[1]):
        raise ValueError(
            "Expected training and test labels of one kind, texts or numbers; "
            f"received: {train[1].dtype} and {test[1].dtype}"
        )
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
        **missing,
    }
    return train, test, about
