"""What a reader of measures must know beside the numbers: the notes of a report."""

import contextlib
import warnings
from collections.abc import Iterable, Iterator

from keras_svae.evaluation.material import Material
from keras_svae.evaluation.needs import discrete

__all__ = ["noting", "notes_of"]

# The measures that depend on the law p(x|z).
OF_LAW = {
    "variational_bound",
    "marginal_bound",
    "importance_weighted_bound",
    "annealed_importance_sampling",
}


def notes_of(material: Material, names: Iterable[str]) -> list[str]:
    """What a reader of the measures of these names must know."""
    found = []
    if material.n_follows and material.drew:
        found.append(
            f"{material.n} samples were drawn, as many as test examples were read; n= "
            "sets another number"
        )
    of_law = {name.partition(".")[0] for name in names} & OF_LAW
    if of_law and discrete(material) and not material.binary:
        found.append(
            f"{', '.join(sorted(of_law))}: test data have values between 0 and 1, of "
            f"which {material.subject.about['likelihood']} gives a cross entropy, and "
            "no log probability (binarize= of ks.data.load makes binary data)"
        )
    label = f"[{material.backbone.label}]" if material.backbone else ""
    if any(label and name.endswith(label) for name in names):
        found.append(
            f"compare numbers with {label} only with numbers from the same network, "
            "for images of the same shape and with the same n"
        )
    return found


@contextlib.contextmanager
def noting(name: str, notes: list[str]) -> Iterator[None]:
    """Collects a measure's own warnings: they belong beside its numbers."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in told:
        if one.category is UserWarning:
            notes.append(f"{name}: {one.message}")
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
