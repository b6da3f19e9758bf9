"""Keras's linear layers, in forms that are faster: see `on_cpu`."""

import keras
import tensorflow as tf

from keras_svae.networks import on_cpu

__all__ = ["Conv2D", "Conv2DTranspose", "Dense"]


@keras.saving.register_keras_serializable(package="keras_svae")
class Dense(keras.layers.Dense):
    """Keras's dense layer; on CPUs a large one has the gradient of `on_cpu.product`.

    Args:
        *args: See `keras.layers.Dense`.
        **kwargs: See `keras.layers.Dense`.
    """

    def call(self, inputs, training=None):
        if not on_cpu.worthwhile(inputs, self.kernel.shape):
            return super().call(inputs, training)
        outputs = on_cpu.product(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            return _with_bias(self, outputs)
        return outputs if self.activation is None else self.activation(outputs)

    def quantize(self, mode=None, type_check=True, **kwargs):
        """See `keras.layers.Dense.quantize`.

        Keras refuses subclasses, as their `call` may be another. This one's has the
        same values, and a quantised layer does not use it.
        """
        super().quantize(mode, type_check=False, **kwargs)


@keras.saving.register_keras_serializable(package="keras_svae")
class Conv2D(keras.layers.Conv2D):
    """Keras's convolution, but TensorFlow's own kernel adds the bias.

    Keras reshapes the bias to an image first, and its gradient back. On CPUs a
    convolution of few maps has the gradient of `on_cpu.convolved`.

    Args:
        *args: See `keras.layers.Conv2D`.
        **kwargs: See `keras.layers.Conv2D`.
    """

    def call(self, inputs):
        if not self.use_bias or self.data_format != "channels_last":
            return super().call(inputs)
        if _is_of_few(self, inputs.shape[-1], inputs.shape[1:3]):
            kernel = tf.convert_to_tensor(self.kernel)
            return _with_bias(self, on_cpu.convolved(inputs, kernel, self.strides[0]))
        return _with_bias(self, self.convolution_op(inputs, self.kernel))


@keras.saving.register_keras_serializable(package="keras_svae")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's transposed convolution; its bias is added as in `Conv2D`.

    On CPUs one to few maps is `on_cpu.transposed`.

    Args:
        *args: See `keras.layers.Conv2DTranspose`.
        **kwargs: See `keras.layers.Conv2DTranspose`.
    """

    def call(self, inputs):
        if not self.use_bias or self.data_format != "channels_last":
            return super().call(inputs)
        size = self.compute_output_shape(inputs.shape)[1:3]
        if self.output_padding is None and _is_of_few(self, self.filters, size):
            kernel = tf.convert_to_tensor(self.kernel)
            outputs = on_cpu.transposed(inputs, kernel, size, self.strides[0])
            return _with_bias(self, outputs)
        outputs = keras.ops.conv_transpose(
            inputs,
            self.kernel,
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return _with_bias(self, outputs)


def _is_of_few(layer, maps: int, size) -> bool:
    """Whether `on_cpu` has the layer's convolution, with few maps on its large side."""
    rows, columns = layer.strides
    usual = (
        rows == columns
        and getattr(layer, "groups", 1) == 1
        and {*layer.dilation_rate} == {1}
    )
    return usual and on_cpu.few_maps(maps, rows, layer.padding, size)


def _with_bias(layer, outputs):
    """Adds bias and activation to a product's or a convolution's outputs."""
    outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias))
    return outputs if layer.activation is None else layer.activation(outputs)
