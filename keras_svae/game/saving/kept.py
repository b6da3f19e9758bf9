"""Parts of a model that come and go: averages of weights, samplers."""

from typing import Any, TypeVar

import keras

__all__ = ["Keeping"]

Part = TypeVar("Part", bound=keras.layers.Layer)


class _Parts(keras.layers.Layer):
    """A layer that takes in layers at any time, and lets go of them.

    Keras never lets go of a layer that is an attribute. And a layer that Keras has
    built or quantised takes in no new ones. But a list of layers lets go of what is
    removed from it, and Keras neither builds this layer nor quantises it.
    """

    def __init__(self):
        super().__init__(name="parts", dtype="float32")
        self.kept: list[Any] = []
        # Keras quantises, and then locks, layers without layers in them.
        self.never_empty = keras.layers.Identity()
        self.built = True

    def build(self, *unused):
        """Does nothing. It has to be here: Keras locks a layer without `build`."""

    def add(self, part: keras.layers.Layer) -> None:
        self.kept.append(part)
        # A `tf.train.Checkpoint` follows attributes, and no lists of Keras.
        setattr(self, _attribute(part), part)

    def remove(self, part: keras.layers.Layer) -> None:
        delattr(self, _attribute(part))
        self.kept.remove(part)


def _attribute(part: keras.layers.Layer) -> str:
    """Parts of one kind have names of their own."""
    return f"{type(part).__name__} {part.name}"


class Keeping(keras.Model):
    """A model that keeps parts, is saved with them, and can give them up."""

    _parts: _Parts | None = None

    def _with_parts(self) -> _Parts:
        """The layer that holds the parts, made where there is none.

        `Game` makes it after the networks, so that their weights come first.
        """
        if self._parts is None:
            self._parts = _Parts()
        return self._parts

    def _keep_part(self, part: keras.layers.Layer) -> None:
        self._with_parts().add(part)

    def _give_up_part(self, part: keras.layers.Layer) -> None:
        self._with_parts().remove(part)

    def _parts_of(self, kind: type[Part]) -> list[Part]:
        kept = self._parts.kept if self._parts is not None else []
        return [one for one in kept if isinstance(one, kind)]

    @property
    def layers(self) -> list[Any]:
        """The networks, then the parts that the model keeps."""
        own = [one for one in super().layers if one is not self._parts]
        return own + (self._parts.kept if self._parts is not None else [])
