"""What the user gives, made into what a step takes: x, classes and weights."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.called import Called
from keras_svae.game.feeding import kinds
from keras_svae.game.feeding.fed import Fed

__all__ = ["UserData"]


class UserData(Called):
    """A model that takes its part of the user's data, and refuses what it cannot use.

    A subclass says which part this is.
    """

    # For each metric's name, the player and the term that is of a whole batch.
    _of_batch: dict[str, tuple[str, str]] = {}
    # Why examples have no weights, for a method where they have none.
    weightless = ""

    # ---- What a method gives -----------------------------------------------------

    def check_data(self, batch) -> None:
        """Raises a ValueError on a batch of a wrong type, shape or (known) value.

        Here: on one that is not what `batch_spec` says.
        """
        checks.like_spec(batch, self.batch_spec())

    def least_share(self) -> tuple[int, str]:
        """The least number of examples per replica in training, and the reason."""
        return 1, "at least 1 example per replica"

    def unpack(self, data):
        """The part of an element that the method needs: here x of `(x, ...)`."""
        return kinds.parts(data)[0]

    def unpack_weight(self, data):
        """The weights of examples in the dataset's element, `(x, y, w)`, or None."""
        return kinds.parts(data)[2]

    # ---- What follows from it ----------------------------------------------------

    def _unpacked(self, element) -> Fed:
        """A `Fed` from an element of the user's data."""
        batch = self._part(element, self.unpack)
        weight = self.unpack_weight(element)
        if weight is None:
            return Fed(batch)
        self._check_weighable("sample_weight")
        return Fed(batch, weight)

    def _shaped(self, batch):
        """A batch with the sizes that its data set does not know; they are checked."""
        flat = keras.tree.flatten(batch)
        wanted = keras.tree.flatten(self.batch_spec())
        if len(flat) != len(wanted) or not all(map(tf.is_symbolic_tensor, flat)):
            return batch
        known = [
            tf.ensure_shape(one, spec.shape)
            if one.shape.rank
            and not one.shape[1:].is_fully_defined()
            and one.shape.is_compatible_with(spec.shape)
            else one
            for one, spec in zip(flat, wanted, strict=True)
        ]
        return keras.tree.pack_sequence_as(batch, known)

    def _look(self, fed: Fed) -> None:
        self.check_data(fed.batch)
        if not isinstance(fed.weight, tuple):
            checks.sample_weight(fed.weight, fed.batch)

    def _check_weighable(self, name: str) -> None:
        whose = type(self).__name__
        if self.weightless:
            raise ValueError(
                f"Expected no {name} for {whose}, as {self.weightless}; received: "
                f"{name}"
            )
        for player, term in self._of_batch.values():
            raise ValueError(
                f"Expected no {name} for {whose}, as the term {term or 'loss'!r} of "
                f"the player {player!r} is a statistic of the whole batch, in which "
                f"examples have no weights; received: {name}"
            )

    def _arrays(self, x, y=None, sample_weight=None, class_weight=None):
        """A `Fed` of arrays; x itself if it is another kind of data."""
        x, y, sample_weight = kinds.together(self._of_lists(x), y, sample_weight)
        kinds.no_dictionary(x)
        if not kinds.are_arrays(x):
            beside = class_weight is not None and isinstance(x, tf.data.Dataset)
            weights = None if beside else class_weight
            kinds.beside_data(x, y, sample_weight, weights)
            if beside:
                self._check_weighable("class_weight")
                classes = getattr(self, "classes", None)
                return checks.class_weight_of_batches(class_weight, x, classes)
            return x
        y = kinds.of_numbers(y)
        batch = self.unpack(x if y is None else (x, y))
        if class_weight is not None:
            self._check_weighable("class_weight")
            classes = getattr(self, "classes", None)
            paired = isinstance(x, tuple) and getattr(self, "conditional", False)
            labels = batch[1] if paired else y  # of a pair, y is the target
            weight = checks.class_weight(class_weight, labels, sample_weight, classes)
            sample_weight = weight
        elif sample_weight is not None:
            self._check_weighable("sample_weight")
            sample_weight = kinds.of_numbers(sample_weight)
            if not kinds.are_arrays(sample_weight):
                raise ValueError(
                    "Expected sample_weight as an array, a number for each example; "
                    f"received: {sample_weight!r}"
                )
        if batch is x and y is not None:
            kinds.unread(y, x, type(self).__name__)
        return Fed(batch, () if sample_weight is None else sample_weight)
