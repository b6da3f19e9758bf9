import keras_svae as ks


def test_counts():
    nets = ks.networks.digits()
    hidden = 256 * 256 + 256
    # Batch norm: scale, offset, moving mean, moving variance of each unit.
    norms = 2 * 4 * 256
    assert nets.encoder.count_params() == (
        (8 * 8 * 256 + 256) + hidden + norms + (256 * 2 * 8 + 2 * 8)  # location, scale
    )
    assert nets.decoder.count_params() == (
        (8 * 256 + 256) + hidden + norms + (256 * 64 + 64)
    )
    assert nets.critic.count_params() == ((64 + 8) * 256 + 256) + hidden + (256 + 1)


def test_counts_without_batch_norm():
    nets = ks.networks.digits(batch_norm=False, units=10, depth=1)
    assert nets.encoder.count_params() == (64 * 10 + 10) + (10 * 16 + 16)
    assert nets.decoder.count_params() == (8 * 10 + 10) + (10 * 64 + 64)
    assert nets.critic.count_params() == (72 * 10 + 10) + (10 + 1)


def test_is_the_table(outline):
    nets = ks.networks.digits()
    body = "dense 256 | relu | bn | dense 256 | relu | bn"
    assert outline(nets.encoder) == f"flatten | {body} | dense 16"
    assert outline(nets.decoder) == f"{body} | dense 64 | reshape"
    assert outline(nets.critic) == (
        "flatten | concat | dense 256 | leaky_relu | dense 256 | leaky_relu | dense 1"
    )
