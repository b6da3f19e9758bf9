"""Codes and labels of training and test data: what probes are given."""

import numpy as np

from keras_svae.evaluation.reading.streams import gather

__all__ = ["labelled_codes"]


def labelled_codes(train_codes, train_labels, test_codes, test_labels):
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
