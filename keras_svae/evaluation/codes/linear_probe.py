"""How well a linear classifier finds labels in codes."""

from keras_svae import arguments
from keras_svae.evaluation.codes.labelled_codes import labelled_codes
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["linear_probe"]


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
        train_labels: (n,), integers >= 0, booleans or strings. Examples of an unknown
            class, -1, are left out, here and in the test.
        test_codes: (m, d).
        test_labels: (m,); a class that is not in training counts as missed.
        strength: Inverse strength of the penalty, scikit-learn's C.
        max_iter: Iterations of L-BFGS; scikit-learn warns if they do not suffice.

    Returns:
        Share of test codes whose label is found, in [0, 1]; the details tell the share
        that the most frequent training label would get. `unlabelled` and
        `unlabelled_train` are the numbers of examples that were left out.

    Raises:
        ValueError: On labels of another length than the codes, labels below -1, no
            known class, NaN, codes of different dimensions, a single class, or a
            strength that is not positive.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    arguments.positive("strength", strength)
    arguments.integer("max_iter", max_iter, at_least=1)
    given = train_codes, train_labels, test_codes, test_labels
    train, test, about = labelled_codes(*given)
    if about["classes"] < 2:
        raise ValueError("Expected training labels of two classes or more; received: 1")
    regression = LogisticRegression(C=strength, max_iter=max_iter)
    probe = make_pipeline(StandardScaler(), regression).fit(*train)
    return Measurement(
        probe.score(*test), "linear-probe accuracy", **about, strength=strength
    )
