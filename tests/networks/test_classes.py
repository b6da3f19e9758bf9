"""Networks of conditional models: classes beside x and beside z."""

import keras
import numpy as np
import pytest

import keras_svae as ks

K = 4
NETS = {
    "mnist_dense": {"units": 8},
    "digits": {"units": 8},
    "toy": {"units": 8},
    "mnist": {"posterior": "gaussian"},
    "dcgan": {"shape": (28, 28, 1), "likelihood": "bernoulli", "width": 1 / 32},
}


@pytest.mark.parametrize("name", NETS)
def test_outputs_depend_on_the_class(name):
    keras.utils.set_random_seed(1)
    nets = getattr(ks.networks, name)(3, classes=K, **NETS[name])
    rng = np.random.default_rng(0)
    shape = nets.decoder.output_shape[1:]
    x = np.repeat(rng.random((1, *shape), "f"), K, 0)
    z = np.repeat(rng.normal(size=(1, 3)).astype("f"), K, 0)
    y = np.eye(K, dtype="f")
    for network, read in zip(nets, (x, z, x), strict=True):
        made = np.asarray(network([read, y])).reshape(K, -1)
        apart = np.abs(made[:, None] - made[None]).max(-1)
        assert (apart[~np.eye(K, dtype=bool)] > 1e-6).all(), network.name
    assert nets.critic.output_shape == (None, 1)


def test_each_class_is_one_more_input():
    one, other = (
        ks.networks.mnist_dense(3, units=8, joint=False, classes=c) for c in (None, K)
    )
    for network, wider in zip(one, other, strict=True):
        assert wider.count_params() == network.count_params() + 8 * K
    one, other = (
        ks.networks.dcgan(3, shape=(32, 32, 3), width=1 / 64, shared=False, classes=c)
        for c in (None, K)
    )
    more = [
        b.count_params() - a.count_params() for a, b in zip(one, other, strict=True)
    ]
    # 5 x 5 kernels of 128 / 64 maps; 4 x 4 of 512 / 64.
    assert more == [25 * K * 2, 16 * K * 8, 25 * K * 2]


def test_dcgan_halves_images_to_4_or_7():
    for shape, least, maps in (
        ((28, 28, 1), 7, (2, 4)),
        ((32, 32, 3), 4, (2, 4, 8)),
        ((64, 64, 3), 4, (2, 4, 8, 16)),
    ):
        nets = ks.networks.dcgan(3, shape=shape, width=1 / 64)
        features = nets.critic.get_layer("features").output.shape
        assert features == (None, least, least, maps[-1])
        assert nets.decoder.output_shape == (None, *shape)
        convolutions = [
            layer.filters
            for layer in nets.critic.layers
            if isinstance(layer, keras.layers.Conv2D)
        ]
        assert tuple(convolutions) == maps


def test_they_fit_the_conditional_methods():
    nets = ks.networks.mnist_dense(3, units=8, classes=K)
    assert ks.CVAE(nets.encoder, nets.decoder).classes == K
    gan = ks.CGAN(nets.decoder, nets.critic)
    assert gan.generate(5, y=2).shape == (5, 28, 28, 1)


def test_a_classifier_has_the_critics_layers_and_weights_of_its_own():
    critic = ks.networks.dcgan(3, shape=(28, 28, 1), width=1 / 32).critic
    made = ks.networks.classifier(critic, K)
    assert made.output_shape == (None, K) and made.input_shape == critic.input_shape
    features = critic.get_layer("log_ratio").kernel.shape[0]
    assert made.count_params() == critic.count_params() + (features + 1) * (K - 1)
    first = [model.layers[1].kernel.numpy() for model in (critic, made)]
    assert np.abs(first[0] - first[1]).max() > 1e-3
    last = made.get_layer("class_logits").kernel.numpy()
    assert last.std() == pytest.approx(0.02, rel=0.2)  # as DCGAN's other layers


def test_bad_arguments():
    with pytest.raises(ValueError, match="Expected classes to be an integer"):
        ks.networks.digits(classes=0)
    with pytest.raises(ValueError, match="Expected joint=False with classes"):
        ks.networks.mnist_dense(classes=K, joint=True)
    with pytest.raises(ValueError, match="Expected shared=False with classes"):
        ks.networks.toy(classes=K, shared=True)
    with pytest.raises(ValueError, match="Expected shared=False with classes"):
        ks.networks.dcgan(classes=K, shared=True)
    of_pairs = ks.networks.digits(units=8, classes=K).critic
    with pytest.raises(ValueError, match="Expected a critic of x alone"):
        ks.networks.classifier(of_pairs, K)
