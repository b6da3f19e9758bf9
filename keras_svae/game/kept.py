"""Parts of a model that come and go: averages of weights, samplers."""

from typing import Any, TypeVar

import keras

__all__ = ["Keeping"]

Part = TypeVar("Part", bound=keras.layers.Layer)


class _Kept(keras.layers.Layer):
    """A layer that lets go of its layers.

    Keras tracks a layer that is an attribute for good, and nothing new once the owner
    is built. But a list of layers lets go of what is removed from it, and this layer is
    never built by Keras.
    """

    def __init__(self):
        super().__init__(name="kept", dtype="float32")
        self.parts = []
        self.built = True

    def build(self, *unused):
        """Nothing to build. Keras may lock a layer that has no `build`."""


class Keeping(keras.Model):
    """A model that keeps parts, is saved with them, and can give them up.

    To its users they are layers of the model, after its networks.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._kept = _Kept()

    def _keep(self, part: keras.layers.Layer) -> None:
        self._kept.parts.append(part)

    def _give_up(self, part: keras.layers.Layer) -> None:
        self._kept.parts.remove(part)

    def _kept_of(self, kind: type[Part]) -> list[Part]:
        return [one for one in self._kept.parts if isinstance(one, kind)]

    @property
    def layers(self) -> list[Any]:
        """The networks, then the parts that the model keeps."""
        own = [one for one in super().layers if one is not self._kept]
        return [*own, *self._kept.parts]
