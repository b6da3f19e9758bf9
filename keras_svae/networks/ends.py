"""How networks end: the law of their output, and whether the output is raw."""

import keras
import tensorflow as tf

from keras_svae.distributions import Law
from keras_svae.networks.backwards import Made, innermost, is_opaque, output_of
from keras_svae.networks.traced import ACTIVATIONS, ONE_SIDED, PASSES, traced_end
from keras_svae.owners import owner_of, package_of

__all__ = ["RawOutput", "law_of", "same_law"]


@keras.saving.register_keras_serializable(package="keras_svae")
class RawOutput(keras.layers.Layer):
    """Names the law at the end of a network whose raw output is the law's.

    It changes nothing and has no weights. A model reads the law there, so users do not
    need to repeat it. The law is saved with the network.

    Args:
        law: q(z|x) of an encoder, p(x|z) of a decoder.

    Example:
        x = keras.layers.Dense(2)(h)
        law = ks.distributions.Gaussian(0.1)
        decoder = keras.Model(z, ks.networks.RawOutput(law)(x))
    """

    def __init__(self, law: Law, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(law, Law):
            raise ValueError(
                f"Expected law to be a keras_svae.distributions.Law; received: {law!r}"
            )
        self.law = law

    def call(self, inputs):
        return tf.identity(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        law = keras.saving.serialize_keras_object(self.law)
        return {**super().get_config(), "law": law}

    @classmethod
    def from_config(cls, config):
        law = keras.saving.deserialize_keras_object(config["law"])
        return cls(**{**config, "law": law})


# These layers pass their input on unchanged, except for its shape.
_SHAPES = (
    RawOutput,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Permute,
    keras.layers.Reshape,
)
# Layers that pass values on when a model is used, or choose, copy or average some of
# them: what they give lies in the range of what they read.
_PASSING = (
    *_SHAPES,
    *(
        getattr(keras.layers, name)
        for name in (
            "ActivityRegularization AlphaDropout Average CenterCrop Concatenate Dropout"
            " GaussianDropout GaussianNoise Masking Maximum Minimum RepeatVector"
            " Resizing"
        ).split()
    ),
    *(
        getattr(keras.layers, f"{name}{rank}D")
        for name in (
            "AdaptiveAveragePooling AdaptiveMaxPooling AveragePooling Cropping"
            " GlobalAveragePooling GlobalMaxPooling MaxPooling SpatialDropout"
            " UpSampling ZeroPadding"
        ).split()
        for rank in (1, 2, 3)
    ),
)
_ACTIVATIONS = (
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
)
# Ways to resize whose values may lie outside of those that they read: the others choose
# or average.
_OVERSHOOTING = ("bicubic", "lanczos3", "lanczos5")
# Operations of `keras.ops` that are no layers, by the names of their classes, which
# Keras also writes to files: the same kinds as above.
_SHAPE_OPERATIONS = (
    "Cast ExpandDims Moveaxis Ravel Rearrange Reshape Squeeze Swapaxes Transpose"
).split()
_PASSING_OPERATIONS = [
    *_SHAPE_OPERATIONS,
    *(
        "AdaptiveAveragePool AdaptiveMaxPool Amax Amin Average AveragePool BroadcastTo"
        " Concatenate CropImages DepthToSpace Flip Fliplr Flipud GetItem Hstack Max"
        " MaxPool Maximum Mean Min Minimum Pad PadImages Repeat Resize Roll Rot90 Slice"
        " SpaceToDepth Split Stack StopGradient Take Tile Unstack Vstack"
    ).split(),
]


def law_of(network: keras.Model) -> Law | None:
    """The law that a network's end names; None if it names none."""
    made = innermost(output_of(network), _SHAPES)
    while made is not None:
        if isinstance(made.by, RawOutput):
            return made.by.law
        if isinstance(made.by, keras.Model) and made.by.layers:
            # Of a network that nobody can look into its last layer is the best guess.
            made = innermost(Made(made.by.layers[-1]), _SHAPES)
            continue
        if len(made.of) != 1 or not _is(made.by, _SHAPES, _SHAPE_OPERATIONS):
            return None
        made = innermost(made.of[0], _SHAPES)
    return None


def same_law(one: Law, other: Law) -> bool:
    """Whether two laws are of the same kind and have the same parameters."""
    return type(one) is type(other) and one.get_config() == other.get_config()


def last_activation(network: keras.Model) -> str | None:
    """The name of the activation that a network ends in; None for a linear end.

    What follows it may change the shape, choose, copy, pad or average values, or act in
    training only. Several tensors that are put together end in an activation if all of
    them do; the name is then "sigmoid and tanh". It is found in a layer of the user's
    own and in a function, too, by the operations of Keras or TensorFlow that their code
    uses last.

    Arithmetic after an activation, such as `30 * tanh(x / 30)`, is taken as a linear
    end: there the user has chosen a range.
    """
    found = _activations(output_of(network))
    return " and ".join(found) if found else None


def _activations(made: Made | None) -> list[str] | None:
    """The activations that a tensor ends in, each once; None if a part ends in none."""
    made = innermost(made, _SHAPES)
    if made is None:
        return None
    one, name = made.by, type(made.by).__name__
    if not isinstance(one, keras.layers.Layer):
        if name in ONE_SIDED and len(made.of) == 1:
            return [name.lower()]
        if name not in _PASSING_OPERATIONS:
            known = ACTIVATIONS.get(name.lower())
            return None if known in (None, "linear") else [known]
    if getattr(one, "interpolation", None) in _OVERSHOOTING:
        return None
    if _is(one, _PASSING, _PASSING_OPERATIONS) or _is_linear_activation(one):
        return _all([_activations(read) for read in made.of])
    if isinstance(one, _ACTIVATIONS):
        return [name]
    if isinstance(one, keras.layers.Bidirectional):
        if one.merge_mode not in ("concat", "ave"):  # others are arithmetic
            return None
        both = one.forward_layer, one.backward_layer
        return _all([_activations(Made(layer)) for layer in both])
    if made.plain and len(made.of) <= 1 and is_opaque(one):
        end = traced_end(one)
        if end is PASSES:
            return _all([_activations(read) for read in made.of])
        if isinstance(end, str):
            return [end]
    return _own_activation(one)


def _own_activation(layer: keras.layers.Layer) -> list[str] | None:
    if type(layer) is keras.layers.RNN:
        layer = layer.cell
        if isinstance(layer, keras.layers.StackedRNNCells):
            layer = layer.cells[-1]
        if type(layer).__module__.split(".")[0] != "keras":
            return None  # A cell of the user's may use it for something else.
    if not _calls_as_ours(type(layer)):
        return None  # and so may a layer
    activation = getattr(layer, "activation", None)
    if activation in (None, keras.activations.linear):
        return None
    return [getattr(activation, "__name__", type(activation).__name__)]


def _calls_as_ours(cls: type) -> bool:
    """Whether the `call` of a layer's class is Keras's, or of this package."""
    return package_of(owner_of(cls, "call")) in ("keras", "keras_svae")


def _all(parts: list[list[str] | None]) -> list[str] | None:
    """The names of all parts, each once; None if there is none for one of them."""
    if not parts or None in parts:
        return None
    return [*dict.fromkeys(name for part in parts for name in part or ())]


def _is(one: keras.Operation, layers: tuple, operations: list[str]) -> bool:
    """Whether it is one of these layers, or an operation of one of these names."""
    if isinstance(one, keras.layers.Layer):
        return isinstance(one, layers)
    return type(one).__name__ in operations


def _is_linear_activation(one: keras.Operation) -> bool:
    linear = keras.activations.linear
    return isinstance(one, keras.layers.Activation) and one.activation is linear
