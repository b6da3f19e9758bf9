"""What `load` refuses before it reads anything, and how it reports this."""

from keras_svae import arguments
from keras_svae.noise import check_seed as seed

__all__ = ["check_part", "integer", "labelled_batch", "part", "seed"]


def integer(name: str, value, at_least: int) -> int:
    """The value as an int; raises unless it is whole, large enough, and of 64 bits."""
    return arguments.integer(name, value, at_least, at_most=2**63 - 1)


def check_part(name: str, value) -> None:
    """Raises unless the value is None, a share in (0, 1) or a count >= 1."""
    count = arguments.whole(value) and value >= 1
    if value is not None and not _share(value) and not count:
        raise ValueError(
            f"Expected {name} as a share in (0, 1) or a number of examples, at least "
            f"1; received: {name}={value!r}"
        )


def part(name: str, value, count: int, most: int) -> int:
    """How many of `count` examples in train a share or a number means; at most `most`.

    A share is of all of them, rounded, and never none.
    """
    check_part(name, value)
    asked = max(1, round(float(value) * count)) if _share(value) else int(value)
    if asked > most:
        bound = f"below {count}" if most < count else f"up to {count}"
        raise ValueError(
            f"Expected {name} as a share in (0, 1) or a number {bound}, the number "
            f"of examples; received: {name}={value!r}"
        )
    return asked


def labelled_batch(value, labelled, split: str, batch_size: int) -> int:
    """How many examples of a batch have their class, if some have none; else 0."""
    check_part("labelled", labelled)
    if labelled is None:
        if value is not None:
            raise ValueError(
                "Expected labelled=<share or number of examples> with labelled_batch; "
                f"received: labelled=None, labelled_batch={value!r}"
            )
        return 0
    if split != "train":
        raise ValueError(
            "Expected labelled=None except for split='train', as other splits have all "
            f"their labels (labels=True); received: labelled={labelled!r} for {split!r}"
        )
    if batch_size < 2:
        raise ValueError(
            "Expected batch_size >= 2 with labelled, as a batch has labelled and "
            f"unlabelled examples; received: batch_size={batch_size}"
        )
    if value is None:
        return batch_size // 2
    if not arguments.whole(value) or not 1 <= value < batch_size:
        raise ValueError(
            f"Expected labelled_batch to be an integer from 1 to {batch_size - 1}, "
            f"below batch_size; received: labelled_batch={value!r}"
        )
    return int(value)


def _share(value) -> bool:
    return arguments.real(value) and 0 < float(value) < 1
