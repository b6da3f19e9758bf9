"""The activation at the end of a layer that is written in TensorFlow."""

import keras
import tensorflow as tf

__all__ = ["ACTIVATIONS", "ONE_SIDED", "OTHER", "PASSES", "traced_end"]

# What `traced_end` gives for a layer that passes its input on, and for one that ends in
# something else than an activation.
PASSES, OTHER = object(), object()

# Operations of TensorFlow that change a tensor's shape or type, or choose some of it.
_SHAPES = (
    "Cast ExpandDims Identity PreventGradient Reshape ReverseV2 Slice Squeeze"
    " StopGradient StridedSlice Transpose"
).split()
# Activations, by the names of operations of Keras and TensorFlow, in small letters.
ACTIVATIONS = {
    "clip": "clip",
    "exp": "exponential",
    **{name.replace("_", ""): name for name in dir(keras.activations)},
}
# They bound values from one side if they read a single tensor, and a number.
ONE_SIDED = ("Maximum", "Minimum")


def traced_end(layer: keras.layers.Layer) -> str | object | None:
    """The name of the activation that a layer of one input and one output ends in.

    It is read from TensorFlow's graph of the layer's `call`, so the code may be
    anything that TensorFlow can trace. The graph does not run. A function that is
    compiled by itself within it is not looked into.

    Returns:
        The name; `PASSES` if the input comes out but for its shape; `OTHER` for another
        end; None if it is not known.
    """
    try:
        read = tf.TensorSpec(*_read(layer))
        with keras.StatelessScope():  # what `call` assigns is not kept
            graph = tf.function(layer.call, autograph=False)
            traced = graph.get_concrete_function(read)
        return _end_of(traced.outputs[0].op, traced.inputs[0].op)
    except Exception:  # of the user's own `call`
        return None


def _read(layer: keras.layers.Layer) -> tuple:
    """The shape and the type of what it reads."""
    try:
        return layer.input.shape, layer.input.dtype
    except AttributeError:  # no part of a graph: what it was built for
        shape = layer.get_build_config()["input_shape"]
        return (None, *shape[1:]), layer.compute_dtype


def _end_of(op: tf.Operation, read: tf.Operation) -> str | object:
    while op.type in _SHAPES:
        op = op.inputs[0].op
    if op is read:
        return PASSES
    if op.type in ONE_SIDED:
        numbers = [x for x in op.inputs if x.op.type == "Const" and x.shape.rank == 0]
        return op.type.lower() if numbers else OTHER
    return ACTIVATIONS.get(op.type.lower(), OTHER)
