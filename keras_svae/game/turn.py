"""A player's turn as a Keras call, which collects the losses that layers add."""

from collections.abc import Callable

import keras
import tensorflow as tf

from keras_svae.game.checks.data import batch_norms
from keras_svae.game.player import trained_in

__all__ = ["Turn"]


class Turn(keras.layers.Layer):
    """Computes a loss, and finds the losses that layers add while it does so.

    Keras forgets the losses of a network's layers (`add_loss`, activity regularizers)
    when the network is called again. It keeps them only if the network is called within
    another layer's call. This class is that other layer, for all networks of a model.

    Args:
        networks: The networks by name.
    """

    def __init__(self, networks: dict[str, keras.Model]):
        super().__init__(dtype="float32", autocast=False)
        self.networks = networks
        self.built = True

    def call(self, unused, compute):
        return compute()

    def losses_of(self, compute: Callable) -> tuple[object, dict[str, list]]:
        """What `compute` returns, and the scalars that each network's layers added.

        Penalties of weights are not included: they belong to no call.
        """
        found = {}

        def computed():
            try:
                found["loss"] = compute()
            except Exception as error:  # Keras would wrap it in its own message
                found["error"] = error
            return tf.zeros(())

        # An argument, not an attribute: each replica is traced in a thread of its own.
        self(tf.zeros(()), compute=computed)
        if "error" in found:
            raise found["error"]
        added = {
            name: network.losses[: len(network.losses) - len(penalties(network))]
            for name, network in self.networks.items()
        }
        self._check_threads(added)
        return found["loss"], added

    def _check_threads(self, added: dict[str, list]) -> None:
        """Raises where Keras would mix the losses of two replicas' layers."""
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return
        with_losses = [name for name, losses in added.items() if losses]
        layers = batch_norms(self.networks)
        if with_losses and any(one.synchronized for one in layers):
            raise ValueError(
                "Expected no losses that layers add (add_loss, activity regularizers) "
                "beside batch normalisation over all replicas: there Keras mixes the "
                f"replicas' losses; received: some in {', '.join(with_losses)}"
            )


def penalties(network) -> list[tf.Tensor]:
    """The penalties of the trained weights in what a player names, scalars."""
    return [
        variable.regularizer(variable)
        for variable in trained_in(network)
        if variable.regularizer is not None
    ]
