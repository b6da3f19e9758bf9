"""A classifier with the architecture of a critic."""

import keras

from keras_svae import arguments
from keras_svae.networks.parts import output_dtype

__all__ = ["classifier"]


def classifier(critic: keras.Model, classes: int) -> keras.Model:
    """A network from x to logits with a critic's layers, except the last; new weights.

    Hu et al. (2018, appendix I.2) describe the classifier of M2 like this: "the same
    architecture as the discriminators". For domain adaptation a critic of features
    gives a classifier of features.

    Args:
        critic: A functional model that ends in the dense layer "log_ratio", as the
            critics of this package do, from x alone (`joint=False`, no `classes`).
        classes: The number of classes, at least 2.

    Returns:
        x to (batch, classes), unbounded.

    Raises:
        ValueError: For a critic of more than x, or a number out of range.

    Example:
        nets = ks.networks.mnist_dense(joint=False)
        q_y = ks.networks.classifier(nets.critic, 10)
    """
    classes = arguments.integer("classes", classes, at_least=2)
    inputs = getattr(critic, "inputs", None) or []
    names = [layer.name for layer in getattr(critic, "layers", [])]
    if len(inputs) != 1 or names[-1:] != ["log_ratio"]:
        raise ValueError(
            "Expected a critic of x alone, as the networks of this package have it "
            "with joint=False; received: inputs "
            f"{[tuple(one.shape) for one in inputs]}"
        )
    # The classifier has its own layers: a clone starts from new weights.
    cloned = keras.models.clone_model(critic)
    last = critic.get_layer("log_ratio")
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=_again(last.kernel_initializer),
        dtype=output_dtype(),
        name="class_logits",
    )
    features = cloned.get_layer("log_ratio").input
    return keras.Model(cloned.inputs[0], logits(features), name="classifier")


def _again(initializer):
    return type(initializer).from_config(initializer.get_config())
