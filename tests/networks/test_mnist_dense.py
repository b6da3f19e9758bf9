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


def test_ijaes_networks(outline):
    nets = ks.networks.ijae_mnist_dense(latent_dim=5, units=8)
    body = "dense 8 | relu | dense 8 | relu"
    assert outline(nets.generator) == f"{body} | dense 784 | reshape"
    assert nets.encoder.output_shape == (None, 5)
    assert [one.shape[1:] for one in nets.critic_pair.inputs] == [
        (28, 28, 1),
        (5,),
        (28, 28, 1),
    ]
    # x and y as two channels of one image, then z.
    flat, hidden = 7 * 7 * 32 + 5, 128 * 64 + 64 + 65
    convolutions = 16 * (4 * 4 * 2 + 1) + 32 * (4 * 4 * 16 + 1)
    assert nets.critic_pair.count_params() == convolutions + (flat + 1) * 128 + hidden
    assert nets.critic_x.count_params() == 785 * 8 + 9 * 8 + 9
    assert nets.critic_code.count_params() == (785 + 5) * 8 + 9 * 8 + 9
    # The encoder is fed noise: it draws.
    x = np.ones((2, 28, 28, 1), "f")
    z = nets.encoder(x).numpy()
    assert np.abs(z[0] - z[1]).max() > 0
    ks.IJAE(*nets, likelihood=ks.distributions.ShiftLikelihood(1))
