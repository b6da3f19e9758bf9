"""Methods with flow posteriors: they train, are saved, resume, and are exported."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.distributions import AutoregressiveFlow, CouplingFlow, PlanarFlow
from keras_svae.distributions.planar import Planar
from tests.replicas import two_replicas

FLOWS = {
    "planar": PlanarFlow(3),
    "planar_shared": PlanarFlow(3, conditioned=False),
    "coupling": CouplingFlow(2, units=4),
    "autoregressive": AutoregressiveFlow(2, units=4),
}
slow = pytest.mark.slow
# Whose mechanism another one shares is left to the slow tests.
SOME = ["planar", *(pytest.param(name, marks=slow) for name in list(FLOWS)[1:])]
GAUSSIAN = ks.distributions.Gaussian(0.5)


def build(cls, law, compiled=True, ema=None, **kwargs):
    keras.utils.set_random_seed(1)
    laws = {"posterior": law, "likelihood": GAUSSIAN}
    nets = ks.networks.toy(units=8, depth=1, **laws)
    if not hasattr(cls, "critic_loss"):
        nets = nets[:2]
    model = cls(*nets, seed=3, **kwargs)
    if compiled:
        names = {p.optimizer for p in model.players.values()}
        model.compile(**{n: keras.optimizers.Adam(0.01) for n in names}, ema=ema)
    return model


def data(n=64):
    return ks.data.mixture("toy5").sample(n, 0)[0].astype("float32")


def weights(model):
    return [v.numpy() for v in model.weights]


@pytest.mark.parametrize("name", SOME)
def test_a_vae_lowers_its_loss_and_moves_the_flow(name):
    model = build(ks.VAE, FLOWS[name])
    before = [v.numpy() for v in model.encoder.trainable_variables]
    x = data()
    first = model.evaluate(x, verbose=0, return_dict=True)["autoencoder_loss"]
    model.fit(x, batch_size=32, epochs=30, verbose=0)
    last = model.evaluate(x, verbose=0, return_dict=True)["autoencoder_loss"]
    assert last < 0.7 * first
    after = [v.numpy() for v in model.encoder.trainable_variables]
    for old, new in zip(before, after, strict=True):
        assert np.abs(new - old).max() > 1e-3


@pytest.mark.parametrize(
    ("cls", "name", "settings"),
    [
        (ks.VAE, "planar_shared", {}),
        pytest.param(ks.SVAE, "planar", {"lam": 0.5}, marks=slow),
        pytest.param(ks.ALICE, "coupling", {"two_sided": True}, marks=slow),
        pytest.param(ks.SVAE, "autoregressive", {"lam": 0.5}, marks=slow),
    ],
)
def test_saved_models_are_equal_and_resume_bit_for_bit(cls, name, settings, tmp_path):
    x = data()
    straight = build(cls, FLOWS[name], ema=0.9, **settings)
    straight.fit(x, batch_size=32, epochs=2, shuffle=False, verbose=0)
    stopped = build(cls, FLOWS[name], ema=0.9, **settings)
    stopped.fit(x, batch_size=32, epochs=1, shuffle=False, verbose=0)
    stopped.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert vars(again.posterior_law) == vars(FLOWS[name])
    z = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    for one, same in [
        (stopped.encode(x), again.encode(x)),
        (stopped.encode(x, seed=4), again.encode(x, seed=4)),
        (stopped.posterior(x).log_prob(z), again.posterior(x).log_prob(z)),
    ]:
        np.testing.assert_array_equal(one, same)
    again.fit(x, batch_size=32, epochs=1, shuffle=False, verbose=0)
    for one, same in zip(weights(straight), weights(again), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("name", SOME)
def test_saved_models_of_tensorflow_have_the_density_but_no_moments(name, tmp_path):
    model = build(ks.SVAE, FLOWS[name], lam=0.5)
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    assert "posterior" not in saved.signatures
    x = data(6)
    z = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    found = saved.log_posterior(x, z, tf.constant(0))["log_posterior"]
    np.testing.assert_allclose(
        found, model.posterior(x).log_prob(z), rtol=1e-4, atol=1e-4
    )
    drawn = saved.encode(x, tf.constant(5))["z"]
    np.testing.assert_allclose(drawn, model.encode(x, seed=5), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        saved.reconstruct(x, tf.constant(0))["reconstruction"],
        model.reconstruct(x),
        rtol=1e-4,
        atol=1e-5,
    )


def test_the_vaes_kl_is_the_draws_own_log_ratio_without_an_inverse(monkeypatch):
    def refuse(*_):
        raise AssertionError("the inverse was asked for")

    model = build(ks.VAE, FLOWS["planar"], compiled=False)
    x = tf.constant(data(8))
    draw = model.draw(x, ks.noise.Noise(2), False)
    with monkeypatch.context() as patch:
        patch.setattr(Planar, "_inverse", refuse)
        z, kl = draw.z_q.numpy(), draw.kl
    expected = model.posterior(x).log_prob(z) - model.prior.log_prob(z)
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_two_replicas_keep_the_same_flow():
    with two_replicas().scope():
        model = build(ks.SVAE, FLOWS["planar_shared"], lam=0.5)
    before = model.encoder.get_layer("constants").constants.numpy()
    batches = tf.data.Dataset.from_tensor_slices(data(16)).batch(8)
    model.fit(batches, verbose=0)
    constants = model.encoder.get_layer("constants").constants
    one, other = (v.numpy() for v in constants.value.values)
    np.testing.assert_array_equal(one, other)
    assert np.abs(one - before).max() > 1e-3


def test_mixed_bfloat16_trains_a_float32_flow():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(ks.VAE, PlanarFlow(3, conditioned=False))
    finally:
        keras.config.set_dtype_policy("float32")
    raw = model.encoder(data(4))
    assert raw.dtype == "float32"
    constants = model.encoder.get_layer("constants").constants.numpy()
    np.testing.assert_array_equal(raw[0, 4:], constants)
    model.fit(data(), batch_size=32, verbose=0)
    assert all(np.isfinite(w).all() for w in weights(model))


@pytest.mark.slow
def test_as_vae_takes_densities_of_both_kinds():
    keras.utils.set_random_seed(1)
    laws = {"posterior": FLOWS["planar"], "likelihood": GAUSSIAN}
    nets = ks.networks.toy(units=8, depth=1, **laws)
    model = ks.ASVAE(*nets, keras.models.clone_model(nets.critic))
    model.compile(optimizer="adam", critic_optimizer="adam")
    before = [v.numpy() for v in model.encoder.trainable_variables]
    logs = model.fit(data(), batch_size=32, verbose=0).history
    assert np.isfinite(logs["autoencoder_reconstruction_z"]).all()
    for old, new in zip(before, model.encoder.trainable_variables, strict=True):
        assert np.abs(new.numpy() - old).max() > 1e-4


@slow
def test_a_run_compiled_by_xla_trains():
    model = build(ks.VAE, FLOWS["planar"], compiled=False)
    model.compile(optimizer="adam", jit_compile=True)
    logs = model.fit(data(), batch_size=32, verbose=0).history
    assert np.isfinite(logs["autoencoder_loss"]).all()


def test_an_encoder_of_another_length_is_refused():
    nets = ks.networks.toy(posterior=PlanarFlow(3))
    with pytest.raises(ValueError, match=r"length=3.*received: PlanarFlow\(.*length=4"):
        ks.VAE(*nets[:2], posterior=PlanarFlow(4))
    bare = keras.Model(nets.encoder.input, nets.encoder.get_layer("code").output)
    with pytest.raises(ValueError, match=r"raw output \(24,\), what PlanarFlow.*\(19"):
        ks.VAE(bare, nets.decoder, posterior=PlanarFlow(4))
    with pytest.raises(ValueError, match="Expected a likelihood that has raw outputs"):
        ks.VAE(*nets[:2], likelihood=PlanarFlow(3))
