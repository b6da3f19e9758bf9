import keras
import numpy as np

import keras_svae as ks


def test_counts():
    nets = ks.networks.mnist_dense(latent_dim=16)
    hidden = 500 * 500 + 500
    assert nets.encoder.count_params() == (784 * 500 + 500) + hidden + (500 + 1) * 32
    assert nets.decoder.count_params() == (16 + 1) * 500 + hidden + (500 + 1) * 784
    assert nets.critic.count_params() == (784 + 16 + 1) * 500 + hidden + (500 + 1)


def test_is_the_table(outline):
    nets = ks.networks.mnist_dense()
    body = "dense 500 | relu | dense 500 | relu"
    assert outline(nets.encoder) == f"flatten | {body} | dense 64"
    assert outline(nets.decoder) == f"{body} | dense 784 | reshape"
    assert outline(nets.critic) == (
        "flatten | concat | dense 500 | leaky_relu | dense 500 | leaky_relu | dense 1"
    )


def test_a_cloned_critic_has_weights_of_its_own():
    """As AS-VAE's page makes its second critic."""
    critic = ks.networks.mnist_dense(units=8).critic
    other = keras.models.clone_model(critic)
    assert [w.shape for w in other.weights] == [w.shape for w in critic.weights]
    kernels = [m.get_layer("log_ratio").get_weights()[0] for m in (critic, other)]
    assert np.abs(kernels[0] - kernels[1]).min() > 0
    x, z = np.ones((2, 28, 28, 1), "f"), np.ones((2, 32), "f")
    assert other([x, z]).shape == (2, 1)
