import keras_svae as ks


def test_counts():
    # dense: inputs * units + biases.
    nets = ks.networks.toy()
    hidden = 256 * 256 + 256
    assert nets.encoder.count_params() == (
        (2 * 256 + 256) + hidden + (256 * 4 + 4)  # 2 code dims, location and scale
    )
    assert nets.decoder.count_params() == (2 * 256 + 256) + hidden + (256 * 2 + 2)
    assert nets.critic.count_params() == (4 * 256 + 256) + hidden + (256 + 1)


def test_counts_of_other_sizes():
    nets = ks.networks.toy(3, "implicit", units=10, depth=3, noise=True)
    hidden = 2 * (10 * 10 + 10)
    assert nets.encoder.count_params() == (
        ((2 + 2) * 10 + 10) + hidden + (10 * 3 + 3)  # 2 of noise beside x
    )
    assert nets.decoder.count_params() == (
        ((3 + 2) * 10 + 10) + hidden + (10 * 2 + 2)  # 2 of noise beside z
    )
    assert nets.critic.count_params() == ((2 + 3) * 10 + 10) + hidden + (10 + 1)


def test_is_the_table(outline):
    nets = ks.networks.toy(noise=True)
    body = "dense 256 | relu | dense 256 | relu"
    assert outline(nets.encoder) == f"noise | {body} | dense 4"
    assert outline(nets.decoder) == f"noise | {body} | dense 2"
    assert outline(nets.critic) == f"concat | {body} | dense 1"


def test_noise_is_normal():
    nets = ks.networks.toy(noise=True)
    assert nets.encoder.layers[1].law == "normal"
    assert nets.decoder.layers[1].law == "normal"


def test_activation_is_all_networks_unless_the_critic_has_its_own(outline):
    nets = ks.networks.toy(activation="tanh", depth=1)
    assert outline(nets.encoder) == "dense 256 | tanh | dense 4"
    assert outline(nets.critic) == "concat | dense 256 | tanh | dense 1"
    nets = ks.networks.toy(activation="tanh", critic_activation="elu", depth=1)
    assert outline(nets.decoder) == "dense 256 | tanh | dense 2"
    assert outline(nets.critic) == "concat | dense 256 | elu | dense 1"
