"""Labels of known classes: y = -1 means that the class of an example is not known."""

import numpy as np

__all__ = ["KINDS", "are_known", "known", "labels_of", "same_kind"]

# NumPy's kinds of labels: integers, booleans and strings.
KINDS = "iubU"


def labels_of(y) -> np.ndarray:
    """Labels as an array; texts that pandas or TensorFlow gives become NumPy's."""
    y = np.asarray(y)
    if y.dtype.kind not in "OS" or not y.size:
        return y
    if not all(isinstance(one, (str, bytes)) for one in y.flat):
        return y
    texts = [
        one.decode("utf-8", "backslashreplace") if isinstance(one, bytes) else one
        for one in y.flat
    ]
    return np.array(texts, str).reshape(y.shape)


def same_kind(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether labels are texts on both sides, or on none."""
    return (one.dtype.kind == "U") == (other.dtype.kind == "U")


def are_known(y: np.ndarray) -> np.ndarray:
    """Which labels name a class, booleans (n,): all but the integers below 0."""
    return y >= 0 if y.dtype.kind == "i" else np.ones(y.shape, bool)


def known(
    y, name: str = "labels", classes: int | None = None
) -> tuple[np.ndarray, dict[str, int]]:
    """Which examples have a known class, and what a measurement says of the others.

    Args:
        y: One label for each example, (n,): integers, booleans or strings. -1 means
            that the class is not known.
        name: What an error calls the labels.
        classes: How many classes there are; None for any labels.

    Returns:
        Booleans (n,); and `unlabelled`, the number of examples without a class, in a
        dictionary, which is empty if there are none.

    Raises:
        ValueError: If no class is known, or a label is none of the classes.
    """
    y = labels_of(y)
    found = are_known(y)
    if y.dtype.kind in "iu" and len(y):
        least, most = int(y.min()), int(y.max())
        if least < -1 or (classes is not None and most >= classes):
            wanted = ">= 0" if classes is None else f"in 0..{classes - 1}"
            raise ValueError(
                f"Expected {name} as integers {wanted}, or -1 for an unknown class; "
                f"received: {least if least < -1 else most}"
            )
    if not found.any():
        raise ValueError(
            f"Expected {name} of known classes; received: "
            + ("-1, no class, for all examples" if len(y) else "none at all")
        )
    missing = int((~found).sum())
    return found, {"unlabelled": missing} if missing else {}
