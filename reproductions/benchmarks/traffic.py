"""How many bytes of weights a training step moves, whatever its batch.

A product or a convolution reads a weight, or writes its gradient. Gradients of a weight
that is used twice are added. The check for divergence reads a gradient, and Adam reads
a gradient, a weight and its two moments, and writes three of them.
"""

import collections

import numpy as np
import tensorflow as tf

import keras_svae as ks

__all__ = ["traffic"]

# Smaller weights stay in a processor's cache, and their shapes may be activations'.
LEAST = 10_000
KERNELS = ("MatMul", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput")
SUMS = ("AddN", "Sum")
# Adam's node names the gradient alone; the other six are behind handles.
ADAM, OF_ADAM = "ResourceApplyAdam", 7


def traffic(model: ks.Game, batch: np.ndarray) -> dict[str, float]:
    """Megabytes by kind of node, and of the weights themselves.

    Args:
        model: A compiled model; nothing is trained.
        batch: What its step takes; of so many rows that no activation has the shape of
            a weight.
    """
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function(tf.constant(batch)).graph
    weights = [v for v in model.trainable_variables if np.prod(v.shape) >= LEAST]
    shapes = {tuple(v.shape) for v in weights}

    def megabytes(tensors):
        fixed = (one.shape for one in tensors if one.shape.is_fully_defined())
        return sum(4e-6 * np.prod(s) for s in fixed if tuple(s) in shapes)

    found: collections.Counter = collections.Counter()
    for node in graph.get_operations():
        moved = megabytes([*node.inputs, *node.outputs])
        if node.type == ADAM:
            found["Adam"] += OF_ADAM * moved
        elif node.type in KERNELS:
            found["products"] += moved
        elif node.type in SUMS:
            found["sums"] += moved
    found["in all"] = sum(found.values())
    found["weights"] = megabytes(weights)
    return {kind: round(float(number), 1) for kind, number in found.items()}
